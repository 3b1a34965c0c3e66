"""The built-in problems: tasks beyond tables, each with data that need no network.

A problem is a file here and a line in `PROBLEMS`; `actlab.compare.problem` says what it offers.
"""

from __future__ import annotations

from typing import Final

__all__ = ["PROBLEMS"]

PROBLEMS: Final = {
    "digits-image": "actlab.compare.problems.digits_image:plain",
    "digits-image-bn": "actlab.compare.problems.digits_image:batch_normalised",
    "digits-rows": "actlab.compare.problems.digits_rows:rnn",
    "digits-rows-gru": "actlab.compare.problems.digits_rows:gru",
    "digits-rows-lstm": "actlab.compare.problems.digits_rows:lstm",
    "digits-segmentation": "actlab.compare.problems.digits_segmentation:problem",
    "digits-gan": "actlab.compare.problems.digits_gan:problem",
    "sunspots": "actlab.compare.problems.sunspots:rnn",
    "sunspots-gru": "actlab.compare.problems.sunspots:gru",
    "sunspots-lstm": "actlab.compare.problems.sunspots:lstm",
    "text": "actlab.compare.problems.text:problem",
}
"""Name -> "module:factory"; a module is imported when its problem is asked for."""
