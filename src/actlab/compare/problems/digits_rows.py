"""`digits-rows`: which digit is it, read row by row? With `-gru` and `-lstm` for other cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actlab.compare.problem import Parts
from actlab.compare.problems import digits
from actlab.compare.problems.builtin import BuiltIn
from actlab.compare.problems.recurrent import RecurrentNetwork
from actlab.compare.problems.scores import ACCURACY, LOG_LOSS

if TYPE_CHECKING:
    from torch import nn

    from actlab.activation import Activation
    from actlab.compare.study import Settings

__all__ = ["DigitsRows", "gru", "lstm", "rnn"]


@dataclass(frozen=True)
class DigitsRows(BuiltIn):
    """Digits as sequences of eight rows of eight pixels."""

    cell: str = "rnn"

    def parts(self, block: int, settings: Settings) -> Parts:
        """Sequences (rows, 8 steps, 8 pixels), standardised, and classes (rows,)."""
        rows = digits.rows_of(block, settings)
        images = digits.standardised(rows[0])
        return Parts(*((images[part], digits.labels()[part]) for part in rows))

    def build(self, activation: Activation, settings: Settings) -> nn.Module:
        """`settings.hidden` are the units of the recurrent layers."""
        outputs = len(self.classes)
        return RecurrentNetwork(self.cell, digits.SIDE, settings.hidden, outputs, activation)


def rnn() -> DigitsRows:
    """With plain cells."""
    return _problem("digits-rows", "rnn")


def gru() -> DigitsRows:
    """With gated recurrent units."""
    return _problem("digits-rows-gru", "gru")


def lstm() -> DigitsRows:
    """With long short-term memory."""
    return _problem("digits-rows-lstm", "lstm")


def _problem(name: str, cell: str) -> DigitsRows:
    return DigitsRows(
        name=name,
        kind="classification",
        losses=("cross_entropy",),
        metrics=(ACCURACY, LOG_LOSS),
        defaults={
            "hidden": (32,),
            "epochs": 12,
            "learning_rates": (1e-2, 3e-2),
            "blocks": 10,
            "clip_norm": 1.0,
        },
        notes=(
            "The data are the 1,797 digits of scikit-learn, read row by row: eight steps of eight "
            "pixels.",
            f"The network is recurrent ({cell.upper()}); the candidate stands where the cell has "
            "tanh, and gates stay sigmoid.",
        ),
        target="digit",
        classes=digits.CLASSES,
        candidates="tanh,hard_tanh,softsign,sigmoid,relu,leaky_relu,elu,gelu",
        cell=cell,
    )
