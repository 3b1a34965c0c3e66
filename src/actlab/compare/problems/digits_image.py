"""`digits-image`: which digit is it? A small convolutional network on 8 × 8 pixels.

`digits-image-bn` normalises over the batch between each convolution and the candidate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actlab.compare.problem import Parts
from actlab.compare.problems import digits
from actlab.compare.problems.builtin import BuiltIn
from actlab.compare.problems.convolutional import ImageClassifier
from actlab.compare.problems.scores import ACCURACY, LOG_LOSS

if TYPE_CHECKING:
    from torch import nn

    from actlab.activation import Activation
    from actlab.compare.study import Settings

__all__ = ["DigitsImage", "batch_normalised", "plain"]


@dataclass(frozen=True)
class DigitsImage(BuiltIn):
    """Digits as images."""

    batch_norm: bool = False

    def parts(self, block: int, settings: Settings) -> Parts:
        """Images (rows, 1, 8, 8), standardised by the training part, and classes (rows,)."""
        rows = digits.rows_of(block, settings)
        images = digits.standardised(rows[0])[:, None]
        return Parts(*((images[part], digits.labels()[part]) for part in rows))

    def build(self, activation: Activation, settings: Settings) -> nn.Module:
        """`settings.hidden` are the filters of the convolutions."""
        filters, classes = settings.hidden, len(self.classes)
        return ImageClassifier(1, filters, classes, activation, batch_norm=self.batch_norm)


def plain() -> DigitsImage:
    """Without normalisation."""
    return _problem("digits-image", batch_norm=False)


def batch_normalised() -> DigitsImage:
    """With batch normalisation (Ioffe, Szegedy, 2015, arXiv:1502.03167)."""
    return _problem("digits-image-bn", batch_norm=True)


def _problem(name: str, *, batch_norm: bool) -> DigitsImage:
    normalised = ", with batch normalisation before the candidate" if batch_norm else ""
    return DigitsImage(
        name=name,
        kind="classification",
        losses=("cross_entropy",),
        metrics=(ACCURACY, LOG_LOSS),
        defaults={
            "hidden": (8, 16),
            "epochs": 10,
            "learning_rates": (1e-2, 3e-2),
            "blocks": 10,
        },
        notes=(
            "The data are the 1,797 digits of scikit-learn, 8 × 8 pixels, standardised by the "
            "training part.",
            f"The network is a stack of 3 × 3 convolutions{normalised}.",
        ),
        target="digit",
        classes=digits.CLASSES,
        candidates="relu,leaky_relu,elu,gelu,silu,mish,tanh,sigmoid",
        batch_norm=batch_norm,
    )
