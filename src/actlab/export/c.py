"""C99 source: functions of `double`, and of `float` that compute in `double` and round once.

Nothing but <math.h> is needed. Sources of several functions may stand in one file.
"""

from __future__ import annotations

from dataclasses import replace

from actlab.export import braces
from actlab.export.lines import write_lines
from actlab.export.subject import Subject
from actlab.export.vectors import COUNT, DIRECTION, VectorProgram
from actlab.formula import Expression, symbols_of

__all__ = ["LANGUAGE", "RESERVED", "write"]

_PREFIX = "activation_"

_PLAIN = braces.language(
    head="static double {name}({arguments}) {{",
    places={
        "let": "const double", "var": "double", "int": "int", "argument": "double ", "m": "",
        "p": _PREFIX, "abs": "fabs",
    },
    table={"erf": "erf({a})", "erfc": "erfc({a})"},
    native={"erf", "erfc", "erf_near", "erfc_of_size"},
    assign="const double {name} = {value};",
)  # fmt: skip


def _once(name: str, source: str) -> str:
    """A helper that may occur again in the same file."""
    return f"#ifndef {name.upper()}\n#define {name.upper()}\n{source}\n#endif"


LANGUAGE = replace(_PLAIN, helpers={n: _once(n, text) for n, text in _PLAIN.helpers.items()})

RESERVED = frozenset(LANGUAGE.helpers)


def write(subject: Subject) -> str:
    """The source text."""
    before = ["#include <math.h>"]
    if subject.arguments:
        before.append(
            "\n".join(
                f"#define {_macro(subject, name)} {_number(value)}"
                for name, value in subject.arguments.items()
            )
        )
    if subject.activation.rule is not None:
        wanted = ["", DIRECTION] if subject.has_slope else [""]
        functions = [_vector(subject, wrt, kind) for wrt in wanted for kind in ("double", "float")]
        return braces.document(subject, ("/*", " * ", " */"), before, functions, LANGUAGE)
    functions = [_function(subject, "")]
    if subject.derivative:
        functions += [_function(subject, wrt) for wrt in subject.slopes()]
    return braces.document(subject, ("/*", " * ", " */"), before, functions, LANGUAGE)


def _macro(subject: Subject, name: str) -> str:
    return f"{subject.name}_{name}_DEFAULT".upper()


def _number(value: float) -> str:
    return repr(value) if value >= 0 else f"({value!r})"


def _function(subject: Subject, wrt: str) -> str:
    variables, numbers = subject.activation.variables, list(subject.arguments)
    name = braces.name_of(subject, wrt)
    used = {subject.names[symbol] for symbol in symbols_of(subject.expression(wrt))}
    unused = [f"    (void){name};" for name in (*variables, *numbers) if name not in used]
    inputs = ", ".join(f"double {n}" for n in (*variables, *numbers))
    narrow = ", ".join([*(f"float {n}" for n in variables), *(f"double {n}" for n in numbers)])
    passed = ", ".join([*(f"(double){n}" for n in variables), *numbers])
    lines = [f"double {name}({inputs}) {{", *unused, *braces.body(subject, wrt, LANGUAGE), "}", ""]
    lines += [f"float {name}f({narrow}) {{", f"    return (float){name}({passed});", "}"]
    return "\n".join(lines)


def _vector(subject: Subject, wrt: str, kind: str) -> str:
    """A function of an array; what is needed of it again is computed again, so no memory is."""
    program = subject.program(bool(wrt)).unfolded()
    if program.heads & {"sort", "cumsum"}:
        raise TypeError(
            f"{subject.activation.name} sorts or sums up along its vector, for which C code would "
            "need memory of its own; the other targets have it"
        )
    cast = "" if kind == "double" else "(double)"
    inputs = ["x", DIRECTION] if wrt else ["x"]
    names = {**subject.names, **{name: f"{cast}{name}[i]" for name in inputs}, COUNT: "(double)n"}
    lines: list[str] = []

    def loop(expression: Expression, ending: str) -> None:
        steps, (value,) = write_lines([expression], names, LANGUAGE)
        inner = [*steps, ending.format(value=value)]
        lines.extend(["for (int i = 0; i < n; i++) {", *(f"    {step}" for step in inner), "}"])

    for place, one in enumerate(program.definitions):
        name = f"w{place}"
        if one.head == "positions":
            names[one.name] = "(double)i"
            continue
        lines.append(f"double {name} = {'0.0' if one.head == 'sum' else '-HUGE_VAL'};")
        ending = f"{name} += {{value}};" if one.head == "sum" else f"{name} = {_LARGER}"
        loop(one.expression, ending.replace("NAME", name))
        names[one.name] = name
    loop(program.result, "y[i] = " + ("{value};" if kind == "double" else "(float)({value});"))
    used = {subject.names.get(s, s) for e in _expressions(program) for s in symbols_of(e)}
    unused = [f"(void){name};" for name in (*inputs, *subject.arguments) if name not in used]
    arrays = "".join(f"const {kind} *{name}, " for name in inputs)
    numbers = "".join(f", double {name}" for name in subject.arguments)
    name = braces.name_of(subject, "x" if wrt else "") + ("" if kind == "double" else "f")
    head = f"void {name}(int n, {arrays}{kind} *y{numbers}) {{"
    return "\n".join([head, *(f"    {line}" for line in [*unused, *lines]), "}"])


_LARGER = "activation_maximum(NAME, {value});"


def _expressions(program: VectorProgram) -> list[Expression]:
    return [*(one.expression for one in program.definitions), program.result]
