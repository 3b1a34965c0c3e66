"""NumPy source: arrays of any float type, computed in float64 and rounded once."""

from __future__ import annotations

from actlab.export import python
from actlab.export.subject import Subject

__all__ = ["LANGUAGE", "write"]

LANGUAGE = python.language(
    "np",
    steps="1048576.0",
    helpers={
        "_float_type": """
def _float_type(*arrays):
    dtype = np.result_type(*map(np.asarray, arrays))
    return dtype if dtype.kind == "f" else np.dtype(np.float64)
"""
    },
)


def write(subject: Subject) -> str:
    """The source text."""
    functions = [_function(subject, "")]
    if subject.derivative:
        functions += [_function(subject, wrt) for wrt in subject.slopes()]
    return python.document(subject, ["import numpy as np"], functions, LANGUAGE)


def _function(subject: Subject, wrt: str) -> str:
    variables = subject.activation.variables
    inputs = ", ".join(variables)
    widened = [f"{v} = np.asarray({v}, np.float64)" for v in (*variables, *subject.arguments)]
    source = python.function(
        python.function_name(subject, wrt),
        python.signature(subject),
        [python.docstring(wrt), f"dtype = _float_type({inputs})", *widened],
        (subject.expression(wrt), None),
        subject.names,
        LANGUAGE,
        result="np.asarray({value}).astype(dtype)[()]",
        constant=f"np.full(np.broadcast({inputs}).shape, {{value}}, dtype)[()]",
    )
    return '@np.errstate(all="ignore")\n' + source
