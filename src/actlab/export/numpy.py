"""NumPy source: arrays of any float type, computed in float64 and rounded once."""

from __future__ import annotations

from actlab.export import python
from actlab.export.subject import Subject
from actlab.export.vectors import DIRECTION

__all__ = ["LANGUAGE", "write"]

LANGUAGE = python.language(
    "np",
    steps="1048576.0",
    helpers={
        "_float_type": """
def _float_type(*arrays):
    dtype = np.result_type(*map(np.asarray, arrays))
    return dtype if dtype.kind == "f" else np.dtype(np.float64)
""",
        "_positions": """
def _positions(x, axis):
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    return np.arange(float(x.shape[axis])).reshape(shape)
""",
    },
)


def write(subject: Subject) -> str:
    """The source text."""
    if subject.activation.rule is not None:
        wanted = ["", DIRECTION] if subject.has_slope else [""]
        functions = [_vector(subject, wrt) for wrt in wanted]
        return python.document(subject, ["import numpy as np"], functions, LANGUAGE)
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


_ALONG = {head: text.replace("{m}", "np") for head, text in python.ALONG.items()}


def _vector(subject: Subject, wrt: str) -> str:
    inputs = ["x", DIRECTION] if wrt else ["x"]
    widened = [f"{v} = np.asarray({v}, np.float64)" for v in (*inputs, *subject.arguments)]
    lines = python.vector_body(
        subject,
        LANGUAGE,
        _ALONG,
        derivative=bool(wrt),
        result="np.asarray({value}).astype(dtype)",
        constant="(np.zeros(x.shape) + {value}).astype(dtype)",
    )
    before = [python.docstring(wrt), "dtype = _float_type(x)", *widened]
    name = python.function_name(subject, wrt)
    source = python.vector_function(name, python.signature(subject, wrt), [*before, *lines])
    return '@np.errstate(all="ignore")\n' + source
