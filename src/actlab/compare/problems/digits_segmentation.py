"""`digits-segmentation`: where is the ink? A small U-Net finds a digit under noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from torch.nn import functional

from actlab.compare.problem import Parts
from actlab.compare.problems import digits
from actlab.compare.problems.builtin import BuiltIn, drawn
from actlab.compare.problems.convolutional import UNet
from actlab.compare.problems.scores import DICE, IOU
from actlab.errors import SettingError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from actlab.activation import Activation
    from actlab.compare.study import Settings

__all__ = ["NOISE", "DigitsSegmentation", "problem", "upsampled"]

NOISE: Final = 0.6
"""Standard deviation of what is added to each pixel, where paper is 0 and ink 1."""
_TIMES: Final = 2
_LEVELS: Final = 5
"""So often can 16 pixels be halved, and the whole."""


def upsampled() -> Tensor:
    """All images at 16 × 16 pixels, linear between the given ones."""
    images = digits.images()[:, None]
    large = functional.interpolate(images, scale_factor=_TIMES, mode="bilinear")
    return large[:, 0]


@dataclass(frozen=True)
class DigitsSegmentation(BuiltIn):
    """Digit against background."""

    def settled(self, settings: Settings) -> Settings:
        """Refuse more levels than the image has halves."""
        if len(settings.hidden) > _LEVELS:
            raise SettingError(
                f"hidden has {len(settings.hidden)} levels; images of 16 pixels can be halved "
                f"{_LEVELS - 1} times, so at most {_LEVELS} were expected"
            )
        return super().settled(settings)

    def parts(self, block: int, settings: Settings) -> Parts:
        """Noisy images (rows, 1, 16, 16) and masks (rows, 16, 16): 1 where ink is above half.

        The noise is drawn once for each image of a block.
        """
        clean = upsampled()
        noisy = (clean + NOISE * drawn(settings, block, clean.shape))[:, None]
        masks = (clean > 0.5).float()
        rows = digits.rows_of(block, settings)
        return Parts(*((noisy[part], masks[part]) for part in rows))

    def build(self, activation: Activation, settings: Settings) -> nn.Module:
        """`settings.hidden` are the filters of each level."""
        return UNet(settings.hidden, activation)


def problem() -> DigitsSegmentation:
    """The problem with its usual settings."""
    return DigitsSegmentation(
        name="digits-segmentation",
        kind="segmentation",
        losses=("dice", "binary_cross_entropy"),
        metrics=(DICE, IOU),
        defaults={
            "hidden": (8, 16),
            "epochs": 3,
            "batch_size": 32,
            "learning_rates": (1e-2, 3e-2),
            "blocks": 8,
        },
        notes=(
            "The data are the 1,797 digits of scikit-learn at 16 × 16 pixels, under normal noise "
            f"of standard deviation {NOISE:g} (paper is 0 and ink 1); to be found are the pixels "
            "whose ink is above one half.",
            "The score is the Dice coefficient of the pixels found and the true ones, 2|A ∩ B| / "
            "(|A| + |B|), averaged over the images.",
            "The network is a U-Net of 3 × 3 convolutions.",
        ),
        target="ink",
        candidates="relu,leaky_relu,elu,gelu,silu,mish,tanh,sigmoid",
    )
