"""The numbers behind a figure of activations, and which activations have any."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from actlab.activation import Activation, VectorRule
from actlab.catalogue import resolve
from actlab.errors import ActlabError
from actlab.formula.expression import Call, Expression, Number, Symbol, nodes

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["EXAMPLE_VECTOR", "columns_of", "curve_table", "functions_of", "why_no_curve"]

EXAMPLE_VECTOR: Final = (1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0)
"""What a function of a vector is shown on; one that works on pairs gets a -1 besides."""

_REACH: Final = 5.0
_POINTS: Final = 801
_FARTHEST_KINK: Final = 20.0


def curve_table(
    activations: str | Activation | Iterable[str | Activation],
    *,
    order: int = 0,
    low: float | None = None,
    high: float | None = None,
    points: int = _POINTS,
) -> dict[str, NDArray[np.float64]]:
    """The numbers behind a figure: a column of inputs and one column for each function.

    A gated pair is taken at x = 1, as a function of its gate. Functions of a vector are taken
    on one vector, (1, 2, 3, 4, 1, 2, 3).

    Args:
        activations: names, formulas or activations.
        order: order of the derivative; 0 is the value.
        low: first input; by default -5, or less where a function has a kink further out.
        high: last input; by default 5, or more.
        points: how many inputs.

    Returns:
        Arrays of one length by name; the first is called "x".

    Raises:
        ActlabError: if nothing was given, functions of a vector are mixed with others or
            differentiated, the range is empty, or a function has no curve.

    Example:
        >>> curve_table("relu", low=-1, high=1, points=3)
        {'x': array([-1.,  0.,  1.]), 'relu': array([0., 0., 1.])}
    """
    functions = functions_of(activations)
    if functions[0].kind == "vector":
        if order:
            raise ActlabError(
                f"{functions[0].name} maps vectors to vectors; its derivative is a matrix and "
                "has no curve"
            )
        x = _example(functions)
    else:
        start, end = _range(functions)
        start, end = start if low is None else low, end if high is None else high
        if not -np.inf < start < end < np.inf or points < 2:
            raise ActlabError(f"a curve needs low < high and two points; {start:g}, {end:g} given")
        x = np.linspace(start, end, points)
    table = {"x": x}
    for label, f in zip(_labels(functions), functions, strict=True):
        table[label] = _values(f, x, order)
    return table


def columns_of(table: dict[str, NDArray[np.float64]]) -> list[tuple[str, NDArray[np.float64]]]:
    """The functions of a table by label, without the inputs."""
    return list(table.items())[1:]


def functions_of(given: str | Activation | Iterable[str | Activation]) -> list[Activation]:
    """The activations that were meant, if they can be drawn together.

    Raises:
        ActlabError: if there is none, one has no curve, or bars and curves are mixed.
    """
    items = [given] if isinstance(given, str | Activation) else list(given)
    functions = [resolve(item) if isinstance(item, str) else item for item in items]
    if not functions:
        raise ActlabError("no activation was given; name at least one, for example relu")
    for f in functions:
        if reason := why_no_curve(f):
            raise ActlabError(reason)
    kinds = {f.kind == "vector" for f in functions}
    if len(kinds) > 1:
        whole = next(f.name for f in functions if f.kind == "vector")
        raise ActlabError(
            f"{whole} maps whole vectors and is drawn as bars; draw it apart from the curves"
        )
    return functions


def why_no_curve(f: Activation) -> str:
    """A sentence on why a function can't be drawn; empty if it can."""
    if f.kind in {"complex", "layer"}:
        return f"{f.name} {f.nature}; a curve shows functions of real numbers without weights"
    if isinstance(f.rule, VectorRule) and f.rule.resizes:
        return f"{f.name} changes the size of its vector, so it can't be drawn entry by entry"
    return ""


def _example(functions: Sequence[Activation]) -> NDArray[np.float64]:
    x = np.array(EXAMPLE_VECTOR)
    try:
        for f in functions:
            f(x)
    except ValueError:
        x = np.append(x, -1.0)
    return x


def _labels(functions: Sequence[Activation]) -> list[str]:
    """A label for each function, no two the same."""
    labels: list[str] = []
    for f in functions:
        label = f.name + (" (x = 1)" if f.kind == "gated" else "")
        twins = [g for g in functions if g.name == f.name]
        if len(twins) > 1 and f.parameters:
            label += f" ({', '.join(f'{k}={v:g}' for k, v in f.parameters.items())})"
        number = sum(known == label or known.startswith(f"{label} #") for known in labels)
        labels.append(f"{label} #{number + 1}" if number else label)
    return labels


def _range(functions: Sequence[Activation]) -> tuple[float, float]:
    """Wide enough for the kinks at which the formulas switch to another branch."""
    kinks = [k for f in functions if f.formula is not None for k in _kinks(f.bound)]
    low, high = min([-_REACH, *kinks]), max([_REACH, *kinks])
    return (low * 1.25 if low < -_REACH else low), (high * 1.25 if high > _REACH else high)


def _kinks(formula: Expression) -> list[float]:
    found: list[float] = []
    for node in nodes(formula):
        if not isinstance(node, Call) or node.head not in _SWITCHES:
            continue
        plain = [Symbol("x"), Symbol("gate")]
        inner = any(a in plain or _SWITCHES & {getattr(a, "head", "")} for a in node.arguments)
        numbers = [a.value for a in node.arguments if isinstance(a, Number) and inner]
        found += [float(value) for value in numbers if abs(value) <= _FARTHEST_KINK]
    return found


_SWITCHES: Final = frozenset({"minimum", "maximum", "clip", "lt", "le", "gt", "ge"})


def _values(f: Activation, x: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    with np.errstate(all="ignore"):  # outside its domain a user's formula leaves a gap
        if f.kind == "gated":
            one = np.ones_like(x)
            y = f.derivative(one, x, order=order, wrt="gate") if order else f(one, x)
        else:
            y = f.derivative(x, order=order) if order else f(x)
    result: NDArray[np.float64] = np.broadcast_to(np.asarray(y, dtype=np.float64), x.shape)
    return result
