"""The registry: every catalogued function by name, alias or the name a framework gives it.

Each family is one file of this package with a tuple `ENTRIES`; adding a function means adding
an entry there, and nothing else. A family's own name is the name of its file.
"""

from __future__ import annotations

import difflib
import pkgutil
from collections import defaultdict
from functools import cache
from importlib import import_module

from actlab.activation import Activation, Parameter
from actlab.catalogue.entry import Entry
from actlab.errors import FormulaError, UnknownNameError
from actlab.formula import Expression, parse, symbols_of
from actlab.formula.parse import Expandable

__all__ = ["define", "entry_of", "families", "get", "names", "resolve", "split_list"]

_NOT_FAMILIES = {"entry"}


@cache
def _table() -> dict[str, tuple[str, Entry]]:
    """Canonical name to (family, entry)."""
    table: dict[str, tuple[str, Entry]] = {}
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
        if module in _NOT_FAMILIES:
            continue
        for entry in import_module(f"{__name__}.{module}").ENTRIES:
            if entry.name in table:
                raise ValueError(f"two entries are called {entry.name!r}")
            table[entry.name] = (module, entry)
    return table


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


@cache
def _index() -> dict[str, tuple[str, ...]]:
    """Every spelling without case and punctuation, to the canonical names it may mean."""
    index: dict[str, list[str]] = defaultdict(list)
    for name, (_, entry) in _table().items():
        for spelling in {_plain(name), *map(_plain, entry.aliases)}:
            index[spelling].append(name)
    for name in _table():  # a canonical name wins over another entry's alias
        index[_plain(name)] = [name]
    return {spelling: tuple(found) for spelling, found in index.items()}


def names(family: str | None = None) -> list[str]:
    """Canonical names of the catalogue, sorted.

    Args:
        family: only this family's; `families()` lists them.

    Raises:
        UnknownNameError: if there is no such family.

    Example:
        >>> import actlab
        >>> "gelu" in actlab.names()
        True
    """
    if family is None:
        return sorted(_table())
    if family not in families():
        raise UnknownNameError(
            f"there is no family {family!r}; the families are {', '.join(families())}"
        )
    return sorted(name for name, (own, _) in _table().items() if own == family)


def families() -> list[str]:
    """The families of the catalogue, sorted."""
    return sorted({family for family, _ in _table().values()})


def entry_of(name: str) -> Entry:
    """The entry that a name or alias means.

    Raises:
        UnknownNameError: naming the nearest ones, or the several that the name may mean.
    """
    return _table()[_canonical(name)][1]


def _canonical(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"the name of an activation is text, but {name!r} was given")
    found = _index().get(_plain(name), ())
    if len(found) == 1:
        return found[0]
    if found:
        raise UnknownNameError(
            f"{name!r} means several functions in the literature; "
            f"ask for one of: {', '.join(sorted(found))}"
        )
    near: list[str] = []
    for match in difflib.get_close_matches(_plain(name), _index(), n=5, cutoff=0.6):
        near += [candidate for candidate in _index()[match] if candidate not in near]
    hint = f"did you mean {' or '.join(near[:3])}?" if near else "actlab.names() lists all"
    raise UnknownNameError(f"there is no activation called {name!r}; {hint}")


@cache
def _activation(name: str) -> Activation:
    family, entry = _table()[name]
    specs = {
        key: value if isinstance(value, Parameter) else Parameter(float(value))
        for key, value in entry.parameters.items()
    }
    symbols = (*specs, *entry.random)

    def parsed(text: str) -> Expression | None:
        if not text:
            return None
        return parse(
            text, variables=("x", "gate"), parameters=symbols, resolve=_lookup, known=_known()
        )

    rule = None if isinstance(entry.formula, str) else entry.formula
    formula = parsed(entry.formula) if isinstance(entry.formula, str) else None
    return Activation(
        name=name,
        formula=formula,
        definition=parsed(entry.definition),
        parameters={key: spec.default for key, spec in specs.items()},
        specs=specs,
        family=family,
        aliases=entry.aliases,
        reference=entry.reference,
        shipped=entry.ships,
        random=entry.random,
        rule=rule,
        backward=parsed(entry.backward),
        training=parsed(entry.training),
        note=entry.note,
    )


@cache
def _known() -> frozenset[str]:
    return frozenset(name for name, (_, e) in _table().items() if isinstance(e.formula, str))


def _lookup(name: str) -> Expandable | None:
    """What a name in a formula expands to: an elementwise function of the catalogue."""
    found = _index().get(_plain(name), ())
    if len(found) != 1 or found[0] not in _known():
        return None
    function = _activation(found[0])
    if function.formula is None or function.random or function.backward is not None:
        return None
    return Expandable(function.formula, function.variables, function.parameters)


def get(name: str, like: str | None = None, **parameters: float) -> Activation:
    """A catalogued function.

    Args:
        name: canonical name or alias, in any spelling: "leaky_relu", "LeakyReLU", "swish".
        like: take the defaults of a framework ("torch", "jax", "keras", "tf", "onnx", or a
            longer path such as "keras.activations"), which may even mean another function.
        **parameters: numbers by name.

    Returns:
        A frozen `Activation`.

    Raises:
        UnknownNameError: for an unknown name, framework or parameter; the message helps.
        TypeError: for a parameter that is not a number.
        ValueError: for a parameter that is out of range.

    Example:
        >>> import actlab
        >>> actlab.get("LeakyReLU", negative_slope=0.2)
        Activation('leaky_relu', negative_slope=0.2)
        >>> actlab.get("gelu", like="jax").name
        'gelu_tanh'
    """
    activation = _activation(_canonical(name))
    if like is not None:
        activation = _as_shipped(activation, like)
    return activation.with_parameters(**parameters) if parameters else activation


def _as_shipped(activation: Activation, like: str) -> Activation:
    framework = like.partition(".")[0].casefold()
    framework = {"pytorch": "torch", "tensorflow": "tf"}.get(framework, framework)
    for shipped in activation.shipped.get(framework, ()):
        if "." in like and not shipped.path.startswith(like):
            continue
        if shipped.function:
            activation = _activation(shipped.function)
        return activation.with_parameters(**shipped.parameters)
    by = ", ".join(sorted(activation.shipped)) or "no framework"
    raise UnknownNameError(f"{like!r} does not ship {activation.name}; shipped by: {by}")


def define(text: str, name: str | None = None, **defaults: float) -> Activation:
    """An activation of your own, worth as much as a catalogued one.

    Args:
        text: a formula of `x` (and `gate` for a gated pair), the parameters, the primitives, and
            any catalogued elementwise function by its name.
        name: how it is shown; the formula itself by default.
        **defaults: the parameters and their values.

    Returns:
        A frozen `Activation` of family "user".

    Raises:
        FormulaError: if the text is not a formula; it shows where, and what would be right.
        TypeError: if a default is not a number.
        ValueError: if a default is not finite.

    Example:
        >>> import actlab
        >>> f = actlab.define("x * tanh(exp(beta * x))", name="mine", beta=1.0)
        >>> f([0.0, 1.0])
        array([0.        , 0.99132892])
    """
    formula = parse(
        text,
        variables=("x", "gate"),
        parameters=tuple(defaults),
        resolve=_lookup,
        known=_known(),
    )
    used = symbols_of(formula)
    if not used & {"x", "gate"} and used:
        raise FormulaError(f"the formula {text!r} does not contain x; nothing would depend on it")
    if "gate" in used and "x" not in used:
        raise FormulaError(f"the formula {text!r} has a gate but no x; a gated pair needs both")
    if unused := sorted(set(defaults) - used):
        raise FormulaError(f"the formula {text!r} does not use the parameter {unused[0]!r}")
    note = "" if used else "constant: it ignores its input and passes no gradient"
    shown = name if name is not None else " ".join(text.split())
    activation = Activation(shown, formula, dict.fromkeys(defaults, 0.0), note=note)
    return activation.with_parameters(**defaults) if defaults else activation


def resolve(text: str) -> Activation:
    """The activation that a user typed: a name, an alias, or a formula.

    Parameters of a catalogued function are given by a call: ``leaky_relu(x, negative_slope=0.2)``;
    those of a formula after a semicolon: ``x * sigmoid(beta * x); beta=1.5``.

    Raises:
        UnknownNameError: if it reads as a name and nothing carries it.
        FormulaError: if it reads as a formula and is none.

    Example:
        >>> resolve("swish") == resolve("x * sigmoid(x)")
        True
    """
    stripped = text.strip()
    if stripped == "x" or not stripped.replace("-", "_").replace(" ", "_").isidentifier():
        formula, *settings = stripped.split(";")
        return define(formula, None, **_settings(stripped, settings))
    return get(stripped)


def _settings(text: str, settings: list[str]) -> dict[str, float]:
    values: dict[str, float] = {}
    for item in (part for setting in settings for part in setting.split(",") if part.strip()):
        key, equals, value = (piece.strip() for piece in item.partition("="))
        try:
            values[key] = float(value)
        except ValueError:
            equals = ""
        if not equals or not key.isidentifier():
            raise FormulaError(
                f"{item.strip()!r} in {text!r} is not a parameter; write it as '; beta=1.5'"
            )
    return values


def split_list(text: str) -> list[str]:
    """Cut "relu,gelu,max(x, 0)" at the commas that stand outside brackets."""
    items, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth <= 0:
            items.append(text[start:place])
            start = place + 1
    items.append(text[start:])
    return [item.strip() for item in items if item.strip()]
