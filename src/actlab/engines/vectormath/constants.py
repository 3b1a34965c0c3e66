"""Numbers in float32 that several modules use."""

from __future__ import annotations

from typing import cast

import numpy as np

__all__ = ["FIVE", "FOUR", "HALF", "ONE", "SIX", "THREE", "TWO", "ZERO", "f32"]


def f32(number: float) -> float:
    """A constant in float32, which a type checker may take for a float."""
    return cast("float", np.float32(number))


ZERO, ONE, TWO, THREE, FOUR = f32(0), f32(1), f32(2), f32(3), f32(4)
FIVE, SIX, HALF = f32(5), f32(6), f32(0.5)
