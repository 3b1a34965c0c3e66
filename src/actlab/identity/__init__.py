"""Has somebody published this function already, and under which name?

A formula is compared with the whole catalogue: first in numbers, then, where the numbers agree, by
rules or to fifty digits. It may be a catalogued function as it stands, one with other parameters,
one with input and output scaled and shifted, or merely close to some.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice, product
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from actlab import catalogue
from actlab.formula import Call, Expression, Symbol, substitute
from actlab.formula.calculus import tidied
from actlab.formula.parse import constant_value, number
from actlab.identity import fitting, values
from actlab.identity.numbers import candidates
from actlab.identity.proof import agreeing_digits, is_proved

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["Identity", "Match", "equals", "identify"]

_SAME: Final = 1e-9
_FITTED: Final = 1e-7
_ROUGHLY: Final = 1e-6
"""Float64 arithmetic of a form that cancels may lose half of the digits."""

_MOST_PARAMETERS: Final = 4
_NEAREST: Final = 3
_TRIES: Final = 24
_SHOWN: Final = 8

Relation = Literal["equal", "parameters", "affine", "close"]


@dataclass(frozen=True)
class Match:
    """One catalogued function and how the formula is related to it.

    Attributes:
        name: canonical name.
        relation: "equal"; "parameters", with those numbers in place of the defaults; "affine", as
            ``scale * f(stretch * x + shift) + offset``; or "close".
        written: the formula as a call of the function.
        evidence: "proved", "measured" to `digits` digits, or "" for one that is only close.
        difference: for a close one the largest difference for inputs up to 8 in size, at `at`.
    """

    name: str
    relation: Relation
    aliases: tuple[str, ...] = ()
    written: str = ""
    parameters: Mapping[str, float] = field(default_factory=dict)
    scale: float = 1.0
    stretch: float = 1.0
    shift: float = 0.0
    offset: float = 0.0
    evidence: Literal["proved", "measured", ""] = ""
    digits: int = 0
    difference: float = 0.0
    at: tuple[float, ...] = ()

    def __str__(self) -> str:
        if self.relation == "close":
            at = ", ".join(f"{value:.4g}" for value in self.at)
            return f"{self.name}: differs by at most {self.difference:.3g}, at x = {at}"
        if self.relation == "equal":
            called = f" (= {', '.join(self.aliases)})" if self.aliases else ""
            text = f"{self.written or self.name}{called}"
        elif self.relation == "parameters":
            numbers = ", ".join(f"{key} = {value:.10g}" for key, value in self.parameters.items())
            text = f"{self.name} with {numbers}"
        else:
            text = self.written
        return f"{text}: {self.how}"

    @property
    def how(self) -> str:
        """How it is known."""
        return "proved" if self.evidence == "proved" else f"measured to {self.digits} digits"


@dataclass(frozen=True)
class Identity:
    """What a formula is: the functions that it equals, or those that it is closest to."""

    formula: str
    matches: tuple[Match, ...]

    @property
    def is_known(self) -> bool:
        """Whether it is a catalogued function, up to parameters, scale and shift."""
        return any(match.relation != "close" for match in self.matches)

    def __str__(self) -> str:
        lines = [str(match) for match in self.matches]
        if not self.is_known:
            lines.insert(0, "no catalogued function; the nearest are:")
        if len(lines) > _SHOWN:
            lines[_SHOWN:] = [f"... and {len(lines) - _SHOWN} more"]
        return "\n".join(lines)

    def __repr__(self) -> str:
        shown = "; ".join(map(str, self.matches))
        return f"Identity({self.formula!r}: {shown})"

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "formula": self.formula,
            "known": self.is_known,
            "matches": [asdict(match) for match in self.matches],
        }


def identify(formula: str | Activation) -> Identity:
    """Find the catalogued functions that a formula equals, or is closest to.

    Args:
        formula: a formula, a name, or an activation, of one number or of x and gate.

    Returns:
        All that it equals; else all that it equals with other parameters; else with input and
        output scaled and shifted; else the nearest three.

    Raises:
        FormulaError: if the text is no formula.
        TypeError: for a function of whole vectors, of complex numbers, and for a layer.

    Example:
        >>> print(identify("x * tanh(exp(x))"))
        telu (= tanhexp): proved
        >>> print(identify("x * sigmoid(3 * x)").matches[0])
        swish with beta = 3: proved
    """
    function = catalogue.resolve(formula) if isinstance(formula, str) else formula
    asked = _Question(function)
    matches = [*asked.equal(), *asked.with_parameters()] or asked.scaled() or asked.nearest()
    return Identity(str(function.bound), tuple(matches))


def equals(activation: Activation) -> list[Match]:
    """The catalogued functions that a function equals at their defaults, itself among them.

    Example:
        >>> [match.name for match in equals(catalogue.get("silu"))]
        ['silu', 'swish', 'xsilu', 'acon_c']
    """
    return _Question(activation).equal()


class _Question:
    """A formula beside the catalogue."""

    def __init__(self, function: Activation) -> None:
        self.function = function
        self.forms = _forms(function)
        self.row = values.row(function)
        self.rows = values.rows(function.kind)
        self.inputs = values.points(function.kind)
        self.known = np.isfinite(self.row.few)

    def equal(self) -> list[Match]:
        found = []
        for row in self.rows:
            f = row.activation
            if _agree(self.row.few, row.few):
                certificate = self._certificate(_forms(f))
                if certificate:
                    found.append((_plainness(f), _match(f, "equal", **certificate)))
        return [match for _, match in sorted(found, key=lambda pair: pair[0])] + self._swapped()

    def _swapped(self) -> list[Match]:
        """Gated pairs whose gate is this one's x."""
        if self.function.kind != "gated":
            return []
        found = []
        x, gate = Symbol("x"), Symbol("gate")
        for row in self.rows:
            forms = [substitute(e, {"x": gate, "gate": x}) for e in _forms(row.activation)]
            inputs = {"x": self.inputs["gate"], "gate": self.inputs["x"]}
            if row.activation == self.function or not _agree(
                self.row.few, values.at(row.activation.bound, inputs)
            ):
                continue
            certificate = self._certificate(forms)
            if certificate:
                written = f"{row.activation.name}(gate, x)"
                found.append(_match(row.activation, "equal", written=written, **certificate))
        return found

    def with_parameters(self) -> list[Match]:
        found = []
        for row in self.rows:
            f, formula = row.activation, row.activation.formula
            bounds = {b for random in f.random.values() for b in random.bounds}
            names = [name for name in f.parameters if name not in bounds]
            if formula is None or _agree(self.row.few, row.few):
                continue
            if 0 < len(names) <= _MOST_PARAMETERS:
                match = self._fitted(row, _without_draws(f, formula), names)
                if match:
                    # a parameter of 0 switches a part off, which says less about a function
                    off = 0.0 in match.parameters.values()
                    found.append(((off, len(match.parameters), len(names)), match))
        return [match for _, match in sorted(found, key=lambda pair: pair[0])]

    def _fitted(self, row: values.Row, formula: Expression, names: list[str]) -> Match | None:
        f = row.activation
        defaults = np.array([f.parameters[name] for name in names])
        found = self._fit(formula, names, _starts(defaults), defaults)
        if found is None:
            return None
        definition = _without_draws(f, f.definition or formula)
        for numbers in self._written(found):
            values_ = {
                name: constant_value(n) or 0.0 for name, n in zip(names, numbers, strict=True)
            }
            if not all(f.specs[k].allows(v) for k, v in values_.items() if k in f.specs):
                continue
            filled = dict(zip(names, numbers, strict=True))
            forms = [tidied(substitute(form, filled)) for form in (definition, formula)]
            certificate = self._certificate(forms)
            if certificate:
                changed = {k: v for k, v in values_.items() if v != f.parameters[k]}
                return _match(f, "parameters", parameters=changed, **certificate)
        return None

    def scaled(self) -> list[Match]:
        if self.function.kind != "scalar":
            return []
        inside = self.known & (np.abs(self.inputs["x"]) <= values.REACH)
        table = np.stack([row.many for row in self.rows])
        x, target = self.inputs["x"][inside], self.row.few[inside]
        found = []
        names = ["scale", "stretch", "shift", "offset"]
        for place, start, _ in fitting.affine_starts(table, x, target)[:12]:
            f = self.rows[place].activation
            wrapped = _wrapped(f.bound, [Symbol(name) for name in names])
            fitted = self._fit(wrapped, names, _around(start), np.array([1.0, 1.0, 0.0, 0.0]))
            if fitted is None:
                continue
            for numbers in self._written(fitted):
                forms = [_wrapped(form, list(numbers)) for form in _forms(f)]
                certificate = self._certificate([tidied(form) for form in forms])
                if certificate:
                    values_ = [constant_value(n) or 0.0 for n in numbers]
                    facts = {**dict(zip(names, values_, strict=True)), **certificate}
                    written = _call(f.name, numbers)
                    simplicity = len(_call("f", numbers)), len(f.parameters), f.name
                    found.append((simplicity, _match(f, "affine", written=written, **facts)))
                    break
        return [match for _, match in sorted(found, key=lambda pair: pair[0])]

    def nearest(self) -> list[Match]:
        found = []
        inputs = {"x": values.grid()} if self.function.kind == "scalar" else self.inputs
        for row in self.rows:
            with np.errstate(invalid="ignore"):
                miss = np.abs(self.row.many - row.many)
            if not np.isfinite(miss).any():
                continue
            place = int(np.nanargmax(miss))
            at = tuple(float(v[place]) for v in inputs.values())
            found.append(_match(row.activation, "close", difference=float(miss[place]), at=at))
        return sorted(found, key=lambda match: match.difference)[:_NEAREST]

    def _fit(self, formula: Expression, names: list[str], starts: Any, usual: Any) -> Any:
        """Numbers that make a formula of this one: fitted near 0, and confirmed far out."""
        everywhere = {name: given[self.known] for name, given in self.inputs.items()}
        size = np.max([np.abs(given) for given in self.inputs.values()], axis=0)
        near = self.known & (size <= values.REACH)
        inputs = {name: given[near] for name, given in self.inputs.items()}
        numbers, miss = fitting.fit(formula, names, starts, inputs, self.row.few[near])
        if miss >= _FITTED:
            return None
        target = self.row.few[self.known]
        return fitting.settle(formula, names, numbers, usual, everywhere, target)

    def _written(self, found: Any) -> Iterator[tuple[Expression, ...]]:
        """Exact numbers for those that were fitted, in the order of their likelihood."""
        choices = [list(candidates(float(n), self.function.bound)) for n in found]
        return islice(product(*choices), _TRIES)

    def _certificate(self, forms: list[Expression]) -> dict[str, Any]:
        """How it is known that the formula equals another; empty if it does not."""
        if not _agree(self.row.few, values.at(forms[-1], self.inputs), _ROUGHLY):
            return {}
        digits = agreeing_digits(self.forms[-1], forms[-1])
        if not digits:
            return {}
        if any(is_proved(mine, theirs) for mine in self.forms for theirs in forms):
            return {"evidence": "proved", "digits": digits}
        return {"evidence": "measured", "digits": digits}


def _match(activation: Activation, relation: Relation, **facts: Any) -> Match:
    spelled = {_plain(activation.name): ""}
    for alias in activation.aliases:
        spelled.setdefault(_plain(alias), alias)
    return Match(activation.name, relation, tuple(filter(None, spelled.values())), **facts)


def _plain(name: str) -> str:
    return name.casefold().replace("_", "")


def _forms(activation: Activation) -> list[Expression]:
    """The formula as its paper has it and as engines run it, with its numbers put in."""
    forms = [activation.filled(activation.definition or activation.bound), activation.bound]
    return list(dict.fromkeys(forms))


def _without_draws(activation: Activation, formula: Expression) -> Expression:
    means = {name: drawn.mean(activation.parameters) for name, drawn in activation.random.items()}
    return substitute(formula, {name: number(value) for name, value in means.items()})


def _agree(mine: Any, theirs: Any, tolerance: float = _SAME) -> bool:
    finite = np.isfinite(mine) & np.isfinite(theirs)
    if np.count_nonzero(finite) < len(mine) // 2:
        return False
    a, b = mine[finite], theirs[finite]
    return bool(np.all(np.abs(a - b) <= tolerance * (np.abs(a) + np.abs(b)) + 1e-15))


def _starts(defaults: Any) -> Any:
    """The defaults, and others around them and on the other side of 0."""
    random = np.random.default_rng(40)
    factors = np.exp(random.normal(0, 0.7, (5, len(defaults))))
    around = defaults * factors + 0.3 * random.normal(size=factors.shape)
    return np.vstack(
        [defaults, np.where(defaults == 0, 0.5, defaults * 1.7), around, -defaults - 0.1]
    )


def _around(start: Any) -> Any:
    return np.vstack([start, start * 1.01 + 0.001])


def _wrapped(formula: Expression, numbers: list[Expression]) -> Expression:
    """The formula with its input and output scaled and shifted."""
    scale, stretch, shift, offset = numbers
    inner = Call("add", (Call("mul", (stretch, Symbol("x"))), shift))
    return Call("add", (Call("mul", (scale, substitute(formula, {"x": inner}))), offset))


def _call(name: str, numbers: tuple[Expression, ...]) -> str:
    """`3 * gelu(2 * x - 1) + 0.5`, without ones and zeros."""
    scale, stretch, shift, offset = numbers
    inner = Call("add", (Call("mul", (stretch, Symbol("x"))), shift))
    marked = Call("add", (Call("mul", (scale, Symbol("call"))), offset))
    texts = [str(tidied(e)).replace("+ -", "- ").replace("-1 * ", "-") for e in (inner, marked)]
    return texts[1].replace("call", f"{name}({texts[0]})")


def _plainness(activation: Activation) -> tuple[bool, int, int, str]:
    """The plainest first: without draws and backward formulas, without parameters, the oldest."""
    special = bool(activation.random) or activation.backward is not None
    year = activation.reference.year if activation.reference else 0
    return special, len(activation.parameters), year, activation.name
