"""The activation itself: a formula or a rule with its numbers, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from numbers import Real
from types import MappingProxyType
from typing import Any

from actlab import _facade
from actlab.activation.details import Parameter, Random, Reference, Shipped
from actlab.activation.rules import Kind, Rule
from actlab.errors import UnknownNameError
from actlab.formula import Expression, differentiate, substitute, symbols_of, to_latex
from actlab.formula.calculus import tidied
from actlab.formula.parse import number

__all__ = ["Activation"]


@dataclass(frozen=True, eq=False, repr=False)
class Activation:
    """One activation function with its numbers; calling it evaluates it.

    NumPy arrays, scalars and lists give NumPy arrays; tensors of a framework give tensors of
    that framework, with its gradients. Two activations are equal when they compute the same
    formula with the same numbers.

    Attributes:
        name: canonical name, or the name it was defined under.
        formula: the stable form that engines run (None where there is a rule instead).
        backward: what stands in for the derivative by x, where gradients are not those of the
            formula; None nearly always.
        training: the formula that layers use in training, where it is another one.
        parameters: current numbers by name.
        family: the family of the catalogue, or "user".

    Example:
        >>> import actlab
        >>> f = actlab.get("leaky_relu", negative_slope=0.2)
        >>> f([-1.0, 2.0])
        array([-0.2,  2. ])
    """

    name: str
    formula: Expression | None
    parameters: Mapping[str, float] = field(default_factory=dict)
    definition: Expression | None = None
    family: str = "user"
    aliases: tuple[str, ...] = ()
    reference: Reference | None = None
    shipped: Mapping[str, tuple[Shipped, ...]] = field(default_factory=dict)
    specs: Mapping[str, Parameter] = field(default_factory=dict)
    random: Mapping[str, Random] = field(default_factory=dict)
    rule: Rule | None = None
    backward: Expression | None = None
    training: Expression | None = None
    note: str = ""
    plans: _facade.Shelf = field(default_factory=_facade.Shelf, init=False)
    """What the engines prepared for this very object; derived, never part of its value."""

    def __post_init__(self) -> None:
        for name in ("parameters", "shipped", "specs", "random"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        if self.definition is None:
            object.__setattr__(self, "definition", self.formula)

    # -- what it is -------------------------------------------------------------------------

    @cached_property
    def kind(self) -> Kind:
        """How its inputs and outputs are made.

        `scalar` (number to number), `gated` (x and gate to number), `vector` (along an axis),
        `complex` (complex number to complex number) or `layer` (with weights of its own).
        """
        if self.rule is not None:
            return self.rule.kind
        return "gated" if "gate" in symbols_of(self._expression) else "scalar"

    @property
    def nature(self) -> str:
        """The kind as the rest of a sentence: "maps whole vectors"."""
        return _NATURES[self.kind]

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the inputs: `("x",)`, or `("x", "gate")` for a gated pair."""
        return ("x", "gate") if self.kind == "gated" else ("x",)

    @property
    def _expression(self) -> Expression:
        if self.formula is None:
            raise TypeError(f"{self.name} {self.nature}; it has no formula of one number")
        return self.formula

    @cached_property
    def signature(self) -> str:
        """Text that determines the function: its formula with the numbers put in."""
        if self.rule is not None:
            numbers = ", ".join(f"{k}={v!r}" for k, v in sorted(self.parameters.items()))
            return f"{self.rule.text} [{numbers}]" if numbers else self.rule.text
        text = str(self.bound)
        if self.backward is not None:
            text += f"; backward {self.filled(self.backward)}"
        return text

    @cached_property
    def bound(self) -> Expression:
        """The formula with its numbers put in, random ones at their means, no factors of one."""
        return self.filled(self._expression)

    def filled(self, expression: Expression) -> Expression:
        """An expression of its parameters with their numbers put in, random ones at their means."""
        numbers = dict(self.parameters)
        for name, drawn in self.random.items():
            numbers[name] = drawn.mean(numbers)
        return tidied(substitute(expression, {k: number(v) for k, v in numbers.items()}))

    @property
    def is_constant(self) -> bool:
        """Whether the formula does not depend on its input."""
        return self.rule is None and not symbols_of(self._expression) & {"x", "gate"}

    def slope(self, wrt: str = "x", order: int = 1) -> Expression:
        """The formula of a derivative; by `x` the backward formula counts as the first.

        Raises:
            TypeError: if it has no formula.
        """
        return differentiate(*self.source(wrt, order))

    def source(self, wrt: str = "x", order: int = 1) -> tuple[Expression, str, int]:
        """What to differentiate, by what, and how often, for a derivative of an order."""
        if self.backward is not None and wrt == "x" and order > 0:
            return self.backward, wrt, order - 1
        return self._expression, wrt, order

    @cached_property
    def in_training(self) -> Activation:
        """The function that layers use in training; itself nearly always."""
        return self if self.training is None else replace(self, formula=self.training)

    def latex(self, order: int = 0) -> str:
        """The formula, or its derivative of an order, for LaTeX's mathematics mode."""
        if self.rule is not None:
            return self.rule.latex
        if order == 0 and self.definition:
            return to_latex(self.definition)
        return to_latex(self.slope("x", order))

    def __reduce__(self) -> tuple[Callable[..., Activation], tuple[dict[str, Any]]]:
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        plain = {k: dict(v) if isinstance(v, MappingProxyType) else v for k, v in values.items()}
        return _rebuilt, (plain,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Activation) and self.signature == other.signature

    def __hash__(self) -> int:
        return hash(self.signature)

    def __repr__(self) -> str:
        shown = [repr(self.name) if self.family != "user" else repr(self.signature)]
        shown += [f"{name}={value!r}" for name, value in self.parameters.items()]
        return f"Activation({', '.join(shown)})"

    # -- other numbers ----------------------------------------------------------------------

    def with_parameters(self, **parameters: float) -> Activation:
        """The same function with other numbers.

        Raises:
            UnknownNameError: if it has no such parameter; the message names those it has.
            TypeError: if a value is not a real number.
            ValueError: if a value is not finite, or not positive where it must be.
        """
        for name, value in parameters.items():
            self._check_parameter(name, value)
        values = {k: float(v) for k, v in parameters.items()}
        return replace(self, parameters={**self.parameters, **values})

    def _check_parameter(self, name: str, value: Any) -> None:
        if name not in self.parameters:
            has = ", ".join(f"{k}={v:g}" for k, v in self.parameters.items()) or "none"
            raise UnknownNameError(f"{self.name} has no parameter {name!r}; its parameters: {has}")
        if isinstance(value, bool) or not isinstance(value, Real):
            raise TypeError(
                f"{name} of {self.name} is a number, but {value!r} was given; "
                f"write for example {name}={self.parameters[name]:g}"
            )
        spec = self.specs.get(name, Parameter(0.0))
        if not spec.allows(float(value)):
            raise ValueError(
                f"{name} of {self.name} must be {spec.wanted}, but {value!r} was given"
            )

    # -- what others do with it -------------------------------------------------------------

    def __call__(self, x: Any, gate: Any = None, **options: Any) -> Any:
        """The value on any array.

        Args:
            x: a number, list, NumPy array, or tensor of PyTorch, JAX or Keras; any shape.
            gate: the second input of a gated pair; without it `x` is cut in two halves
                along `axis` and the second half is the gate.
            **options: `axis` (vector functions and gated halves, default -1); `out`, an array of
                the result's shape that is written to and returned, `x` itself included; or
                parameters by name, as numbers or as tensors that broadcast against `x`.

        Returns:
            An array of the same kind, shape and (for floating types) dtype.

        Raises:
            TypeError: for complex numbers, strings and objects, and an `out` of another library
                or of tensors that require a gradient.
            ValueError: for an `out` of another shape.
        """
        return _facade.load("evaluate")(self, x, gate, **options)

    def derivative(self, x: Any, gate: Any = None, *, order: int = 1, **options: Any) -> Any:
        """The derivative of an order with respect to `x` (or `wrt="gate"`, or a parameter).

        The first is as exact as the value. Of higher orders the terms may cancel where the sum
        falls off faster than they do, as in the tails of rational functions from 1e6 on; `exact`
        keeps all digits.
        """
        return _facade.load("derivative")(self, x, gate, order=order, **options)

    def exact(self, x: Any, gate: Any = None, *, order: int = 0, digits: int = 50) -> Any:
        """The value or derivative at a point as an mpmath number, right to `digits` digits.

        A Python float stands for the binary number it is; pass text ("0.1") for a decimal.
        """
        return _facade.load("evaluate_exactly")(self, x, gate, order=order, digits=digits)

    def properties(self) -> Any:
        """What can be known of the formula: range, monotonicity, kinks, moments, ..."""
        return _facade.load("properties")(self)

    def plot(self, **options: Any) -> Any:
        """Draw the curve; returns matplotlib Axes and shows nothing by itself."""
        return _facade.load("plot")(self, **options)

    def module(self, **options: Any) -> Any:
        """A `torch.nn.Module` of this function."""
        return _facade.load("module")(self, **options)

    def export(self, target: str, **options: Any) -> str:
        """Source text for a target language, without a dependency on actlab."""
        return str(_facade.load("export")(self, target, **options))


_NATURES: dict[Kind, str] = {
    "scalar": "maps number to number",
    "gated": "is a gated pair",
    "vector": "maps whole vectors",
    "complex": "maps complex numbers",
    "layer": "is a layer with weights of its own",
}


def _rebuilt(values: dict[str, Any]) -> Activation:
    """An activation from its pickled fields."""
    return Activation(**values)
