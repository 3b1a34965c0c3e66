"""JavaScript source: an ES module of functions of numbers, with nothing to import."""

from __future__ import annotations

from dataclasses import replace

from actlab.export import braces
from actlab.export.lines import write_lines
from actlab.export.subject import Subject
from actlab.export.vectors import COUNT, DIRECTION
from actlab.formula import Expression

__all__ = ["LANGUAGE", "write"]

_PLAIN = braces.language(
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

LANGUAGE = replace(
    _PLAIN,
    helpers={
        **_PLAIN.helpers,
        "_each": """function _each(n, f) {
    return Array.from({ length: n }, (_, i) => f(i));
}""",
        "_max": """function _max(values) {
    return values.reduce((a, b) => Math.max(a, b), -Infinity);
}""",
        "_sum": """function _sum(values) {
    return values.reduce((a, b) => a + b, 0.0);
}""",
        "_sort": """function _sort(values) {
    return Array.from(values).sort((a, b) => a - b);
}""",
        "_cumsum": """function _cumsum(values) {
    let sum = 0.0;
    return Array.from(values, (value) => (sum += value));
}""",
    },
)


def write(subject: Subject) -> str:
    """The source text."""
    if subject.activation.rule is not None:
        wanted = ["", DIRECTION] if subject.has_slope else [""]
        functions = [_vector(subject, wrt) for wrt in wanted]
        return braces.document(subject, ("", "// ", ""), [], functions, LANGUAGE)
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


def _vector(subject: Subject, wrt: str) -> str:
    numbers = [f"{name} = {value!r}" for name, value in subject.arguments.items()]
    inputs = ["x", DIRECTION] if wrt else ["x"]
    program = subject.program(bool(wrt))
    arrays = {name: f"{name}[i]" for name in inputs}
    names = {**subject.names, **arrays, COUNT: "x.length"}
    lines = []

    def each(expression: Expression) -> list[str]:
        steps, (value,) = write_lines([expression], names, LANGUAGE)
        inner = [*(f"    {step}" for step in steps), f"    return {value};"]
        return ["_each(x.length, (i) => {", *inner, "})"]

    for place, one in enumerate(program.definitions):
        name, varies = f"w{place}", one.name in program.vectors
        if one.head == "positions":
            lines.append(f"const {name} = _each(x.length, (i) => i);")
        elif one.head == "let" and not varies:
            steps, (value,) = write_lines([one.expression], names, LANGUAGE)
            inner = [*(f"    {step}" for step in steps), f"    return {value};"]
            lines += [f"const {name} = (() => {{", *inner, "})();"]
        else:
            first, *rest = each(one.expression)
            call = "" if one.head == "let" else f"_{one.head}("
            lines += [f"const {name} = {call}{first}", *rest]
            lines[-1] += ");" if call else ";"
        names[one.name] = f"{name}[i]" if varies else name
    first, *rest = each(program.result)
    lines += [f"return {first}", *rest]
    lines[-1] += ";"
    head = f"export function {braces.name_of(subject, 'x' if wrt else '')}"
    arguments = ", ".join([*inputs, *numbers])
    return "\n".join([f"{head}({arguments}) {{", *(f"    {line}" for line in lines), "}"])
