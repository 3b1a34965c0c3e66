"""The contract of an activation, as functions of an activation and an engine.

The tests run them over the whole registry; the tests of planted faults run the same functions
over broken copies and expect an AssertionError.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
import torch

from actlab.accuracy import bound_for, error_in_ulp, measure
from actlab.accuracy.points import edges
from actlab.engines.numpy import step_by_step
from actlab.formula import Call, symbols_of

ORDERS = {"scalar": (0, 1, 2), "gated": (0, 1), "vector": (0,)}
_DIGITS = 50
_FEW = 16
"""Numbers of a small sample; one size, since XLA compiles every operation for each."""
_AWAY = 0.03
"""How far from a kink a numerical derivative must stay."""
IN_PAIRS = {"maxout", "max_min", "group_sort"}
"""Vector functions of pairs of neighbours: they need an even size."""
_ENTRY_BY_ENTRY = {"relu_attention", "sigmoid_attention"}


def cases(f: Any) -> list[tuple[int, str]]:
    """Orders of the derivative, and the inputs to differentiate by."""
    return [(order, wrt) for order in ORDERS[f.kind] for wrt in (f.variables if order else ("x",))]


def _options(order: int, wrt: str) -> dict[str, Any]:
    return {"wrt": wrt} if order else {}


def _depends(f: Any, order: int, wrt: str) -> set[str]:
    """The inputs on which a value or derivative depends at all."""
    if f.kind == "vector":
        return {"x"}
    return set(symbols_of(f.slope(wrt, order))) & {"x", "gate"}


def is_surrogate(f: Any) -> bool:
    """Whether its gradients are on purpose not those of its value."""
    return f.rule.surrogate if f.kind == "vector" else f.backward is not None


def _shape_of_result(f: Any, shape: Any) -> tuple[int, ...]:
    *first, last = shape
    if f.kind == "vector" and f.rule.resizes:
        last = last // 2 if f.name in IN_PAIRS else last * 2
    return (*first, last)


def _smooth_points(f: Any, count: int, seed: int = 3) -> np.ndarray:
    points = np.random.default_rng(seed).uniform(-4, 4, 6 * count)
    for edge in edges(f) if f.kind == "scalar" else (0.0,):
        points = points[np.abs(points - edge) > _AWAY]
    return points[:count]


# -- the formula itself ------------------------------------------------------------------------


def check_definition(f: Any) -> None:
    """`formula` and `definition` agree to 50 digits, with their derivatives.

    At a kink the derivative is a choice. Where the definition chooses one of the two slopes, the
    formula chooses the same; where it does not (the slopes of two terms that both end there add
    up), the formula has one of the two.
    """
    other = replace(f, formula=f.definition, definition=None)
    for order in (0, 1, 2):
        for x in map(float, [*_smooth_points(f, 12), -12.0, 12.0, 1e-9]):
            inputs = (x,) if f.kind == "scalar" else (x, x / 2 + 0.25)
            mine = f.exact(*inputs, order=order, digits=_DIGITS)
            theirs = other.exact(*inputs, order=order, digits=_DIGITS)
            _assert_same(f, order, x, mine, theirs)
    for x in edges(f) if f.kind == "scalar" else ():
        _assert_same(f, 0, x, f.exact(x, digits=_DIGITS), other.exact(x, digits=_DIGITS))
        mine, theirs = (g.exact(x, order=1, digits=_DIGITS) for g in (f, other))
        with mpmath.workdps(80):
            sides = [
                other.exact(mpmath.mpf(x) + s, order=1, digits=_DIGITS)
                for s in (-(mpmath.mpf(2) ** -120), mpmath.mpf(2) ** -120)
            ]
        if any(abs(theirs - side) < 1e-25 for side in sides):
            _assert_same(f, 1, x, mine, theirs)
        else:
            allowed = [theirs, *sides]
            assert any(abs(mine - slope) < 1e-25 for slope in allowed), (f.name, x, mine, sides)


def _assert_same(f: Any, order: int, x: float, mine: Any, theirs: Any) -> None:
    with mpmath.workdps(_DIGITS):
        room = abs(mine) * mpmath.mpf(10) ** (2 - _DIGITS)
        same = mine == theirs or abs(mine - theirs) <= room
        shown = [mpmath.nstr(value, _DIGITS) for value in (mine, theirs)]
    where = f"{f.name}, order {order}, at {x!r}"
    assert same, f"{where}: {shown[0]} but by the definition {shown[1]}"


def check_slopes(f: Any) -> None:
    """Exact derivatives are those of the exact value, by difference quotients at 80 digits."""
    step = mpmath.mpf(2) ** -70
    for order, wrt in cases(f)[1:]:
        if order == 1 and is_surrogate(f):
            continue  # on purpose; the second derivative is that of the first again
        if f.kind == "gated" and wrt == "gate":
            continue  # by symmetry of the rule; gradcheck differentiates by the gate
        for x in map(float, _smooth_points(f, 8)):
            rest = () if f.kind == "scalar" else (0.75,)
            with mpmath.workdps(80):
                low, high = mpmath.mpf(x) - step, mpmath.mpf(x) + step
                below, above = (f.exact(v, *rest, order=order - 1, digits=80) for v in (low, high))
                quotient = (above - below) / (2 * step)
                slope = f.exact(x, *rest, order=order, digits=80)
                # the quotient is off by step²/6 times the third derivative
                assert abs(quotient - slope) <= mpmath.mpf(10) ** -30 * (1 + abs(slope)), (
                    f"{f.name}, order {order}, at {x!r}: {slope} but the values say {quotient}"
                )


# -- engines -----------------------------------------------------------------------------------


def check_layouts(f: Any, engine: Any, dtype: str) -> None:
    """Shape and dtype are kept, whatever the order in memory, and so are the values."""
    # results of vector and scalar code may differ in the last bits, not in more
    slack = {"float16": 2e-3, "bfloat16": 1.6e-2, "float32": 1e-5, "float64": 1e-13}[dtype]
    for title, x in engine.layouts(dtype).items():
        if f.name in IN_PAIRS and x.shape[-1] % 2:
            continue
        for order, wrt in cases(f):
            inputs = (x, x) if f.kind == "gated" else (x,)
            result = engine.run(f, *inputs, order=order, **_options(order, wrt))
            where = f"{f.name}, order {order}, {engine.name} {dtype}, {title}"
            assert tuple(result.shape) == _shape_of_result(f, x.shape), where
            assert engine.dtype_of(result) == dtype, where
            plain = engine.array(engine.floats(x), dtype)
            again = engine.run(
                f, *((plain, plain) if f.kind == "gated" else (plain,)),
                order=order, **_options(order, wrt),
            )  # fmt: skip
            np.testing.assert_allclose(
                engine.floats(result), engine.floats(again), rtol=slack, atol=slack, err_msg=where
            )


def check_single_numbers(f: Any, engine: Any, dtype: str) -> None:
    """An array without dimensions gives one without dimensions, of the same dtype."""
    x = engine.array(0.7, dtype)
    for order, wrt in cases(f):
        inputs = (x, x) if f.kind == "gated" else (x,)
        result = engine.run(f, *inputs, order=order, **_options(order, wrt))
        assert tuple(result.shape) == ()
        assert engine.dtype_of(result) == dtype


def check_pairs(f: Any, engine: Any, dtype: str) -> None:
    """The two inputs of a gated pair broadcast; one input is cut in halves."""
    x = engine.array(np.linspace(-2, 2, 3).reshape(3, 1), dtype)
    gate = engine.array(np.linspace(-1, 3, 4).reshape(1, 4), dtype)
    whole = engine.run(f, x, gate)
    assert tuple(whole.shape) == (3, 4)
    assert engine.dtype_of(whole) == dtype
    halves = engine.array(np.linspace(-2, 2, 24).reshape(4, 6), dtype)
    for axis, shape in ((-1, (4, 3)), (0, (2, 6)), (1, (4, 3))):
        half = shape[axis]
        cut = (halves[:, :half], halves[:, half:]) if axis else (halves[:half], halves[half:])
        joined = engine.run(f, halves, axis=axis)
        assert tuple(joined.shape) == shape
        np.testing.assert_array_equal(engine.floats(joined), engine.floats(engine.run(f, *cut)))


def check_nan(f: Any, engine: Any, dtype: str) -> None:
    """NaN in, NaN out, for every value and derivative that depends on the input at all."""
    for order, wrt in cases(f):
        depends = _depends(f, order, wrt)
        for place, variable in enumerate(f.variables):
            values = [np.full(_FEW, 0.5) for _ in f.variables]
            values[place] = np.resize([np.nan, -1.0, np.nan, 0.5], _FEW)
            inputs = [engine.array(v, dtype) for v in values]
            result = engine.floats(engine.run(f, *inputs, order=order, **_options(order, wrt)))
            where = f"{f.name}, order {order} by {wrt}, {engine.name} {dtype}, NaN as {variable}"
            if f.kind == "vector" and "softmax" in f.family and f.name not in _ENTRY_BY_ENTRY:
                assert np.isnan(result).all(), where
            elif f.kind == "vector":
                assert np.isnan(result).any(), where
            elif variable in depends:
                assert np.isnan(result[[0, 2]]).all(), where
                assert not np.isnan(result[1]), where
            else:
                assert not np.isnan(result).any(), where


def check_ends(f: Any, engine: Any, dtype: str) -> None:
    """At ±0 and ±inf the result is the exact value or limit, with the sign of a zero."""
    ends = (0.0, -0.0, math.inf, -math.inf)
    for order in ORDERS[f.kind]:
        inputs = engine.array(np.resize(ends, _FEW), dtype)
        results = engine.floats(engine.run(f, inputs, order=order))
        for x, computed in zip(ends, map(float, results[4:8]), strict=True):
            exact = _exact_at(f, order, x, math.copysign(1, x))
            error = error_in_ulp(computed, exact, dtype)
            bound = max(bound_for(f.name, engine.name, dtype, order), 1.0)
            where = f"{f.name}, order {order}, {engine.name} {dtype}, at {x}"
            assert error <= bound, f"{where}: {computed} but exactly {exact}"
            if order == 0 and exact == 0 and not (x == 0 and _is_sum(f.formula)):
                nearby = f.exact(math.copysign(2.0**-60 if x == 0 else 40.0, x), digits=20)
                if nearby != 0 and (x != 0 or abs(nearby) < 1e-9):  # elsewhere it jumps
                    assert math.copysign(1, computed) == mpmath.sign(nearby), (
                        f"{where}: {computed}, but nearby values are {float(nearby):g}"
                    )


@lru_cache(maxsize=4096)
def _exact_at(f: Any, order: int, x: float, sign: float) -> Any:
    """The exact value at an end; the sign tells the zeros apart, which are equal as numbers."""
    assert math.copysign(1, x) == sign
    return f.exact(x, order=order, digits=30)


def _is_sum(formula: Any) -> bool:
    """Whether the result is a sum: in IEEE 754 zeros of different sign add up to +0."""
    if not isinstance(formula, Call):
        return False
    if formula.head == "where":
        return any(map(_is_sum, formula.arguments[1:]))
    return formula.head in {"add", "sub"}


def check_accuracy(f: Any, engine: Any, dtype: str, order: int = 0, wrt: str = "x") -> Any:
    """The error over the fixed inputs is within the ledger's bound."""

    def run(*inputs: Any, dtype: str) -> Any:
        arrays = [engine.array(values, dtype) for values in inputs]
        return engine.floats(engine.run(f, *arrays, order=order, **_options(order, wrt)))

    run.__name__ = engine.name
    measured = measure(f, run, dtype, order, wrt)
    bound = bound_for(f.name, engine.name, dtype, order, wrt)
    assert measured.max_ulp <= bound, f"{measured}; bound {bound:g}"
    return measured


def check_integers(f: Any, engine: Any) -> None:
    """Integers give the framework's floating type, or stay where the formula only chooses."""
    x = engine.integers(np.resize([-3, -1, 0, 5, 1, 2, 8, -7], (2, 2, 6)))
    wide = engine.default
    inputs = (x, x) if f.kind == "gated" else (x,)
    result = engine.run(f, *inputs)
    assert engine.dtype_of(result) in (wide, engine.dtype_of(x))
    expected = engine.run(f, *(engine.array(engine.floats(i), wide) for i in inputs))
    np.testing.assert_allclose(engine.floats(result), engine.floats(expected), rtol=1e-5)


# -- PyTorch -----------------------------------------------------------------------------------


def torch_inputs(f: Any, count: int = 10, *, gradient: bool = True) -> tuple[torch.Tensor, ...]:
    """float64 tensors away from kinks."""
    if f.kind == "vector":
        x = torch.tensor(np.random.default_rng(5).normal(size=(3, 4)))
        return (x.requires_grad_(gradient),)
    x = torch.tensor(_smooth_points(f, count))
    inputs = (x,) if f.kind == "scalar" else (x, x.flip(0) * 0.7)
    return tuple(value.clone().requires_grad_(gradient) for value in inputs)


def check_gradients(f: Any) -> None:
    """First and second derivatives of autograd are those of the values."""
    if is_surrogate(f):
        return  # see check_autograd_is_derivative
    inputs = torch_inputs(f)
    assert torch.autograd.gradcheck(f, inputs)
    assert torch.autograd.gradgradcheck(f, inputs)


def check_autograd_is_derivative(f: Any) -> None:
    """`backward` gives what `derivative` gives, at kinks and ends too, to the second order."""
    values = [0.0, -0.0, *edges(f), *_smooth_points(f, 6), 50.0, -50.0]
    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
    np.testing.assert_array_equal(first.detach().numpy(), f.derivative(x.detach()).numpy())
    if first.requires_grad:
        (second,) = torch.autograd.grad(first.sum(), x)
        np.testing.assert_array_equal(second.numpy(), f.derivative(x.detach(), order=2).numpy())


def check_functional(f: Any) -> None:
    """torch.func: grad under vmap, and forward mode.

    What is mapped runs the formula's operations in float64, without the longer numbers that a
    formula is given that loses digits, and is held against the same operations of NumPy.
    """
    (x,) = torch_inputs(f, gradient=False)
    mapped = torch.func.vmap(torch.func.grad(f))(x)
    plain = step_by_step(f.filled(f.slope()), (), ("x",))(x.numpy())
    torch.testing.assert_close(mapped, torch.from_numpy(plain.copy()), rtol=1e-13, atol=1e-15)
    value, tangent = torch.func.jvp(f, (x,), (torch.ones_like(x),))
    torch.testing.assert_close(value, f(x), rtol=1e-13, atol=1e-15)
    torch.testing.assert_close(tangent, f.derivative(x), rtol=1e-13, atol=1e-15)


def check_autocast(f: Any) -> None:
    """Inside autocast a function does what it does outside: it never needs a wider type."""
    for dtype in (torch.float32, torch.bfloat16):
        inputs = tuple(v.to(dtype) for v in torch_inputs(f, gradient=False))
        outside = f(*inputs)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            inside = f(*inputs)
        assert inside.dtype == dtype
        torch.testing.assert_close(inside, outside, rtol=0, atol=0)


def saved_tensors(f: Any, *inputs: torch.Tensor) -> int:
    """How many different tensors autograd keeps for the backward pass."""
    kept: set[int] = set()

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept.add(tensor.data_ptr())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = f(*inputs)
    assert result.requires_grad or not kept
    return len(kept)


def check_saved(f: Any) -> None:
    """One tensor is kept per scalar function, two per gated pair."""
    assert saved_tensors(f, *torch_inputs(f)) <= len(f.variables)


def check_parameter_gradients(f: Any) -> None:
    """Parameters may be tensors, and their gradients are right."""
    counts = {name for name, spec in f.specs.items() if spec.whole}
    names = [*(n for n in f.parameters if n not in _bounds(f) | counts), *f.random]
    if not names or (f.kind == "vector" and is_surrogate(f)):
        return
    values = {
        name: f.parameters.get(name, 0.25) * 1.01 + (0.0 if f.parameters.get(name, 1) else 0.05)
        for name in names
    }
    settings = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in values.values()]
    inputs = torch_inputs(f, gradient=not is_surrogate(f))
    count = len(inputs)

    def run(*arguments: torch.Tensor) -> torch.Tensor:
        given = dict(zip(names, arguments[count:], strict=True))
        result: torch.Tensor = f(*arguments[:count], **given)
        return result

    assert torch.autograd.gradcheck(run, (*inputs, *settings))


def _bounds(f: Any) -> set[str]:
    return {bound for draw in f.random.values() for bound in draw.bounds}
