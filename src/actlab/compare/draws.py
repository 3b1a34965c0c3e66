"""Random numbers of PyTorch, NumPy and Python that belong to one purpose.

A user's network draws its weights, its dropout masks and its augmented batches from global
generators. Each purpose gets a state of its own, which follows from (seed, block, purpose): so
what one candidate draws more changes nothing that another one sees, and the generators of the
process are afterwards where they were.
"""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BATCHES", "DATA", "SCORING", "TRAINING", "WEIGHTS", "Draws", "seed_of"]

WEIGHTS: Final = 6
TRAINING: Final = 7
BATCHES: Final = 8
DATA: Final = 9
SCORING: Final = 10


def seed_of(*words: int) -> int:
    """Return a seed of 63 bits that follows from these numbers.

    >>> seed_of(0, 1) == seed_of(0, 1) != seed_of(1, 0)
    True
    """
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> np.uint64(1))


class Draws:
    """A state of the global generators, used and kept whenever it is entered.

    Example:
        >>> draws = Draws(0, 1)
        >>> with draws.used():
        ...     first = torch.rand(2)
        >>> with Draws(0, 1).used():
        ...     torch.equal(first, torch.rand(2))
        True
    """

    def __init__(self, *words: int) -> None:
        seed = seed_of(*words)
        with self._kept_apart():
            torch.manual_seed(seed)
            np.random.seed(seed % 2**32)  # noqa: NPY002  a user's code may draw from it
            random.seed(seed)
            self._state = _states()

    @contextmanager
    def used(self) -> Iterator[None]:
        """Draw from this state inside."""
        with self._kept_apart():
            _restore(self._state)
            try:
                yield
            finally:
                self._state = _states()

    @staticmethod
    @contextmanager
    def _kept_apart() -> Iterator[None]:
        outside = _states()
        try:
            yield
        finally:
            _restore(outside)


def _states() -> tuple[Any, ...]:
    return torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002


def _restore(states: tuple[Any, ...]) -> None:
    torch.set_rng_state(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    random.setstate(states[2])
