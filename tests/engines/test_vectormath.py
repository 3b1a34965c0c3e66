"""The vector primitives: every bound, every special value, and that LLVM vectorises each."""

from __future__ import annotations

import csv
import io
import math
import re
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path

import numba
import numpy as np
import pytest
from mpmath import mp

from actlab.engines import vectormath
from actlab.engines.exact import evaluate
from actlab.engines.vectormath import (
    BOUNDS,
    PERIODIC_LIMIT,
    REWRITES,
    SLOPES,
    WHOLE,
    available,
    bits,
    fit,
    primitives,
)
from actlab.errors import UnknownNameError
from actlab.formula import PRIMITIVES, parse
from actlab.formula.calculus import differentiate, tidied

INF, NAN = math.inf, math.nan
DTYPES = {"float64": np.float64, "mixed": np.float32, "single": np.float32}
ALGEBRAIC = {"softsign_slope", "squareplus", "squareplus_slope"}
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
    "log": mp.log,
    "log1p": mp.log1p,
    "log_sigmoid": lambda x: -softplus(-x),
    "mish": lambda x: x * mp.tanh(softplus(x)),
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
    "softplus": softplus,
    "softsign_slope": lambda x: 1 / (1 + abs(x)) ** 2,
    "sqrt": mp.sqrt,
    "squareplus": squareplus,
    "squareplus_slope": lambda x: squareplus(x) / mp.sqrt(x * x + 4),
    "tanh": mp.tanh,
    "tanh_shrink": tanh_shrink,
    "tanh_slope": lambda x: mp.sech(x) ** 2,
    "tanh_softplus": lambda x: mp.tanh(softplus(x)),
    "tanh_softplus_slope": lambda x: mp.sech(softplus(x)) ** 2 * sigmoid(x),
}


SLOPE_IS_ZERO = {
    "gelu_slope": (-1.12769, -0.375896, -27),
    "gelu_tanh_slope": (-1.12869, -0.376231, -27),
    "logish_slope": (-2.05868, -0.686227, -27),
    "quick_gelu_slope": (-1.12673, -0.375577, -27),
    "silu_slope": (-1.9177, -0.639232, -27),
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


# --- accuracy ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("which", "name"), [case for case in EVERY if case[1] in EXACT])
def test_against_exact_values(which, name):
    dtype = DTYPES[which]
    values = sample(name, dtype, 500 if which == "float64" else 250)
    zero = SLOPE_IS_ZERO.get(name, (0.0, 0.0, -1074))
    largest, at = worst(values, run(which, name, values), EXACT[name], dtype, zero)
    assert largest <= BOUNDS[which].get(name, 0.5), at


def cubic_in_float64(x):
    line = math.sqrt(8 / math.pi)
    return line * x + 0.044715 * line * x**3


def squareplus_in_float64(x):
    above = (abs(x) + np.sqrt(x * x + 4)) / 2
    return np.where(x > 0, above, 1 / above)


def whole_twin(name):
    """The function of `single` as a formula in float64 primitives, which are tested above."""
    line, bend = math.sqrt(8 / math.pi), 0.044715 * math.sqrt(8 / math.pi)

    def gated(z, steep):
        return f["sigmoid"](z) * (1 + steep * f["sigmoid"](-z))

    f = {word: lambda x, word=word: run("float64", word, x) for word in ("sigmoid", "sech")}
    formulas = {
        "elu": lambda x: np.where(x > 0, x, run("float64", "expm1", np.minimum(x, 0))),
        "elu_slope": lambda x: run("float64", "exp", np.minimum(x, 0)),
        "sigmoid_slope": lambda x: f["sigmoid"](x) * f["sigmoid"](-x),
        "gelu": lambda x: x * run("float64", "normcdf", x),
        "gelu_slope": lambda x: run("float64", "normcdf", x) + x * run("float64", "normpdf", x),
        "silu": lambda x: x * f["sigmoid"](x),
        "silu_slope": lambda x: f["sigmoid"](x) * (1 + x * f["sigmoid"](-x)),
        "tanh_slope": lambda x: f["sech"](x) ** 2,
        "gelu_tanh": lambda x: x * f["sigmoid"](cubic_in_float64(x)),
        "gelu_tanh_slope": lambda x: gated(cubic_in_float64(x), line * x + 3 * bend * x**3),
        "logish": lambda x: x * run("float64", "log1p", f["sigmoid"](x)),
        "logish_slope": lambda x: (
            run("float64", "log1p", f["sigmoid"](x))
            + x * f["sigmoid"](x) * (f["sigmoid"](-x) / (1 + f["sigmoid"](x)))
        ),
        "mish": lambda x: x * run("float64", "tanh_softplus", x),
        "quick_gelu": lambda x: x * f["sigmoid"](1.702 * x),
        "quick_gelu_slope": lambda x: gated(1.702 * x, 1.702 * x),
        "hard_swish": lambda x: np.where(x >= 3, x, x * np.clip(x + 3, 0, 6) / 6),
        "hard_swish_slope": lambda x: np.where(abs(x) < 3, (2 * x + 3) / 6, x > 0),
        "softsign_slope": lambda x: 1 / (1 + abs(x)) ** 2,
        "squareplus": squareplus_in_float64,
        "squareplus_slope": lambda x: squareplus_in_float64(x) / np.sqrt(x * x + 4),
        "tanh_softplus_slope": lambda x: run("float64", "sech_softplus", x) ** 2 * f["sigmoid"](x),
    }
    return formulas.get(name, lambda x: run("float64", name, x))


@pytest.mark.parametrize(
    ("which", "name"),
    [case for case in EVERY if case[1] in BOUNDS[case[0]] if case[0] != "float64"],
)
def test_densely_against_float64(which, name):
    """Every 4,999th float32 of all; the error of the float64 primitives does not count here."""
    patterns = np.arange(0, 2**32, 4999, dtype=np.uint64).astype(np.uint32)
    values = patterns.view(np.float32)
    values = values[np.isfinite(values)]
    result = run(which, name, values).astype(np.float64)
    exact = whole_twin(name)(values.astype(np.float64))
    np.testing.assert_array_equal(np.isnan(result), np.isnan(exact))
    with np.errstate(over="ignore"):
        rounded = exact.astype(np.float32).astype(np.float64)
    inside = np.isfinite(rounded)
    np.testing.assert_array_equal(result[~inside], rounded[~inside])
    place = np.maximum(np.frexp(exact[inside])[1] - 24, -149)
    if name in SLOPE_IS_ZERO:
        from_, to, edge = SLOPE_IS_ZERO[name]
        around = (values[inside] >= from_) & (values[inside] <= to)
        place = np.where(around, np.maximum(place, edge), place)
    errors = np.abs(result[inside] - exact[inside]) * np.ldexp(1.0, -place)
    at = np.argmax(errors)
    assert errors[at] <= BOUNDS[which][name], (values[inside][at], result[inside][at])


@pytest.mark.parametrize("precision", ["float64", "mixed"])
def test_power(precision):
    dtype = DTYPES[precision]
    random = np.random.default_rng(3)
    x = (2.0 ** random.uniform(-149, 127, 3000)).astype(dtype)
    x[:1000] = random.uniform(0.9, 1.1, 1000)
    x = np.unique(x)
    limit = 88 if dtype == np.float32 else 708
    y = (random.uniform(-limit, limit, x.size) / np.log(x.astype(np.float64))).astype(dtype)
    y[::3] = random.uniform(-3, 3, y[::3].size)
    out = np.empty_like(x)
    power_kernel(precision)(x, y, out)
    pairs = dict(zip(x.tolist(), y.tolist(), strict=True))
    largest, at = worst(x, out, lambda base: base ** mp.mpf(pairs[float(base)]), dtype)
    assert largest <= BOUNDS[precision]["pow"], at


def test_power_of_special_values_is_numpys():
    special = np.array([0, 1, 2, 0.5, 3, INF, 1e300, 5e-324, 2.5])
    special = np.concatenate([special, -special, [NAN]])
    x, y = (grid.ravel().copy() for grid in np.meshgrid(special, special))
    out = np.empty_like(x)
    power_kernel("float64")(x, y, out)
    with np.errstate(all="ignore"):
        wanted = np.power(x, y)
    # NumPy's own library is within 1 ULP, so finite values may differ in the last place.
    np.testing.assert_allclose(out, wanted, rtol=4e-16, atol=0)
    plain = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(out[plain]), np.signbit(wanted[plain]))


def test_a_bound_can_be_exceeded():
    """The same check finds exp evaluated through a single rounding of `x * log2(e)`."""
    plain = loop(numba.njit(lambda x: 2.0 ** (x * math.log2(math.e))), np.float64)
    values = sample("exp", np.float64, 100)
    out = np.empty_like(values)
    plain(values, out)
    assert worst(values, out, mp.exp, np.float64)[0] > 10 * BOUNDS["float64"]["exp"]


# --- NumPy's own validation tables ---------------------------------------------------------------


def validation_rows(name, dtype):
    """The `(arguments, results)` of one of the tables that come with NumPy."""
    folder = Path(np.__file__).parent / "_core" / "tests" / "data"
    text = (folder / f"umath-validation-set-{name}.csv").read_text()
    rows = list(csv.DictReader(line for line in text.splitlines() if line[:1] not in {"#", ""}))
    wanted = [row for row in rows if row["dtype"].strip() == f"np.{np.dtype(dtype).name}"]
    unsigned = np.uint32 if dtype == np.float32 else np.uint64
    columns = (
        np.array([int(row[column], 16) for row in wanted], unsigned).view(dtype)
        for column in ("input", "output")
    )
    return tuple(columns)


@pytest.mark.parametrize("precision", ["float64", "mixed"])
@pytest.mark.parametrize(
    "name", ["arctan", "cos", "cosh", "exp", "expm1", "log", "log1p", "sin", "sinh", "tanh"]
)
def test_numpys_validation_table(name, precision):
    """Their results are correctly rounded, so a bound of b ULP allows b + 1/2 in whole steps."""
    dtype = DTYPES[precision]
    x, wanted = validation_rows(name, dtype)
    assert x.size > 100
    result = run(precision, name, x)
    if name in {"sin", "cos"}:
        inside = np.abs(x) <= PERIODIC_LIMIT
        assert np.isnan(result[~inside]).all()
        x, wanted, result = x[inside], wanted[inside], result[inside]
    np.testing.assert_array_equal(np.isnan(result), np.isnan(wanted))
    plain = ~np.isnan(wanted)
    signed = np.int32 if dtype == np.float32 else np.int64

    def steps(numbers):
        whole = numbers[plain].view(signed).astype(object)
        least = int(np.iinfo(signed).min)
        return np.array([i if i >= 0 else least - i for i in whole], dtype=object)

    distance = np.abs(steps(result) - steps(wanted))
    assert max(distance) <= math.floor(BOUNDS[precision][name] + 0.5), x[plain][np.argmax(distance)]


# --- special values ------------------------------------------------------------------------------

SPECIAL = {
    "abs": [(-INF, INF), (-0.0, 0.0)],
    "arcsinh": [(-INF, -INF), (INF, INF), (-0.0, -0.0)],
    "arctan": [(-INF, -math.pi / 2), (INF, math.pi / 2), (-0.0, -0.0)],
    "cos": [(INF, NAN), (-INF, NAN), (0.0, 1.0), (2.0**21, NAN)],
    "cosh": [(INF, INF), (-INF, INF), (0.0, 1.0), (-0.0, 1.0)],
    "erf": [(INF, 1.0), (-INF, -1.0), (-0.0, -0.0), (0.0, 0.0)],
    "erfc": [(INF, 0.0), (-INF, 2.0), (0.0, 1.0)],
    "elu": [(INF, INF), (-INF, -1.0), (0.0, 0.0), (-0.0, -0.0), (3e38, 3e38), (-1e30, -1.0)],
    "elu_slope": [(INF, 1.0), (-INF, 0.0), (0.0, 1.0), (-0.0, 1.0), (-1e30, 0.0)],
    "exp": [(INF, INF), (-INF, 0.0), (0.0, 1.0), (-0.0, 1.0), (1e4, INF), (-1e4, 0.0)],
    "expm1": [(INF, INF), (-INF, -1.0), (0.0, 0.0), (-0.0, -0.0)],
    "gelu": [(INF, INF), (-INF, -0.0), (0.0, 0.0), (-0.0, -0.0), (3e38, 3e38), (-1e30, -0.0)],
    "gelu_slope": [(INF, 1.0), (-INF, -0.0), (0.0, 0.5), (-0.0, 0.5)],
    "gelu_tanh": [(INF, INF), (-INF, -0.0), (0.0, 0.0), (-0.0, -0.0), (3e38, 3e38)],
    "gelu_tanh_slope": [(INF, 1.0), (-INF, -0.0), (0.0, 0.5), (-0.0, 0.5), (-1e30, -0.0)],
    "hard_swish": [(INF, INF), (-INF, 0.0), (0.0, 0.0), (-0.0, -0.0), (-3.0, 0.0), (3.0, 3.0)],
    "hard_swish_slope": [(INF, 1.0), (-INF, 0.0), (0.0, 0.5), (-3.0, 0.0), (3.0, 1.0)],
    "log": [(INF, INF), (-INF, NAN), (0.0, -INF), (-0.0, -INF), (-1.0, NAN), (1.0, 0.0)],
    "log1p": [(INF, INF), (-INF, NAN), (0.0, 0.0), (-0.0, -0.0), (-1.0, -INF), (-2.0, NAN)],
    "log_sigmoid": [(INF, -0.0), (-INF, -INF), (-200.0, -200.0)],
    "logish": [(INF, INF), (-INF, -0.0), (0.0, 0.0), (-0.0, -0.0), (-1e30, -0.0)],
    "logish_slope": [(-INF, -0.0), (-1e30, -0.0)],
    "mish": [(INF, INF), (-INF, -0.0), (0.0, 0.0), (-0.0, -0.0), (3e38, 3e38), (-1e30, -0.0)],
    "normcdf": [(INF, 1.0), (-INF, 0.0), (0.0, 0.5), (-0.0, 0.5)],
    "normpdf": [(INF, 0.0), (-INF, 0.0)],
    "quick_gelu": [(INF, INF), (-INF, -0.0), (0.0, 0.0), (-0.0, -0.0), (3e38, 3e38)],
    "quick_gelu_slope": [(INF, 1.0), (-INF, -0.0), (0.0, 0.5), (-0.0, 0.5), (-1e30, -0.0)],
    "sech": [(INF, 0.0), (-INF, 0.0), (0.0, 1.0), (1e30, 0.0)],
    "sech_softplus": [(INF, 0.0), (-INF, 1.0)],
    "sigmoid_slope": [(INF, 0.0), (-INF, 0.0), (0.0, 0.25)],
    "silu": [(INF, INF), (-INF, -0.0), (0.0, 0.0), (-0.0, -0.0), (1e38, 1e38), (-1e38, -0.0)],
    "silu_slope": [(INF, 1.0), (-INF, -0.0), (0.0, 0.5), (-0.0, 0.5), (-1e30, -0.0)],
    "sigmoid": [(INF, 1.0), (-INF, 0.0), (0.0, 0.5), (-1e30, 0.0)],
    "sign": [(INF, 1.0), (-INF, -1.0), (0.0, 0.0), (-0.0, 0.0), (-1e-40, -1.0)],
    "sin": [(INF, NAN), (-INF, NAN), (0.0, 0.0), (-0.0, -0.0), (-(2.0**21), NAN)],
    "sinh": [(INF, INF), (-INF, -INF), (-0.0, -0.0), (0.0, 0.0)],
    "softplus": [(INF, INF), (-INF, 0.0), (200.0, 200.0)],
    "softsign_slope": [(INF, 0.0), (-INF, 0.0), (0.0, 1.0), (-0.0, 1.0)],
    "squareplus": [(INF, INF), (-INF, 0.0), (0.0, 1.0), (-0.0, 1.0), (3e38, 3e38)],
    "squareplus_slope": [(INF, 1.0), (-INF, 0.0), (0.0, 0.5), (-0.0, 0.5), (1e30, 1.0)],
    "sqrt": [(INF, INF), (-INF, NAN), (-0.0, -0.0), (4.0, 2.0)],
    "tanh": [(INF, 1.0), (-INF, -1.0), (-0.0, -0.0), (0.0, 0.0)],
    "tanh_shrink": [(INF, INF), (-INF, -INF), (0.0, 0.0), (-0.0, -0.0)],
    "tanh_slope": [(INF, 0.0), (-INF, 0.0), (0.0, 1.0), (-0.0, 1.0)],
    "tanh_softplus_slope": [(INF, 0.0), (-INF, 0.0)],
    "tanh_softplus": [(INF, 1.0), (-INF, 0.0)],
}


def assert_same(result, wanted):
    np.testing.assert_array_equal(result, wanted)
    signed = ~np.isnan(np.asarray(wanted))
    np.testing.assert_array_equal(
        np.signbit(np.asarray(result))[signed], np.signbit(np.asarray(wanted))[signed]
    )


@pytest.mark.parametrize(("precision", "name"), EVERY)
def test_special_values(precision, name):
    given, expected = zip(*SPECIAL[name], strict=True)
    values = np.array([*given, NAN, -NAN], DTYPES[precision])
    # A NaN with a payload: it must not be mistaken for an exponent.
    values[-1:].view(np.uint64 if precision == "float64" else np.uint32)[0] += 1
    wanted = np.array([*expected, NAN, NAN], DTYPES[precision])
    assert_same(run(precision, name, values), wanted)


@pytest.mark.parametrize("name", ["minimum", "maximum"])
def test_minimum_and_maximum_are_numpys(name):
    function = primitives("mixed")[name]
    for a in (1.0, -2.0, INF, -INF, NAN):
        for b in (1.0, 3.0, INF, -INF, NAN):
            assert_same(function(a, b), getattr(np, name)(a, b))


def test_clip_keeps_nan():
    clip = primitives("mixed")["clip"]
    assert [clip(x, -1.0, 2.0) for x in (-INF, 0.5, 7.0)] == [-1.0, 0.5, 2.0]
    assert math.isnan(clip(NAN, -1.0, 2.0))


def test_integer_powers_multiply():
    @numba.njit
    def eleventh(x):
        return bits.integer_power(x, 11)

    assert eleventh(3.0) == 3.0**11
    assert eleventh(-0.0) == 0.0
    assert math.copysign(1.0, eleventh(-0.0)) == -1.0


# --- vectors -------------------------------------------------------------------------------------


def loops_of(kernel):
    """The instructions of each loop of a kernel's machine code, as lists of lines."""
    (text,) = kernel.inspect_asm().values()
    name = next(re.finditer(r"^\s*\.type\s+(\S+),@function", text, re.MULTILINE)).group(1)
    body = text.split(f"\n{name}:\n")[1].split(".Lfunc_end")[0].splitlines()
    labels = {line.split(":")[0]: i for i, line in enumerate(body) if line.startswith(".LBB")}
    found = []
    for i, line in enumerate(body):
        jump = re.match(r"\s+(?:j\w+|b\S*|cb\S+|tb\S+)\s.*?(\.LBB\w+)", line)
        if jump and labels.get(jump.group(1), i) < i:
            found.append(body[labels[jump.group(1)] : i])
    return found


def problems(kernel):
    """Why the loops of a kernel are not vector code; empty if they are."""
    loops = loops_of(kernel)
    calls = [line for loop in loops for line in loop if re.match(r"\s+(call|bl\s|blr\s)", line)]
    packed = any(re.search(r"%[yz]mm|\.2d|\.4s", line) for loop in loops for line in loop)
    return calls + ([] if packed else [f"no packed instruction in {len(loops)} loops"])


@pytest.mark.parametrize(("precision", "name"), EVERY)
def test_loop_is_vectorised(precision, name):
    assert available()
    assert problems(kernel_of(precision, name)) == []


@pytest.mark.parametrize("precision", ["float64", "mixed"])
def test_loop_with_power_is_vectorised(precision):
    assert problems(power_kernel(precision)) == []


def test_a_library_call_is_noticed():
    @numba.njit
    def library(x):
        return math.erf(x)

    assert problems(loop(library, np.float64)) != []


@pytest.mark.parametrize(
    ("precision", "name"),
    [
        ("float64", "normcdf"),
        ("float64", "sin"),
        ("mixed", "exp"),
        ("mixed", "erf"),
        ("single", "silu"),
    ],
)
def test_a_lane_and_the_remainder_give_the_same_bits(precision, name):
    values = sample(name, DTYPES[precision], 40)
    together = run(precision, name, values)
    alone = np.concatenate([run(precision, name, values[i : i + 1]) for i in range(values.size)])
    np.testing.assert_array_equal(together, alone)


def test_vector_width_can_be_asked_for():
    exp = primitives("mixed")["exp"]

    @numba.njit("void(float32[::1], float32[::1])", error_model="numpy")
    def kernel(x, out):
        bits.prefer_wide_vectors()
        for i in range(x.shape[0]):
            out[i] = exp(np.float64(x[i]))

    (code,) = kernel.inspect_llvm().values()
    assert '"prefer-vector-width"="512"' in code
    assert problems(kernel) == []


# --- tables and names ----------------------------------------------------------------------------


def test_tables_are_what_the_fit_prints():
    printed = io.StringIO()
    with redirect_stdout(printed):
        fit.main()
    assert printed.getvalue() == (Path(vectormath.__file__).parent / "tables.py").read_text()


def test_both_precisions_have_the_primitives_of_the_language():
    arithmetic = {"add", "sub", "mul", "div", "neg", "pi", "e", "where"}
    comparisons = {word for word, row in PRIMITIVES.items() if row.is_comparison}
    for precision in ("float64", "mixed"):
        assert set(PRIMITIVES) - arithmetic - comparisons <= set(primitives(precision))


def test_formulas_of_fused_functions_are_their_own():
    """Each formula, evaluated exactly, is the function that replaces it."""
    slopes = {tidied(differentiate(parse(formula))): name for formula, name in SLOPES.items()}
    values = {parse(formula): name for formula, name in {**REWRITES, **WHOLE}.items()}
    for formula, name in {**values, **slopes}.items():
        for x in ("-2.5", "0.75"):
            value = evaluate(formula, {"x": x}, {}, digits=30)
            with mp.workdps(30):
                assert mp.almosteq(mp.mpf(value), EXACT[name](mp.mpf(x)), mp.mpf(10) ** -25)


def test_unknown_set_is_a_clear_error():
    with pytest.raises(
        UnknownNameError,
        match="no set of primitives 'float8'; choose one of float64, whole, mixed, single, pairs",
    ):
        primitives("float8")
