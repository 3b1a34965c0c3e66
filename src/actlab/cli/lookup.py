"""`actlab list` and `actlab show`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from actlab.activation import LayerRule
from actlab.cli.output import plain_characters, print_json, resolve

if TYPE_CHECKING:
    from actlab.activation import Activation, Shipped

__all__ = ["list_activations", "show"]


def list_activations(
    *,
    family: str | None = typer.Option(None, help="Only this family."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List the catalogued functions, one on a line: name, family, formula."""
    from actlab import catalogue

    functions = [catalogue.get(name) for name in catalogue.names(family)]
    if as_json:
        print_json(
            [
                {
                    "name": f.name,
                    "family": f.family,
                    "kind": f.kind,
                    "definition": _definition(f),
                    "parameters": f.parameters,
                    "aliases": f.aliases,
                }
                for f in functions
            ]
        )
        return
    first = max(len(f.name) for f in functions)
    second = max(len(f.family) for f in functions)
    for f in functions:
        typer.echo(f"{f.name:<{first}}  {f.family:<{second}}  {_definition(f)}")


def show(
    name: str = typer.Argument(
        metavar="NAME", help="A name, an alias, or a formula such as 'x * tanh(exp(x))'."
    ),
    *,
    like: str | None = typer.Option(
        None, help="Take the defaults of a framework: torch, jax, keras, tf, onnx."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show what a function is: formula, derivative, curve, paper, and who ships it."""
    f = resolve(name, like)
    if as_json:
        print_json(_facts(f))
        return
    blocks = [_head(f), _picture(f), _known(f), _claimed(f), _shipping(f), _sources(f)]
    typer.echo("\n\n".join("\n".join(block) for block in blocks if block))


def _definition(f: Activation) -> str:
    return f.rule.text if f.rule is not None else str(f.definition)


def _derivative(f: Activation) -> dict[str, str]:
    """The derivative by each input, as text; none where there is no formula of one number."""
    if f.formula is None:
        return {}
    return {name: str(f.slope(name)) for name in f.variables}


def _rows(rows: list[tuple[str, str]]) -> list[str]:
    wide = max((len(label) for label, _ in rows), default=0)
    return [f"{label:<{wide}}  {value}".rstrip() for label, value in rows]


def _head(f: Activation) -> list[str]:
    rows = [("name", f.name)] if f.family != "user" else []
    rows.append(("formula", _definition(f)))
    if f.formula is not None and f.formula != f.definition:
        rows.append(("computed as", _brief(str(f.formula))))
    if f.training is not None:
        rows.append(("in training", str(f.training)))
    slopes = _derivative(f)
    name = "derivative" if f.backward is None else "gradient"
    rows += [
        (name if len(slopes) == 1 else f"d/d {variable}", _brief(text))
        for variable, text in slopes.items()
    ]
    rows.append(("LaTeX", f.latex()))
    for number, (name, value) in enumerate(f.parameters.items()):
        meaning = f.specs[name].meaning if name in f.specs else ""
        shown = f"{name} = {value:.6g}" + (f"  ({meaning})" if meaning else "")
        rows.append(("parameters" if number == 0 else "", shown))
    for name, random in f.random.items():
        rows.append(("random", f"{name}, {random}"))
    if isinstance(f.rule, LayerRule):
        rows.append(("made by", f"module({f.rule.options})"))
    rows.append(("kind", _KINDS[f.kind]))
    if f.family != "user":
        rows.append(("family", f.family))
    if f.aliases:
        rows.append(("also called", ", ".join(f.aliases)))
    if f.note:
        rows.append(("note", f.note))
    return _rows(rows)


def _brief(text: str) -> str:
    """A long formula's beginning; the series that keep digits near a pole fill pages."""
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]} ... ({len(text)} characters; --json prints all)"


_LONGEST = 400
_KINDS = {
    "scalar": "scalar: number to number",
    "gated": "gated: x and its gate to a number",
    "vector": "vector: works along an axis",
    "complex": "complex: complex number to complex number",
    "layer": "layer: has weights of its own, in PyTorch and Keras",
}


def _picture(f: Activation) -> list[str]:
    from actlab.plots import curve_table, why_no_curve
    from actlab.terminal_curve import draw_bars, draw_curve

    if why_no_curve(f):
        return []
    columns = list(curve_table(f, points=449).values())
    x, y = columns[0].tolist(), columns[1].tolist()
    plain = plain_characters()
    if f.kind == "vector":
        return draw_bars(x, y, ascii_only=plain).splitlines()
    name = "gate, at x = 1" if f.kind == "gated" else "x"
    return draw_curve(x, y, ascii_only=plain, name=name).splitlines()


def _properties(f: Activation) -> list[tuple[str, str]]:
    """What can be known of the value; nothing of complex functions and layers."""
    return f.properties().lines() if f.kind in {"scalar", "gated", "vector"} else []


def _known(f: Activation) -> list[str]:
    rows = _properties(f)
    title = "properties" if f.backward is None else "properties of the value"
    return [title, *(f"  {row}" for row in _rows(rows))] if rows else []


def _claimed(f: Activation) -> list[str]:
    from actlab.properties import claims

    verdicts = claims(f)
    return ["often said", *(f"  {verdict}" for verdict in verdicts)] if verdicts else []


def _shipping(f: Activation) -> list[str]:
    rows = [
        (framework, f"{shipped.path}{_defaults(f, shipped)}") for framework, shipped in _shipped(f)
    ]
    if not rows:
        return []
    return ["shipped by", *(f"  {row}" for row in _rows(rows)), "", *_differences(f)]


def _shipped(f: Activation) -> Iterator[tuple[str, Shipped]]:
    for framework, items in f.shipped.items():
        for shipped in items:
            yield framework, shipped


def _defaults(f: Activation, shipped: Shipped) -> str:
    if shipped.function:
        return ""
    base = {name: spec.default for name, spec in f.specs.items()}
    values = {**base, **shipped.parameters}
    shown = ", ".join(f"{name}={value:.6g}" for name, value in values.items())
    return f"({shown})" if shown else ""


def _differences(f: Activation) -> list[str]:
    """What a reader who moves between frameworks must know, in lines."""
    lines = []
    for _, shipped in _shipped(f):
        parts = []
        if shipped.function:
            parts.append(f"the name means {shipped.function} there")
        parts += [
            f"{name} is {value:.6g} there, {f.specs[name].default:.6g} here"
            for name, value in shipped.parameters.items()
            if name in f.specs and value != f.specs[name].default
        ]
        if shipped.note:
            parts.append(shipped.note)
        if parts:
            lines.append(f"  {shipped.path}: {'; '.join(parts)}")
    return ["differences", *lines] if lines else ["no differences between them"]


def _sources(f: Activation) -> list[str]:
    return [f"source: {f.reference}"] if f.reference is not None else []


def _facts(f: Activation) -> dict[str, Any]:
    from actlab.properties import claims

    reference = None
    if f.reference is not None:
        reference = {**vars(f.reference), "text": str(f.reference)}
    return {
        "name": f.name,
        "kind": f.kind,
        "family": f.family,
        "definition": _definition(f),
        "formula": _definition(f) if f.formula is None else str(f.formula),
        "derivative": _derivative(f),
        "training": None if f.training is None else str(f.training),
        "backward": None if f.backward is None else str(f.backward),
        "layer": f.rule.options if isinstance(f.rule, LayerRule) else None,
        "latex": f.latex(),
        "parameters": {
            name: {"value": value, "meaning": f.specs[name].meaning if name in f.specs else ""}
            for name, value in f.parameters.items()
        },
        "random": {name: vars(r) for name, r in f.random.items()},
        "aliases": f.aliases,
        "note": f.note,
        "properties": dict(_properties(f)),
        "claims": [vars(verdict) for verdict in claims(f)],
        "reference": reference,
        "shipped": [
            {
                "framework": framework,
                "path": shipped.path,
                "parameters": shipped.parameters,
                "function": shipped.function or f.name,
                "note": shipped.note,
            }
            for framework, shipped in _shipped(f)
        ],
    }
