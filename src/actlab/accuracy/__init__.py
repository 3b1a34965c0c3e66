"""The accuracy of every engine: one definition of error, exact references, a ledger of bounds.

Error is counted in units in the last place (ULP) of the format, against the exact value. All
65,536 float16 and bfloat16 inputs are measured, a fixed dense set of float32 inputs, and a fixed
sample in float64; ``python -m actlab.accuracy`` prints the figures and rewrites the ledger.
"""

from __future__ import annotations

from actlab.accuracy.error import FORMATS, Exact, Format, error_in_ulp
from actlab.accuracy.ledger import bound_for, load, path
from actlab.accuracy.measure import Measured, measure
from actlab.accuracy.peers import peer

__all__ = [
    "FORMATS",
    "Exact",
    "Format",
    "Measured",
    "bound_for",
    "error_in_ulp",
    "load",
    "measure",
    "path",
    "peer",
]
