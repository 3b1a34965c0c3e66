"""Keras layers that learn the curve itself: splines, kernels, polynomials and hinges.

The formulas and starting values are those of `splines.py`; channels are along the last dimension.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from actlab.activation import Activation
from actlab.nn.keras_own_weights import KerasOwnWeights, linear
from actlab.nn.settings import (
    check_interval,
    count,
    even_points,
    kernel_start,
    scalar_function,
    values_at,
)

__all__ = [
    "AdaptivePiecewiseLinear",
    "BSplineKAN",
    "ChebyshevKAN",
    "KernelActivation",
    "LinearSpline",
    "RadialBasisKAN",
]


class _EdgeFunctions(KerasOwnWeights):
    """A layer with a function on each edge, from (..., inputs) to (..., outputs)."""

    what = "inputs"

    def __init__(
        self,
        name_of_function: str,
        inputs: int | None,
        outputs: int,
        settings: dict[str, Any],
        options: dict[str, Any],
    ) -> None:
        settings = {"outputs": count("outputs", outputs), **settings}
        super().__init__(name_of_function, inputs, settings, options)
        self.outputs = outputs

    def through(self, features: Any, weights: Any) -> Any:
        """The features of all inputs, added up for each output by its weights."""
        flat = ops.reshape(features, (*ops.shape(features)[:-2], -1))
        return ops.matmul(flat, ops.transpose(ops.reshape(weights, (self.outputs, -1))))


@keras.saving.register_keras_serializable(package="actlab")
class BSplineKAN(_EdgeFunctions):
    """A Kolmogorov-Arnold layer: y_o = Σ_i (w_oi silu(x_i) + s_oi Σ_k c_oik B_k(x_i))."""

    def __init__(
        self,
        outputs: int,
        inputs: int | None = None,
        grid: int = 5,
        order: int = 3,
        low: float = -1.0,
        high: float = 1.0,
        **options: Any,
    ) -> None:
        settings = {
            "grid": count("grid", grid),
            "order": count("order", order, 0),
            "low": low,
            "high": high,
        }
        super().__init__("kan_bspline", inputs, outputs, settings, options)
        check_interval(low, high)
        self.order = order
        self.knots = low + (high - low) / grid * np.arange(-order, grid + order + 1)

    def build(self, shape: Any) -> None:
        """Make the weights of the edges."""
        edges = (self.outputs, self.size_of(shape))
        normal = keras.initializers.RandomNormal(stddev=0.1)
        self.base = self.parameter("base", (edges, "glorot_uniform"))
        self.scale = self.parameter("scale", (edges, "ones"))
        each = (*edges, len(self.knots) - self.order - 1)
        self.coefficients = self.parameter("coefficients", (each, normal))

    def call(self, x: Any) -> Any:
        """From (..., inputs) to (..., outputs)."""
        weights = ops.expand_dims(self.scale, -1) * self.coefficients
        return self.through(self._basis(x), weights) + ops.matmul(
            ops.silu(x), ops.transpose(self.base)
        )

    def _basis(self, x: Any) -> Any:
        """The B-splines at each number, along a new last dimension."""
        t = ops.convert_to_tensor(self.knots, x.dtype)
        x = ops.expand_dims(x, -1)
        values = ops.cast(ops.logical_and(x >= t[:-1], x < t[1:]), x.dtype)
        for k in range(1, self.order + 1):
            rising = (x - t[: -k - 1]) / (t[k:-1] - t[: -k - 1])
            falling = (t[k + 1 :] - x) / (t[k + 1 :] - t[1:-k])
            values = rising * values[..., :-1] + falling * values[..., 1:]
        return values


@keras.saving.register_keras_serializable(package="actlab")
class RadialBasisKAN(_EdgeFunctions):
    """A Kolmogorov-Arnold layer of Gaussians beside a linear layer of silu(x)."""

    def __init__(
        self,
        outputs: int,
        inputs: int | None = None,
        centres: int = 8,
        low: float = -2.0,
        high: float = 2.0,
        normalise: bool = True,
        **options: Any,
    ) -> None:
        settings = {
            "centres": count("centres", centres, 2),
            "low": low,
            "high": high,
            "normalise": normalise,
        }
        super().__init__("kan_rbf", inputs, outputs, settings, options)
        check_interval(low, high)
        self.centres = np.linspace(low, high, centres)
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5) if normalise else None

    def build(self, shape: Any) -> None:
        """Make the weights of the edges."""
        inputs = self.size_of(shape)
        if self.norm is not None:
            self.norm.build(shape)
        self.base = linear(inputs, self.outputs)
        normal = keras.initializers.RandomNormal(stddev=0.1)
        each = (self.outputs, inputs * len(self.centres))
        self.coefficients = self.parameter("coefficients", (each, normal))

    def call(self, x: Any) -> Any:
        """From (..., inputs) to (..., outputs)."""
        u = x if self.norm is None else self.norm(x)
        centres = ops.convert_to_tensor(self.centres, x.dtype)
        distance = (ops.expand_dims(u, -1) - centres) / float(self.centres[1] - self.centres[0])
        bumps = ops.exp(-ops.square(distance))
        return self.through(bumps, self.coefficients) + self.base(ops.silu(x))


@keras.saving.register_keras_serializable(package="actlab")
class ChebyshevKAN(_EdgeFunctions):
    """A Kolmogorov-Arnold layer of polynomials: y_o = Σ_i Σ_k c_oik T_k(tanh x_i)."""

    def __init__(
        self, outputs: int, inputs: int | None = None, degree: int = 4, **options: Any
    ) -> None:
        settings = {"degree": count("degree", degree)}
        super().__init__("kan_chebyshev", inputs, outputs, settings, options)
        self.terms = degree + 1

    def build(self, shape: Any) -> None:
        """Make the weights of the edges."""
        inputs = self.size_of(shape)
        normal = keras.initializers.RandomNormal(stddev=1 / (inputs * self.terms))
        each = (self.outputs, inputs, self.terms)
        self.coefficients = self.parameter("coefficients", (each, normal))

    def call(self, x: Any) -> Any:
        """From (..., inputs) to (..., outputs)."""
        u = ops.tanh(x)
        terms = [ops.ones_like(u), u]
        while len(terms) < self.terms:
            terms.append(2 * u * terms[-1] - terms[-2])
        return self.through(ops.stack(terms, axis=-1), self.coefficients)


@keras.saving.register_keras_serializable(package="actlab")
class KernelActivation(KerasOwnWeights):
    """Σ_k α_k exp(-γ(x - d_k)²) with d evenly spaced on [-reach, reach] and γ = 1/(6Δ²)."""

    def __init__(
        self,
        channels: int | None = None,
        size: int = 20,
        reach: float = 3.0,
        start: str | Activation = "tanh",
        **options: Any,
    ) -> None:
        function = scalar_function(start, "kaf")
        settings = {"size": size, "reach": reach, "start": function}
        super().__init__("kaf", channels, settings, options)
        self.centres = even_points(reach, size)
        self.gamma, self.start = kernel_start(function, self.centres)

    def build(self, shape: Any) -> None:
        """Make the weights of the channels."""
        self.weight = self.parameter("weight", np.tile(self.start, (self.size_of(shape), 1)))

    def call(self, x: Any) -> Any:
        """Apply the function; the shape stays."""
        centres = ops.convert_to_tensor(self.centres, x.dtype)
        bumps = ops.exp(-self.gamma * ops.square(ops.expand_dims(x, -1) - centres))
        return ops.sum(bumps * self.weight, axis=-1)


@keras.saving.register_keras_serializable(package="actlab")
class LinearSpline(KerasOwnWeights):
    """A piecewise linear curve with a knot at each of `size` even places on [-reach, reach]."""

    def __init__(
        self,
        channels: int | None = None,
        size: int = 51,
        reach: float = 4.0,
        start: str | Activation = "leaky_relu",
        **options: Any,
    ) -> None:
        function = scalar_function(start, "linear_spline")
        settings = {"size": size, "reach": reach, "start": function}
        super().__init__("linear_spline", channels, settings, options)
        self.knots, self.reach = size, reach
        self.start = values_at(function, even_points(reach, size), "linear_spline")

    def build(self, shape: Any) -> None:
        """Make the weights of the channels."""
        self.values = self.parameter("values", np.tile(self.start, (self.size_of(shape), 1)))

    def call(self, x: Any) -> Any:
        """Apply the function; the shape stays."""
        place = (x + self.reach) * ((self.knots - 1) / (2 * self.reach))
        found = ops.where(ops.isnan(place), ops.zeros_like(place), ops.stop_gradient(place))
        left = ops.cast(ops.clip(ops.floor(found), 0, self.knots - 2), "int32")
        first = ops.arange(x.shape[-1], dtype="int32") * self.knots + left
        values = ops.reshape(self.values, (-1,))
        low, high = ops.take(values, first), ops.take(values, first + 1)
        return low + (high - low) * (place - ops.cast(left, x.dtype))


@keras.saving.register_keras_serializable(package="actlab")
class AdaptivePiecewiseLinear(KerasOwnWeights):
    """relu(x) + Σ_s a_s relu(b_s - x) with learned hinges."""

    def __init__(self, channels: int | None = None, hinges: int = 5, **options: Any) -> None:
        super().__init__("apl", channels, {"hinges": count("hinges", hinges)}, options)
        self.hinges = hinges

    def build(self, shape: Any) -> None:
        """Make the weights of the channels."""
        each = (self.hinges, self.size_of(shape))
        self.slopes = self.parameter("slopes", (each, keras.initializers.RandomUniform(-0.2, 0.2)))
        normal = keras.initializers.RandomNormal(stddev=0.5)
        self.places = self.parameter("places", (each, normal))

    def call(self, x: Any) -> Any:
        """Apply the function; the shape stays."""
        total = ops.relu(x)
        for number in range(self.hinges):
            total = total + self.slopes[number] * ops.relu(self.places[number] - x)
        return total
