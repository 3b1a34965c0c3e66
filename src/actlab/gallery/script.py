"""The JavaScript of one function's page: the exported source, handed to the gallery.

Browsers load no ES modules from disk, so the source loses its `export` and stands in a function.
The second derivative is printed by the same printer from the same formula.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from actlab.activation import ComplexRule
from actlab.export import export
from actlab.export.javascript import LANGUAGE
from actlab.export.lines import helpers_of, write_lines
from actlab.export.names import RESERVED, parameter_names
from actlab.export.subject import Subject
from actlab.formula import Expression
from actlab.gallery.sliders import sliders

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actlab.activation import Activation

__all__ = ["script"]

_RESERVED: Final = RESERVED["javascript"]


def script(activation: Activation, facts: Mapping[str, Any]) -> str:
    """The file of one function: `gallery.add(facts, functions)`.

    Args:
        activation: any function; what has no formula for JavaScript brings `facts` alone.
        facts: what the page knows besides: ranges, example vectors, regions.

    Returns:
        A classic script. The functions take x (and gate), then the parameters in order.
    """
    source, names = _functions(activation)
    parameters = [] if not names else sliders(activation)
    said = {"name": activation.name, "kind": activation.kind, "parameters": parameters, **facts}
    told = json.dumps(said, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    handed = ", ".join(f"{part}: {name}" for part, name in names.items())
    body = f"{source}\nreturn {{ {handed} }};" if handed else "return {};"
    return f'"use strict";\ngallery.add({told}, () => {{\n{body}\n}});\n'


def _functions(f: Activation) -> tuple[str, dict[str, str]]:
    """Source without `export`, and the name of the function for each part of the page."""
    if isinstance(f.rule, ComplexRule):
        return _complex(f, f.rule)
    try:
        text = export(f, "javascript", derivative=f.kind != "vector")
    except TypeError:  # nothing to be said in JavaScript: layers, and rules that cut vectors up
        return "", {}
    text = re.sub(r"^export ", "", text, flags=re.MULTILINE)
    subject = Subject(f, True, _RESERVED)
    name = subject.name
    if f.kind == "vector":
        return text, {"value": name}
    slope = f"{name}_derivative"
    if f.kind == "gated":
        return text, {"value": name, "slope_x": slope, "slope": f"{slope}_gate"}
    second = _function(
        f"{name}_second_derivative",
        ["x"],
        subject.arguments,
        subject.expression("x", order=2),
        subject.names,
    )
    helpers = [helper for helper in helpers_of(second, LANGUAGE) if helper not in text]
    names = {"value": name, "slope": slope, "curvature": f"{name}_second_derivative"}
    return "\n".join([text, *helpers, second]), names


def _complex(f: Activation, rule: ComplexRule) -> tuple[str, dict[str, str]]:
    called = parameter_names(f.parameters, _RESERVED | {"re", "im", "real", "imaginary"})
    names = {"re": "re", "im": "im", **called}
    arguments = {called[name]: value for name, value in f.parameters.items()}
    parts = zip(("real", "imaginary"), rule.parts(f.parameters), strict=True)
    texts = [_function(name, ["re", "im"], arguments, part, names) for name, part in parts]
    helpers = helpers_of("\n".join(texts), LANGUAGE)
    return "\n".join([*helpers, *texts]), {"real": "real", "imaginary": "imaginary"}


def _function(
    name: str,
    inputs: list[str],
    arguments: Mapping[str, float],
    expression: Expression,
    names: Mapping[str, str],
) -> str:
    numbers = [f"{key} = {value!r}" for key, value in arguments.items()]
    lines, (value,) = write_lines([expression], names, LANGUAGE)
    inner = [f"    {line}" for line in [*lines, f"return {value};"]]
    return "\n".join([f"function {name}({', '.join([*inputs, *numbers])}) {{", *inner, "}"])
