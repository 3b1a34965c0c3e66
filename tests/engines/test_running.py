"""Bounds beside results: they hold, for every word and for whole formulas, and are not idle."""

from __future__ import annotations

import math
from functools import cache
from itertools import product

import numba
import numpy as np
import pytest
from mpmath import mp

import actlab
from actlab.accuracy import exhaustive, running
from actlab.accuracy.running import WORDS, with_bounds
from actlab.engines.vectormath.bits import primitive
from actlab.formula import PRIMITIVES, parse

COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
UNARY = sorted(word for word in WORDS if PRIMITIVES[word].arity == 1)
BINARY = ("add", "sub", "mul", "div", "pow", "maximum", "minimum")
POSITIVE = {"log", "sqrt", "pow"}
ERRORS = (0.0, 1e-16, 1e-9, 1e-3, 0.4)


@cache
def loop(word, arity):
    return loop_of(WORDS[word], arity)


def loop_of(function, arity):
    if arity == 1:

        @numba.njit(error_model="numpy")
        def run(a, da, b, db, out):
            for i in range(a.size):
                out[i, 0], out[i, 1] = function((a[i], da[i]))

    else:

        @numba.njit(error_model="numpy")
        def run(a, da, b, db, out):
            for i in range(a.size):
                out[i, 0], out[i, 1] = function((a[i], da[i]), (b[i], db[i]))

    return run


def operands(word, seed):
    """Numbers of all sizes, and how far each may be from the true one."""
    random = np.random.default_rng(seed)
    sizes = np.concatenate([random.uniform(0, r, 16) for r in (1e-3, 1, 20)])
    values = sizes if word in POSITIVE else sizes * random.choice([-1, 1], sizes.size)
    if word == "log1p":
        values = np.abs(values) - 0.9
    return values, random.choice(ERRORS, sizes.size) * random.choice([1.0, 1e-6], sizes.size)


def violations(run, word, arity, *, errors=True):
    """Results whose true value, for operands somewhere within their errors, is out of bounds."""
    (a, da), (b, db) = operands(word, 1), operands(word, 2)
    if not errors:
        da, db = np.zeros((2, a.size))
    if word in POSITIVE:
        da = np.minimum(da, 0.45 * a)
    out = np.empty((a.size, 2))
    run(a, da, b, db, out)
    found, finite = 0, 0
    with mp.workprec(150):
        for i, (value, bound) in enumerate(out):
            finite += bool(np.isfinite(bound))
            for s, t in product((-1, 0, 1), (-1, 0, 1) if arity == 2 else (0,)):
                true = [mp.mpf(a[i]) + s * mp.mpf(da[i]), mp.mpf(b[i]) + t * mp.mpf(db[i])]
                if word == "div" and true[1] == 0:
                    continue
                exact = PRIMITIVES[word].exact(mp, *true[:arity])
                found += abs(exact - mp.mpf(value)) > running.SLACK * mp.mpf(bound)
    assert finite > a.size / 2
    return found


@pytest.mark.parametrize("word", [*UNARY, *BINARY])
def test_bounds_hold(word):
    arity = PRIMITIVES[word].arity
    assert violations(loop(word, arity), word, arity) == 0


def test_bounds_are_not_idle():
    """For exact operands the bound is what the word's own rounding may be, and no more."""
    x = np.linspace(0.3, 5, 400)
    zero, out = np.zeros_like(x), np.empty((x.size, 2))
    for word in set(UNARY) - {"neg", "abs", "sign"}:
        loop(word, 1)(x, zero, x, zero, out)
        assert (out[:, 1] <= 4 * 2.0**-52 * np.abs(out[:, 0]) + 1e-300).all(), word


@pytest.mark.parametrize("word", ["add", "mul", "exp"])
def test_a_forgotten_rounding_is_found(word, monkeypatch):
    monkeypatch.setattr(running, "HALF_UNIT", 0.0)
    monkeypatch.setattr(running, "BOUNDS", {"float64": {"exp": 0.0}})
    mended = {
        "add": lambda: primitive(running.add.py_func),
        "mul": lambda: primitive(running.mul.py_func),
        "exp": lambda: running._by_logarithm("exp", 0.0, 1.0),
    }
    arity = PRIMITIVES[word].arity
    assert violations(loop_of(mended[word](), arity), word, arity, errors=False) > 5


def test_a_forgotten_slope_is_found():
    flat = running._by_logarithm("erfc", 0.0, 1.0)
    assert violations(loop_of(flat, 1), "erfc", 1) > 0


def test_every_word_of_the_language_has_a_bound():
    assert set(PRIMITIVES) - {"pi", "e"} == set(WORDS)


def run(text, x):
    values, bounds = np.empty((2, len(x)))
    with_bounds(parse(text))(np.array(x, float), values, bounds)
    return values, bounds


@pytest.mark.parametrize("word", COMPARISONS)
def test_what_an_error_may_turn_around_counts_as_either(word):
    symbol = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}[word]
    _, bounds = run(f"where(x / 3 {symbol} 1, 5, 7)", [1.0, 2.9, np.nextafter(3, 0), 3.0, 3.1])
    assert (bounds < 1e-14).tolist() == [True, True, False, False, True]
    _, bounds = run(f"where(x {symbol} 1, 5, 7)", [np.nextafter(1, 0), 1.0])  # x has no error
    assert not bounds.any()


def test_nothing_is_shown_where_there_is_no_number():
    for text, x in (("1 / (x - 1)", 1.0), ("exp(x)", 1000.0), ("log(x)", -1.0), ("x", math.nan)):
        value, bound = run(f"{text} + x", [x])
        assert not bound[0] <= 1e300, (text, value)


@pytest.mark.parametrize(("name", "order"), [("rational_b", 1), ("hard_concrete", 0)])
def test_bounds_of_formulas_hold_and_grow_where_digits_are_lost(name, order):
    f = actlab.get(name)
    worst = {"rational_b": -1.2091789192463895e-05, "hard_concrete": -2.3978952727983702}[name]
    x = np.concatenate([np.linspace(-9, 9, 60), [worst, 1e5, 1e-30]])
    values, bounds = np.empty((2, x.size))
    with_bounds(exhaustive._expression(f, order))(x, values, bounds)
    exact = [f.exact(number, order=order, digits=25) for number in x]
    errors = [float(abs(mp.mpf(value) - true)) for value, true in zip(values, exact, strict=True)]
    assert (errors <= bounds).all()
    relative = bounds / np.abs(values).clip(1e-300)
    assert np.median(relative) < 1e-14
    assert relative[60] > 1e-7
