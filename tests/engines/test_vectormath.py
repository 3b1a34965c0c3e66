"""The vector primitives: every bound, and what stands for which formula."""

from __future__ import annotations

import csv
import io
import math
from contextlib import redirect_stdout
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
    fit,
    primitives,
)
from actlab.errors import UnknownNameError
from actlab.formula import PRIMITIVES, parse
from actlab.formula.calculus import differentiate, tidied
from engines.vectors import (
    DTYPES,
    EVERY,
    EXACT,
    INF,
    NAN,
    SLOPE_IS_ZERO,
    loop,
    power_kernel,
    run,
    sample,
    worst,
)

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


def smish_slope_in_float64(x):
    s, z = run("float64", "sigmoid", x), run("float64", "sigmoid", -x)
    gate = run("float64", "log1p", s)
    return run("float64", "tanh", gate) + x * run("float64", "sech", gate) ** 2 * s * z / (1 + s)


def telu_slope_in_float64(x):
    n = run("float64", "exp", np.minimum(x, 100))
    return run("float64", "tanh", n) + x * (n * run("float64", "sech", n) ** 2)


def whole_twin(name):
    """The function of `single` as a formula in float64 primitives, which are tested above."""
    line, bend = math.sqrt(8 / math.pi), 0.044715 * math.sqrt(8 / math.pi)

    def gated(z, steep):
        return f["sigmoid"](z) * (1 + steep * f["sigmoid"](-z))

    f = {word: lambda x, word=word: run("float64", word, x) for word in ("sigmoid", "sech")}
    formulas = {
        "bent_identity": lambda x: x + 0.5 * (x * x / (np.hypot(x, 1) + 1)),
        "bent_identity_slope": lambda x: 1 + x / np.hypot(x, 1) / 2,
        "isru": lambda x: x / np.hypot(x, 1),
        "isru_slope": lambda x: 1 / np.hypot(x, 1) ** 3,
        "lisht": lambda x: x * run("float64", "tanh", x),
        "lisht_slope": lambda x: run("float64", "tanh", x) + x * f["sech"](x) ** 2,
        "smish": lambda x: x * run("float64", "tanh", run("float64", "log1p", f["sigmoid"](x))),
        "smish_slope": smish_slope_in_float64,
        "tanh_shrink_slope": lambda x: run("float64", "tanh", x) ** 2,
        "telu": lambda x: x * run("float64", "tanh", run("float64", "exp", x)),
        "telu_slope": telu_slope_in_float64,
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
        "mish_slope": lambda x: (
            run("float64", "tanh_softplus", x)
            + x * run("float64", "sech_softplus", x) ** 2 * f["sigmoid"](x)
        ),
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
