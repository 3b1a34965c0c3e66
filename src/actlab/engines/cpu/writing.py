"""The Python source of a kernel, which Numba compiles; see `tasks.py` for what it is called with.

The source comes from expressions only, and its names are the engine's own.
"""

from __future__ import annotations

from fractions import Fraction

from actlab.engines.cpu.raising import LOWERED, REACH, SMALL, raised
from actlab.engines.cpu.spec import (
    FURTHEST,
    GRADIENT,
    Spec,
    bounded,
    rewritten,
    without_powers,
)
from actlab.engines.source import fold_exactly, parts_of, write_function
from actlab.formula import Expression

__all__ = ["FIRST_OPERAND", "TABLE", "write_kernel"]

TABLE = {
    "lt": "({a} < {b})", "le": "({a} <= {b})", "gt": "({a} > {b})", "ge": "({a} >= {b})",
    "eq": "({a} == {b})", "ne": "({a} != {b})",
    "add": "({a} + {b})", "sub": "({a} - {b})", "mul": "({a} * {b})", "div": "({a} / {b})",
    "neg": "(-{a})", "pi": "3.141592653589793", "e": "2.718281828459045",
    "where": "choose({a}, {b}, {c})", "abs": "abs({a})",
    **{
        word: f"{word}({{a}})"
        for word in (
            "sign", "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "arctan",
            "arcsinh", "sinh", "cosh", "tanh", "sech", "tanh_shrink", "sigmoid", "softplus",
            "log_sigmoid", "erf", "erfc", "normcdf", "normpdf", "tanh_softplus",
            "sech_softplus", "tanh_softplus_slope",
        )
    },
    **{word: f"{word}({{a}}, {{b}})" for word in ("pow", "minimum", "maximum")},
    "clip": "clip({a}, {b}, {c})",
}  # fmt: skip
"""Primitives in the words of `vectormath`."""

PAIRS_TABLE = {
    **TABLE,
    **{
        word: f"{word}({{a}}, {{b}})"
        for word in ("lt", "le", "gt", "ge", "eq", "ne", "add", "sub", "mul", "div")
    },
    "neg": "neg({a})", "where": "pick({a}, {b}, {c})", "abs": "absolute_of({a})",
}  # fmt: skip
"""The same for numbers that are sums of two."""

FIRST_OPERAND = 5
"""Words of a task before its operands: next piece, pieces, rows, columns, size of a piece."""

_HEAD = """\
def kernel(task):
    {wide}
    pieces = word(task, 1)
    rows = word(task, 2)
    columns = word(task, 3)
    size = word(task, 4)
    {scratch}
    while True:
        piece = take(task)
        if piece >= pieces:
            return
        first, last = 0, 1
        begin, end = 0, columns
        if rows == 1:
            begin = piece * size
            end = min(begin + size, columns)
        else:
            first = piece * size
            last = min(first + size, rows)
        for row in range(first, last):
"""


def write_kernel(spec: Spec, names: frozenset[str]) -> str:
    """Source of the functions of one element and of `kernel`.

    The first are `formula`, `by_library` (for sines far out) and `by_raising` (for small results).

    Args:
        spec: what to compute.
        names: the primitives at hand.
    """
    expressions, held = bounded(spec)
    inputs = [*spec.arrays, *spec.rows]
    operand = "(p_{}, 0.0)" if spec.arithmetic == "pairs" else "p_{}"
    arguments = ", ".join(operand.format(name) for name in inputs)
    lines: list[str] = []
    if spec.arithmetic == "pairs":
        long = [without_powers(fold_exactly(expression)) for expression in expressions]
        lines.append(write_function(long, inputs, PAIRS_TABLE, "formula", _pair))
    elif spec.arithmetic == "plain":
        lines.append(write_function(expressions, inputs, TABLE, "formula", "f32({})"))
    elif spec.whole is None:
        fast = [rewritten(expression, names) for expression in expressions]
        lines.append(write_function(fast, inputs, TABLE, "formula"))
    else:
        lines.append(f"def formula({arguments}):\n    return {spec.whole}(p_x)\n")
    if spec.periodic and spec.arithmetic == "pairs":
        table = {**PAIRS_TABLE, "sin": "far_sin({a})", "cos": "far_cos({a})"}
        lines.append(write_function(long, inputs, table, "by_library", _pair))
    elif spec.periodic:
        table = {**TABLE, "sin": "math.sin({a})", "cos": "math.cos({a})"}
        lines.append(write_function(expressions, inputs, table, "by_library"))
    body = _Body(spec, held, arguments)
    if body.raises:
        lines.append(_by_raising(expressions[: len(spec.outputs)], spec, names))
    wide = "prefer_wide_vectors()" if spec.arithmetic == "single" else "pass"
    scratch = "; ".join(f"scratch_{i} = scratch()" for i in range(len(spec.sums))) or "pass"
    lines.append(_HEAD.format(wide=wide, scratch=scratch) + body.text())
    return "\n".join(lines)


def _by_raising(outputs: tuple[Expression, ...], spec: Spec, names: frozenset[str]) -> str:
    """The outputs by the formulas raised."""
    high = [raised(expression) for expression in outputs]
    inputs = [*spec.arrays, *spec.rows]
    if spec.arithmetic == "pairs":
        long = [without_powers(fold_exactly(expression)) for expression in high]
        return write_function(long, inputs, PAIRS_TABLE, "by_raising", _pair)
    return write_function([rewritten(e, names) for e in high], inputs, TABLE, "by_raising")


def _pair(value: Fraction) -> str:
    """A constant as a sum of two numbers."""
    return repr(parts_of(value))


class _Body:
    """The loop over the columns of one row."""

    def __init__(self, spec: Spec, held: bool, arguments: str) -> None:
        self.spec, self.held, self.arguments = spec, held, arguments
        self.bits = spec.dtype.removeprefix("float")
        self.raises = spec.loses_below

    def text(self) -> str:
        """Source, indented to stand in the loop over rows."""
        if not (self.spec.sums or self.spec.periodic or self.raises):
            loop = ["for i in range(begin, end):", *_indented(self._element())]
        else:
            loop = [
                "for block in range(begin, end, BLOCK):",
                *_indented(self._block()),
            ]
        return "".join(f"            {line}\n" for line in [*self._addresses(), *loop])

    def _block(self) -> list[str]:
        lines = [
            "stop = min(block + BLOCK, end)",
            "far_out = False",
            *(["small = False"] if self.raises else []),
            "for i in range(block, stop):",
            *_indented(self._element()),
        ]
        if self.raises:
            lines += ["if small:", "    for i in range(block, stop):"]
            lines += _indented(_indented(self._raised_element()))
        if self.spec.periodic:
            lines += ["if far_out:", "    for i in range(block, stop):"]
            lines += _indented(_indented(self._element("by_library")))
        lines += [
            f"store64(total_{k}, block // BLOCK, add_up(scratch_{k}, stop - block))"
            for k in range(len(self.spec.sums))
        ]
        return lines

    def _addresses(self) -> list[str]:
        names = [f"at_{name}" for name in self.spec.streams]
        names += [f"row_{name}" for name in self.spec.rows]
        names += [f"out_{k}" for k in range(len(self.spec.outputs))]
        names += [f"total_{k}" for k in range(len(self.spec.sums))]
        places = range(FIRST_OPERAND, FIRST_OPERAND + 2 * len(names), 2)
        lines = [
            f"{name} = word(task, {place}) + row * word(task, {place + 1})"
            for name, place in zip(names, places, strict=True)
        ]
        lines += [f"p_{name} = load64(row_{name}, 0)" for name in self.spec.rows]
        return lines

    def _loads(self) -> list[str]:
        lines = []
        for name in self.spec.streams:
            value = f"load{self.bits}(at_{name}, i)"
            if self.spec.arithmetic == "mixed":
                value = f"widened({value})"
            lines.append(f"p_{name} = {value}")
            if self.held and name != GRADIENT:
                lines.append(
                    f"p_{name} = choose(p_{name} > {FURTHEST!r}, {FURTHEST!r}, "
                    f"choose(p_{name} < -{FURTHEST!r}, -{FURTHEST!r}, p_{name}))"
                )
        return lines

    def _is_small(self, result: str, limit: float = SMALL) -> str:
        """Whether a result may have lost digits: it is small, and no input is 0 or far away."""
        inside = (f"(p_{name} != 0.0) & (abs(p_{name}) < {REACH!r})" for name in self.spec.arrays)
        return f"(abs({result}) < {limit!r}) & " + " & ".join(inside)

    def _raised_element(self) -> list[str]:
        """The results that come out small by raising; the others stay."""
        outputs = range(len(self.spec.outputs))
        lines = [
            *self._loads(),
            f"{', '.join(f'z_{k}' for k in outputs)} = by_raising({self.arguments})",
        ]
        for k in outputs:
            if self.spec.arithmetic == "pairs":
                lines.append(f"z_{k} = rounded(z_{k})")
            gradient = f" * p_{GRADIENT}" if self.spec.backward else ""
            small = self._is_small(f"z_{k}", SMALL / LOWERED)
            lines += [
                f"if {small}:",
                f"    store{self.bits}(out_{k}, i, z_{k}{gradient} * {LOWERED!r})",
            ]
        return lines

    def _element(self, formula: str = "formula") -> list[str]:
        spec = self.spec
        lines = self._loads()
        outputs = len(spec.outputs)
        results = [f"y_{k}" for k in range(outputs + len(spec.sums))]
        lines.append(f"{', '.join(results)} = {formula}({self.arguments})")
        if spec.arithmetic == "pairs":
            lines += [f"{result} = rounded({result})" for result in results]
        if spec.periodic and formula == "formula":
            lines += [f"far_out = far_out | ({result} != {result})" for result in results]
        if self.raises:
            lines += [f"small = small | ({self._is_small(y)})" for y in results[:outputs]]
        if spec.backward:
            lines += [f"{result} = {result} * p_{GRADIENT}" for result in results]
        lines += [f"store{self.bits}(out_{k}, i, {results[k]})" for k in range(outputs)]
        lines += [
            f"keep(scratch_{k}, i - block, {result})" for k, result in enumerate(results[outputs:])
        ]
        return lines


def _indented(lines: list[str]) -> list[str]:
    return ["    " + line for line in lines]
