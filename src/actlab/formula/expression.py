"""Expressions: immutable trees of numbers, symbols and calls, and walks over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Final, TypeVar

__all__ = ["Call", "Expression", "Number", "Symbol", "fold", "substitute", "symbols_of"]

T = TypeVar("T")


class Expression:
    """A node of a formula; equal trees compare equal, and `str` prints text that parses again."""

    __slots__ = ("_hash", "size")
    _hash: int
    size: int
    """Number of nodes, counted as often as they are printed."""

    @property
    def operands(self) -> tuple[Expression, ...]:
        """The expressions directly below this one."""
        return ()

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        from actlab.formula.printing import to_text

        return to_text(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


class Number(Expression):
    """An exact decimal number: `0.044715` means 44715/1000000 until an engine rounds it."""

    __slots__ = ("value",)
    value: Final[Fraction]

    def __init__(self, value: Fraction | int) -> None:
        self.value = Fraction(value)
        self._hash = hash(("number", self.value))
        self.size = 1

    __hash__ = Expression.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and self.value == other.value

    def __reduce__(self) -> tuple[type[Number], tuple[Fraction]]:
        return Number, (self.value,)


class Symbol(Expression):
    """A name that gets its value later: the variable `x`, `gate`, or a parameter."""

    __slots__ = ("name",)
    name: Final[str]

    def __init__(self, name: str) -> None:
        self.name = name
        self._hash = hash(("symbol", name))
        self.size = 1

    __hash__ = Expression.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Symbol) and self.name == other.name

    def __reduce__(self) -> tuple[type[Symbol], tuple[str]]:
        return Symbol, (self.name,)


class Call(Expression):
    """An entry of the vocabulary applied to its arguments: `add`, `where`, `exp`, ..."""

    __slots__ = ("arguments", "head")
    head: Final[str]
    arguments: tuple[Expression, ...]

    def __init__(self, head: str, arguments: tuple[Expression, ...]) -> None:
        self.head = head
        self.arguments = arguments
        self._hash = hash((head, arguments))
        self.size = 1 + sum(argument.size for argument in arguments)

    __hash__ = Expression.__hash__

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Call) or self._hash != other._hash or self.head != other.head:
            return False
        if self.arguments is not other.arguments:
            if self.arguments != other.arguments:
                return False
            # a part that is used twice would else be compared once for each way that leads to it
            other.arguments = self.arguments
        return True

    @property
    def operands(self) -> tuple[Expression, ...]:
        """The arguments."""
        return self.arguments

    def __reduce__(self) -> tuple[type[Call], tuple[str, tuple[Expression, ...]]]:
        return Call, (self.head, self.arguments)


def fold(root: Expression, rule: Callable[[Expression, tuple[T, ...]], T]) -> T:
    """Compute `rule(node, results of its operands)` bottom up, once per distinct node."""
    done: dict[Expression, T] = {}
    for node in nodes(root):
        done[node] = rule(node, tuple(done[operand] for operand in node.operands))
    return done[root]


def nodes(root: Expression) -> Iterator[Expression]:
    """Every distinct node, operands before the nodes that use them."""
    seen: set[Expression] = set()
    stack: list[tuple[Expression, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if node in seen:
            continue
        if ready:
            seen.add(node)
            yield node
        else:
            stack.append((node, True))
            stack.extend((operand, False) for operand in reversed(node.operands))


@lru_cache(maxsize=4096)
def symbols_of(root: Expression) -> frozenset[str]:
    """Names of the symbols that occur in an expression."""
    return frozenset(node.name for node in nodes(root) if isinstance(node, Symbol))


def substitute(root: Expression, values: Mapping[str, Expression]) -> Expression:
    """Replace symbols by expressions, all at once."""

    def rule(node: Expression, operands: tuple[Expression, ...]) -> Expression:
        if isinstance(node, Symbol):
            return values.get(node.name, node)
        if isinstance(node, Call) and operands != node.arguments:
            return Call(node.head, operands)
        return node

    return fold(root, rule)
