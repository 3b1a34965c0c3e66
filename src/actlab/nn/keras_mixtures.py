"""Keras layers that mix, move or share catalogued functions.

The formulas and starting values are those of `mixtures.py`; channels are along the last dimension.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from actlab.activation import Activation
from actlab.catalogue import get
from actlab.nn.keras_own_weights import KerasOwnWeights
from actlab.nn.settings import count, divided, rational_start, scalar_function

__all__ = ["GroupRational", "LinearCombination", "TransformativeAdaptive"]


@keras.saving.register_keras_serializable(package="actlab")
class TransformativeAdaptive(KerasOwnWeights):
    """α·f(βx + γ) + δ with learned α, β, γ, δ; it starts as f."""

    def __init__(
        self, function: str | Activation = "tanh", channels: int | None = None, **options: Any
    ) -> None:
        own = scalar_function(function, "taaf")
        super().__init__("taaf", channels, {"function": own}, options)
        self.function = own

    def build(self, shape: Any) -> None:
        """Make the four numbers, for each channel if channels were asked for."""
        each = () if self.size is None else (self.size_of(shape),)
        self.alpha, self.beta = (self.parameter(name, (each, "ones")) for name in ("alpha", "beta"))
        self.gamma, self.delta = (
            self.parameter(name, (each, "zeros")) for name in ("gamma", "delta")
        )

    def call(self, x: Any) -> Any:
        """Apply the function; the shape stays."""
        return self.alpha * self.function(self.beta * x + self.gamma) + self.delta


@keras.saving.register_keras_serializable(package="actlab")
class LinearCombination(KerasOwnWeights):
    """Σ wᵢ·fᵢ(x) with learned weights, which start at 1/n."""

    def __init__(
        self, functions: Sequence[str | Activation], channels: int | None = None, **options: Any
    ) -> None:
        items = [functions] if isinstance(functions, str | Activation) else list(functions)
        own = [scalar_function(item, "lincomb") for item in items]
        if not own:
            raise ValueError("lincomb needs at least one function, for example ('relu', 'tanh')")
        super().__init__("lincomb", channels, {"functions": own}, options)
        self.functions = own

    def build(self, shape: Any) -> None:
        """Make the weights, for each channel if channels were asked for."""
        n = len(self.functions)
        each = (n,) if self.size is None else (n, self.size_of(shape))
        self.weight = self.parameter("weight", (each, keras.initializers.Constant(1 / n)))

    def call(self, x: Any) -> Any:
        """Apply the function; the shape stays."""
        parts = [self.weight[place] * f(x) for place, f in enumerate(self.functions)]
        return sum(parts[1:], parts[0])


@keras.saving.register_keras_serializable(package="actlab")
class GroupRational(KerasOwnWeights):
    """P(x)/(1 + |Q(x)|) of degrees 5 and 4, with coefficients for each group of channels."""

    def __init__(
        self,
        channels: int | None = None,
        groups: int = 8,
        start: str = "swish",
        axis: int = -1,
        **options: Any,
    ) -> None:
        settings = {"groups": count("groups", groups), "start": start, "axis": axis}
        super().__init__("group_rational", channels, settings, options)
        self.groups, self.axis = groups, axis
        self.start = rational_start(start)

    def build(self, shape: Any) -> None:
        """Make the coefficients of the groups."""
        self.share = divided(self.size_of(shape, self.axis), self.groups)
        top, bottom = (np.tile(row, (self.groups, 1)) for row in self.start)
        self.numerator = self.parameter("numerator", top)
        self.denominator = self.parameter("denominator", bottom)

    def call(self, x: Any) -> Any:
        """Apply the function; the shape stays."""
        after = (1,) * (len(x.shape) - 1 - self.axis % len(x.shape))

        def spread(coefficients: Any, place: int) -> Any:
            column = ops.repeat(coefficients[:, place], self.share)
            return ops.reshape(column, (-1, *after))

        settings = {f"a{i}": spread(self.numerator, i) for i in range(6)}
        settings |= {f"b{i}": spread(self.denominator, i - 1) for i in range(1, 5)}
        return get("rational_b")(x, **settings)
