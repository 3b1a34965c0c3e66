"""`digits-gan`: a generator learns to draw digits, against a critic that tells them from real ones.

The score is the energy distance between generated images and those of the part, on pixels: see
`distances`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from torch.func import functional_call

from actlab.compare.problem import Parts, Score
from actlab.compare.problem_losses import adversarial
from actlab.compare.problems import digits
from actlab.compare.problems.adversaries import NOISE, Adversaries
from actlab.compare.problems.builtin import BuiltIn, Metric, drawn
from actlab.compare.problems.distances import energy_distance

if TYPE_CHECKING:
    from torch import Tensor, nn

    from actlab.activation import Activation
    from actlab.compare.study import Settings

__all__ = ["DigitsGan", "problem"]

_ENERGY: Final = Metric(Score("energy_distance", False, relative=False), energy_distance)


@dataclass(frozen=True)
class DigitsGan(BuiltIn):
    """Images out of noise."""

    def parts(self, block: int, settings: Settings) -> Parts:
        """Images (rows, 64) in [0, 1], and to validate and test the noise to begin from."""
        images = digits.images().flatten(1)
        noise = drawn(settings, block, (len(images), NOISE))
        train, validation, test = digits.rows_of(block, settings)
        return Parts(
            (images[train],),
            (images[validation], noise[validation]),
            (images[test], noise[test]),
        )

    def build(self, activation: Activation, settings: Settings) -> nn.Module:
        """`settings.hidden` are the widths of the generator."""
        return Adversaries(digits.SIDE**2, settings.hidden, activation)

    def loss(self, model: nn.Module, batch: Any, settings: Settings) -> Tensor:  # noqa: ARG002
        """What both players lose; neither's loss has a gradient for the other's weights."""
        (real,) = batch
        return _both(model, real, torch.randn(len(real), NOISE))

    def measure(self, model: nn.Module, part: Any, settings: Settings) -> tuple[float, float]:
        """The energy distance, and what both players lose."""
        real, noise = part
        generated = model(noise)
        if not generated.isfinite().all():
            return math.nan, math.nan
        distance = self._metric(settings).function(generated, real)
        return float(distance), float(_both(model, real, noise))


def _both(model: nn.Module, real: Tensor, noise: Tensor) -> Tensor:
    """The critic's loss on real and generated rows, plus the generator's."""
    generated = model(noise)
    critic: Any = model.critic
    frozen = {name: weight.detach() for name, weight in critic.named_parameters()}
    on_real, on_generated = critic(real), critic(generated.detach())
    hoped: Tensor = functional_call(critic, frozen, (generated,))
    one, zero = torch.ones_like(hoped), torch.zeros_like(hoped)
    judged = (adversarial(on_real, one) + adversarial(on_generated, zero)) / 2
    return judged + adversarial(hoped, one)


def problem() -> DigitsGan:
    """The problem with its usual settings."""
    return DigitsGan(
        name="digits-gan",
        kind="generation",
        losses=("adversarial",),
        metrics=(_ENERGY,),
        defaults={
            "hidden": (64,),
            # Adam's momentum makes the two players circle each other
            "optimizer": "rmsprop",
            "epochs": 20,
            "learning_rates": (1e-3, 2e-3, 4e-3),
            "blocks": 6,
        },
        notes=(
            "The data are the 1,797 digits of scikit-learn, 64 pixels from 0 (paper) to 1 (ink).",
            "The score is the energy distance on pixels between as many generated images as the "
            "part has and those of the part, unbiased: about 0 between real images.",
            "The candidate acts in the generator; the critic keeps leaky ReLU with slope 0.2, so "
            "that all candidates meet the same critic.",
        ),
        target="digits",
        candidates="relu,leaky_relu,elu,gelu,silu,mish,tanh,sigmoid",
    )
