"""`text`: which character comes next? A transformer block with the candidate in its middle.

Gated pairs have two thirds of the units, so that all candidates train as many weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from actlab.compare.problem import Parts
from actlab.compare.problems.builtin import BuiltIn
from actlab.compare.problems.scores import BITS
from actlab.compare.problems.transformer import Transformer
from actlab.errors import ActlabError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from actlab.activation import Activation
    from actlab.compare.study import Settings

__all__ = ["CHARACTERS", "STEPS", "Text", "corpus", "problem"]

STEPS: Final = 48
"""Characters that are read at once; pieces of the text do not overlap."""
CHARACTERS: Final = 100_000
"""Of the text, from its beginning."""
SIZE: Final = 32
HEADS: Final = 4


def corpus() -> str:
    """The beginning of the language reference that Python carries for its help, in English.

    `pydoc_data.topics`, sorted by topic; under the licence of Python, which lets anyone use it.

    Raises:
        ActlabError: this Python was installed without it.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise ActlabError(
            "the text is that of Python's help, and this Python came without the module "
            "pydoc_data; install the whole standard library"
        ) from None
    return "\n".join(topics[name] for name in sorted(topics))[:CHARACTERS]


@lru_cache(maxsize=1)
def _pieces() -> tuple[tuple[str, ...], Tensor]:
    """The alphabet, and the text in pieces of STEPS + 1 places in it, (pieces, STEPS + 1)."""
    text = corpus()
    alphabet = tuple(sorted(set(text)))
    place = {character: index for index, character in enumerate(alphabet)}
    indices = torch.tensor([place[character] for character in text])
    whole = len(indices) // (STEPS + 1) * (STEPS + 1)
    return alphabet, indices[:whole].reshape(-1, STEPS + 1)


@dataclass(frozen=True)
class Text(BuiltIn):
    """The next character from those before it in the piece."""

    def parts(self, block: int, settings: Settings) -> Parts:
        """Characters (rows, STEPS) and the one after each, by their place in the alphabet."""
        _, pieces = _pieces()
        order = np.random.default_rng([settings.seed, block, 1]).permutation(len(pieces))
        test = round(len(pieces) * settings.test_share)
        validation = test + round(len(pieces) * settings.validation_share)
        cut = order[validation:], order[test:validation], order[:test]
        return Parts(*((pieces[part, :-1], pieces[part, 1:]) for part in cut))

    def build(self, activation: Activation, settings: Settings) -> nn.Module:
        """`settings.hidden` are the units of each block's feed-forward layer."""
        alphabet, _ = _pieces()
        return Transformer(len(alphabet), STEPS, SIZE, HEADS, settings.hidden, activation)


def problem() -> Text:
    """The problem with its usual settings."""
    return Text(
        name="text",
        kind="language model",
        losses=("cross_entropy",),
        metrics=(BITS,),
        defaults={
            "hidden": (96,),
            "epochs": 4,
            "batch_size": 16,
            "learning_rates": (1e-2, 2e-2),
            "blocks": 6,
        },
        notes=(
            f"The text is the first {CHARACTERS:,} characters of Python's help (the language "
            f"reference in pydoc_data), in pieces of {STEPS}, drawn into the parts.",
            "The network is a causal transformer block; of a gated pair the feed-forward layer has "
            "two thirds of the units and three matrices, so all candidates train as many weights.",
        ),
        target="next character",
        candidates="relu,gelu,silu,squared_relu,glu,swiglu,geglu,reglu",
    )
