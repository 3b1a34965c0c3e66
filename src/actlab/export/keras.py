"""Keras 3 source: a registered function with its own gradient, and a registered layer.

It runs on the TensorFlow, JAX and PyTorch backends. float16 and bfloat16 are computed in float32
and rounded once. Parameters are numbers; gradients are those by the inputs.
"""

from __future__ import annotations

from collections.abc import Mapping

from actlab.export import python
from actlab.export.names import class_name, words
from actlab.export.subject import Subject
from actlab.export.vectors import DIRECTION

__all__ = ["LANGUAGE", "RESERVED", "write"]

RESERVED = words(
    """
    self name dtype trainable autocast activity_regularizer kwargs
    """
)
"""What every Keras layer is made with, so that no parameter may be called so."""

LANGUAGE = python.language(
    "ops",
    steps="256.0 if _is_narrow(a) else 1048576.0",
    table={**python.OWN_CALLS, "where": "_where({a}, {b}, {c}, x)"},
    helpers={
        **python.OWN,
        "_apply": '''
def _apply(value, slopes, *inputs):
    """A value, with the slopes as its gradient."""

    @ops.custom_gradient
    def run(*tensors):
        def gradient(*arguments, upstream=None):
            above = arguments[0] if upstream is None else upstream
            results = tuple(above * slope(*tensors) for slope in slopes)
            return results if len(results) > 1 else results[0]

        return value(*tensors), gradient

    return run(*inputs)
''',
        "_tensors": '''
def _tensors(*values):
    """The result's dtype, and the values in the type of the computation."""
    tensors = [ops.convert_to_tensor(value) for value in values]
    dtype = keras.backend.result_type(*(tensor.dtype for tensor in tensors))
    dtype = dtype if keras.backend.is_float_dtype(dtype) else keras.config.floatx()
    work = "float32" if dtype in ("float16", "bfloat16") else dtype
    tensors = [ops.cast(tensor, work) for tensor in tensors]
    if len(tensors) > 1:  # of one shape
        first, second = tensors
        tensors = [first * ops.ones_like(second), second * ops.ones_like(first)]
    return dtype, tensors
''',
        "_where": """
def _where(condition, a, b, like):
    a, b = (ops.convert_to_tensor(value, like.dtype) for value in (a, b))
    return ops.where(condition, a, b)
""",
        "_positions": """
def _positions(x, axis):
    return ops.cumsum(ops.ones_like(x), axis=axis) - 1.0
""",
        "_is_narrow": """
def _is_narrow(tensor):
    return keras.backend.standardize_dtype(tensor.dtype) == "float32"
""",
    },
)


def write(subject: Subject) -> str:
    """The source text."""
    if subject.activation.rule is not None:
        return _vector(subject)
    functions = [_private(subject, "")]
    if subject.derivative:
        functions += [_private(subject, wrt) for wrt in subject.slopes()]
    functions.append(_public(subject))
    if subject.derivative:
        functions += [_derivative(subject, wrt) for wrt in subject.slopes()]
    functions.append(_layer(subject, subject.arguments))
    return python.document(subject, ["import keras", "from keras import ops"], functions, LANGUAGE)


def _private(subject: Subject, wrt: str) -> str:
    numbers = [f"{name} = ops.convert_to_tensor({name}, x.dtype)" for name in subject.arguments]
    return python.function(
        python.private_name(subject, wrt),
        python.arguments(subject),
        numbers,
        subject.both(wrt),
        subject.names,
        LANGUAGE,
        constant="ops.full_like(x, {value})",
        is_narrow="_is_narrow(x)",
    )


def _class(subject: Subject) -> str:
    plain = class_name(subject.name)
    return f"{plain}Layer" if plain == subject.name else plain


def _call(subject: Subject, wrt: str) -> str:
    """The computation as a function of tensors alone."""
    inputs = ", ".join(subject.activation.variables)
    name = python.private_name(subject, wrt)
    return f"lambda {inputs}: {name}({python.arguments(subject)})" if subject.arguments else name


def _public(subject: Subject) -> str:
    inputs = ", ".join(subject.activation.variables)
    numbers = ", ".join(f"{name}={name}" for name in subject.arguments)
    if subject.derivative:
        slopes = "".join(f"        {_call(subject, wrt)},\n" for wrt in subject.slopes())
        result = f"_apply({_call(subject, '')}, slopes, *tensors)"
        before = f"    slopes = (\n{slopes}    )\n"
    else:
        rest = "".join(f", {name}" for name in subject.arguments)
        before, result = "", f"{python.private_name(subject, '')}(*tensors{rest})"
    return f"""@keras.saving.register_keras_serializable(package="activations")
def {subject.name}({python.signature(subject)}):
    {python.docstring("")}
    if keras.utils.is_keras_tensor(x):
        return {_class(subject)}({numbers})({inputs})
{before}    dtype, tensors = _tensors({inputs})
    return ops.cast({result}, dtype)
"""


def _derivative(subject: Subject, wrt: str) -> str:
    inputs = ", ".join(subject.activation.variables)
    rest = "".join(f", {name}" for name in subject.arguments)
    return f"""def {python.function_name(subject, wrt)}({python.signature(subject)}):
    {python.docstring(wrt)}
    dtype, tensors = _tensors({inputs})
    return ops.cast({python.private_name(subject, wrt)}(*tensors{rest}), dtype)
"""


def _layer(subject: Subject, numbers: Mapping[str, float]) -> str:
    inputs = ", ".join(subject.activation.variables)
    defaults = "".join(f"{name}={value!r}, " for name, value in numbers.items())
    settings = ", ".join(f'"{name}": {name}' for name in numbers)
    passed = ", **self.settings" if numbers else ""
    init = f"""    def __init__(self, {defaults}**kwargs):
        super().__init__(**kwargs)
        self.settings = {{{settings}}}

"""
    config = """
    def get_config(self):
        return {**super().get_config(), **self.settings}
"""
    return f"""@keras.saving.register_keras_serializable(package="activations")
class {_class(subject)}(keras.layers.Layer):
{init if numbers else ""}    def call(self, {inputs}):
        return {subject.name}({inputs}{passed})
{config if numbers else ""}"""


_ALONG = {head: text.replace("{m}", "ops") for head, text in python.ALONG.items()}


def _vector(subject: Subject) -> str:
    """A vector rule; the backend differentiates it as it stands."""
    functions = []
    numbers = [f"{name} = ops.convert_to_tensor({name}, x.dtype)" for name in subject.arguments]
    given = "".join(f", {name}={name}" for name in ("axis", *subject.arguments))
    rest = "".join(f", {name}" for name in subject.arguments)
    for wrt in ["", DIRECTION] if subject.has_slope else [""]:
        private = python.private_name(subject, wrt)
        lines = python.vector_body(
            subject, LANGUAGE, _ALONG, derivative=bool(wrt), constant="ops.zeros_like(x) + {value}"
        )
        passed = python.arguments(subject, wrt)
        functions.append(python.vector_function(private, f"axis, {passed}", [*numbers, *lines]))
        symbolic = (
            []
            if wrt
            else [
                "if keras.utils.is_keras_tensor(x):",
                f"    return {_class(subject)}({given[2:]})(x)",
            ]
        )
        public = [
            python.docstring(wrt),
            *symbolic,
            f"dtype, tensors = _tensors(x{', direction' if wrt else ''})",
            f"return ops.cast({private}(axis, *tensors{rest}), dtype)",
        ]
        name = python.function_name(subject, wrt)
        source = python.vector_function(name, python.signature(subject, wrt), public)
        mark = "" if wrt else '@keras.saving.register_keras_serializable(package="activations")\n'
        functions.append(mark + source)
    functions.append(_layer(subject, {"axis": -1, **subject.arguments}))
    return python.document(subject, ["import keras", "from keras import ops"], functions, LANGUAGE)
