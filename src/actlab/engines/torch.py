"""The PyTorch engine: tensors in, tensors out, with gradients of every order.

Each expression runs inside an `autograd.Function` that saves its input and nothing else; its
backward pass is the expression's own stable derivative, applied the same way, so that gradients
of any order, `torch.func` transforms and `torch.compile` follow. float16 and bfloat16 are
computed in float32 and rounded once; integers keep their type where the formula only chooses
among integers and become the default dtype elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from inspect import Parameter, Signature
from itertools import count
from typing import Any

import torch
from torch.autograd import forward_ad

from actlab._facade import Shelf, constant
from actlab.engines import cpu, numpy, outputs, torch_kernels, torch_onnx
from actlab.engines.guard import VARIABLES, guard
from actlab.engines.numpy import keeps_integers
from actlab.engines.source import compile_function
from actlab.engines.torch_direct import direct_way, own_way
from actlab.engines.torch_operations import (
    SCOPE,
    TABLE,
    DigitsNeededError,
    Operations,
    WithoutRounding,
)
from actlab.formula import Expression, differentiate

__all__ = ["as_array", "join", "parts", "prepare", "saving_output", "vector"]


class Kernel:
    """One expression as composed operations, with its derivatives at hand."""

    def __init__(
        self,
        expression: Expression,
        names: tuple[str, ...],
        fixed: tuple[tuple[str, float], ...],
        backward: Expression | None = None,
        order: int = 0,
    ) -> None:
        self.expression = expression
        self.order = order
        self.backward = backward
        self.names = names
        self.fixed = fixed
        self.slopes = Shelf()
        self.traced, self.eager = _functions_of(self)
        self.constants = tuple(value for _, value in fixed)
        self.inputs = sum(name in VARIABLES for name in names)
        self.composed = Shelf()
        self.direct: Any = None
        if names == ("x",) and order <= cpu.HIGHEST_ORDER:
            known = outputs.lossless(cpu.bound(expression, fixed)) if backward is None else None
            self.direct = (
                direct_way(self, lambda: _slope(self, "x"))
                if known is None
                else direct_way(
                    self, lambda: _kernel(known, ("x",), (), order=order + 1), of_output=True
                )
            )
            if backward is None:
                self.direct = own_way(expression, self.direct) or self.direct

    def apply(self, *values: Any) -> Any:
        """The value, with a record for gradients where they are wanted."""
        return _apply(self, values)

    def run(self, *values: Any) -> Any:
        """The value, without a record for gradients."""
        if not torch.compiler.is_compiling():
            if self.order <= cpu.HIGHEST_ORDER:
                result = torch_kernels.value(
                    self.expression, self.fixed, self.names, self.inputs, values
                )
                if result is not None:
                    return result
            if torch_kernels.is_eager(values):
                return torch_kernels.step_by_step(self.expression, self.fixed, self.names, values)
        first, dtype, shape = values[0], values[0].dtype, values[0].shape
        for value in values[1:]:
            if isinstance(value, torch.Tensor):
                dtype = torch.promote_types(dtype, value.dtype) if value.dim() else dtype
                shape = torch.broadcast_shapes(shape, value.shape)  # type: ignore[no-untyped-call]
        work = torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype
        moved = [value.to(work) if isinstance(value, torch.Tensor) else value for value in values]
        width = "wide" if work == torch.float64 else "narrow"
        if torch_onnx.is_exporting():
            width += "_onnx"
        _compose(self, width)
        result = getattr(self.composed, width)(*moved, *self.constants)
        if not isinstance(result, torch.Tensor):
            return torch.full(shape, float(result), dtype=dtype, device=first.device)
        if result.shape != shape:
            result = result.expand(shape).clone()  # may be a view of an input
        result = result.to(dtype)
        # a custom function must not hand its own input back
        own = any(result is value for value in (*moved, *values))
        return result.clone() if own else result


_KERNELS = Shelf()
_NUMBERS = count()


@lru_cache(maxsize=4096)
def _kernel(
    expression: Expression,
    names: tuple[str, ...],
    fixed: tuple[tuple[str, float], ...],
    backward: Expression | None = None,
    order: int = 0,
) -> Kernel:
    return Kernel(expression, names, fixed, backward, order)


@constant
def _compose(kernel: Kernel, width: str) -> bool:
    """Make the function of composed operations, guarded for the dtype that it computes in."""
    if not hasattr(kernel.composed, width):
        given = ((name, 0.5) for name in kernel.names if name not in VARIABLES)
        dtype = "float64" if width.startswith("wide") else "float32"
        words = torch_onnx if width.endswith("onnx") else None
        table, scope = (words.TABLE, words.SCOPE) if words else (TABLE, SCOPE)
        guarded = guard(kernel.expression, tuple(sorted((*kernel.fixed, *given))), dtype)
        arguments = (*kernel.names, *(name for name, _ in kernel.fixed))
        setattr(kernel.composed, width, compile_function([guarded], arguments, table, scope))
    return True


@constant
def _make_slope(kernel: Kernel, name: str) -> bool:
    if not hasattr(kernel.slopes, name):
        derived = kernel.backward if name == "x" else None
        if derived is None:
            derived = differentiate(kernel.expression, name)
        order = kernel.order + 1
        setattr(kernel.slopes, name, _kernel(derived, kernel.names, kernel.fixed, order=order))
    return True


def _slope(kernel: Kernel, name: str) -> Kernel:
    """The kernel of the derivative with respect to one argument."""
    _make_slope(kernel, name)
    slope: Kernel = getattr(kernel.slopes, name)
    return slope


def _functions_of(kernel: Kernel) -> tuple[Any, Any]:
    """The kernel under autograd: saves its inputs, differentiates by the formula.

    A class of its own for each kernel, since torch.compile traces through a custom function
    only if all its arguments are tensors and numbers; and as it can't follow a closure to an
    object either, the class finds its kernel in a table.
    """
    number = f"kernel_{next(_NUMBERS)}"
    setattr(_KERNELS, number, kernel)

    class Formula(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(*values: Any) -> Any:
            return getattr(_KERNELS, number).run(*values)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:  # noqa: ARG004
            ctx.plain = [None if isinstance(v, torch.Tensor) else v for v in inputs]
            tensors = [v for v in inputs if isinstance(v, torch.Tensor)]
            ctx.save_for_backward(*tensors)
            ctx.save_for_forward(*tensors)

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:
            (gradient,) = gradients
            values = _values(ctx)
            if not (torch.is_grad_enabled() or torch.compiler.is_compiling()):
                at_once = _at_once(getattr(_KERNELS, number), values, gradient, ctx)
                if at_once is not None:
                    return at_once
            results: list[Any] = []
            for place, name in enumerate(getattr(_KERNELS, number).names):
                if not ctx.needs_input_grad[place]:
                    results.append(None)
                    continue
                value = values[place]
                product = gradient * _apply(_slope(getattr(_KERNELS, number), name), values)
                results.append(_sum_to(product, value.shape).to(value.dtype))
            return tuple(results)

    # torch.compile counts the parameters in the signature to see that forward takes no context
    Formula.forward.__signature__ = Signature(  # type: ignore[attr-defined]
        [Parameter(name, Parameter.POSITIONAL_ONLY) for name in kernel.names]
    )

    class WithForwardMode(Formula):
        """Also carries tangents forward; torch.compile can't trace a function that does."""

        @staticmethod
        def jvp(ctx: Any, *tangents: Any) -> Any:
            values = _values(ctx)
            total: Any = None
            for name, tangent in zip(getattr(_KERNELS, number).names, tangents, strict=True):
                if tangent is None:
                    continue
                part = tangent * _apply(_slope(getattr(_KERNELS, number), name), values)
                total = part if total is None else total + part
            return total

    return Formula, WithForwardMode


def _at_once(kernel: Kernel, values: list[Any], gradient: Any, ctx: Any) -> Any:
    """All gradients that are wanted from one compiled kernel, if it can serve."""
    if kernel.order >= cpu.HIGHEST_ORDER:
        return None
    wanted = [name for i, name in enumerate(kernel.names) if ctx.needs_input_grad[i]]
    slopes = {name: _slope(kernel, name).expression for name in wanted}
    found = torch_kernels.backward(
        slopes, kernel.fixed, kernel.names, kernel.inputs, values, gradient
    )
    return found and tuple(found.get(name) for name in kernel.names)


def _values(ctx: Any) -> list[Any]:
    saved = iter(ctx.saved_tensors)
    return [next(saved) if plain is None else plain for plain in ctx.plain]


def _sum_to(value: Any, shape: Any) -> Any:
    return value if value.shape == shape else value.sum_to_size(shape)


def _apply(kernel: Kernel, values: Any) -> Any:
    if kernel.direct is not None and not torch.compiler.is_compiling():
        result = kernel.direct(*values)
        if result is not None:
            return result
    return _recorded(kernel, values)


def _recorded(kernel: Kernel, values: Any) -> Any:
    """The value by the general way."""
    if torch.compiler.is_compiling():
        return kernel.run(*values) if torch_onnx.is_exporting() else kernel.traced.apply(*values)
    if not torch.is_grad_enabled():
        return kernel.run(*values)
    return kernel.eager.apply(*values)


def prepare(
    expression: Expression,
    variables: tuple[str, ...],
    fixed: Mapping[str, float],
    given: tuple[str, ...],
    wrt: str = "x",
    order: int = 0,
    backward: Expression | None = None,
) -> Callable[..., Any]:
    """A function of tensors that computes an expression or one of its derivatives.

    Args:
        expression: the formula.
        variables: names of the inputs.
        fixed: parameters with their numbers.
        given: parameters that come with each call, as numbers or tensors.
        wrt: symbol to differentiate by.
        order: order of the derivative; 0 is the value.
        backward: what stands in for the derivative by `x` in a backward pass.

    Returns:
        A function of the variables and the given parameters, in that order; its result has
        gradients for every tensor among them.
    """
    derived = differentiate(expression, wrt, order)
    kernel = _kernel(derived, (*variables, *given), tuple(fixed.items()), backward, order)
    keeps = order == 0 and not fixed and not given and keeps_integers(expression)
    count = len(variables)

    direct = kernel.direct

    def run(*values: Any) -> Any:
        if direct is not None and not torch.compiler.is_compiling():
            result = direct(*values)
            if result is not None:
                return result
        inputs = values
        if not all(isinstance(value, torch.Tensor) for value in values[:count]):
            inputs = (*_tensors(values[:count]), *values[count:])
        first = inputs[0]
        for value in inputs[:count]:
            _check_real(value)
        if not first.is_floating_point():
            if keeps and first.dtype != torch.bool:
                return kernel.run(*inputs)
            inputs = (first.to(torch.get_default_dtype()), *inputs[1:])
        return _recorded(kernel, inputs) if inputs is values else _apply(kernel, inputs)

    return run


def saving_output(
    expression: Expression, fixed: Mapping[str, float], slope: Expression
) -> Callable[[Any], Any]:
    """A function of a tensor that keeps its output for the backward pass, not its input.

    Args:
        expression: the formula, of x.
        fixed: parameters with their numbers.
        slope: its derivative as an expression of the output, in place of x.
    """
    kernel = _kernel(expression, ("x",), tuple(fixed.items()))
    of_output = _kernel(slope, ("x",), (), order=1)

    class FromOutput(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            out = kernel.run(x)
            ctx.save_for_backward(out)
            return out

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:
            ((gradient,), (out,)) = gradients, ctx.saved_tensors
            return gradient * of_output.apply(out)

    direct = direct_way(kernel, lambda: of_output, of_output=True)

    def run(x: Any) -> Any:
        result = direct(x)
        return FromOutput.apply(x) if result is None else result  # type: ignore[no-untyped-call]

    return run


def _check_real(value: Any) -> None:
    if value.is_complex():
        raise TypeError(
            f"an activation takes real numbers, but a {value.dtype} tensor was given; "
            "apply it to the real and imaginary part"
        )


def _tensors(values: tuple[Any, ...]) -> list[Any]:
    device = next((v.device for v in values if isinstance(v, torch.Tensor)), None)
    return [as_array(v).to(device) if device else as_array(v) for v in values]


def as_array(value: Any) -> Any:
    """A list or number as a tensor."""
    return torch.as_tensor(value)


def parts(z: Any) -> tuple[Any, Any]:
    """The real and the imaginary part of complex numbers, or of real ones."""
    z = as_array(z)
    if not z.is_complex():
        z = z.to(torch.complex128 if z.dtype == torch.float64 else torch.complex64)
    return z.real, z.imag


def join(real: Any, imaginary: Any) -> Any:
    """A complex tensor of its two parts."""
    return torch.complex(real, imaginary)


def vector(rule: Callable[..., Any], x: Any, axis: int, parameters: Mapping[str, Any]) -> Any:
    """Apply a vector rule along an axis."""
    x = as_array(x)
    _check_real(x)
    dtype = x.dtype if x.is_floating_point() else torch.get_default_dtype()
    work = torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype
    if not torch.compiler.is_compiling() and torch_kernels.is_eager((x,)):
        if cpu.large_enough(x.numel(), "numpy"):
            with suppress(DigitsNeededError):
                return rule(WithoutRounding, x.to(work), axis, **parameters).to(dtype)
        work = torch.float64
    operations = torch_onnx.operations(Operations) if torch_onnx.is_exporting() else Operations
    result = rule(operations, x.to(work), axis, **parameters).to(dtype)
    if dtype == torch.float64 and torch_kernels.is_eager((x, *parameters.values())):
        return _with_digits(result, rule, x, axis, parameters)
    return result


def _with_digits(
    result: Any, rule: Callable[..., Any], x: Any, axis: int, parameters: Mapping[str, Any]
) -> Any:
    """The result, put right by long doubles where its rule loses digits; gradients pass."""
    if forward_ad._current_level >= 0 or not numpy.vector_needs_long(rule, parameters, x.numel()):
        return result
    settings: dict[str, Any] = {
        name: value.detach().double().numpy() if isinstance(value, torch.Tensor) else value
        for name, value in parameters.items()
    }
    exact = torch.from_numpy(numpy.vector(rule, x.detach().double().numpy(), axis, settings))
    change = exact - result.detach()
    return result + torch.where(torch.isfinite(change), change, 0.0)
