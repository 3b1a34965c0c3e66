"""Vector rules as programs: a rule is run once on symbols, and what it does is written down.

The program is a list of definitions over elementwise expressions, between which entries meet
along the axis (`max`, `sum`, `cumsum`, `sort`). Its derivative is that of the result along a
direction, the Jacobian times a vector, found by carrying tangents through the definitions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actlab.activation import VectorRule
from actlab.formula import Call, Expression, Number, Symbol, differentiate, substitute, symbols_of
from actlab.formula.calculus import tidied
from actlab.formula.parse import number

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["COUNT", "DIRECTION", "Definition", "VectorProgram", "program_of"]

COUNT, DIRECTION = "count", "direction"
"""Symbols of the number of entries along the axis, and of the direction of a derivative."""

_ZERO, _ONE = Number(0), Number(1)


@dataclass(frozen=True)
class Definition:
    """A named value: "let" an expression, or what becomes of it along the axis."""

    name: str
    head: str
    expression: Expression


@dataclass(frozen=True)
class VectorProgram:
    """Definitions in order, and the result as an expression of them."""

    definitions: tuple[Definition, ...]
    result: Expression

    @property
    def vectors(self) -> frozenset[str]:
        """Names of what differs from entry to entry."""
        found = {"x", DIRECTION}
        for one in self.definitions:
            if one.head in {"sort", "cumsum", "positions"} or (
                one.head == "let" and symbols_of(one.expression) & found
            ):
                found.add(one.name)
        return frozenset(found)

    @property
    def heads(self) -> frozenset[str]:
        """What is done along the axis."""
        return frozenset(one.head for one in self.definitions) - {"let"}

    def unfolded(self) -> VectorProgram:
        """The same without "let": every expression in terms of x and of what spans the axis."""
        values: dict[str, Expression] = {}
        kept = []
        for one in self.definitions:
            expression = substitute(one.expression, values)
            if one.head == "let":
                values[one.name] = expression
            else:
                kept.append(Definition(one.name, one.head, expression))
        return VectorProgram(tuple(kept), substitute(self.result, values))


def program_of(activation: Activation, derivative: bool = False) -> VectorProgram:
    """What a vector rule does, or its derivative along a direction.

    Raises:
        TypeError: for a rule that moves entries about or searches for a number.
    """
    rule = activation.rule
    if not isinstance(rule, VectorRule) or rule.resizes or (derivative and rule.surrogate):
        raise _refusal(activation)
    tracer = _Tracer()
    parameters: dict[str, Any] = {
        name: tracer.value(Symbol(name)) for name in activation.parameters
    }
    for name, drawn in activation.random.items():
        parameters[name] = drawn.mean(activation.parameters)
    try:
        result = rule.apply(tracer, tracer.value(Symbol("x")), -1, **parameters)
    except (TypeError, AttributeError, IndexError):
        raise _refusal(activation) from None
    if derivative:
        return tracer.tangents(_expression(result))
    return VectorProgram(tuple(tracer.definitions), tidied(_expression(result)))


def _refusal(activation: Activation) -> TypeError:
    return TypeError(
        f"{activation.name} moves the entries of a vector or searches for a number, which an "
        "export cannot write; use it from actlab, for example by f.module()"
    )


def _expression(value: Any) -> Expression:
    return value.expression if isinstance(value, _Traced) else number(float(value))


class _Traced:
    """A value of the rule; arithmetic on it is written down."""

    def __init__(self, tracer: _Tracer, expression: Expression) -> None:
        self.tracer = tracer
        self.expression = expression

    @property
    def shape(self) -> _Shape:
        return _Shape(self.tracer)

    def _with(self, head: str, *operands: Any) -> _Traced:
        return self.tracer.value(Call(head, tuple(map(_expression, operands))))

    def __add__(self, other: Any) -> _Traced:
        return self._with("add", self, other)

    def __radd__(self, other: Any) -> _Traced:
        return self._with("add", other, self)

    def __sub__(self, other: Any) -> _Traced:
        return self._with("sub", self, other)

    def __rsub__(self, other: Any) -> _Traced:
        return self._with("sub", other, self)

    def __mul__(self, other: Any) -> _Traced:
        return self._with("mul", self, other)

    def __rmul__(self, other: Any) -> _Traced:
        return self._with("mul", other, self)

    def __truediv__(self, other: Any) -> _Traced:
        return self._with("div", self, other)

    def __rtruediv__(self, other: Any) -> _Traced:
        return self._with("div", other, self)

    def __pow__(self, other: Any) -> _Traced:
        return self._with("pow", self, other)

    def __neg__(self) -> _Traced:
        return self._with("neg", self)

    def __lt__(self, other: Any) -> _Traced:
        return self._with("lt", self, other)

    def __le__(self, other: Any) -> _Traced:
        return self._with("le", self, other)

    def __gt__(self, other: Any) -> _Traced:
        return self._with("gt", self, other)

    def __ge__(self, other: Any) -> _Traced:
        return self._with("ge", self, other)

    def __eq__(self, other: object) -> Any:
        return self._with("eq", self, other)

    def __bool__(self) -> bool:
        raise TypeError("a value that is not known yet was asked whether it holds")

    __hash__ = None  # type: ignore[assignment]


class _Shape:
    def __init__(self, tracer: _Tracer) -> None:
        self.tracer = tracer

    def __getitem__(self, _axis: int) -> _Traced:
        return self.tracer.value(Symbol(COUNT))


class _Tracer:
    """The operations of a vector rule, on symbols."""

    def __init__(self) -> None:
        self.definitions: list[Definition] = []
        self.constants: set[str] = set()

    def value(self, expression: Expression) -> _Traced:
        return _Traced(self, expression)

    def _define(self, head: str, expression: Expression) -> Symbol:
        name = f"_{len(self.definitions)}"
        self.definitions.append(Definition(name, head, tidied(expression)))
        return Symbol(name)

    def _named(self, value: Any) -> Expression:
        """A value under a name, by which it is called from now on."""
        if isinstance(value, _Traced) and isinstance(value.expression, Call):
            value.expression = self._define("let", value.expression)
        return _expression(value)

    def __getattr__(self, head: str) -> Any:
        if head in {"max", "sum", "sort", "cumsum", "positions"}:
            return lambda value, _axis: self.value(self._define(head, self._named(value)))
        if head in _ELEMENTWISE:
            return lambda *values: self.value(Call(head, tuple(map(_expression, values))))
        raise AttributeError(head)

    def where(self, condition: Any, yes: Any, no: Any) -> _Traced:
        return self.value(Call("where", tuple(map(_expression, (condition, yes, no)))))

    def indicator(self, condition: Any, _like: Any) -> _Traced:
        return self.where(condition, 1.0, 0.0)

    def constant(self, value: Any) -> _Traced:
        """No tangent goes through: a name of its own, without one."""
        symbol = self._define("let", _expression(value))
        self.constants.add(symbol.name)
        return self.value(symbol)

    # -- derivatives ------------------------------------------------------------------------

    def tangents(self, result: Expression) -> VectorProgram:
        """The program of the derivative along a direction."""
        traced, self.definitions = self.definitions, []
        moves: dict[str, Expression] = {"x": Symbol(DIRECTION)}
        for one in traced:
            self.definitions.append(one)
            move = self._move(one.expression, moves)
            if one.name in self.constants or one.head == "positions" or move == _ZERO:
                continue
            moves[one.name] = self._spread(one, move)
        return VectorProgram(tuple(self.definitions), self._move(result, moves))

    def _move(self, expression: Expression, moves: dict[str, Expression]) -> Expression:
        total: Expression = _ZERO
        for name in sorted(symbols_of(expression) & set(moves)):
            slope = differentiate(expression, name)
            total = Call("add", (total, Call("mul", (slope, moves[name]))))
        return tidied(total)

    def _spread(self, one: Definition, move: Expression) -> Expression:
        """The tangent of a definition whose expression has the tangent `move`."""
        if one.head == "let":
            return self._again("let", move)
        if one.head in {"sum", "cumsum"}:
            return self._again(one.head, move)
        if one.head == "sort":
            raise TypeError("a sorted vector has no tangent here")
        # that of the largest entry, or the mean of several
        largest = Call("eq", (one.expression, Symbol(one.name)))
        above = self._again("sum", Call("where", (largest, move, _ZERO)))
        below = self._again("sum", Call("where", (largest, _ONE, _ZERO)))
        return Call("div", (above, below))

    def _again(self, head: str, expression: Expression) -> Symbol:
        name = f"_t{len(self.definitions)}"
        self.definitions.append(Definition(name, head, expression))
        return Symbol(name)


_ELEMENTWISE = {
    "abs", "sign", "exp", "log", "log1p", "sqrt", "sigmoid", "log_sigmoid", "maximum",
}  # fmt: skip
