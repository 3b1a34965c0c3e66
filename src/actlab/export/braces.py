"""What C and JavaScript share: straight lines of double precision between braces."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from actlab.export.lines import Language, helpers_of, write_lines
from actlab.export.special import ERF, MILLS, NORMCDF, polynomial
from actlab.export.subject import Subject

__all__ = ["body", "document", "language", "name_of"]

_BODIES = {
    "tanh_shrink": """
/* a - tanh(a): near 0 by Lambert's continued fraction, whose terms are all positive */
{let} square = a * a;
{var} tail = 0.0;
for ({int} odd = 19; odd > 1; odd -= 2) {{ tail = square / (odd + tail); }}
return {abs}(a) < 1.0 ? a * (tail / (1.0 + tail)) : a - {m}tanh(a);
""",
    "log_sigmoid": "return -{p}softplus(-a);",
    "softplus": "return (a < 0.0 ? 0.0 : a) + {m}log1p({m}exp(-{abs}(a)));",
    "sigmoid": """
{let} small = {m}exp(-{abs}(a));
return (a < 0.0 ? small : 1.0) / (1.0 + small);
""",
    "sech": """
{let} small = {m}exp(-{abs}(a));
return 2.0 * small / (1.0 + small * small);
""",
    "sign": "return a > 0.0 ? 1.0 : a < 0.0 ? -1.0 : a;",
    "minimum": "return a < b || a != a ? a : b;",
    "maximum": "return a > b || a != a ? a : b;",
    "erf": """
if ({abs}(a) < 1.0) {{ return {p}erf_near(a); }}
{let} tail = 1.0 - {p}erfc_of_size(a);
return a < 0.0 ? -tail : tail;
""",
    "erfc": """
if ({abs}(a) < 0.5) {{ return 1.0 - {p}erf_near(a); }}
{let} tail = {p}erfc_of_size(a);
return a < 0.0 ? 2.0 - tail : tail;
""",
    "erf_near": f"""
{{let}} t = a * a;
return a + a * (
    {polynomial("t", ERF, " " * 4)}
);
""",
    "erfc_of_size": """
{let} size = {abs}(a) > 50.0 ? 50.0 : {abs}(a);
return 2.0 * {p}mills(1.4142135623730951 * size) * {p}exp_of_square(size, -1.0);
""",
    "normcdf": f"""
{{let}} t = a * a;
if (t < 1.0) {{{{
    return 0.5 + a * (
        {polynomial("t", NORMCDF, " " * 8)}
    );
}}}}
{{let}} size = {{abs}}(a) > 50.0 ? 50.0 : {{abs}}(a);
{{let}} tail = {{p}}mills(size) * {{p}}exp_of_square(size, -0.5);
return a > 0.0 ? 1.0 - tail : tail;
""",
    "normpdf": """
{let} size = {abs}(a) > 50.0 ? 50.0 : {abs}(a);
return {p}exp_of_square(size, -0.5) * 0.3989422804014327;
""",
    "mills": f"""
/* the upper tail of N(0, 1) over exp(-a * a / 2), for a from 0 to 71 */
{{let}} t = (a - 4.0) / (a + 4.0);
return (
    {polynomial("t", MILLS, " " * 4)}
) / (a + 4.0);
""",
    "exp_of_square": """
/* exp(b * a * a), the square in two parts: rounding it would cost a * a ULP */
{let} high = {m}floor(a * 1048576.0 + 0.5) / 1048576.0;
return {m}exp(b * high * high) * {m}exp(b * (a - high) * (a + high));
""",
}
"""Bodies of helpers of one argument `a`, or of `a` and `b`; callers before those they call."""

_TWO = {"minimum", "maximum", "exp_of_square"}
_INNER = {"erf_near", "erfc_of_size", "mills", "exp_of_square"}


def language(
    *,
    head: str,
    places: Mapping[str, str],
    table: Mapping[str, str],
    native: Collection[str] = (),
    assign: str,
) -> Language:
    """A language.

    Args:
        head: how a helper begins, with the places `{name}` and `{arguments}`.
        places: `let`, `var` and `int` declare; `m`, `p` and `abs` are the prefixes of library
            functions and of helpers, and the function of that name.
        table: what is written otherwise.
        native: helpers that the language's own library has.
        assign: how a step is written.
    """
    prefix, library = places["p"], places["m"]
    own = {name: text for name, text in _BODIES.items() if name not in native}
    calls = {
        name: f"{prefix}{name}({'{a}, {b}' if name in _TWO else '{a}'})"
        for name in own
        if name not in _INNER
    }
    calls |= {
        name: f"{library}{name}({{a}})"
        for name in ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "sinh", "cosh", "tanh")
    }
    calls["clip"] = f"{calls['minimum']}".format(a=calls["maximum"], b="{c}")
    calls |= {
        "abs": f"{places['abs']}({{a}})",
        "arctan": f"{library}atan({{a}})",
        "arcsinh": f"{library}asinh({{a}})",
        "pow": f"{library}pow({{a}}, {{b}})",
        "where": "{a} ? {b} : {c}",
    }
    helpers = {}
    for name, text in own.items():
        lines = [f"    {line}".rstrip() for line in text.strip().format(**places).split("\n")]
        start = head.format(name=f"{prefix}{name}", arguments=_arguments(places, name))
        helpers[f"{prefix}{name}"] = "\n".join([start, *lines, "}"])
    return Language(
        {**calls, **table}, helpers, assign=assign, loose=frozenset({"where"} - set(table))
    )


def _arguments(places: Mapping[str, str], name: str) -> str:
    kind = places["argument"]
    return f"{kind}a, {kind}b" if name in _TWO else f"{kind}a"


def name_of(subject: Subject, wrt: str) -> str:
    """What the value, or a derivative, is called."""
    if not wrt:
        return subject.name
    return f"{subject.name}_derivative" + ("" if wrt == "x" else f"_{wrt}")


def body(subject: Subject, wrt: str, dialect: Language) -> list[str]:
    """The lines between the braces."""
    lines, (value,) = write_lines([subject.expression(wrt)], subject.names, dialect)
    return [f"    {line}" for line in [*lines, f"return {value};"]]


def document(
    subject: Subject,
    comment: tuple[str, str, str],
    before: Sequence[str],
    functions: Sequence[str],
    dialect: Language,
) -> str:
    """The whole source; a comment has a beginning, a mark before each line, and an end."""
    first, mark, last = comment
    header = [first, *(f"{mark}{line}".rstrip() for line in subject.header()), last]
    helpers = helpers_of("\n".join(functions), dialect)
    return "\n\n".join(["\n".join(filter(None, header)), *before, *helpers, *functions]) + "\n"
