"""C99 source: functions of `double`, and of `float` that compute in `double` and round once.

Nothing but <math.h> is needed. Sources of several functions may stand in one file.
"""

from __future__ import annotations

from dataclasses import replace

from actlab.export import braces
from actlab.export.subject import Subject
from actlab.formula import symbols_of

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
