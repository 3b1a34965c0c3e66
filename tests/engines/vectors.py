"""What tests of the vector primitives share: kernels of each, exact values, arguments."""

from __future__ import annotations

import math
from functools import cache

import numba
import numpy as np
from mpmath import mp

from actlab.engines.vectormath import PERIODIC_LIMIT, primitives

__all__ = [
    "DTYPES",
    "EVERY",
    "EXACT",
    "INF",
    "NAN",
    "SLOPE_IS_ZERO",
    "kernel_of",
    "loop",
    "power_kernel",
    "run",
    "sample",
    "worst",
]

INF, NAN = math.inf, math.nan
DTYPES = {"float64": np.float64, "mixed": np.float32, "single": np.float32}
ALGEBRAIC = {
    "bent_identity",
    "bent_identity_slope",
    "isru",
    "isru_slope",
    "softsign_slope",
    "squareplus",
    "squareplus_slope",
}
NOT_UNARY = {"pow", "clip", "minimum", "maximum"}
EVERY = [(which, name) for which in DTYPES for name in sorted(set(primitives(which)) - NOT_UNARY)]


# --- kernels: one loop over an array for each primitive, compiled once ---------------------------


def loop(function, dtype, inner=np.float64):
    """A kernel `(x, out)` that applies a scalar function of an inner type to arrays of a type."""
    name = np.dtype(dtype).name

    @numba.njit(f"void({name}[::1], {name}[::1])", error_model="numpy")
    def kernel(x, out):
        for i in range(x.shape[0]):
            out[i] = function(inner(x[i]))

    return kernel


@cache
def kernel_of(precision, name):
    inner = np.float32 if precision == "single" else np.float64
    return loop(primitives(precision)[name], DTYPES[precision], inner)


def run(precision, name, values):
    x = np.ascontiguousarray(values, dtype=DTYPES[precision])
    out = np.empty_like(x)
    kernel_of(precision, name)(x, out)
    return out


@cache
def power_kernel(precision):
    function, name = primitives(precision)["pow"], np.dtype(DTYPES[precision]).name

    @numba.njit(f"void({name}[::1], {name}[::1], {name}[::1])", error_model="numpy")
    def kernel(x, y, out):
        for i in range(x.shape[0]):
            out[i] = function(np.float64(x[i]), np.float64(y[i]))

    return kernel


# --- the exact values ----------------------------------------------------------------------------


def softplus(x):
    return (x if x > 0 else mp.zero) + mp.log1p(mp.exp(-abs(x)))


def logish_slope(x):
    return mp.log1p(sigmoid(x)) + x * sigmoid(x) * sigmoid(-x) / (1 + sigmoid(x))


def bent_identity(x):
    with mp.extraprec(60 + max(0, -2 * mp.frexp(x)[1])):
        return (mp.sqrt(x * x + 1) - 1) / 2 + x


def mish_slope(x):
    return mp.tanh(softplus(x)) + x * mp.sech(softplus(x)) ** 2 * sigmoid(x)


def smish_gate(x):
    return mp.tanh(mp.log1p(sigmoid(x)))


def smish_slope(x):
    s = sigmoid(x)
    return smish_gate(x) + x * mp.sech(mp.log1p(s)) ** 2 * s * sigmoid(-x) / (1 + s)


def squareplus(x):
    above = (abs(x) + mp.sqrt(x * x + 4)) / 2
    return above if x > 0 else 1 / above


def sigmoid(x):
    return 1 / (1 + mp.exp(-x)) if x >= 0 else mp.exp(x) / (1 + mp.exp(x))


def cubic(x):
    return mp.sqrt(8 / mp.pi) * (x + mp.mpf("0.044715") * x**3)


def gated_slope(z, steep):
    """The slope of x*sigmoid(z); `steep` is x times that of z."""
    return sigmoid(z) * (1 + steep * sigmoid(-z))


def tanh_shrink(x):
    with mp.extraprec(60 + 2 * max(0, -mp.frexp(x)[1])):
        return x - mp.tanh(x)


EXACT = {
    "arcsinh": mp.asinh,
    "arctan": mp.atan,
    "bent_identity": bent_identity,
    "bent_identity_slope": lambda x: 1 + x / mp.sqrt(x * x + 1) / 2,
    "cos": mp.cos,
    "cosh": mp.cosh,
    "erf": mp.erf,
    "erfc": mp.erfc,
    "elu": lambda x: x if x > 0 else mp.expm1(x),
    "elu_slope": lambda x: mp.mpf(1) if x > 0 else mp.exp(x),
    "exp": mp.exp,
    "expm1": mp.expm1,
    "gelu": lambda x: x * mp.erfc(-x / mp.sqrt(2)) / 2,
    "gelu_slope": lambda x: mp.erfc(-x / mp.sqrt(2)) / 2 + x * mp.npdf(x),
    "gelu_tanh": lambda x: x * sigmoid(cubic(x)),
    "gelu_tanh_slope": lambda x: gated_slope(cubic(x), 3 * cubic(x) - 2 * mp.sqrt(8 / mp.pi) * x),
    "hard_swish": lambda x: x * min(max(x + 3, 0), 6) / 6,
    "hard_swish_slope": lambda x: (2 * x + 3) / 6 if abs(x) < 3 else mp.mpf(x > 0),
    "isru": lambda x: x / mp.sqrt(x * x + 1),
    "isru_slope": lambda x: 1 / mp.sqrt(x * x + 1) ** 3,
    "lisht": lambda x: x * mp.tanh(x),
    "lisht_slope": lambda x: mp.tanh(x) + x * mp.sech(x) ** 2,
    "log": mp.log,
    "log1p": mp.log1p,
    "log_sigmoid": lambda x: -softplus(-x),
    "mish": lambda x: x * mp.tanh(softplus(x)),
    "mish_slope": mish_slope,
    "logish": lambda x: x * mp.log1p(sigmoid(x)),
    "logish_slope": logish_slope,
    "normcdf": lambda x: mp.erfc(-x / mp.sqrt(2)) / 2,
    "normpdf": mp.npdf,
    "quick_gelu": lambda x: x * sigmoid(mp.mpf("1.702") * x),
    "quick_gelu_slope": lambda x: gated_slope(mp.mpf("1.702") * x, mp.mpf("1.702") * x),
    "sech": mp.sech,
    "sech_softplus": lambda x: mp.sech(softplus(x)),
    "sigmoid": sigmoid,
    "sigmoid_slope": lambda x: sigmoid(x) * sigmoid(-x),
    "silu": lambda x: x * sigmoid(x),
    "silu_slope": lambda x: sigmoid(x) * (1 + x * sigmoid(-x)),
    "sin": mp.sin,
    "sinh": mp.sinh,
    "smish": lambda x: x * smish_gate(x),
    "smish_slope": smish_slope,
    "softplus": softplus,
    "softsign_slope": lambda x: 1 / (1 + abs(x)) ** 2,
    "sqrt": mp.sqrt,
    "squareplus": squareplus,
    "squareplus_slope": lambda x: squareplus(x) / mp.sqrt(x * x + 4),
    "tanh": mp.tanh,
    "tanh_shrink": tanh_shrink,
    "tanh_shrink_slope": lambda x: mp.tanh(x) ** 2,
    "tanh_slope": lambda x: mp.sech(x) ** 2,
    "telu": lambda x: x * mp.tanh(mp.exp(x)),
    "telu_slope": lambda x: mp.tanh(mp.exp(x)) + x * mp.exp(x) * mp.sech(mp.exp(x)) ** 2,
    "tanh_softplus": lambda x: mp.tanh(softplus(x)),
    "tanh_softplus_slope": lambda x: mp.sech(softplus(x)) ** 2 * sigmoid(x),
}


SLOPE_IS_ZERO = {
    "gelu_slope": (-1.12769, -0.375896, -27),
    "gelu_tanh_slope": (-1.12869, -0.376231, -27),
    "logish_slope": (-2.05868, -0.686227, -27),
    "mish_slope": (-1.78865, -0.596216, -27),
    "quick_gelu_slope": (-1.12673, -0.375577, -27),
    "silu_slope": (-1.9177, -0.639232, -27),
    "smish_slope": (-2.09178, -0.69726, -27),
    "telu_slope": (-1.61829, -0.53943, -27),
}
"""Intervals around isolated zeros, as in the ledger, and the last place at their edges."""


def ulps(value, exact, digits, smallest):
    """The distance in units of the last place of the exact value, for a finite result."""
    place = max(mp.frexp(exact)[1] - digits, smallest) if exact else smallest
    return float(abs(mp.mpf(value) - exact) * mp.mpf(2) ** -place)


def worst(values, results, exact, dtype, zero=(0.0, 0.0, -1074)):
    """The largest error in ULP, with its argument; both infinities count as the largest number."""
    from_, to, edge = zero
    info = np.finfo(dtype)
    digits, smallest = info.nmant + 1, int(math.log2(float(info.smallest_subnormal)))
    largest, at = 0.0, None
    with mp.workprec(140):
        for value, result in zip(values.tolist(), results.tolist(), strict=True):
            wanted = mp.mpf(exact(mp.mpf(value)))
            if abs(wanted) >= mp.mpf(2) ** info.maxexp * (1 - mp.mpf(2) ** -digits / 2):
                error = 0.0 if math.isinf(result) and result * wanted > 0 else INF
            else:
                least = max(smallest, edge) if from_ <= value <= to else smallest
                error = ulps(result, wanted, digits, least) if math.isfinite(result) else INF
            if error > largest:
                largest, at = error, (value, result)
    return largest, at


def sample(name, dtype, count, seed=20):
    """Arguments over the whole domain of a primitive: around zero, usual, tails, subnormal."""
    random = np.random.default_rng(seed)
    info = np.finfo(dtype)
    least, most = int(math.log2(float(info.smallest_subnormal))), info.maxexp

    def spread(low, high):
        return 2.0 ** random.uniform(low, high, count)

    signs = random.choice([-1.0, 1.0], count)
    usual, near = random.uniform(-9, 9, count), signs * spread(-40, 0)
    tiny = (signs * spread(least, -40))[: count // 4]
    if name in {"log", "sqrt"}:
        parts = [spread(least, most), random.uniform(0.3, 3, count), 1 + 0.3 * near]
    elif name == "log1p":
        parts = [spread(-40, most), random.uniform(-1, 3, count), near, tiny]
    elif name in {"sin", "cos"}:
        turns = np.round(random.uniform(-(2**19), 2**19, count)) * (math.pi / 2)
        parts = [usual, near, tiny, random.uniform(-PERIODIC_LIMIT, PERIODIC_LIMIT, count), turns]
    elif name in {"arctan", "arcsinh", *ALGEBRAIC}:
        parts = [usual, near, tiny, signs * spread(0, most)]
    else:
        tail = 750.0 if dtype == np.float64 else 106.0
        if name in {"normcdf", "normpdf", "erfc", "erf"}:
            tail = 38.7 if dtype == np.float64 else 14.5
        parts = [usual, near, tiny, random.uniform(-tail, tail, 2 * count)]
    values = np.concatenate(parts).astype(dtype)
    return values[np.isfinite(values)]
