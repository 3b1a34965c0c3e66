"""The softmax family: functions of a whole vector."""

from __future__ import annotations

from typing import Any

from actlab.catalogue.entry import Entry, Reference, VectorRule, ships


def _softmax(ops: Any, x: Any, axis: int) -> Any:
    powers = ops.exp(x - ops.max(x, axis))
    return powers / ops.sum(powers, axis)


def _log_softmax(ops: Any, x: Any, axis: int) -> Any:
    shifted = x - ops.max(x, axis)
    return shifted - ops.log(ops.sum(ops.exp(shifted), axis))


def _softmin(ops: Any, x: Any, axis: int) -> Any:
    return _softmax(ops, -x, axis)


ENTRIES = (
    Entry(
        "softmax",
        VectorRule("exp(x_i) / sum_j exp(x_j)", r"\frac{e^{x_i}}{\sum_j e^{x_j}}", _softmax),
        aliases=("Softmax", "softargmax", "Softmax2d"),
        reference=Reference(
            "Bridle",
            1990,
            "Probabilistic interpretation of feedforward classification network outputs",
            doi="10.1007/978-3-642-76153-9_28",
        ),
        ships=ships(
            torch="torch.nn.Softmax",
            keras="keras.activations.softmax",
            jax="jax.nn.softmax",
            tf="tf.nn.softmax",
            onnx="Softmax",
        ),
    ),
    Entry(
        "log_softmax",
        VectorRule("x_i - log(sum_j exp(x_j))", r"x_i - \ln\sum_j e^{x_j}", _log_softmax),
        aliases=("LogSoftmax",),
        reference=Reference("classical", 1990, "logarithm of softmax"),
        ships=ships(
            torch="torch.nn.LogSoftmax",
            keras="keras.activations.log_softmax",
            jax="jax.nn.log_softmax",
            tf="tf.nn.log_softmax",
            onnx="LogSoftmax",
        ),
    ),
    Entry(
        "softmin",
        VectorRule("exp(-x_i) / sum_j exp(-x_j)", r"\frac{e^{-x_i}}{\sum_j e^{-x_j}}", _softmin),
        aliases=("Softmin",),
        reference=Reference("PyTorch", 2016, where="torch.nn.Softmin"),
        ships=ships(torch="torch.nn.Softmin"),
    ),
)
