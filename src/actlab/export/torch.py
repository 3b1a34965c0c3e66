"""PyTorch source: a function with a stable backward pass, and a module.

float16 and bfloat16 are computed in float32 and rounded once. The backward pass gives a gradient
to every parameter that is a tensor.
"""

from __future__ import annotations

from collections.abc import Mapping

from actlab.export import python
from actlab.export.names import class_name, words
from actlab.export.subject import Subject
from actlab.export.vectors import DIRECTION
from actlab.formula import Symbol

__all__ = ["LANGUAGE", "RESERVED", "write"]

RESERVED = words(
    """
    add_module apply bfloat16 buffers call_super_init children compile cpu cuda double
    dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter
    get_submodule half ipu load_state_dict modules mtia named_buffers named_children
    named_modules named_parameters parameters register_backward_hook register_buffer
    register_forward_hook register_forward_pre_hook register_full_backward_hook
    register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter
    register_state_dict_post_hook register_state_dict_pre_hook requires_grad_
    set_extra_state set_submodule share_memory state_dict to to_empty train training type
    xpu zero_grad T_destination self
    """
)
"""What every `torch.nn.Module` has, so that no parameter may be called so."""

LANGUAGE = python.language(
    "torch",
    steps="1048576.0 if a.dtype == torch.float64 else 256.0",
    maximum="torch.clamp_min",
    minimum="torch.clamp_max",
    table={
        "arctan": "torch.atan({a})",
        "arcsinh": "torch.asinh({a})",
        "pow": "torch.pow({a}, {b})",
        "where": "_where({a}, {b}, {c}, x)",
        "maximum": "_maximum({a}, {b})",
        "minimum": "_minimum({a}, {b})",
        "clip": "_minimum(_maximum({a}, {b}), {c})",
        "erf": "torch.erf({a})",
    },
    helpers={
        "_sigmoid": """
def _sigmoid(a):
    # torch.sigmoid is 0 where exp(-a) overflows, which in float32 is at -89 already
    return torch.where(a < -80.0, torch.exp(a), torch.sigmoid(a))
""",
        "_where": """
def _where(condition, a, b, like):
    if not torch.is_tensor(a) and not torch.is_tensor(b):
        a = torch.full_like(like, a)
    return torch.where(condition, a, b)
""",
        "_maximum": """
def _maximum(a, b):
    if torch.is_tensor(a) and torch.is_tensor(b):
        return torch.maximum(a, b)
    return torch.clamp_min(a, b) if torch.is_tensor(a) else torch.clamp_min(b, a)
""",
        "_minimum": """
def _minimum(a, b):
    if torch.is_tensor(a) and torch.is_tensor(b):
        return torch.minimum(a, b)
    return torch.clamp_max(a, b) if torch.is_tensor(a) else torch.clamp_max(b, a)
""",
        "_positions": """
def _positions(x, axis):
    shape = [1] * x.dim()
    shape[axis] = x.shape[axis]
    return torch.arange(x.shape[axis], dtype=x.dtype, device=x.device).reshape(shape)
""",
        "_backward": """
def _backward(ctx, gradient, slopes):
    values = ctx.saved_tensors
    results = []
    for slope, value, wanted in zip(slopes, values, ctx.needs_input_grad):
        product = gradient * _run(slope, *values) if wanted else None
        results.append(product.sum_to_size(value.shape).to(value.dtype) if wanted else None)
    return tuple(results)
""",
        "_run": '''
def _run(function, x, *others):
    """Compute in float32 what is narrower, and round once."""
    work = torch.float32 if x.dtype in (torch.float16, torch.bfloat16) else x.dtype
    return function(*(value.to(work) for value in (x, *others))).to(x.dtype)
''',
        "_tensors": '''
def _tensors(inputs, *values):
    """The first values as float tensors of one shape and dtype, the others as parameters."""
    tensors = [torch.as_tensor(value) for value in values[:inputs]]
    dtype = torch.result_type(tensors[0], tensors[-1])
    dtype = dtype if dtype.is_floating_point else torch.get_default_dtype()
    tensors = torch.broadcast_tensors(*(tensor.to(dtype) for tensor in tensors))
    work = torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype
    device = tensors[0].device
    others = [torch.as_tensor(v, dtype=work, device=device) for v in values[inputs:]]
    return *tensors, *others
''',
    },
)


def write(subject: Subject) -> str:
    """The source text."""
    if subject.activation.rule is not None:
        return _vector(subject)
    functions = [_private(subject, "")]
    if subject.derivative:
        functions += [_private(subject, wrt) for wrt in subject.slopes(parameters=True)]
        functions.append(_autograd(subject))
    functions.append(_public(subject))
    if subject.derivative:
        functions += [_derivative(subject, wrt) for wrt in subject.slopes()]
    functions.append(_module_of(subject, subject.arguments))
    return python.document(subject, ["import torch"], functions, LANGUAGE)


def _private(subject: Subject, wrt: str) -> str:
    program = subject.both(wrt)
    plain = isinstance(program[0], Symbol)  # autograd must not be handed an input back
    return python.function(
        python.private_name(subject, wrt),
        python.arguments(subject),
        [],
        program,
        subject.names,
        LANGUAGE,
        result="torch.clone({value})" if plain else "{value}",
        constant="torch.full_like(x, {value})",
        is_narrow="x.dtype == torch.float32",
    )


def _class(subject: Subject) -> str:
    plain = class_name(subject.name)
    return f"{plain}Module" if plain == subject.name else plain


def _autograd(subject: Subject) -> str:
    names = python.arguments(subject)
    slopes = [python.private_name(subject, wrt) for wrt in subject.slopes(parameters=True)]
    listed = "".join(f"            {slope},\n" for slope in slopes)
    return f"""class _{_class(subject)}(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward({names}):
        return _run({python.private_name(subject, "")}, {names})

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gradient):
        slopes = (
{listed}        )
        return _backward(ctx, gradient, slopes)
"""


def _arguments(subject: Subject) -> str:
    return f"_tensors({len(subject.activation.variables)}, {python.arguments(subject)})"


def _public(subject: Subject) -> str:
    call = f"_{_class(subject)}.apply(*" if subject.derivative else "_run("
    if not subject.derivative:
        call += f"{python.private_name(subject, '')}, *"
    return f"""def {subject.name}({python.signature(subject)}):
    {python.docstring("")}
    return {call}{_arguments(subject)})
"""


def _derivative(subject: Subject, wrt: str) -> str:
    return f"""def {python.function_name(subject, wrt)}({python.signature(subject)}):
    {python.docstring(wrt)}
    return _run({python.private_name(subject, wrt)}, *{_arguments(subject)})
"""


def _module_of(subject: Subject, settings: Mapping[str, float], *, keywords: bool = False) -> str:
    defaults = "".join(f", {name}={value!r}" for name, value in settings.items())
    kept = "".join(f"        self.{name} = {name}\n" for name in settings)
    inputs = ", ".join(subject.activation.variables)
    passed = "".join(f", {name + '=' if keywords else ''}self.{name}" for name in settings)
    init = f"    def __init__(self{defaults}):\n        super().__init__()\n{kept}\n"
    return f"""class {_class(subject)}(torch.nn.Module):
{init if settings else ""}    def forward(self, {inputs}):
        return {subject.name}({inputs}{passed})
"""


_ALONG = {
    **python.ALONG,
    "max": "torch.amax({a}, dim=axis, keepdim=True)",
    "sum": "torch.sum({a}, dim=axis, keepdim=True)",
    "sort": "torch.sort({a}, dim=axis).values",
    "cumsum": "torch.cumsum({a}, dim=axis)",
}


def _vector(subject: Subject) -> str:
    """A vector rule; PyTorch differentiates it as it stands."""
    functions = []
    for wrt in ["", DIRECTION] if subject.has_slope else [""]:
        private = python.private_name(subject, wrt)
        lines = python.vector_body(
            subject,
            LANGUAGE,
            _ALONG,
            derivative=bool(wrt),
            constant="torch.zeros_like(x) + {value}",
        )
        passed = python.arguments(subject, wrt)
        functions.append(python.vector_function(private, f"axis, {passed}", lines))
        public = [
            python.docstring(wrt),
            f"tensors = _tensors({2 if wrt else 1}, {passed})",
            f"return _run(lambda *values: {private}(axis, *values), *tensors)",
        ]
        name = python.function_name(subject, wrt)
        functions.append(python.vector_function(name, python.signature(subject, wrt), public))
    settings = {"axis": -1, **subject.arguments}
    functions.append(_module_of(subject, settings, keywords=True))
    return python.document(subject, ["import torch"], functions, LANGUAGE)
