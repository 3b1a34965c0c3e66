"""Functions that let channels compete, double or share them."""

from __future__ import annotations

from typing import Any

from actlab.catalogue.entry import Entry, Parameter, Reference, Shipped, VectorRule, ships


def _relu(ops: Any, x: Any) -> Any:
    return ops.where(x <= 0, 0.0, x)


def _concatenated_relu(ops: Any, x: Any, axis: int) -> Any:
    return ops.concat([_relu(ops, x), _relu(ops, -x)], axis)


def _bipolar_relu(ops: Any, x: Any, axis: int) -> Any:
    sign = 1 - 2 * (ops.positions(x, axis) % 2)
    return sign * _relu(ops, sign * x)


def _grouped(ops: Any, x: Any, axis: int, size: Any) -> tuple[Any, int]:
    """Neighbours in groups along a new axis after the given one, which is returned too."""
    size, axis = int(size), axis % x.ndim
    shape = list(x.shape)
    if shape[axis] % size:
        raise ValueError(
            f"the entries along axis {axis} form groups of {size}, but there are {shape[axis]}"
        )
    return ops.reshape(x, [*shape[:axis], shape[axis] // size, size, *shape[axis + 1 :]]), axis + 1


def _flat(ops: Any, groups: Any, axis: int) -> Any:
    shape = list(groups.shape)
    return ops.reshape(
        groups, [*shape[: axis - 1], shape[axis - 1] * shape[axis], *shape[axis + 1 :]]
    )


def _maxout(ops: Any, x: Any, axis: int, pieces: Any) -> Any:
    groups, inner = _grouped(ops, x, axis, pieces)
    return _flat(ops, ops.max(groups, inner), inner)


def _max_min(ops: Any, x: Any, axis: int) -> Any:
    pairs, inner = _grouped(ops, x, axis, 2)
    return _flat(ops, ops.concat([ops.max(pairs, inner), -ops.max(-pairs, inner)], inner), inner)


def _group_sort(ops: Any, x: Any, axis: int, size: Any) -> Any:
    groups, inner = _grouped(ops, x, axis, size)
    return _flat(ops, ops.sort(groups, inner), inner)


def dropped(ops: Any, x: Any, axis: int, k: Any) -> Any:
    """Whether an entry is not among the k largest; of equal ones the first are."""
    fixed, size = ops.constant(x), x.shape[axis]
    count = min(int(k), size)
    place = ops.positions(x, axis)
    least = ops.sum(ops.where(place == size - count, ops.sort(fixed, axis), 0.0), axis)
    above = ops.sum(ops.indicator(fixed > least, x), axis)
    order = above + ops.cumsum(ops.indicator(fixed == least, x), axis)
    return (fixed < least) | ((fixed == least) & (order > count))


def _top_k(ops: Any, x: Any, axis: int, k: Any) -> Any:
    return ops.where(dropped(ops, x, axis, k), 0.0, x)


def _top_k_relu(ops: Any, x: Any, axis: int, k: Any) -> Any:
    return _relu(ops, _top_k(ops, x, axis, k))


def _gaussian_topk_relu(ops: Any, x: Any, axis: int, sparsity: Any) -> Any:
    count = x.shape[axis]
    mean = ops.sum(x, axis) / count
    centred = x - mean
    variance = ops.sum(centred * centred, axis) / count
    flat = variance == 0
    deviation = ops.where(flat, 0.0, ops.sqrt(ops.where(flat, 1.0, variance)))
    return _relu(ops, centred - ops.quantile(sparsity) * deviation)


def _squash(ops: Any, x: Any, axis: int) -> Any:
    size = ops.constant(ops.max(ops.abs(x), axis))
    size = ops.where(size == 0, 1.0, size)  # scaled, so that no square overflows
    square = ops.sum((x / size) ** 2, axis)
    length = size * ops.sqrt(ops.where(square == 0, 1.0, square))
    short = length < 1  # neither a square nor a reciprocal overflows, nor do their slopes
    below, above = ops.where(short, length, 1.0), ops.where(short, 1.0, length)
    factor = ops.where(short, below / (1 + below * below), 1 / (above + 1 / above))
    return ops.where(square == 0, 0.0, x * factor)


def _polynorm(
    ops: Any, x: Any, axis: int, a1: Any, a2: Any, a3: Any, bias: Any, epsilon: Any
) -> Any:
    size = ops.constant(ops.max(ops.abs(x), axis))
    size = ops.where(size > 1, size, 0 * size + 1)  # scaled, so that no power overflows
    total: Any = bias
    for power, weight in ((1, a1), (2, a2), (3, a3)):
        term = (x / size) ** power
        square = ops.sum(term * term, axis) / x.shape[axis]
        total = total + weight * term / ops.sqrt(square + epsilon / size ** (2 * power))
    return total


_SORTING = Reference(
    "Anil, Lucas, Grosse", 2018, "Sorting out Lipschitz function approximation", arxiv="1811.05381"
)
_TOP_K = Parameter(32.0, "how many are kept", whole=True)

ENTRIES = (
    Entry(
        "concatenated_relu",
        VectorRule(
            "concat(relu(x), relu(-x))",
            r"\left[\max(x, 0),\ \max(-x, 0)\right]",
            _concatenated_relu,
            resizes=True,
        ),
        aliases=("CReLU",),
        reference=Reference(
            "Shang, Sohn, Almeida, Lee",
            2016,
            "Understanding and improving convolutional neural networks via concatenated rectified "
            "linear units",
            arxiv="1603.05201",
        ),
        ships=ships(tf="tf.nn.crelu"),
        note="Doubles the axis. Not the complex ReLU, which is also called CReLU.",
    ),
    Entry(
        "bipolar_relu",
        VectorRule(
            "relu(x_i) for even i, -relu(-x_i) for odd i",
            r"\begin{cases}\max(x_i, 0) & i \text{ even}\\ \min(x_i, 0) & i \text{ odd}\end{cases}",
            _bipolar_relu,
        ),
        aliases=("BReLU", "bipolar"),
        reference=Reference(
            "Eidnes, Nøkland",
            2017,
            "Shifting mean activation towards zero with bipolar activation functions",
            arxiv="1709.04054",
        ),
        note="The paper makes any activation bipolar in this way.",
    ),
    Entry(
        "maxout",
        VectorRule(
            "max of each group of neighbours", r"\max_{j \in G_i} x_j", _maxout, resizes=True
        ),
        parameters={"pieces": Parameter(2.0, "inputs to a group", whole=True)},
        aliases=("Maxout",),
        reference=Reference(
            "Goodfellow, Warde-Farley, Mirza, Courville, Bengio",
            2013,
            "Maxout networks",
            arxiv="1302.4389",
        ),
        note="Takes the largest of neighbours; the weights of the pieces are those of the layer "
        "before.",
    ),
    Entry(
        "max_min",
        VectorRule(
            "(max, min) of each pair of neighbours",
            r"\left(\max(x_{2i}, x_{2i+1}),\ \min(x_{2i}, x_{2i+1})\right)",
            _max_min,
        ),
        aliases=("MaxMin", "OPLU", "orthogonal_permutation_linear_unit"),
        reference=Reference(
            "Chernodub, Nowicki",
            2016,
            "Norm-preserving orthogonal permutation linear unit activation functions (OPLU)",
            arxiv="1604.02313",
        ),
        note="It keeps the norm of the vector and of the gradient. Sorts as GroupSort with pairs.",
    ),
    Entry(
        "group_sort",
        VectorRule("each group of neighbours in order", r"\operatorname{sort}(x_{G})", _group_sort),
        parameters={"size": Parameter(2.0, "inputs to a group", whole=True)},
        aliases=("GroupSort",),
        reference=_SORTING,
        note="In ascending order. It keeps the norm of the vector and of the gradient.",
    ),
    Entry(
        "top_k",
        VectorRule(
            "x_i if among the k largest, else 0",
            r"x_i\,\mathbf{1}\left[x_i \in \mathrm{top}_k(x)\right]",
            _top_k,
        ),
        parameters={"k": _TOP_K},
        aliases=("TopK", "k_sparse", "k_winners_take_all", "kWTA"),
        reference=Reference("Makhzani, Frey", 2013, "k-sparse autoencoders", arxiv="1312.5663"),
        note="k is a choice of the user; of equal entries the first are kept.",
    ),
    Entry(
        "top_k_relu",
        VectorRule(
            "relu(x_i) if among the k largest, else 0",
            r"\max(x_i, 0)\,\mathbf{1}\left[x_i \in \mathrm{top}_k(x)\right]",
            _top_k_relu,
        ),
        parameters={"k": _TOP_K},
        aliases=("TopKReLU",),
        reference=Reference(
            "Gao, Dupré la Tour, Tillman, Goh, Troll, Radford, Sutskever, Leike, Wu",
            2024,
            "Scaling and evaluating sparse autoencoders",
            arxiv="2406.04093",
        ),
        note="k is a choice of the user, 32 in the paper's smaller models.",
    ),
    Entry(
        "gaussian_topk_relu",
        VectorRule(
            "relu(x_i - (mean(x) + normal quantile(sparsity) * std(x)))",
            r"\max\left(x_i - \left(\bar x + \Phi^{-1}(s)\,\hat\sigma\right), 0\right)",
            _gaussian_topk_relu,
        ),
        parameters={
            "sparsity": Parameter(0.95, "share of entries that become 0", above=0.0, below=1.0)
        },
        aliases=("statistical_top_k", "gaussian_topk"),
        reference=Reference(
            "You, Wu, Jia, Chen, Bhojanapalli, Guo, Evci, Wassenberg, Netrapalli, Willcock, "
            "Subramanian, Chern, Andreev, Pathak, Yu, Jain, Culler, Levy, Kumar",
            2025,
            "Spark transformer: reactivating sparsity in FFN and attention",
            arxiv="2506.06644",
        ),
        ships=ships(hf=Shipped("Gemma 3n activation_sparsity", note="in the first ten layers")),
        note="Of normal entries it keeps about 1 - sparsity, without sorting.",
    ),
    Entry(
        "squash",
        VectorRule(
            "x_i * norm(x) / (1 + norm(x)**2)",
            r"\frac{\|x\|^2}{1 + \|x\|^2}\,\frac{x_i}{\|x\|}",
            _squash,
        ),
        aliases=("capsule_squash",),
        reference=Reference(
            "Sabour, Frosst, Hinton", 2017, "Dynamic routing between capsules", arxiv="1710.09829"
        ),
        note="Keeps the direction and makes the length a number below 1.",
    ),
    Entry(
        "polynorm",
        VectorRule(
            "bias + sum_k a_k * x_i**k / rms(x**k)",
            r"b + \sum_{k=1}^{3} a_k\frac{x_i^k}{\operatorname{rms}(x^k)}",
            _polynorm,
        ),
        parameters={
            "a1": Parameter(1 / 3, "first power, learned"),
            "a2": Parameter(1 / 3, "second power, learned"),
            "a3": Parameter(1 / 3, "third power, learned"),
            "bias": Parameter(0.0, "shift, learned"),
            "epsilon": Parameter(1e-6, "keeps 0 from the bottom", positive=True),
        },
        aliases=("PolyNorm",),
        reference=Reference(
            "Zhuo, Wang, Zeng, Li, Zhou, Ma",
            2024,
            "Polynomial composition activations: unleashing the dynamics of large language models",
            arxiv="2411.03884",
        ),
        ships=ships(liger="LigerPolyNorm"),
        note="The root of the mean square is taken along the axis.",
    ),
)
