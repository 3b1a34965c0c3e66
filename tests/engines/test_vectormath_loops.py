"""The vector primitives: every special value, and that LLVM vectorises each."""

from __future__ import annotations

import math
import re

import numba
import numpy as np
import pytest

from actlab.engines.vectormath import available, bits, primitives
from engines.vectors import DTYPES, EVERY, INF, NAN, kernel_of, loop, power_kernel, run, sample

# --- special values ------------------------------------------------------------------------------

SPECIAL = {
    "abs": [(-INF, INF), (-0.0, 0.0)],
    "arcsinh": [(-INF, -INF), (INF, INF), (-0.0, -0.0)],
    "arctan": [(-INF, -math.pi / 2), (INF, math.pi / 2), (-0.0, -0.0)],
    "bent_identity": [
        (INF, INF),
        (-INF, -INF),
        (0.0, 0.0),
        (-0.0, 0.0),
        (3e38, INF),
        (-3e38, -1.5e38),
    ],
    "bent_identity_slope": [(INF, 1.5), (-INF, 0.5), (0.0, 1.0), (-0.0, 1.0), (-3e38, 0.5)],
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
    "isru": [(INF, 1.0), (-INF, -1.0), (0.0, 0.0), (-0.0, -0.0), (3e38, 1.0), (1e-45, 1e-45)],
    "isru_slope": [(INF, 0.0), (-INF, 0.0), (0.0, 1.0), (-0.0, 1.0), (3e38, 0.0)],
    "lisht": [(INF, INF), (-INF, INF), (0.0, 0.0), (-0.0, 0.0), (-3e38, 3e38)],
    "lisht_slope": [(INF, 1.0), (-INF, -1.0), (0.0, 0.0), (-0.0, -0.0), (-3e38, -1.0)],
    "log": [(INF, INF), (-INF, NAN), (0.0, -INF), (-0.0, -INF), (-1.0, NAN), (1.0, 0.0)],
    "log1p": [(INF, INF), (-INF, NAN), (0.0, 0.0), (-0.0, -0.0), (-1.0, -INF), (-2.0, NAN)],
    "log_sigmoid": [(INF, -0.0), (-INF, -INF), (-200.0, -200.0)],
    "logish": [(INF, INF), (-INF, -0.0), (0.0, 0.0), (-0.0, -0.0), (-1e30, -0.0)],
    "logish_slope": [(-INF, -0.0), (-1e30, -0.0)],
    "mish": [(INF, INF), (-INF, -0.0), (0.0, 0.0), (-0.0, -0.0), (3e38, 3e38), (-1e30, -0.0)],
    "mish_slope": [(-INF, -0.0), (-1e30, -0.0), (INF, 1.0), (3e38, 1.0)],
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
    "smish": [
        (INF, INF),
        (-INF, -0.0),
        (0.0, 0.0),
        (-0.0, -0.0),
        (5 * 2.0**120, 3 * 2.0**120),
        (-1e30, -0.0),
    ],
    "smish_slope": [(-INF, -0.0), (-1e30, -0.0), (INF, 0.6), (3e38, 0.6)],
    "softplus": [(INF, INF), (-INF, 0.0), (200.0, 200.0)],
    "softsign_slope": [(INF, 0.0), (-INF, 0.0), (0.0, 1.0), (-0.0, 1.0)],
    "squareplus": [(INF, INF), (-INF, 0.0), (0.0, 1.0), (-0.0, 1.0), (3e38, 3e38)],
    "squareplus_slope": [(INF, 1.0), (-INF, 0.0), (0.0, 0.5), (-0.0, 0.5), (1e30, 1.0)],
    "sqrt": [(INF, INF), (-INF, NAN), (-0.0, -0.0), (4.0, 2.0)],
    "tanh": [(INF, 1.0), (-INF, -1.0), (-0.0, -0.0), (0.0, 0.0)],
    "tanh_shrink": [(INF, INF), (-INF, -INF), (0.0, 0.0), (-0.0, -0.0)],
    "tanh_shrink_slope": [(INF, 1.0), (-INF, 1.0), (0.0, 0.0), (-0.0, 0.0), (3e38, 1.0)],
    "tanh_slope": [(INF, 0.0), (-INF, 0.0), (0.0, 1.0), (-0.0, 1.0)],
    "telu": [(INF, INF), (-INF, -0.0), (0.0, 0.0), (-0.0, -0.0), (3e38, 3e38), (-1e30, -0.0)],
    "telu_slope": [(INF, 1.0), (-INF, -0.0), (-1e30, -0.0), (3e38, 1.0)],
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
