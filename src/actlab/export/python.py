"""What the four Python targets share: helpers written over one array module, and functions.

`{m}` stands for the module: `np`, `torch`, `jnp` or `ops`. Every helper is right over the whole
range of its argument, NaN and infinities included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from actlab.export.lines import Language, helpers_of, write_lines
from actlab.export.special import ERF, MILLS, NORMCDF, polynomial
from actlab.export.subject import LARGEST, SETTLED, Subject
from actlab.export.vectors import COUNT, DIRECTION
from actlab.formula import Expression, symbols_of

__all__ = [
    "ALONG",
    "OWN",
    "OWN_CALLS",
    "arguments",
    "docstring",
    "document",
    "function",
    "function_name",
    "language",
    "private_name",
    "signature",
    "vector_body",
    "vector_function",
]

_CALLS = (
    "abs",
    "exp",
    "expm1",
    "log",
    "log1p",
    "sqrt",
    "sin",
    "cos",
    "arctan",
    "arcsinh",
    "sinh",
    "cosh",
    "tanh",
    "where",
)

_HELPERS = {
    "_sign": """
def _sign(a):
    return {m}.where(a > 0, 1.0, {m}.where(a < 0, -1.0, a))
""",
    "_sigmoid": """
def _sigmoid(a):
    # not -abs(a), through which a framework's second derivative at 0 would be 0
    small = {m}.exp({m}.where(a < 0, a, -a))
    return {m}.where(a < 0, small, 1.0) / (1.0 + small)
""",
    "_log_sigmoid": """
def _log_sigmoid(a):
    return -_softplus(-a)
""",
    "_softplus": """
def _softplus(a):
    # not maximum and abs, whose own derivatives at 0 differ among the frameworks
    return {m}.where(a < 0, 0.0, a) + {m}.log1p({m}.exp({m}.where(a < 0, a, -a)))
""",
    "_sech": """
def _sech(a):
    small = {m}.exp(-{m}.abs(a))
    return 2.0 * small / (1.0 + small * small)
""",
    "_tanh_shrink": '''
def _tanh_shrink(a):
    """a - tanh(a): near 0 by Lambert's continued fraction, whose terms are all positive."""
    square = {minimum}(a * a, 1.0)
    tail = 0.0
    for odd in range(19, 1, -2):
        tail = square / (odd + tail)
    return {m}.where({m}.abs(a) < 1.0, a * (tail / (1.0 + tail)), a - {m}.tanh(a))
''',
    "_normcdf": f"""
def _normcdf(a):
    size = {{minimum}}({{m}}.abs(a), 50.0)
    tail = _mills(size) * _exp_of_square(size, -0.5)
    t = {{minimum}}(a * a, 1.0)
    near = 0.5 + a * (
        {polynomial("t", NORMCDF, " " * 8)}
    )
    return {{m}}.where({{m}}.abs(a) < 1.0, near, {{m}}.where(a > 0, 1.0 - tail, tail))
""",
    "_erf": """
def _erf(a):
    tail = 1.0 - _erfc_of_size(a)
    return {m}.where({m}.abs(a) < 1.0, _erf_near(a), {m}.where(a < 0, -tail, tail))
""",
    "_erfc": """
def _erfc(a):
    tail = _erfc_of_size(a)
    return {m}.where({m}.abs(a) < 0.5, 1.0 - _erf_near(a), {m}.where(a < 0, 2.0 - tail, tail))
""",
    "_erf_near": f"""
def _erf_near(a):
    t = {{minimum}}(a * a, 1.0)
    return a + a * (
        {polynomial("t", ERF, " " * 8)}
    )
""",
    "_erfc_of_size": """
def _erfc_of_size(a):
    size = {minimum}({m}.abs(a), 50.0)
    return 2.0 * _mills(1.4142135623730951 * size) * _exp_of_square(size, -1.0)
""",
    "_mills": f'''
def _mills(a):
    """The upper tail of N(0, 1) over exp(-a * a / 2), for a from 0 to 71."""
    t = (a - 4.0) / (a + 4.0)
    return (
        {polynomial("t", MILLS, " " * 8)}
    ) / (a + 4.0)
''',
    "_normpdf": """
def _normpdf(a):
    return _exp_of_square({minimum}({m}.abs(a), 50.0), -0.5) * 0.3989422804014327
""",
    "_exp_of_square": '''
def _exp_of_square(a, factor):
    """exp(factor * a * a), the square in two parts: rounding it would cost a * a ULP."""
    steps = {steps}
    high = {m}.round(a * steps) / steps
    return {m}.exp(factor * high * high) * {m}.exp(factor * (a - high) * (a + high))
''',
}


OWN = {
    "_sinh": """
def _sinh(a):
    size = {m}.abs(a)
    grown = {m}.expm1({minimum}(size, 30.0))
    root = {m}.exp(0.5 * size)
    size = {m}.where(size < 20.0, 0.5 * (grown + grown / (grown + 1.0)), root * (0.5 * root))
    return {m}.where(a < 0, -size, size)
""",
    "_cosh": """
def _cosh(a):
    root = {m}.exp(0.5 * {m}.abs(a))
    return root * (0.5 * root) + 0.5 * {m}.exp(-{m}.abs(a))
""",
}
"""Helpers in place of what XLA and TensorFlow compute with an error of 20 ULP."""

OWN_CALLS = {name.removeprefix("_"): f"{name}({{a}})" for name in OWN}


def language(
    module: str,
    *,
    steps: str,
    table: Mapping[str, str] | None = None,
    helpers: Mapping[str, str] | None = None,
    maximum: str = "",
    minimum: str = "",
) -> Language:
    """A Python dialect.

    Args:
        module: name of the array module.
        steps: source of a power of two so that a multiple of its inverse squares exactly.
        table: primitives that are written otherwise.
        helpers: helpers that are written otherwise, or more.
        maximum: the function of an array and a number; the module's own by default.
        minimum: likewise.
    """
    calls = {name: f"{module}.{name}({_places(name)})" for name in _CALLS}
    calls |= {
        name.removeprefix("_"): f"{name}({{a}})"
        for name in _HELPERS
        if name not in {"_erf_near", "_erfc_of_size", "_mills", "_exp_of_square"}
    }
    calls["maximum"] = f"{module}.maximum({{a}}, {{b}})"
    calls["minimum"] = f"{module}.minimum({{a}}, {{b}})"
    calls["clip"] = f"{module}.minimum({module}.maximum({{a}}, {{b}}), {{c}})"
    calls["pow"] = f"{module}.power({{a}}, {{b}})"
    places = {
        "m": module,
        "steps": steps,
        "maximum": maximum or f"{module}.maximum",
        "minimum": minimum or f"{module}.minimum",
    }
    own = {**_HELPERS, **(helpers or {})}
    written = {name: text.strip().format(**places) for name, text in own.items()}
    return Language({**calls, **(table or {})}, written)


def _places(name: str) -> str:
    return "{a}, {b}, {c}" if name == "where" else "{a}"


def function_name(subject: Subject, wrt: str) -> str:
    """What the value, or a derivative, is called: `glu`, `glu_derivative_gate`."""
    if not wrt:
        return subject.name
    plain = wrt in {"x", DIRECTION}
    return f"{subject.name}_derivative" + ("" if plain else f"_{subject.names[wrt]}")


def private_name(subject: Subject, wrt: str) -> str:
    """What the computation itself is called."""
    if wrt == DIRECTION:
        return f"_{subject.name}_slope"
    return f"_{subject.name}_slope_{subject.names[wrt]}" if wrt else f"_{subject.name}_value"


def docstring(wrt: str) -> str:
    """One line for a reader."""
    if wrt == DIRECTION:
        return '"""The derivative along a direction: the Jacobian times that vector."""'
    return f'"""The derivative by {wrt}."""' if wrt else '"""The value."""'


def arguments(subject: Subject, wrt: str = "") -> str:
    """The arguments as they are passed on."""
    variables = ["x", DIRECTION] if wrt == DIRECTION else list(subject.activation.variables)
    return ", ".join([*variables, *subject.arguments])


def signature(subject: Subject, wrt: str = "") -> str:
    """The arguments with their defaults."""
    numbers = [f"{name}={value!r}" for name, value in subject.arguments.items()]
    if subject.activation.kind == "vector":
        return ", ".join(["x", *([DIRECTION] if wrt else []), "axis=-1", *numbers])
    return ", ".join([*subject.activation.variables, *numbers])


def function(
    name: str,
    arguments: str,
    before: Sequence[str],
    program: tuple[Expression, Expression | None],
    names: Mapping[str, str],
    dialect: Language,
    *,
    result: str = "{value}",
    constant: str = "",
    is_narrow: str = "",
) -> str:
    """Source of one function.

    Args:
        name: its name.
        arguments: text between its brackets.
        before: lines that prepare the arguments.
        program: what it computes; for float32 and float64 apart where there are two.
        names: how symbols are called.
        dialect: how primitives are written.
        result: what is returned of a value.
        constant: what is returned of a value that does not depend on an input.
        is_narrow: condition for the first of two programs, and for the limits of float32.
    """
    lines = [f"def {name}({arguments}):", *(f"    {line}" for line in before)]
    narrow, wide = program
    used = symbols_of(narrow)
    if wide is None:
        if LARGEST in used:
            lines.append(f"    largest = {_FLOAT32} if {is_narrow} else {_FLOAT64}")
        if SETTLED in used:
            lines.append(f"    settled = 2.0**60 if {is_narrow} else 2.0**508")
        lines += _body(narrow, names, dialect, result, constant, "    ")
    else:
        numbers = (
            {LARGEST: _FLOAT32, SETTLED: "2.0**60"},
            {LARGEST: _FLOAT64, SETTLED: "2.0**508"},
        )
        lines.append(f"    if {is_narrow}:")
        lines += _body(narrow, {**names, **numbers[0]}, dialect, result, constant, " " * 8)
        lines += _body(wide, {**names, **numbers[1]}, dialect, result, constant, "    ")
    return "\n".join(lines) + "\n"


ALONG = {
    "let": "{a}",
    "max": "{m}.max({a}, axis=axis, keepdims=True)",
    "sum": "{m}.sum({a}, axis=axis, keepdims=True)",
    "sort": "{m}.sort({a}, axis=axis)",
    "cumsum": "{m}.cumsum({a}, axis=axis)",
    "positions": "_positions({a}, axis)",
}
"""What a definition of a vector rule does, where `{m}` is the array module."""


def vector_body(
    subject: Subject,
    dialect: Language,
    along: Mapping[str, str],
    *,
    derivative: bool,
    result: str = "{value}",
    constant: str,
) -> list[str]:
    """Lines of a function of `x` (and a direction), `axis` and the parameters."""
    program = subject.program(derivative)
    names = {**subject.names, DIRECTION: DIRECTION, COUNT: "x.shape[axis]"}
    lines: list[str] = []
    for place, one in enumerate(program.definitions):
        steps, (value,) = write_lines([one.expression], names, dialect)
        names[one.name] = f"w{place}"
        lines += [*steps, f"w{place} = {along[one.head].format(a=value)}"]
    steps, (value,) = write_lines([program.result], names, dialect)
    varies = symbols_of(program.result) & program.vectors
    return [*lines, *steps, "return " + (result if varies else constant).format(value=value)]


def vector_function(name: str, arguments: str, lines: Sequence[str]) -> str:
    """Source of a function."""
    return "\n".join([f"def {name}({arguments}):", *(f"    {line}" for line in lines)]) + "\n"


_FLOAT32, _FLOAT64 = "3.4028234663852886e38", "1.7976931348623157e308"


def _body(
    expression: Expression,
    names: Mapping[str, str],
    dialect: Language,
    result: str,
    constant: str,
    indent: str,
) -> list[str]:
    steps, (value,) = write_lines([expression], names, dialect)
    varies = symbols_of(expression) & {"x", "gate"}
    ending = (result if varies else constant).format(value=value)
    return [*(indent + line for line in steps), f"{indent}return {ending}"]


def document(
    subject: Subject, imports: Sequence[str], functions: Sequence[str], dialect: Language
) -> str:
    """The whole source: header, imports, helpers, functions."""
    comment = "\n".join(f"# {line}".rstrip() for line in subject.header())
    helpers = [text + "\n" for text in helpers_of("\n".join(functions), dialect)]
    parts = [*helpers, *functions]
    return f"{comment}\n\n" + "\n".join(imports) + "\n\n\n" + "\n\n".join(parts)
