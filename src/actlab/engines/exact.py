"""The exact engine: mpmath numbers, right to as many digits as are asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

from actlab.formula import PRIMITIVES, Call, Expression, Number, Symbol, differentiate, symbols_of
from actlab.formula.expression import nodes

__all__ = ["as_array", "evaluate", "form_for", "prepare", "vector"]

_MOST_BITS = 40_000
_SERIES = 50
"""Digits of the series that stand in some stable forms."""
_BITS_OF_ZERO = 1200
"""A 0 may be a cancellation, so it is believed only at this precision."""


def evaluate(
    expression: Expression,
    inputs: Mapping[str, Any],
    parameters: Mapping[str, float],
    wrt: str = "x",
    order: int = 0,
    digits: int = 50,
) -> Any:
    """The value or derivative at one point as an mpmath number.

    The formula is computed with growing precision until two results agree to `digits` digits, so
    that cancellation costs time and not digits.

    Args:
        expression: the formula.
        inputs: one number per variable: int, float (the binary number it is), Fraction, text
            of a decimal, or mpmath number.
        parameters: numbers by name; a float means its shortest decimal.
        wrt: symbol to differentiate by.
        order: order of the derivative.
        digits: decimal digits that are right.

    Returns:
        An mpmath number (NaN where the formula has no value, ±inf for a limit).

    Raises:
        ValueError: if `digits` is less than 1 or an input is not a number.
    """
    if digits < 1:
        raise ValueError(f"at least one digit is computed, digits={digits} was given")
    derived = differentiate(expression, wrt, order)
    import mpmath

    mp = _context()
    bits = int(digits * 3.33) + 24
    previous = None
    while True:
        mp.prec = bits
        value, vanished = _at(mp, derived, inputs, parameters)
        if mp.isnan(value) or mp.isinf(value):
            break
        settled = (
            previous is not None
            and abs(value - previous) <= abs(value) * mp.mpf(10) ** -digits
            and (not vanished or bits > _BITS_OF_ZERO)
        )
        if settled or bits > _MOST_BITS:
            break
        previous, bits = value, 2 * bits + 64
    with mpmath.workdps(digits):
        return +mpmath.mpf(value)


def form_for(
    digits: int,
    formula: Expression,
    definition: Expression,
    inputs: Mapping[str, Any],
    parameters: Mapping[str, float],
) -> Expression:
    """Which of two forms of a function to evaluate for so many digits.

    Some stable forms hold a series near a pole or far out, of some fifty digits. For more, the
    definition is taken, but not at a point that it names apart: at x = 0 the slope of
    ``where(x == 0, 1, sin(x) / x)`` is that of the constant 1.
    """
    if digits <= _SERIES or not _holds_a_series(formula):
        return formula
    named = (n for n in nodes(definition) if isinstance(n, Call) and n.head == "eq")
    at_one = (evaluate(Call("sub", n.arguments), inputs, parameters, digits=30) for n in named)
    return formula if any(value == 0 for value in at_one) else definition


@lru_cache(maxsize=4096)
def _holds_a_series(formula: Expression) -> bool:
    return any(
        isinstance(node, Number) and node.value.denominator > 10**40 for node in nodes(formula)
    )


_CONTEXTS = threading.local()


def _context() -> Any:
    """This thread's own mpmath context; making one takes as long as an evaluation."""
    if not hasattr(_CONTEXTS, "mp"):
        import mpmath

        _CONTEXTS.mp = mpmath.MPContext()
    return _CONTEXTS.mp


def _number(mp: Any, value: Any) -> Any:
    if isinstance(value, Fraction):
        return mp.mpf(value.numerator) / value.denominator
    if isinstance(value, str | int):
        return mp.mpf(value)
    if hasattr(value, "_mpf_"):
        return mp.make_mpf(value._mpf_)
    return mp.mpf(float(value))


@lru_cache(maxsize=4096)
def _decimal(value: float) -> Fraction:
    return Fraction(repr(value))


def _at(
    mp: Any, expression: Expression, inputs: Mapping[str, Any], parameters: Mapping[str, float]
) -> tuple[Any, bool]:
    """The value at the present precision, and whether it or a sum within it is 0."""
    symbols = {name: _number(mp, value) for name, value in inputs.items()}
    used = symbols_of(expression)
    fixed = ((name, float(value)) for name, value in parameters.items() if name in used)
    symbols |= {name: _number(mp, _decimal(value)) for name, value in fixed}
    if any(mp.isnan(value) for name, value in symbols.items() if name in used):
        return mp.nan, False
    steps = _steps(expression)
    found = steps.values(mp, symbols)
    value = found[-1]
    if mp.isnan(value) and any(mp.isinf(v) for v in symbols.values()):
        value = _limit(mp, steps, symbols)
    return value, value == 0 or steps.cancel(found)


def _limit(mp: Any, steps: _Steps, symbols: Mapping[str, Any]) -> Any:
    """Where infinity itself gives no value: what two very large inputs agree on."""
    if steps.oscillate:
        return mp.nan  # it is not pinned down by two inputs
    found = []
    for size in (mp.mpf(10) ** 40, mp.mpf(10) ** 60):
        finite = {
            name: mp.sign(value) * size if mp.isinf(value) else value
            for name, value in symbols.items()
        }
        found.append(steps.values(mp, finite)[-1])
    near, far = found
    if abs(far - near) <= abs(far) * mp.mpf(10) ** -30 or abs(far) < mp.mpf(10) ** -35:
        return mp.nint(far * 2**60) / 2**60 if abs(far) < 2 else far
    if abs(far) > 2 * abs(near) > 10**9:
        return mp.sign(far) * mp.inf
    return mp.nan


class _Steps:
    """A formula as the list of its distinct nodes, each after its operands and itself the last.

    Looking nodes up in a dictionary at every point took longer than the arithmetic.
    """

    def __init__(self, expression: Expression) -> None:
        every = list(nodes(expression))
        places = {node: place for place, node in enumerate(every)}
        self._symbols = [(places[node], node.name) for node in every if isinstance(node, Symbol)]
        self._numbers = [node.value if isinstance(node, Number) else None for node in every]
        self._rounded: dict[int, list[Any]] = {}  # by precision, as mpmath keeps them
        heads = [node.head if isinstance(node, Call) else "" for node in every]
        operands = [tuple(places[operand] for operand in node.operands) for node in every]
        self._calls = list(zip(heads, operands, strict=True))
        self._sums = [place for place, head in enumerate(heads) if head in {"add", "sub"}]
        self.oscillate = not {"sin", "cos"}.isdisjoint(heads)

    def values(self, mp: Any, symbols: Mapping[str, Any]) -> list[Any]:
        """The value of every step that is needed, and None at the others."""
        if mp.prec not in self._rounded:
            self._rounded[mp.prec] = [
                None if number is None else _number(mp, number)._mpf_ for number in self._numbers
            ]
        found = [None if raw is None else mp.make_mpf(raw) for raw in self._rounded[mp.prec]]
        for place, name in self._symbols:
            found[place] = symbols[name]
        self._walk(mp, len(found) - 1, found)
        return found

    def _walk(self, mp: Any, place: int, found: list[Any]) -> Any:
        """Evaluate a step; of a `where` only the branch that is chosen."""
        value = found[place]
        if value is None:
            head, operands = self._calls[place]
            if head == "where":
                condition, yes, no = operands
                value = self._walk(mp, yes if self._walk(mp, condition, found) else no, found)
            else:
                arguments = [self._walk(mp, operand, found) for operand in operands]
                value = _apply(mp, head, arguments)
            found[place] = value
        return value

    def cancel(self, found: list[Any]) -> bool:
        """Whether a sum is 0."""
        return any(found[place] is not None and not found[place] for place in self._sums)


_steps = lru_cache(maxsize=1024)(_Steps)


def _apply(mp: Any, head: str, arguments: list[Any]) -> Any:
    row = PRIMITIVES[head]
    if row.is_comparison:
        return row.exact(mp, *arguments)
    if mp.nan._mpf_ in [argument._mpf_ for argument in arguments]:
        return mp.nan
    if head == "mul" and not all(arguments):
        return mp.zero  # also beside an infinity: in these formulas the zero decays faster
    try:
        value = row.exact(mp, *arguments)
    except ZeroDivisionError:
        numerator = arguments[0] if arguments else mp.nan
        return mp.nan if numerator == 0 else mp.sign(numerator) * mp.inf
    except ValueError:
        return mp.nan
    return value if isinstance(value, mp.mpf) else mp.nan


def as_array(value: Any) -> Any:
    """The exact engine works on single numbers."""
    raise TypeError(f"the exact engine takes single numbers, but {value!r} was given")


def prepare(
    expression: Expression,
    variables: tuple[str, ...],
    fixed: Mapping[str, float],
    given: tuple[str, ...],
    wrt: str = "x",
    order: int = 0,
    backward: Expression | None = None,  # noqa: ARG001  there is no backward pass
) -> Callable[..., Any]:
    """A function of mpmath numbers, right to the digits of mpmath's present precision."""
    import mpmath

    def run(*values: Any) -> Any:
        inputs = dict(zip(variables, values, strict=False))
        numbers = dict(zip(given, values[len(variables) :], strict=True))
        settings = {**fixed, **numbers}
        return evaluate(expression, inputs, settings, wrt, order, max(mpmath.mp.dps, 15))

    return run


def parts(z: Any) -> tuple[Any, Any]:
    """The real and the imaginary part of a number; text and fractions are real."""
    return (z.real, z.imag) if isinstance(z, complex) or hasattr(z, "_mpc_") else (z, 0)


def join(real: Any, imaginary: Any) -> Any:
    """A complex mpmath number of its two parts."""
    import mpmath

    return mpmath.mp.make_mpc((real._mpf_, imaginary._mpf_))


class Operations:
    """What a vector rule may use, on NumPy arrays of mpmath numbers."""

    def __init__(self, mp: Any) -> None:
        import numpy as np

        def elementwise(function: Callable[..., Any]) -> Callable[..., Any]:
            return np.vectorize(function, otypes=[object])

        for name in ("exp", "log", "log1p", "sqrt", "sign"):
            setattr(self, name, elementwise(getattr(mp, name)))
        self.abs, self.maximum = elementwise(abs), elementwise(max)
        self.sigmoid = elementwise(lambda value: 1 / (1 + mp.exp(-value)))
        self.log_sigmoid = elementwise(lambda value: -mp.log1p(mp.exp(-value)))
        self.quantile = elementwise(lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1))
        self.bits = mp.prec
        self.where, self.sort, self.cumsum = np.where, np.sort, np.cumsum
        self.reshape, self.concat = np.reshape, np.concatenate
        self.max = lambda x, axis: np.max(x, axis=axis, keepdims=True)
        self.sum = lambda x, axis: np.sum(x, axis=axis, keepdims=True)
        self.constant = lambda x: x
        self.indicator = lambda condition, _: np.where(condition, mp.one, mp.zero)

    @staticmethod
    def positions(x: Any, axis: int) -> Any:
        """0, 1, 2, ... along an axis, of a shape that broadcasts against x."""
        import numpy as np

        shape = [1] * x.ndim
        shape[axis] = x.shape[axis]
        return np.arange(x.shape[axis]).reshape(shape)


def vector(
    rule: Callable[..., Any], x: Any, axis: int, parameters: Mapping[str, float], digits: int = 50
) -> Any:
    """Apply a vector rule to finite numbers; returns a NumPy array of mpmath numbers."""
    import mpmath
    import numpy as np

    mp = mpmath.MPContext()
    mp.dps = digits + 20
    numbers = np.vectorize(lambda value: _number(mp, value), otypes=[object])(
        np.asarray(x, dtype=object)
    )
    settings = {name: _number(mp, str(value)) for name, value in parameters.items()}
    result = rule(Operations(mp), numbers, axis, **settings)
    with mpmath.workdps(digits):
        return np.vectorize(lambda value: +mpmath.mpf(value), otypes=[object])(result)
