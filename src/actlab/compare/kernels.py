"""The value and the slope of a scalar activation together, into buffers that stay.

Training calls an activation some thousand times on tensors of one size. So its formula and its
derivative are made one straight-line program, which computes what they share once, and each of
its steps is bound beforehand to the buffers it reads and writes. The steps run on pieces of the
tensor that stay in the processor's cache. A choice between two branches is made on the bits:
`torch.where` takes five times longer, because no processor can guess which way each number goes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final

import torch

from actlab.engines.guard import guard
from actlab.engines.torch import prepare
from actlab.formula import (
    Call,
    Expression,
    Number,
    Symbol,
    linearise,
    parse,
    substitute,
)
from actlab.formula.expression import fold

if TYPE_CHECKING:
    from actlab.activation import Activation
    from actlab.formula import Step

__all__ = ["Kernel"]

Tensor = torch.Tensor
_Operation = Callable[[], Any]

PIECE: Final = 53_248
"""Most numbers that are computed at once: a handful of such buffers fits into a core's cache."""

_BITS: Final = {torch.float32: torch.int32, torch.float64: torch.int64}


def _copy(source: Tensor, *, out: Tensor) -> Tensor:
    return out.copy_(source)


_COMPARISONS: Final[dict[str, Callable[..., Any]]] = {
    "lt": torch.lt,
    "le": torch.le,
    "gt": torch.gt,
    "ge": torch.ge,
    "eq": torch.eq,
    "ne": torch.ne,
}
_OPERATIONS: Final[dict[str, Callable[..., Any]]] = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "copy": _copy,
    "neg": torch.neg,
    "pow": torch.pow,
    "abs": torch.abs,
    "sign_or_zero": torch.sign,  # of a NaN it is 0
    "minimum": torch.minimum,
    "maximum": torch.maximum,
    "exp": torch.exp,
    "expm1": torch.expm1,
    "log": torch.log,
    "log1p": torch.log1p,
    "sqrt": torch.sqrt,
    "sin": torch.sin,
    "cos": torch.cos,
    "arctan": torch.atan,
    "arcsinh": torch.asinh,
    "sinh": torch.sinh,
    "cosh": torch.cosh,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "erf": torch.erf,
    "erfc": torch.erfc,
    # a comparison that is wanted as the number 1 or 0
    **{f"is_{name}": function for name, function in _COMPARISONS.items()},
}
_CONSTANTS: Final = {"pi": math.pi, "e": math.e}

# Primitives that PyTorch lacks or is slow at, in steps that it has.
_EXPANSIONS: Final = {
    "sech": "2 / (exp(a) + 1 / exp(a))",
    "normpdf": "0.3989422804014327 * exp(-0.5 * (a * a))",
    "normcdf": "0.5 * erfc(-0.7071067811865476 * a)",
    "softplus": "maximum(a, 0) + log1p(exp(-abs(a)))",
    "log_sigmoid": "minimum(a, 0) - log1p(exp(-abs(a)))",
    "clip": "minimum(maximum(a, b), c)",
}


class Kernel:
    """The formula of a scalar activation and its derivative, compiled for one dtype.

    The numbers are those of the PyTorch engine to within rounding; a NaN gives a NaN value.
    Parameters that are drawn at random in training stand at their means.
    """

    def __init__(self, activation: Activation, dtype: torch.dtype) -> None:
        formula, derived = activation.bound, activation.filled(activation.slope())
        name = str(dtype).removeprefix("torch.")
        value = guard(formula, (), name)
        slope = _slope_for_numbers(guard(derived, (), name))
        self.dtype = dtype
        self._value = _Program(dtype, value)
        self._both = _Program(dtype, value, slope)

    def bind(self, x: Tensor, value: Tensor, slope: Tensor | None = None) -> list[_Operation]:
        """What to call, in order, to compute f(x), and f'(x) if asked, into these tensors.

        All of them are contiguous and of one size.
        """
        program, outputs = (
            (self._value, (value,)) if slope is None else (self._both, (value, slope))
        )
        flat = [tensor.view(-1) for tensor in (x, *outputs)]
        pieces = -(-x.numel() // PIECE)
        size = -(-x.numel() // pieces)
        bound: list[_Operation] = []
        for start in range(0, x.numel(), size):
            bound += program.bind(*(tensor[start : start + size] for tensor in flat))
        return bound


class _Program:
    """Steps over registers: one for x, one for each output, and scratch that is used again.

    An operand is the number of a register, or a constant as a tensor without dimensions.
    """

    def __init__(self, dtype: torch.dtype, *expressions: Expression) -> None:
        self._dtype = dtype
        self._scratch: list[Tensor] = []
        self._free: list[int] = []
        self._registers = 1 + len(expressions)
        self._steps: list[tuple[Callable[..., Any], tuple[int | Tensor, ...], int, str]] = []
        program = linearise(*map(_expanded, expressions))
        self._outputs: dict[int, int] = {}
        for register, place in enumerate(program.outputs, 1):
            if isinstance(place, int):
                self._outputs.setdefault(place, register)
        last: dict[int | str | Fraction, int] = {
            operand: place
            for place, step in enumerate(program.steps)
            for operand in step.operands
            if isinstance(operand, int)
        }
        where: dict[int | str, int | Tensor] = {"x": 0}
        for place, step in enumerate(program.steps):
            where[place] = self._place(place, step, where, last)
        for register, output in enumerate(program.outputs, 1):
            found = self._constant(output) if isinstance(output, Fraction) else where[output]
            if not (isinstance(found, int) and found == register):
                self._steps.append((_copy, (found,), register, "float"))

    def bind(self, *tensors: Tensor) -> list[_Operation]:
        """The steps as calls without arguments, on x and the outputs."""
        while len(self._scratch) < self._registers - len(tensors):
            self._scratch.append(torch.empty(PIECE, dtype=self._dtype))
        size = tensors[0].numel()
        registers = [*tensors, *(scratch[:size] for scratch in self._scratch)]
        bits = _BITS[self._dtype]

        def read(operand: int | Tensor, kind: str) -> Tensor:
            tensor = registers[operand] if isinstance(operand, int) else operand
            return tensor.view(bits) if kind == "bits" else tensor

        return [
            partial(
                function,
                *(read(operand, "float" if kind == "mask" else kind) for operand in operands),
                out=read(out, "float" if kind == "float" else "bits"),
            )
            for function, operands, out, kind in self._steps
        ]

    def _place(
        self,
        place: int,
        step: Step,
        where: dict[int | str, int | Tensor],
        last: dict[int | str | Fraction, int],
    ) -> int | Tensor:
        """Append what computes a step; returns its register, or its value if that is constant."""
        operands = tuple(
            self._constant(operand) if isinstance(operand, Fraction) else where[operand]
            for operand in step.operands
        )
        if step.head in _CONSTANTS:
            return torch.tensor(_CONSTANTS[step.head], dtype=self._dtype)
        if all(isinstance(operand, Tensor) for operand in operands):
            return _folded(step.head, operands)
        done = {
            register
            for operand, register in zip(step.operands, operands, strict=True)
            if isinstance(register, int)
            and register > len(self._outputs)
            and last.get(operand) == place
        }
        return self._emit(step.head, operands, self._outputs.get(place), done)

    def _emit(
        self,
        head: str,
        operands: tuple[int | Tensor, ...],
        out: int | None,
        done: set[int],
    ) -> int:
        if head == "where" and isinstance(operands[0], Tensor):  # a condition on constants
            head, operands = "copy", (operands[1] if operands[0] else operands[2],)
        chooses = head == "where"
        if not chooses:  # an operation may write where it reads; a choice needs both branches
            self._free += sorted(done)
        if out is None:
            out = self._free.pop() if self._free else self._registers
            self._registers = max(self._registers, out + 1)
        if chooses:
            self._free += sorted(done)
            self._choose(*operands, out=out)
        elif head in _COMPARISONS:  # all bits set where it holds
            self._steps.append((_COMPARISONS[head], operands, out, "mask"))
            self._steps.append((torch.neg, (out,), out, "bits"))
        else:
            self._steps.append((_operation(head), operands, out, "float"))
        return out

    def _choose(
        self, mask: int | Tensor, first: int | Tensor, second: int | Tensor, *, out: int
    ) -> None:
        """Append second ^ ((first ^ second) & mask)."""
        bits = _BITS[self._dtype]
        both: int | Tensor = out
        if isinstance(second, Tensor) and not second.view(bits).any():
            both = first
        elif isinstance(first, Tensor) and isinstance(second, Tensor):
            both = torch.bitwise_xor(first.view(bits), second.view(bits)).view(self._dtype)
        else:
            self._steps.append((torch.bitwise_xor, (first, second), out, "bits"))
        self._steps.append((torch.bitwise_and, (mask, both), out, "bits"))
        if both is not first:
            self._steps.append((torch.bitwise_xor, (out, second), out, "bits"))

    def _constant(self, value: Fraction) -> Tensor:
        return torch.tensor(float(value), dtype=self._dtype)


def _operation(head: str) -> Callable[..., Any]:
    """A primitive with `out`; what PyTorch has no operation for is left to the engine."""
    if head in _OPERATIONS:
        return _OPERATIONS[head]
    function = prepare(Call(head, (Symbol("x"),)), ("x",), {}, ())

    def apply(x: Tensor, *, out: Tensor | None = None) -> Tensor:
        y: Tensor = function(x)
        return y if out is None else out.copy_(y)

    return apply


def _folded(head: str, operands: tuple[Any, ...]) -> Tensor:
    """A step on constants alone, done once."""
    if head == "where":
        chosen: Tensor = operands[1] if operands[0] else operands[2]
        return chosen
    function = _COMPARISONS.get(head) or _operation(head)
    return torch.as_tensor(function(*operands))


def _slope_for_numbers(expression: Expression) -> Expression:
    """A slope may be any number at a NaN: what it is multiplied with is NaN as well."""
    x = Symbol("x")
    if isinstance(expression, Call) and expression.head == "where":
        condition, inner, other = expression.arguments
        if condition == Call("eq", (x, x)) and other == x:
            expression = inner

    def rule(node: Expression, operands: tuple[Expression, ...]) -> Expression:
        if not isinstance(node, Call):
            return node
        return Call("sign_or_zero" if node.head == "sign" else node.head, operands)

    return fold(expression, rule)


@lru_cache(maxsize=1024)
def _expanded(expression: Expression) -> Expression:
    """The same in primitives that `_OPERATIONS` has."""

    def rule(node: Expression, operands: tuple[Expression, ...]) -> Expression:
        if not isinstance(node, Call):
            return node
        if node.head in _EXPANSIONS:
            names = dict(zip("abc", operands, strict=False))
            template = parse(_EXPANSIONS[node.head], variables=tuple(names))
            return substitute(template, names)
        if node.head == "pow" and isinstance(operands[1], Number):
            power = operands[1].value
            if power.denominator == 1 and 1 <= abs(power) <= 8:
                product = operands[0]
                for _ in range(abs(int(power)) - 1):
                    product = Call("mul", (product, operands[0]))
                return product if power > 0 else Call("div", (Number(1), product))
        if node.head == "where" and operands[1:] == (Number(1), Number(0)):
            condition = operands[0]
            if isinstance(condition, Call) and condition.head in _COMPARISONS:
                return Call(f"is_{condition.head}", condition.arguments)
        return Call(node.head, operands)

    return fold(expression, rule)
