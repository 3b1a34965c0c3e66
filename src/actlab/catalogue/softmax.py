"""The softmax family: functions of a whole vector."""

from __future__ import annotations

from typing import Any

from actlab.catalogue.entry import Entry, Reference, VectorRule, ships


def _softmax(ops: Any, x: Any, axis: int) -> Any:
    powers = ops.exp(x - ops.max(x, axis))
    return powers / ops.sum(powers, axis)


def _log_softmax(ops: Any, x: Any, axis: int) -> Any:
    shifted = x - ops.max(x, axis)
    powers = ops.exp(shifted)
    # the largest are 1 each; all but one of them and the rest go to log1p, so that the logarithm
    # of a probability close to 1 keeps its digits
    largest = shifted == 0
    ones = ops.sum(ops.where(largest, powers, 0 * powers), axis)
    rest = ops.sum(ops.where(largest, 0 * powers, powers), axis)
    return shifted - ops.log1p(rest + (ones - 1))


def _softmin(ops: Any, x: Any, axis: int) -> Any:
    return _softmax(ops, -x, axis)


def _softmax1(ops: Any, x: Any, axis: int) -> Any:
    top = ops.max(x, axis)
    top = ops.where(top > 0, top, 0 * top)
    powers = ops.exp(x - top)
    return powers / (ops.exp(-top) + ops.sum(powers, axis))


def _taylor_softmax(ops: Any, x: Any, axis: int) -> Any:
    # 1 + x + x²/2 is half of (1 + x)² + 1, which neither cancels nor, scaled, overflows
    size = ops.max(ops.abs(1 + x), axis)
    size = ops.where(size > 1, size, 0 * size + 1)
    terms = ((1 + x) / size) ** 2 + (1 / size) ** 2
    return terms / ops.sum(terms, axis)


_BRIDLE = Reference(
    "Bridle",
    1990,
    "Probabilistic interpretation of feedforward classification network outputs, with "
    "relationships to statistical pattern recognition",
    doi="10.1007/978-3-642-76153-9_28",
)

ENTRIES = (
    Entry(
        "softmax",
        VectorRule("exp(x_i) / sum_j exp(x_j)", r"\frac{e^{x_i}}{\sum_j e^{x_j}}", _softmax),
        aliases=("Softmax", "softargmax", "Softmax2d"),
        reference=_BRIDLE,
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
        ships=ships(
            torch="torch.nn.LogSoftmax",
            keras="keras.activations.log_softmax",
            jax="jax.nn.log_softmax",
            tf="tf.nn.log_softmax",
            onnx="LogSoftmax",
        ),
        note="Classical: the log-likelihood of the classes.",
    ),
    Entry(
        "softmin",
        VectorRule("exp(-x_i) / sum_j exp(-x_j)", r"\frac{e^{-x_i}}{\sum_j e^{-x_j}}", _softmin),
        aliases=("Softmin",),
        reference=_BRIDLE,
        ships=ships(torch="torch.nn.Softmin"),
    ),
    Entry(
        "softmax1",
        VectorRule(
            "exp(x_i) / (1 + sum_j exp(x_j))", r"\frac{e^{x_i}}{1 + \sum_j e^{x_j}}", _softmax1
        ),
        aliases=("softmax_off_by_one", "quiet_softmax", "softmax_one"),
        reference=Reference("Miller", 2023, "Attention is off by one", where="blog article"),
        note="A softmax that may choose nothing: as with one more input that is 0.",
    ),
    Entry(
        "taylor_softmax",
        VectorRule(
            "(1 + x_i + x_i**2 / 2) / sum_j (1 + x_j + x_j**2 / 2)",
            r"\frac{1 + x_i + x_i^2 / 2}{\sum_j (1 + x_j + x_j^2 / 2)}",
            _taylor_softmax,
        ),
        aliases=("TaylorSoftmax",),
        reference=Reference(
            "de Brébisson, Vincent",
            2015,
            "An exploration of softmax alternatives belonging to the spherical loss family",
            arxiv="1511.05042",
        ),
    ),
)
