"""JavaScript source: an ES module of functions of numbers, with nothing to import."""

from __future__ import annotations

from actlab.export import braces
from actlab.export.subject import Subject

__all__ = ["LANGUAGE", "write"]

LANGUAGE = braces.language(
    head="function {name}({arguments}) {{",
    places={
        "let": "const", "var": "let", "int": "let", "argument": "", "m": "Math.", "p": "_",
        "abs": "Math.abs",
    },
    table={
        "minimum": "Math.min({a}, {b})",
        "maximum": "Math.max({a}, {b})",
        "clip": "Math.min(Math.max({a}, {b}), {c})",
        "sign": "Math.sign({a})",
        "eq": "{a} === {b}",
    },
    assign="const {name} = {value};",
)  # fmt: skip


def write(subject: Subject) -> str:
    """The source text."""
    functions = [_function(subject, "")]
    if subject.derivative:
        functions += [_function(subject, wrt) for wrt in subject.slopes()]
    return braces.document(subject, ("", "// ", ""), [], functions, LANGUAGE)


def _function(subject: Subject, wrt: str) -> str:
    numbers = [f"{name} = {value!r}" for name, value in subject.arguments.items()]
    arguments = ", ".join([*subject.activation.variables, *numbers])
    lines = braces.body(subject, wrt, LANGUAGE)
    name = braces.name_of(subject, wrt)
    return "\n".join([f"export function {name}({arguments}) {{", *lines, "}"])
