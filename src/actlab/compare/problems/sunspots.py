"""`sunspots`: how many will there be next year? With `-gru` and `-lstm` for other cells.

The blocks are rolling origins. A block's test part is a window of twelve years; the validation
part are the years just before, and the training part all that came earlier. Block 0 has the last
window, block 1 the one before: so no block depends on how many there are, no test years are
shared, and nothing of the future is seen in training, its standardisation included.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from actlab.compare.problem import Parts
from actlab.compare.problems.builtin import BuiltIn, Tensors
from actlab.compare.problems.recurrent import RecurrentNetwork
from actlab.compare.problems.scores import MAE, RMSE
from actlab.errors import ActlabError, DataError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from actlab.activation import Activation
    from actlab.compare.study import Settings

__all__ = ["READ", "TEST", "VALIDATION", "Sunspots", "gru", "lstm", "rnn", "series"]

READ: Final = 18
"""Years that are read to foretell the next: more than one of the Sun's cycles of eleven."""
VALIDATION: Final = 24
TEST: Final = 12
"""Years of the parts; a cycle or two."""
FEWEST: Final = 60
"""Years that the training must have to foretell."""


@lru_cache(maxsize=1)
def series() -> Tensor:
    """The mean sunspot number of every year from 1700 to 2008, (309,).

    Raises:
        ActlabError: statsmodels, which carries the numbers, is not installed.
    """
    if find_spec("statsmodels") is None:
        raise ActlabError(
            "the sunspot numbers come with statsmodels, which is not installed; "
            "pip install 'actlab[sunspots]'"
        )
    from statsmodels.datasets import sunspots

    numbers = sunspots.load_pandas().data["SUNACTIVITY"]
    return torch.from_numpy(np.array(numbers, np.float64))


@dataclass(frozen=True)
class Sunspots(BuiltIn):
    """The next year's number from those before it."""

    cell: str = "rnn"

    def settled(self, settings: Settings) -> Settings:
        """Refuse more blocks than there are rolling origins."""
        years = len(series())
        most = (years - READ - FEWEST - VALIDATION) // TEST
        if settings.blocks > most:
            raise DataError(
                f"{settings.blocks} blocks were asked for, and {years} years of sunspots have room "
                f"for {most} rolling origins with {TEST} test years each"
            )
        return super().settled(settings)

    def parts(self, block: int, settings: Settings) -> Parts:  # noqa: ARG002
        """Windows (rows, years, 1), the year after each (rows, 1), and the unit (rows, 1).

        Windows and targets are standardised by what the training part has seen; the unit turns
        a difference back into sunspots.
        """
        numbers = series()
        end = len(numbers) - TEST * block
        first = {"test": end - TEST, "validation": end - TEST - VALIDATION, "train": READ}
        seen = numbers[: first["validation"]]
        mean, unit = seen.mean(), seen.std()
        z = (numbers - mean) / unit

        def part(start: int, stop: int) -> Tensors:
            windows = z[start - READ : stop - 1].unfold(0, READ, 1).float()
            return (
                windows[..., None],
                z[start:stop, None].float(),
                unit.expand(stop - start, 1).clone(),
            )

        return Parts(
            part(first["train"], first["validation"]),
            part(first["validation"], first["test"]),
            part(first["test"], end),
        )

    def build(self, activation: Activation, settings: Settings) -> nn.Module:
        """`settings.hidden` are the units of the recurrent layers."""
        return RecurrentNetwork(self.cell, 1, settings.hidden, 1, activation)


def rnn() -> Sunspots:
    """With plain cells."""
    return _problem("sunspots", "rnn")


def gru() -> Sunspots:
    """With gated recurrent units."""
    return _problem("sunspots-gru", "gru")


def lstm() -> Sunspots:
    """With long short-term memory."""
    return _problem("sunspots-lstm", "lstm")


def _problem(name: str, cell: str) -> Sunspots:
    return Sunspots(
        name=name,
        kind="regression",
        losses=("mse", "mae", "huber"),
        metrics=(RMSE, MAE),
        defaults={
            "hidden": (32,),
            "epochs": 40,
            "batch_size": 64,
            "learning_rates": (1e-2, 3e-2, 1e-1),
            "blocks": 8,
            "clip_norm": 1.0,
        },
        notes=(
            "The data are the yearly sunspot numbers from 1700 to 2008 that statsmodels carries.",
            f"Each year is foretold from the {READ} before it. A block's test part are {TEST} "
            f"years, its validation part the {VALIDATION} before them, and its training part all "
            "years before those; the blocks' test years do not overlap.",
            f"The network is recurrent ({cell.upper()}); the candidate stands where the cell has "
            "tanh, and gates stay sigmoid.",
        ),
        target="next year",
        candidates="tanh,hard_tanh,softsign,sigmoid,relu,leaky_relu,elu,gelu",
        cell=cell,
    )
