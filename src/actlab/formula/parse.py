"""Text to expression: Python's `ast` walked against an allow-list, and clear refusals.

Nothing is ever evaluated. Length, nesting, size and exponents are bounded before any work that
could grow with them, so that every refusal comes at once.
"""

from __future__ import annotations

import ast
import difflib
import math
import re
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from actlab.errors import FormulaError
from actlab.formula.expression import Call, Expression, Number, Symbol, fold, substitute
from actlab.formula.vocabulary import ALIASES, PRIMITIVES

__all__ = ["Expandable", "parse"]

MAX_LENGTH: Final = 4000
MAX_NESTING: Final = 100
MAX_SIZE: Final = 20_000
MAX_EXPONENT: Final = 64
_LITERAL = re.compile(r"(\d{1,60}(\.\d{0,60})?|\.\d{1,60})([eE][+-]?\d{1,3})?")
_COMPARISONS = {
    ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne",
}  # fmt: skip
_BINARY = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow"}
_HOLDS = "a formula holds numbers, x, parameters, + - * / ** and calls such as tanh(x)"

_WORDS = {name for name, row in PRIMITIVES.items() if not row.operator} | set(ALIASES)


@dataclass(frozen=True)
class Expandable:
    """A named function that a formula may call; the parser puts its formula in place."""

    formula: Expression
    variables: tuple[str, ...]
    parameters: Mapping[str, float]


Resolver = Callable[[str], Expandable | None]


def parse(
    text: str,
    *,
    variables: Collection[str] = ("x",),
    parameters: Collection[str] = (),
    resolve: Resolver | None = None,
    known: Collection[str] = (),
) -> Expression:
    """Read a formula.

    Args:
        text: a Python expression of numbers, `pi`, `e`, the variables, the parameters, the
            operators ``+ - * / **``, comparisons (inside `where`) and calls of primitives.
        variables: names of the inputs, usually ``x``.
        parameters: names of the declared parameters.
        resolve: gives the named function that a call may be expanded to, or None.
        known: names that `resolve` answers to, for "did you mean".

    Returns:
        The expression; printing it and parsing the text again gives an equal one.

    Raises:
        FormulaError: with the formula, a caret under the place, and what would be right.

    Example:
        >>> parse("x * sigmoid(x)")
        <Call x * sigmoid(x)>
    """
    return _Parser(text, frozenset(variables), frozenset(parameters), resolve, known).parse()


class _Parser:
    def __init__(
        self,
        text: str,
        variables: frozenset[str],
        parameters: frozenset[str],
        resolve: Resolver | None,
        known: Collection[str],
    ) -> None:
        if not isinstance(text, str):
            raise FormulaError(f"a formula is text, but a {type(text).__name__} was given")
        self.text = " ".join(text.split())
        self.variables = variables
        self.parameters = parameters
        self.resolve = resolve
        self.known = known

    def parse(self) -> Expression:
        if not self.text:
            raise FormulaError("the formula is empty; write one such as 'x * sigmoid(x)'")
        if len(self.text) > MAX_LENGTH:
            raise FormulaError(
                f"the formula has {len(self.text)} characters; at most {MAX_LENGTH} are read"
            )
        self._check_names()
        self._check_brackets()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Python's own advice on odd literals
                tree = ast.parse(self.text, mode="eval").body
        except SyntaxError as error:
            place = max((error.offset or 1) - 1, 0)
            raise self._error(f"not a formula: {error.msg}", place) from None
        except (RecursionError, MemoryError, ValueError):
            raise FormulaError("the formula is nested too deeply to be read") from None
        return self._number(tree, 0)

    # -- refusals ---------------------------------------------------------------------------

    def _error(self, what: str, start: int, end: int | None = None, hint: str = "") -> FormulaError:
        start = min(start, len(self.text))
        end = min(max(end or 0, start + 1), len(self.text) + 1)
        left = max(0, start - 40)
        shown = self.text[left : left + 76]
        lead = "..." if left else ""
        tail = "..." if left + 76 < len(self.text) else ""
        caret = " " * (len(lead) + start - left) + "^" * min(end - start, 76 - (start - left))
        message = f"{what}\n  {lead}{shown}{tail}\n  {caret}"
        return FormulaError(f"{message}\n{hint}" if hint else message)

    def _error_at(self, node: ast.expr, what: str, hint: str = "") -> FormulaError:
        # ast counts UTF-8 bytes; carets count characters
        raw = self.text.encode()
        start = len(raw[: node.col_offset].decode(errors="ignore"))
        end = len(raw[: node.end_col_offset].decode(errors="ignore"))
        return self._error(what, start, end, hint)

    def _check_names(self) -> None:
        for name in sorted(self.parameters | self.variables):
            if not name.isidentifier():
                raise FormulaError(f"{name!r} can't be the name of a parameter")
        for name in sorted(self.parameters):
            if name in _WORDS or name in PRIMITIVES or name in self.variables:
                raise FormulaError(
                    f"a parameter can't be named {name!r}: the word has a meaning in formulas; "
                    f"choose another, such as {name + '_'!r}"
                )

    def _check_brackets(self) -> None:
        opened: list[int] = []
        for place, character in enumerate(self.text):
            if character == "(":
                opened.append(place)
                if len(opened) > MAX_NESTING:
                    raise self._error(f"brackets nest deeper than {MAX_NESTING}", place)
            elif character == ")":
                if not opened:
                    raise self._error(
                        "this bracket was never opened", place, hint="remove it or open one before"
                    )
                opened.pop()
            elif character == "\0":
                raise self._error("a formula can't hold a null character", place)
        if opened:
            raise self._error("this bracket is never closed", opened[-1], hint="close it with ')'")

    # -- the walk ---------------------------------------------------------------------------

    def _number(self, node: ast.expr, depth: int) -> Expression:
        """An expression that stands for a number."""
        result = self._walk(node, depth)
        if isinstance(result, Call) and PRIMITIVES[result.head].is_comparison:
            raise self._error_at(
                node,
                "a comparison is true or false, but a number is needed here",
                "choose between two numbers with where(condition, then, otherwise)",
            )
        return result

    def _walk(self, node: ast.expr, depth: int) -> Expression:
        if depth > MAX_NESTING:
            raise self._error_at(node, f"the formula nests deeper than {MAX_NESTING}")
        if isinstance(node, ast.Constant):
            return self._literal(node)
        if isinstance(node, ast.Name):
            return self._name(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return _negated(self._number(node.operand, depth + 1))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd):
            return self._number(node.operand, depth + 1)
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            return self._binary(node, depth)
        if isinstance(node, ast.Compare):
            return self._comparison(node, depth)
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        raise self._refusal(node)

    def _refusal(self, node: ast.expr) -> FormulaError:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
            return self._error_at(node, "'^' is not in the language", "write a power as x**2")
        if isinstance(node, ast.Attribute):
            known = node.attr in _WORDS or node.attr in self.known
            return self._error_at(
                node,
                "attributes can't be used in a formula",
                f"write {node.attr}(...), with nothing before it" if known else _HOLDS,
            )
        if isinstance(node, ast.IfExp):
            return self._error_at(
                node, "'if' can't be used in a formula", "write where(x > 0, then, otherwise)"
            )
        what = {
            ast.Lambda: "a lambda", ast.ListComp: "a comprehension", ast.SetComp: "a comprehension",
            ast.GeneratorExp: "a comprehension", ast.DictComp: "a comprehension",
            ast.NamedExpr: "an assignment", ast.BoolOp: "'and' or 'or'", ast.Subscript: "an index",
            ast.Tuple: "a tuple", ast.List: "a list", ast.Dict: "a dictionary", ast.Set: "a set",
            ast.JoinedStr: "a string", ast.Starred: "a star", ast.Await: "await",
        }.get(type(node), "this")  # fmt: skip
        return self._error_at(
            node,
            f"{what} can't be used in a formula",
            _HOLDS,
        )

    def _literal(self, node: ast.Constant) -> Expression:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            kind = "a string" if isinstance(node.value, str | bytes) else repr(node.value)
            raise self._error_at(node, f"{kind} can't be used in a formula", "write a plain number")
        text = self.text.encode()[node.col_offset : node.end_col_offset].decode()
        if not _LITERAL.fullmatch(text):
            raise self._error_at(node, "not a plain decimal number of at most 60 digits")
        value = Fraction(text)
        if value and not 1e-300 < value < 1e300:
            raise self._error_at(
                node, "this number is out of range", "numbers lie between 1e-300 and 1e300"
            )
        return Number(value)

    def _name(self, node: ast.Name) -> Expression:
        name = node.id
        if name in self.variables or name in self.parameters:
            return Symbol(name)
        if name in PRIMITIVES and PRIMITIVES[name].arity == 0:
            return Call(name, ())
        if name in _WORDS or name in self.known:
            raise self._error_at(node, f"{name!r} is a function", f"write {name}(x)")
        raise self._unknown(node, name, called=False)

    def _unknown(self, node: ast.expr, name: str, *, called: bool) -> FormulaError:
        words = self.variables | self.parameters | _WORDS | set(self.known)
        near = difflib.get_close_matches(name, sorted(words), n=3, cutoff=0.6)
        hints = []
        if near:
            hints.append("did you mean " + " or ".join(repr(word) for word in near) + "?")
        if not called and not name.startswith("__"):
            hints.append(f"if {name!r} is a parameter, give it a default: {name}=1.0")
        hint = "\n".join(hints) or "the words are: " + ", ".join(sorted(_WORDS))
        return self._error_at(node, f"unknown name {name!r} in the formula", hint)

    def _binary(self, node: ast.BinOp, depth: int) -> Expression:
        left = self._number(node.left, depth + 1)
        right = self._number(node.right, depth + 1)
        if isinstance(node.op, ast.Pow):
            exponent = constant_value(right)
            if exponent is not None and not abs(exponent) <= MAX_EXPONENT:
                raise self._error_at(
                    node.right, f"exponents lie between -{MAX_EXPONENT} and {MAX_EXPONENT}"
                )
        return self._bounded(node, Call(_BINARY[type(node.op)], (left, right)))

    def _comparison(self, node: ast.Compare, depth: int) -> Expression:
        if len(node.ops) != 1:
            raise self._error_at(
                node, "comparisons can't be chained", "nest where(...) in where(...) instead"
            )
        head = _COMPARISONS.get(type(node.ops[0]))
        if head is None:
            raise self._error_at(node, "only < <= > >= == != compare numbers")
        left = self._number(node.left, depth + 1)
        return Call(head, (left, self._number(node.comparators[0], depth + 1)))

    def _call(self, node: ast.Call, depth: int) -> Expression:
        if not isinstance(node.func, ast.Name):
            raise self._not_callable(node.func)
        name = ALIASES.get(node.func.id, node.func.id)
        row = PRIMITIVES.get(name)
        if row is not None and not row.operator:
            if node.keywords:
                raise self._error_at(node.keywords[0].value, f"{name} takes no named arguments")
            if row.arity == 0:
                raise self._error_at(node, f"{name!r} is a number, not a function", f"write {name}")
            self._check_arity(node, name, row.arity)
            return self._primitive(node, name, depth)
        if name in self.variables or name in self.parameters:
            raise self._error_at(
                node, f"{name!r} is not a function", f"a product is written {name} * (...)"
            )
        function = self.resolve(name) if self.resolve else None
        if function is None:
            raise self._unknown(node.func, name, called=True)
        return self._expanded(node, name, function, depth)

    def _not_callable(self, node: ast.expr) -> FormulaError:
        if isinstance(node, ast.Attribute):
            return self._refusal(node)
        return self._error_at(
            node, "only a name can be called", "a product is written with *: 2 * (x + 1)"
        )

    def _check_arity(self, node: ast.Call, name: str, arity: int) -> None:
        if len(node.args) != arity:
            shape = ", ".join(["x", "y", "z"][:arity])
            if name == "where":
                shape = "condition, then, otherwise"
            raise self._error_at(
                node,
                f"{name} takes {arity} argument{'s' * (arity != 1)}, {len(node.args)} given",
                f"write {name}({shape})",
            )

    def _primitive(self, node: ast.Call, name: str, depth: int) -> Expression:
        if name != "where":
            arguments = tuple(self._number(argument, depth + 1) for argument in node.args)
            return self._bounded(node, Call(name, arguments))
        condition = self._walk(node.args[0], depth + 1)
        if not (isinstance(condition, Call) and PRIMITIVES[condition.head].is_comparison):
            raise self._error_at(
                node.args[0], "where needs a comparison first", "write where(x > 0, ..., ...)"
            )
        rest = tuple(self._number(argument, depth + 1) for argument in node.args[1:])
        return self._bounded(node, Call(name, (condition, *rest)))

    def _expanded(self, node: ast.Call, name: str, function: Expandable, depth: int) -> Expression:
        self._check_arity(node, name, len(function.variables))
        given = dict(zip(function.variables, node.args, strict=True))
        values = {
            variable: self._number(argument, depth + 1) for variable, argument in given.items()
        }
        for parameter, default in function.parameters.items():
            values[parameter] = number(default)
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg not in function.parameters:
                names = ", ".join(function.parameters) or "none"
                raise self._error_at(
                    keyword.value,
                    f"{name} has no parameter {keyword.arg!r}",
                    f"its parameters: {names}",
                )
            values[keyword.arg] = self._number(keyword.value, depth + 1)
        return self._bounded(node, substitute(function.formula, values))

    def _bounded(self, node: ast.expr, expression: Expression) -> Expression:
        if expression.size > MAX_SIZE:
            raise self._error_at(node, f"the formula grows beyond {MAX_SIZE} terms here")
        return expression


def _negated(operand: Expression) -> Expression:
    if isinstance(operand, Number):
        return Number(-operand.value)
    return Call("neg", (operand,))


def number(value: float | Fraction) -> Expression:
    """A number as its shortest decimal: 0.1 stays one tenth."""
    return Number(value if isinstance(value, Fraction) else Fraction(repr(float(value))))


def constant_value(expression: Expression) -> float | None:
    """The value of an arithmetic constant, infinite where it is huge; None if it varies."""

    def rule(node: Expression, operands: tuple[float | None, ...]) -> float | None:
        if isinstance(node, Number):
            return float(node.value)
        if not isinstance(node, Call) or None in operands or node.head not in _FLOAT:
            return None
        numbers = [operand for operand in operands if operand is not None]
        try:
            return _FLOAT[node.head](*numbers)
        except (OverflowError, ZeroDivisionError, ValueError):
            return math.inf

    return fold(expression, rule)


def _power(base: float, exponent: float) -> float:
    result = base**exponent
    return math.inf if isinstance(result, complex) else float(result)


_FLOAT: dict[str, Callable[..., float]] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b, "neg": lambda a: -a, "pow": _power, "exp": math.exp,
    "pi": lambda: math.pi, "e": lambda: math.e, "abs": abs, "log": math.log, "sqrt": math.sqrt,
    "maximum": max, "minimum": min, "cosh": math.cosh, "sinh": math.sinh, "expm1": math.expm1,
}  # fmt: skip
