"""Probabilities of which most are exactly 0: hardmax, sparsemax and entmax."""

from __future__ import annotations

from typing import Any

from actlab.catalogue.entry import Entry, Parameter, Reference, VectorRule, ships
from actlab.catalogue.softmax import first_of_largest

# In all of them the support is found without gradients; the threshold is then computed again
# from the entries in it, so that differentiating these few steps gives the exact Jacobian.


def _descending(ops: Any, x: Any, axis: int) -> tuple[Any, Any]:
    """The entries from the largest down, and how many there are up to each."""
    return -ops.sort(-ops.constant(x), axis), ops.positions(x, axis) + 1


def _sparsemax(ops: Any, x: Any, axis: int) -> Any:
    x = x - ops.max(x, axis)
    ordered, count = _descending(ops, x, axis)
    chosen = 1 + count * ordered > ops.cumsum(ordered, axis)
    last = ops.max(ops.where(chosen, -ordered, 0.0), axis)
    outside = x < -last
    size = x.shape[axis] - ops.sum(ops.indicator(outside, x), axis)
    threshold = (ops.sum(ops.where(outside, 0.0, x), axis) - 1) / size
    return ops.where(x <= threshold, 0.0, x - threshold)


def _entmax15(ops: Any, x: Any, axis: int) -> Any:
    x = (x - ops.max(x, axis)) / 2
    ordered, count = _descending(ops, x, axis)
    mean = ops.cumsum(ordered, axis) / count
    spread = ops.cumsum(ordered * ordered, axis) - count * mean * mean
    room = (1 - spread) / count
    chosen = mean - ops.sqrt(ops.where(room > 0, room, 0.0)) <= ordered
    last = ops.max(ops.where(chosen, -ordered, 0.0), axis)
    outside = x < -last
    size = x.shape[axis] - ops.sum(ops.indicator(outside, x), axis)
    mean = ops.sum(ops.where(outside, 0.0, x), axis) / size
    square = ops.sum(ops.where(outside, 0.0, (x - mean) ** 2), axis)
    threshold = mean - ops.sqrt((1 - square) / size)
    return ops.where(x <= threshold, 0.0, (x - threshold) ** 2)


def _entmax(ops: Any, x: Any, axis: int, alpha: Any) -> Any:
    power = 1 / (alpha - 1)
    x = (x - ops.max(x, axis)) * (alpha - 1)

    def terms(x: Any, threshold: Any, power: Any) -> Any:
        rest = x - threshold
        inside = ops.where(rest <= 0, 1.0, rest)  # no gradient of 0**power
        return ops.where(rest <= 0, 0.0, inside**power)

    fixed, exponent = ops.constant(x), ops.constant(power)
    low, high = ops.max(fixed, axis) - 1, ops.max(fixed, axis)
    for _ in range(ops.bits):
        middle = (low + high) / 2
        above = ops.sum(terms(fixed, middle, exponent), axis) > 1
        low, high = ops.where(above, middle, low), ops.where(above, high, middle)
    threshold = low
    for _ in range(2):  # each of Newton's steps carries the gradients one order further
        slope = power * ops.sum(terms(x, threshold, power - 1), axis)
        threshold = threshold + (ops.sum(terms(x, threshold, power), axis) - 1) / slope
    return terms(x, threshold, power)


_PETERS = Reference(
    "Peters, Niculae, Martins", 2019, "Sparse sequence-to-sequence models", arxiv="1905.05702"
)

ENTRIES = (
    Entry(
        "hardmax",
        VectorRule(
            "1 for the first of the largest x_i, else 0",
            r"\mathbf{1}\left[i = \arg\max_j x_j\right]",
            first_of_largest,
        ),
        aliases=("Hardmax", "one_hot_argmax"),
        reference=Reference("ONNX", 2017, "Hardmax", where="ONNX operator set 1"),
        ships=ships(onnx="Hardmax"),
        note="Its gradient is 0.",
    ),
    Entry(
        "sparsemax",
        VectorRule(
            "maximum(x_i - tau, 0), tau such that the sum is 1",
            r"\max(x_i - \tau, 0),\quad \sum_i \max(x_i - \tau, 0) = 1",
            _sparsemax,
        ),
        aliases=("Sparsemax",),
        reference=Reference(
            "Martins, Astudillo",
            2016,
            "From softmax to sparsemax: a sparse model of attention and multi-label classification",
            arxiv="1602.02068",
        ),
        ships=ships(
            keras="keras.activations.sparsemax",
            liger="LigerSparsemax",
            entmax="entmax.sparsemax",
        ),
        note="The point of the probability simplex that is nearest to x; entmax with alpha = 2.",
    ),
    Entry(
        "entmax15",
        VectorRule(
            "maximum(x_i / 2 - tau, 0)**2, tau such that the sum is 1",
            r"\max\left(\frac{x_i}{2} - \tau, 0\right)^2,\quad "
            r"\sum_i \max\left(\frac{x_i}{2} - \tau, 0\right)^2 = 1",
            _entmax15,
        ),
        aliases=("Entmax15", "entmax_1.5"),
        reference=_PETERS,
        ships=ships(entmax="entmax.entmax15"),
        note="entmax with alpha = 1.5, by sorting.",
    ),
    Entry(
        "entmax",
        VectorRule(
            "maximum((alpha - 1) * x_i - tau, 0)**(1 / (alpha - 1)), tau such that the sum is 1",
            r"\max((\alpha - 1)\,x_i - \tau, 0)^{1/(\alpha - 1)},\quad \sum_i = 1",
            _entmax,
        ),
        parameters={"alpha": Parameter(1.5, "1 would be softmax, 2 is sparsemax", above=1.0)},
        aliases=("alpha_entmax", "entmax_bisect"),
        reference=_PETERS,
        ships=ships(entmax="entmax.entmax_bisect"),
        note="alpha may be learned: Correia, Niculae, Martins (2019), arXiv:1909.00015.",
    ),
)
