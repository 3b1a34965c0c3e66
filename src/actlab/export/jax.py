"""JAX source: a function with `custom_jvp`, for `jit`, `grad` and `vmap`.

float16 and bfloat16 are computed in float32 and rounded once. There is a derivative by every
parameter.
"""

from __future__ import annotations

from actlab.export import python
from actlab.export.subject import Subject
from actlab.export.vectors import DIRECTION

__all__ = ["LANGUAGE", "write"]

LANGUAGE = python.language(
    "jnp",
    steps="1048576.0 if a.dtype == jnp.float64 else 256.0",
    table=python.OWN_CALLS,
    helpers={
        **python.OWN,
        "_positions": """
def _positions(x, axis):
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    return jnp.arange(x.shape[axis], dtype=x.dtype).reshape(shape)
""",
        "_push": """
def _push(slopes, values, tangents):
    total = jnp.zeros_like(values[0])
    for slope, tangent in zip(slopes, tangents):
        if not isinstance(tangent, jax.custom_derivatives.SymbolicZero):
            total += slope(*values) * tangent
    return total
""",
        "_arrays": '''
def _arrays(inputs, *values):
    """The result's dtype, and the values in the type of the computation."""
    dtype = jnp.result_type(*map(jnp.asarray, values[:inputs]))
    dtype = dtype if jnp.issubdtype(dtype, jnp.floating) else jnp.result_type(float)
    values = [jnp.asarray(value, jnp.promote_types(dtype, jnp.float32)) for value in values]
    return dtype, [*jnp.broadcast_arrays(*values[:inputs]), *values[inputs:]]
''',
    },
)


def write(subject: Subject) -> str:
    """The source text."""
    if subject.activation.rule is not None:
        return _vector(subject)
    functions = [_private(subject, "")]
    if subject.derivative:
        functions[0] = "@jax.custom_jvp\n" + functions[0]
        functions += [_private(subject, wrt) for wrt in subject.slopes(parameters=True)]
        functions.append(_push(subject))
    functions.append(_public(subject, ""))
    if subject.derivative:
        functions += [_public(subject, wrt) for wrt in subject.slopes()]
    imports = ["import jax"] * subject.derivative + ["import jax.numpy as jnp"]
    return python.document(subject, imports, functions, LANGUAGE)


def _private(subject: Subject, wrt: str) -> str:
    return python.function(
        python.private_name(subject, wrt),
        python.arguments(subject),
        [],
        subject.both(wrt),
        subject.names,
        LANGUAGE,
        constant="jnp.full_like(x, {value})",
        is_narrow="x.dtype == jnp.float32",
    )


def _push(subject: Subject) -> str:
    value = python.private_name(subject, "")
    slopes = [python.private_name(subject, wrt) for wrt in subject.slopes(parameters=True)]
    listed = "".join(f"        {slope},\n" for slope in slopes)
    return f"""def _{subject.name}_push(values, tangents):
    slopes = (
{listed}    )
    return {value}(*values), _push(slopes, values, tangents)


{value}.defjvp(_{subject.name}_push, symbolic_zeros=True)
"""


def _public(subject: Subject, wrt: str) -> str:
    inputs = len(subject.activation.variables)
    return f"""def {python.function_name(subject, wrt)}({python.signature(subject)}):
    {python.docstring(wrt)}
    dtype, values = _arrays({inputs}, {python.arguments(subject)})
    return {python.private_name(subject, wrt)}(*values).astype(dtype)
"""


_ALONG = {head: text.replace("{m}", "jnp") for head, text in python.ALONG.items()}


def _vector(subject: Subject) -> str:
    """A vector rule; JAX differentiates it as it stands."""
    functions = []
    for wrt in ["", DIRECTION] if subject.has_slope else [""]:
        private = python.private_name(subject, wrt)
        lines = python.vector_body(
            subject, LANGUAGE, _ALONG, derivative=bool(wrt), constant="jnp.zeros_like(x) + {value}"
        )
        passed = python.arguments(subject, wrt)
        functions.append(python.vector_function(private, f"axis, {passed}", lines))
        public = [
            python.docstring(wrt),
            f"dtype, values = _arrays({2 if wrt else 1}, {passed})",
            f"return {private}(axis, *values).astype(dtype)",
        ]
        name = python.function_name(subject, wrt)
        functions.append(python.vector_function(name, python.signature(subject, wrt), public))
    return python.document(subject, ["import jax.numpy as jnp"], functions, LANGUAGE)
