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
TRIED = sorted(word for word in WORDS if PRIMITIVES[word].arity < 3 and word not in COMPARISONS)
POSITIVE = {"log", "sqrt", "pow"}
ERRORS = (0.0, 1e-16, 1e-9, 1e-3, 0.4)


def loop_of(functions):
    """Each word's function of its own operands; one function, since many take longer to compile."""
    lines = ["def step(i, a, da, b, db, out):"]
    for k, word in enumerate(functions):
        second = f", (b[{k}, i], db[{k}, i])" * (PRIMITIVES[word].arity - 1)
        lines.append(f"    out[{k}, 0, i], out[{k}, 1, i] = f{k}((a[{k}, i], da[{k}, i]){second})")
    scope = {f"f{k}": function for k, function in enumerate(functions.values())}
    exec("\n".join(lines), scope)  # noqa: S102  from the words above
    step = numba.njit(error_model="numpy")(scope["step"])

    def run(*places):
        for i in range(places[0].shape[1]):
            step(i, *places)

    return run


every = cache(lambda: loop_of({word: WORDS[word] for word in TRIED}))


def operands(word, seed):
    """Numbers of all sizes, and how far each may be from the true one."""
    random = np.random.default_rng(seed)
    sizes = np.concatenate([random.uniform(0, r, 16) for r in (1e-3, 1, 20)])
    values = sizes if word in POSITIVE else sizes * random.choice([-1, 1], sizes.size)
    if word == "log1p":
        values = np.abs(values) - 0.9
    errors = random.choice(ERRORS, sizes.size) * random.choice([1.0, 1e-6], sizes.size)
    return values, np.minimum(errors, 0.45 * values) if word in POSITIVE else errors


def tried(words, *, errors):
    """Operands, with errors or without, of each word: as many rows as words, and four of them."""
    rows = [(*operands(word, 1), *operands(word, 2)) for word in words]
    a, da, b, db = map(np.array, zip(*rows, strict=True))
    return a, da * errors, b, db * errors


def violations(run, words, *, errors=True):
    """For each word the results whose true value, for some operands as near, is out of bounds."""
    places = tried(words, errors=errors)
    out = np.empty((len(words), 2, places[0].shape[1]))
    run(*places, out)
    return {word: _beyond(word, *(v[k] for v in places), *out[k]) for k, word in enumerate(words)}


def _beyond(word, a, da, b, db, values, bounds):
    assert np.isfinite(bounds).mean() > 0.5
    found, ends = 0, (-1, 0, 1)
    with mp.workprec(150):
        for i, (value, bound) in enumerate(zip(values, bounds, strict=True)):
            for s, t in product(ends, ends if PRIMITIVES[word].arity == 2 else (0,)):
                true = [mp.mpf(a[i]) + s * mp.mpf(da[i]), mp.mpf(b[i]) + t * mp.mpf(db[i])]
                if word != "div" or true[1] != 0:
                    exact = PRIMITIVES[word].exact(mp, *true[: PRIMITIVES[word].arity])
                    found += abs(exact - mp.mpf(value)) > running.SLACK * mp.mpf(bound)
    return found


def test_bounds_hold():
    found = violations(every(), TRIED)
    assert found == dict.fromkeys(TRIED, 0)


def test_bounds_are_not_idle():
    """For exact operands the bound is what the word's own rounding may be, and no more."""
    x = np.tile(np.linspace(0.3, 5, 400), (len(TRIED), 1))
    zero, out = np.zeros_like(x), np.empty((len(TRIED), 2, 400))
    every()(x, zero, x, zero, out)
    sizes = np.abs(out[:, 0]).clip(2.0**-600)
    assert (out[:, 1] / sizes).max() <= 4 * 2.0**-52


def test_what_is_forgotten_is_found(monkeypatch):
    monkeypatch.setattr(running, "HALF_UNIT", 0.0)
    monkeypatch.setattr(running, "BOUNDS", {"float64": {"exp": 0.0, "erfc": 3.0}})
    wrong = {
        "add": primitive(running.add.py_func),
        "mul": primitive(running.mul.py_func),
        "exp": running._by_logarithm("exp", 0.0, 1.0),
    }
    assert min(violations(loop_of(wrong), [*wrong], errors=False).values()) > 5
    flat = {"erfc": running._by_logarithm("erfc", 0.0, 1.0)}  # its tails are steeper
    assert violations(loop_of(flat), ["erfc"])["erfc"] > 0


def test_every_word_of_the_language_has_a_bound():
    assert set(PRIMITIVES) - {"pi", "e"} == set(WORDS)


def run(text, x):
    values, bounds = np.empty((2, len(x)))
    with_bounds(parse(text))(np.array(x, float), values, bounds)
    return values, bounds


def test_what_an_error_may_turn_around_is_not_sure():
    a, b = (np.tile(v, (len(COMPARISONS), 1)) for v in ([1.0, 2.0, 1.0, 1.0], [1.0, 1.5, 1.1, 1.1]))
    da, db = (np.tile(v, (len(COMPARISONS), 1)) for v in ([0, 0.1, 0, 0.1], [0, 0.3, 0, 0.1]))
    out = np.empty((len(COMPARISONS), 2, 4))
    loop_of({word: WORDS[word] for word in COMPARISONS})(a, da, b, db, out)
    for word, (said, sure) in zip(COMPARISONS, out, strict=True):
        expected = [PRIMITIVES[word].exact(mp, *pair) for pair in zip(a[0], b[0], strict=True)]
        assert said.tolist() == expected, word
        assert sure.tolist() == [True, True, True, False], word
    _, bounds = run("where(x / 3 < 1, 5, 7)", [2.9, np.nextafter(3, 0), 3.1])
    assert (bounds < 1e-14).tolist() == [True, False, True]


def test_nothing_is_shown_where_there_is_no_number():
    x = [1.0, 1000.0, -1.0, math.nan, 0.5]
    _, bounds = run("1 / (x - 1) + exp(x) + log(x)", x)
    assert (bounds < 1e300).tolist() == [False, False, False, False, True]
    values, bounds = run("maximum(minimum(x, 1), 0)", [math.nan, -2.0])  # as it should be
    assert (np.isnan(values).tolist(), bounds.tolist()) == ([True, False], [0.0, 0.0])


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
    relative = bounds / np.abs(values).clip(2.0**-600)
    assert np.median(relative) < 1e-14
    assert relative[60] > 1e-7
