"""The softmax family: functions of a whole vector."""

from __future__ import annotations

from typing import Any

from actlab.catalogue.channels import dropped
from actlab.catalogue.entry import Entry, Parameter, Random, Reference, VectorRule, ships


def _softmax(ops: Any, x: Any, axis: int) -> Any:
    done = _at_once(ops, x, axis, log=False)
    if done is not None:
        return done
    powers = _power(ops, x, ops.max(x, axis))
    return powers / ops.sum(powers, axis)


def _at_once(ops: Any, x: Any, axis: int, *, log: bool) -> Any:
    """What an engine can do in one sweep; None where it can't."""
    function = getattr(ops, "softmax_at_once", None)
    return None if function is None else function(x, axis, log=log)


def _power(ops: Any, x: Any, top: Any) -> Any:
    """exp(x - top), of which some engines keep what the difference rounds away."""
    function = getattr(ops, "exp_of_difference", None)
    return ops.exp(x - top) if function is None else function(x, top)


def _log_softmax(ops: Any, x: Any, axis: int) -> Any:
    done = _at_once(ops, x, axis, log=True)
    if done is not None:
        return done
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
    powers = _power(ops, x, top)
    return powers / (ops.exp(-top) + ops.sum(powers, axis))


def _taylor_softmax(ops: Any, x: Any, axis: int) -> Any:
    # 1 + x + x²/2 is half of (1 + x)² + 1, which neither cancels nor, scaled, overflows
    size = ops.max(ops.abs(1 + x), axis)
    size = ops.where(size > 1, size, 0 * size + 1)
    terms = ((1 + x) / size) ** 2 + (1 / size) ** 2
    return terms / ops.sum(terms, axis)


def _with_sink(ops: Any, x: Any, axis: int, sink: Any) -> Any:
    top = ops.max(x, axis)
    top = ops.where(top > sink, top, 0 * top + sink)
    powers = _power(ops, x, top)
    return powers / (_power(ops, sink, top) + ops.sum(powers, axis))


def _spherical_softmax(ops: Any, x: Any, axis: int, epsilon: Any) -> Any:
    # scaled, so that no square overflows
    size = ops.constant(ops.max(ops.abs(x), axis))
    size = ops.where(size > 1, size, 0 * size + 1)
    terms = (x / size) ** 2 + epsilon / size / size
    return terms / ops.sum(terms, axis)


def _sigsoftmax(ops: Any, x: Any, axis: int) -> Any:
    # sigmoid(x) is exp(min(x, 0)) / (1 + exp(-|x|)); the first goes to the other exponential
    low, small = _decay(ops, x)
    shares = _softmax(ops, x + low, axis) / (1 + small)
    return shares / ops.sum(shares, axis)


def _decay(ops: Any, x: Any) -> tuple[Any, Any]:
    """min(x, 0) and exp(-|x|), with slopes at 0 as well."""
    below = x < 0
    return ops.where(below, x, 0.0), ops.exp(ops.where(below, x, -x))


def _gumbel_softmax(ops: Any, x: Any, axis: int, tau: Any, noise: Any) -> Any:
    return _softmax(ops, (x + noise) / tau, axis)


def _gumbel_softmax_hard(ops: Any, x: Any, axis: int, tau: Any, noise: Any) -> Any:
    soft = _gumbel_softmax(ops, x, axis, tau, noise)
    return first_of_largest(ops, soft, axis) + (soft - ops.constant(soft))


def first_of_largest(ops: Any, x: Any, axis: int) -> Any:
    """1 at the first of the largest entries, 0 elsewhere; NaN where there is a NaN."""
    top = ops.max(x, axis)
    equal = 1 - ops.indicator(x < top, x)
    first = ops.where(ops.cumsum(equal, axis) > 1.5, 0.0, equal)
    return ops.where(top == top, first, top)  # noqa: PLR0124  only a NaN is not equal to itself


def _normalised_sigmoid(ops: Any, x: Any, axis: int, k: Any) -> Any:
    # divided by the largest, so that not all of them vanish
    low, small = _decay(ops, x)
    shares = _power(ops, low, ops.max(low, axis)) / (1 + small)
    chosen = ops.where(dropped(ops, x, axis, k), 0.0, shares)
    return chosen / ops.sum(chosen, axis)


def _count(ops: Any, x: Any, axis: int) -> Any:
    return ops.max(ops.positions(x, axis), axis) + 1


def _relu_attention(ops: Any, x: Any, axis: int) -> Any:
    return ops.where(x <= 0, 0.0, x) / _count(ops, x, axis)


def _sigmoid_attention(ops: Any, x: Any, axis: int) -> Any:
    # 1 / (1 + n exp(-x)), since log(n) would round the argument of an exponential
    count = _count(ops, x, axis)
    _, small = _decay(ops, x)
    below = x < 0
    return ops.where(below, small, 1.0) / ops.where(below, small + count, 1 + count * small)


_BRIDLE = Reference(
    "Bridle",
    1990,
    "Probabilistic interpretation of feedforward classification network outputs, with "
    "relationships to statistical pattern recognition",
    doi="10.1007/978-3-642-76153-9_28",
)

_SPHERICAL = Reference(
    "de Brébisson, Vincent",
    2015,
    "An exploration of softmax alternatives belonging to the spherical loss family",
    arxiv="1511.05042",
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
        reference=_SPHERICAL,
    ),
    Entry(
        "softmax_with_sink",
        VectorRule(
            "exp(x_i) / (exp(sink) + sum_j exp(x_j))",
            r"\frac{e^{x_i}}{e^s + \sum_j e^{x_j}}",
            _with_sink,
        ),
        parameters={"sink": Parameter(0.0, "the logit that takes attention away, learned")},
        aliases=("sink_softmax", "attention_sink"),
        reference=Reference(
            "Xiao, Tian, Chen, Han, Lewis",
            2023,
            "Efficient streaming language models with attention sinks",
            arxiv="2309.17453",
        ),
        ships=ships(hf="gpt-oss attention sinks"),
        note="The softmax with one more logit, whose share is dropped; at 0 it is softmax1.",
    ),
    Entry(
        "spherical_softmax",
        VectorRule(
            "(x_i**2 + epsilon) / sum_j (x_j**2 + epsilon)",
            r"\frac{x_i^2 + \epsilon}{\sum_j (x_j^2 + \epsilon)}",
            _spherical_softmax,
        ),
        parameters={"epsilon": Parameter(1e-8, "keeps 0 from the bottom", positive=True)},
        aliases=("SphericalSoftmax",),
        reference=_SPHERICAL,
        note="The paper leaves epsilon open; this default is ours.",
    ),
    Entry(
        "sigsoftmax",
        VectorRule(
            "exp(x_i) * sigmoid(x_i) / sum_j exp(x_j) * sigmoid(x_j)",
            r"\frac{e^{x_i}\sigma(x_i)}{\sum_j e^{x_j}\sigma(x_j)}",
            _sigsoftmax,
        ),
        aliases=("SigSoftmax",),
        reference=Reference(
            "Kanai, Fujiwara, Yamanaka, Adachi",
            2018,
            "Sigsoftmax: reanalysis of the softmax bottleneck",
            arxiv="1805.10829",
        ),
    ),
    Entry(
        "gumbel_softmax",
        VectorRule(
            "softmax((x + noise) / tau)_i",
            r"\operatorname{softmax}\left(\frac{x + g}{\tau}\right)_i",
            _gumbel_softmax,
        ),
        parameters={"tau": Parameter(1.0, "temperature", positive=True)},
        random={"noise": Random(law="gumbel")},
        aliases=("GumbelSoftmax", "concrete"),
        reference=Reference(
            "Jang, Gu, Poole",
            2016,
            "Categorical reparameterization with Gumbel-softmax",
            arxiv="1611.01144",
        ),
        ships=ships(torch="torch.nn.functional.gumbel_softmax"),
        note="Also Maddison, Mnih, Teh (2016). Without noise it is a softmax with temperature.",
    ),
    Entry(
        "gumbel_softmax_hard",
        VectorRule(
            "1 where softmax((x + noise) / tau) is largest, else 0",
            r"\mathbf{1}\left[i = \arg\max_j\frac{x_j + g_j}{\tau}\right]",
            _gumbel_softmax_hard,
            surrogate=True,
        ),
        parameters={"tau": Parameter(1.0, "temperature of the gradient", positive=True)},
        random={"noise": Random(law="gumbel")},
        aliases=("straight_through_gumbel_softmax",),
        reference=Reference(
            "Jang, Gu, Poole",
            2016,
            "Categorical reparameterization with Gumbel-softmax",
            arxiv="1611.01144",
        ),
        note="The gradient is that of gumbel_softmax: hard=True in PyTorch.",
    ),
    Entry(
        "normalised_sigmoid",
        VectorRule(
            "sigmoid(x_i) / sum of the k largest sigmoid(x_j), 0 for the others",
            r"\frac{\sigma(x_i)}{\sum_{j \in \mathrm{top}\,k}\sigma(x_j)}",
            _normalised_sigmoid,
        ),
        parameters={"k": Parameter(8.0, "how many are chosen", whole=True)},
        aliases=("norm_sigmoid", "normalized_sigmoid", "sigmoid_router"),
        reference=Reference(
            "DeepSeek-AI", 2024, "DeepSeek-V3 technical report", arxiv="2412.19437"
        ),
        note="The router of DeepSeek-V3, which chooses 8 experts.",
    ),
    Entry(
        "relu_attention",
        VectorRule("relu(x_i) / n", r"\frac{\max(x_i, 0)}{n}", _relu_attention),
        aliases=("relu_over_length",),
        reference=Reference(
            "Wortsman, Lee, Gilmer, Kornblith",
            2023,
            "Replacing softmax with ReLU in vision transformers",
            arxiv="2309.08586",
        ),
        note="n is the length of the sequence, the size along the axis.",
    ),
    Entry(
        "sigmoid_attention",
        VectorRule("sigmoid(x_i - log(n))", r"\sigma(x_i - \ln n)", _sigmoid_attention),
        reference=Reference(
            "Ramapuram, Danieli, Dhekane, Weers, Busbridge, Ablin, Likhomanenko, Digani, Gu, "
            "Shidani, Webb",
            2024,
            "Theory, analysis, and best practices for sigmoid self-attention",
            arxiv="2409.04431",
        ),
        note="n is the length of the sequence, the size along the axis.",
    ),
)
