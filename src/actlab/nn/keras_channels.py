"""Keras layers that look at the neighbourhood, the image or the batch to shape their function.

The formulas and starting values are those of `channels.py`; channels are along the last dimension.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from actlab.catalogue import get
from actlab.nn.keras_own_weights import KerasOwnWeights, linear, mean_of_channels
from actlab.nn.settings import count

__all__ = ["Dice", "DynamicReLU", "FunnelReLU", "MetaAcon"]


@keras.saving.register_keras_serializable(package="actlab")
class FunnelReLU(KerasOwnWeights):
    """max(x, T(x)) of images (N, H, W, C), where T is a depthwise convolution and a batch norm."""

    def __init__(self, channels: int | None = None, kernel_size: int = 3, **options: Any) -> None:
        super().__init__("funnel_relu", channels, {"kernel_size": kernel_size}, options)
        if count("kernel_size", kernel_size) % 2 == 0:
            raise ValueError(f"kernel_size is {kernel_size}; an odd number was expected")
        self.window = keras.layers.DepthwiseConv2D(
            kernel_size,
            padding="same",
            use_bias=False,
            data_format="channels_last",
            depthwise_initializer=keras.initializers.RandomUniform(
                -1 / kernel_size, 1 / kernel_size
            ),
        )
        self.norm = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)

    def build(self, shape: Any) -> None:
        """Make the weights of the channels."""
        self.size_of(shape)
        if len(shape) != 4:
            raise ValueError(f"funnel_relu takes images (N, H, W, C), but {tuple(shape)} was given")
        self.window.build(shape)
        self.norm.build(shape)

    def call(self, x: Any, training: bool = False) -> Any:
        """Apply the function; the shape stays."""
        return ops.maximum(x, self.norm(self.window(x), training=training))


@keras.saving.register_keras_serializable(package="actlab")
class DynamicReLU(KerasOwnWeights):
    """The largest of K lines whose slopes and heights depend on the mean over the image."""

    def __init__(
        self,
        channels: int | None = None,
        pieces: int = 2,
        reduction: int = 4,
        shared: bool = False,
        **options: Any,
    ) -> None:
        settings = {
            "pieces": count("pieces", pieces),
            "reduction": count("reduction", reduction),
            "shared": shared,
        }
        super().__init__("dynamic_relu", channels, settings, options)
        self.pieces, self.reduction, self.shared = pieces, reduction, shared

    def build(self, shape: Any) -> None:
        """Make the weights of the channels."""
        channels = self.size_of(shape)
        hidden = max(channels // self.reduction, 1)
        self.owners = 1 if self.shared else channels
        self.squeeze = linear(channels, hidden)
        self.excite = linear(hidden, 2 * self.pieces * self.owners)

    def call(self, x: Any) -> Any:
        """Apply the function; the shape stays."""
        shape = self.excite(ops.relu(self.squeeze(mean_of_channels(x))))
        between = (1,) * (len(x.shape) - 2)
        shape = ops.reshape(shape, (-1, *between, self.owners, 2 * self.pieces))
        moved = 2 * ops.sigmoid(shape) - 1
        slopes = moved[..., : self.pieces] + ops.cast(ops.arange(self.pieces) == 0, x.dtype)
        heights = moved[..., self.pieces :] / 2
        return ops.max(slopes * ops.expand_dims(x, -1) + heights, axis=-1)


@keras.saving.register_keras_serializable(package="actlab")
class MetaAcon(KerasOwnWeights):
    """ACON-C, whose sharpness depends on the mean over the image."""

    def __init__(
        self,
        channels: int | None = None,
        reduction: int = 16,
        normalise: bool = True,
        **options: Any,
    ) -> None:
        settings = {"reduction": count("reduction", reduction), "normalise": normalise}
        super().__init__("meta_acon", channels, settings, options)
        self.reduction = reduction
        self.norm1, self.norm2 = (
            keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5) if normalise else None
            for _ in range(2)
        )

    def build(self, shape: Any) -> None:
        """Make the weights of the channels."""
        channels = self.size_of(shape)
        hidden = max(self.reduction, channels // self.reduction)
        self.squeeze, self.excite = linear(channels, hidden), linear(hidden, channels)
        for norm, size in ((self.norm1, hidden), (self.norm2, channels)):
            if norm is not None:
                norm.build((None, size))
        self.p1, self.p2 = (
            # one initializer would draw the same numbers twice
            self.parameter(name, ((channels,), keras.initializers.RandomNormal(stddev=1.0)))
            for name in ("p1", "p2")
        )

    def call(self, x: Any, training: bool = False) -> Any:
        """Apply the function; the shape stays."""
        beta = mean_of_channels(x)
        for linear_map, norm in ((self.squeeze, self.norm1), (self.excite, self.norm2)):
            beta = linear_map(beta)
            if norm is not None:
                beta = norm(beta, training=training)
        between = (1,) * (len(x.shape) - 2)
        beta = ops.reshape(ops.sigmoid(beta), (-1, *between, x.shape[-1]))
        p1, p2 = (ops.convert_to_tensor(value) for value in (self.p1, self.p2))
        return get("acon_c")(x, p1=p1, p2=p2, beta=beta)


@keras.saving.register_keras_serializable(package="actlab")
class Dice(KerasOwnWeights):
    """PReLU whose kink is smooth and stands at the mean of the data."""

    def __init__(
        self,
        channels: int | None = None,
        epsilon: float = 1e-8,
        momentum: float = 0.1,
        **options: Any,
    ) -> None:
        super().__init__("dice", channels, {"epsilon": epsilon, "momentum": momentum}, options)
        # Keras counts the share that stays
        self.norm = keras.layers.BatchNormalization(
            momentum=1 - momentum, epsilon=epsilon, center=False, scale=False
        )

    def build(self, shape: Any) -> None:
        """Make the weights of the channels."""
        channels = self.size_of(shape)
        self.norm.build(shape)
        self.alpha = self.parameter("alpha", ((channels,), "zeros"))

    def call(self, x: Any, training: bool = False) -> Any:
        """Apply the function; the shape stays."""
        share = ops.sigmoid(self.norm(x, training=training))
        return x * (share + (1 - share) * self.alpha)
