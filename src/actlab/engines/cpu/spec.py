"""What a kernel computes, as a value: expressions over named operands."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from actlab.engines.cpu.rounding import ENOUGH, error_in_float32, is_arithmetic
from actlab.engines.guard import VARIABLES, guard, probe_points
from actlab.engines.numpy_long import error_in_float64, loses_below
from actlab.engines.numpy_operations import evaluate_steps
from actlab.engines.source import fold_constants
from actlab.engines.vectormath import REWRITES, SLOPES, WHOLE, WHOLE_FLOAT64
from actlab.formula import Call, Expression, Number, Symbol, parse, symbols_of
from actlab.formula.calculus import differentiate, tidied
from actlab.formula.expression import fold, nodes

__all__ = [
    "ENTRY",
    "FURTHEST",
    "GRADIENT",
    "Spec",
    "bounded",
    "rewritten",
    "whole_power",
    "without_powers",
]

FURTHEST = 1e100
"""Where a float32 kernel holds its inputs: beyond every float32, far below float64's overflow."""

GRADIENT = "gradient"
"""The name of the gradient from the layer above."""

ENTRY = "actlab_kernel"
"""The name of a kernel's function in its machine code."""

PROMISED = 4.0
"""The error of a float64 result, in units in the last place, from which pairs are taken."""

DType = Literal["float32", "float64"]
_MOST_FACTORS = 8


@dataclass(frozen=True)
class Spec:
    """A kernel: some expressions, each stored or summed, over arrays and rows.

    Attributes:
        outputs: expressions of which every element is stored.
        arrays: names of the operands with a number for each element.
        dtype: of the arrays and outputs.
        rows: names of the operands with one float64 number for each row.
        sums: expressions whose elements are added up, in float64, a block at a time.
        backward: whether all are multiplied by a further array, the gradient from above.
        pairs: whether float64 may take pairs of numbers; a reference of float32 is fast without.
    """

    outputs: tuple[Expression, ...]
    arrays: tuple[str, ...]
    dtype: DType
    rows: tuple[str, ...] = ()
    sums: tuple[Expression, ...] = ()
    backward: bool = False
    pairs: bool = True

    @property
    def streams(self) -> tuple[str, ...]:
        """All operands with a number for each element."""
        return (*self.arrays, GRADIENT) if self.backward else self.arrays

    @property
    def whole(self) -> str | None:
        """The function that computes the only output at once, if there is one for this type."""
        if len(self.outputs) != 1 or self.sums:
            return None
        if self.dtype == "float64":
            return _whole_in_float64().get(self.outputs[0]) if self.pairs else None
        return _whole().get(self.outputs[0])

    @property
    def arithmetic(self) -> Literal["float64", "pairs", "whole", "mixed", "single", "plain"]:
        """How numbers are computed.

        - float64: data and arithmetic in float64;
        - pairs: float64 data, sums of two float64, where a formula would lose digits otherwise;
        - whole: float64 data, one whole function that carries what would be lost;
        - mixed: float32 data, float64 arithmetic, one rounding;
        - single: float32 data, one whole function in float32;
        - plain: float32 throughout, where that is shown to be within 2 ULP (see `rounding.py`).
        """
        if self.dtype == "float64":
            names = (*self.arrays, *self.rows)
            every = (*self.outputs, *self.sums)
            if not self.pairs:
                return "float64"
            if self.whole is not None:
                return "whole"
            errors = (error_in_float64(_guarded(e), names, normal=True) for e in every)
            return "pairs" if max(errors, default=0.0) > PROMISED else "float64"
        if self.whole is not None:
            return "single"
        good = not (self.rows or self.sums) and all(map(_is_good_in_float32, self.outputs))
        return "plain" if good else "mixed"

    @property
    def loses_below(self) -> bool:
        """Whether small results in float64 need the formula `raised`; see there."""
        if self.dtype != "float64" or not self.pairs or self.whole or self.periodic:
            return False
        names = (*self.arrays, *self.rows)
        return any(loses_below(_guarded(e), names, PROMISED) for e in self.outputs)

    @property
    def reads_twice(self) -> bool:
        """Whether inputs may be read once more after results are stored, so not in place."""
        return self.periodic or self.loses_below

    @property
    def periodic(self) -> bool:
        """Whether some part is a sine or cosine, whose vectorised forms end somewhere."""
        return any(
            isinstance(node, Call) and node.head in ("sin", "cos")
            for expression in (*self.outputs, *self.sums)
            for node in nodes(expression)
        )


def bounded(spec: Spec) -> tuple[tuple[Expression, ...], bool]:
    """The outputs and sums to compile, and whether the inputs are to be held within `FURTHEST`.

    With float64 to compute in, the inputs of float32 data can be held where nothing overflows,
    which costs less than guarding each product. Where that changes an answer (a logarithm of
    infinity, a NaN that a comparison swallows), the guarded forms are taken.
    """
    raw = (*spec.outputs, *spec.sums)
    if spec.arithmetic == "plain":
        return tuple(map(_in_float32, raw)), False
    guarded = [_guarded(expression) for expression in raw]
    if spec.arithmetic == "mixed" and all(map(_same_when_held, raw, guarded)):
        return raw, True
    return tuple(guarded), False


def _guarded(expression: Expression) -> Expression:
    names = sorted(symbols_of(expression) - set(VARIABLES))
    return guard(expression, tuple((name, 0.5) for name in names), "float64")


def _in_float32(expression: Expression) -> Expression:
    """What a kernel computes step by step in float32."""
    return fold_constants(guard(without_powers(expression), (), "float32"))


def _is_good_in_float32(expression: Expression) -> bool:
    bare = fold_constants(without_powers(expression))
    return is_arithmetic(bare) and error_in_float32(_in_float32(expression)) <= ENOUGH


def _same_when_held(expression: Expression, guarded: Expression) -> bool:
    variables = [name for name in VARIABLES if name in symbols_of(expression)]
    if not variables:
        return True
    settings = dict.fromkeys(symbols_of(expression) - set(VARIABLES), 0.5)
    inputs = {k: v.astype(np.float64) for k, v in probe_points(variables, "float32").items()}
    held = {k: np.clip(v, -FURTHEST, FURTHEST) for k, v in inputs.items()}
    mine = evaluate_steps(expression, held, settings, "float64")[expression]
    theirs = evaluate_steps(guarded, inputs, settings, "float64")[guarded]
    with np.errstate(all="ignore"):
        a, b = mine.astype(np.float32), theirs.astype(np.float32)
    steps = np.abs(a.view(np.int32).astype(np.int64) - b.view(np.int32))
    return bool(np.all((steps <= 1) | (np.isnan(a) & np.isnan(b))))


@lru_cache(maxsize=1)
def _whole() -> dict[Expression, str]:
    slopes = {tidied(differentiate(parse(text))): name for text, name in SLOPES.items()}
    return slopes | {parse(text): name for text, name in WHOLE.items()}


@lru_cache(maxsize=1)
def _whole_in_float64() -> dict[Expression, str]:
    return {parse(text): name for text, name in WHOLE_FLOAT64.items()}


@lru_cache(maxsize=2)
def _rewrites(names: frozenset[str]) -> tuple[tuple[Expression, str], ...]:
    return tuple((parse(text), name) for text, name in REWRITES.items() if name in names)


def rewritten(expression: Expression, names: frozenset[str]) -> Expression:
    """The expression with constants folded, and with the fused primitives that there are."""

    def rule(node: Expression, operands: tuple[Expression, ...]) -> Expression:
        if not isinstance(node, Call):
            return node
        made: Expression = Call(node.head, operands)
        for pattern, name in _rewrites(names):
            inner = _matched(pattern, made)
            if inner is not None:
                return Call(name, (inner,))
        return made

    return fold(fold_constants(expression), rule)


def _matched(pattern: Expression, expression: Expression) -> Expression | None:
    """What stands for x, if the expression is the pattern of some x."""
    found: list[Expression] = []

    def same(mine: Expression, theirs: Expression) -> bool:
        if mine == Symbol("x"):
            found.append(theirs)
            return found[0] == theirs
        if isinstance(mine, Call):
            return (
                isinstance(theirs, Call)
                and mine.head == theirs.head
                and all(map(same, mine.arguments, theirs.arguments))
            )
        return mine == theirs

    return found[0] if same(pattern, expression) else None


def without_powers(expression: Expression) -> Expression:
    """Small whole powers as products."""

    def rule(node: Expression, operands: tuple[Expression, ...]) -> Expression:
        if not isinstance(node, Call):
            return node
        made = Call(node.head, operands)
        times = whole_power(made)
        if not times:
            return made
        product = _product(operands[0], abs(times))
        return product if times > 0 else Call("div", (Number(1), product))

    return fold(expression, rule)


def whole_power(node: Call) -> int:
    """The exponent of a power that is as well a product of a few factors; else 0."""
    exponent = node.arguments[-1] if node.head == "pow" else None
    if not isinstance(exponent, Number) or exponent.value.denominator != 1:
        return 0
    return int(exponent.value) if abs(exponent.value) <= _MOST_FACTORS else 0


def _product(base: Expression, times: int) -> Expression:
    if times == 1:
        return base
    half = _product(base, times // 2)
    square = Call("mul", (half, half))
    return Call("mul", (square, base)) if times % 2 else square
