"""Results written into an array that the caller has: `f(x, out=array)`, also `out=x`.

A kernel writes there itself where the arrays lie alike; in every other case the result is made
first and then copied, so that an `out` which overlaps an input is safe.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from actlab.engines import cpu
from actlab.formula import differentiate

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["write"]


def write(
    activation: Activation,
    inputs: tuple[Any, ...],
    out: Any,
    compute: Callable[[], Any],
    *,
    engine: str,
    wrt: str,
    order: int,
    simple: bool,
) -> Any:
    """Fill `out` with what `compute` gives, or with the same from a kernel; returns `out`.

    A call is `simple` where the inputs are the activation's variables and nothing else.

    Raises:
        TypeError: `out` is no array that can be written to, or of another library than x.
        ValueError: `out` has another shape than the result, or is read-only.
    """
    _check(inputs, out, engine)
    simple = simple and not activation.random and all(_alike(value, out) for value in inputs)
    if simple and _kernel(activation, inputs, out, wrt, order):
        return out
    result = compute()
    if tuple(result.shape) != tuple(out.shape):
        raise ValueError(
            f"out has the shape {tuple(out.shape)} and the result {tuple(result.shape)}; "
            "they must be equal"
        )
    if engine == "torch":
        out.copy_(result)
    else:
        np.copyto(out, result, casting="same_kind")
    return out


def _check(inputs: tuple[Any, ...], out: Any, engine: str) -> None:
    if engine not in ("numpy", "torch"):
        raise TypeError(
            f"out= is for NumPy arrays and PyTorch tensors; arrays of {engine} can't be written to"
        )
    kind = type(out).__module__.partition(".")[0]
    if kind != engine or not hasattr(out, "shape") or not hasattr(out, "strides" if kind == "numpy"
                                                                  else "stride"):  # fmt: skip
        wanted = "a NumPy array" if engine == "numpy" else "a tensor of PyTorch"
        raise TypeError(f"out is of type {type(out).__name__}; for this input it must be {wanted}")
    if engine == "numpy":
        if not out.flags.writeable:
            raise ValueError("out is read-only; give an array that can be written to")
        return
    import torch

    asks = any(isinstance(value, torch.Tensor) and value.requires_grad for value in (*inputs, out))
    if torch.is_grad_enabled() and asks:
        raise TypeError(
            "out= leaves no record for gradients, and an input or out requires one; "
            "call it under torch.no_grad(), or without out="
        )


def _alike(value: Any, out: Any) -> bool:
    """Whether a kernel can read the one and write the other in the same order."""
    if type(value) is not type(out) or value.dtype != out.dtype or value.shape != out.shape:
        return False
    if isinstance(out, np.ndarray):
        solid = out.flags.c_contiguous and value.flags.c_contiguous
        same = value.ctypes.data == out.ctypes.data
        apart = same or not np.may_share_memory(value, out)
        return bool(solid and apart and out.flags.aligned and value.flags.aligned)
    return bool(
        out.is_contiguous()
        and value.is_contiguous()
        and (value.data_ptr() == out.data_ptr() or _storage(value) != _storage(out))
    )


def _storage(tensor: Any) -> int:
    return int(tensor.untyped_storage().data_ptr())


def _kernel(
    activation: Activation, inputs: tuple[Any, ...], out: Any, wrt: str, order: int
) -> bool:
    """Let a kernel write the result, if there is one for it."""
    size = int(out.size if isinstance(out, np.ndarray) else out.numel())
    dtype = str(out.dtype).removeprefix("torch.")
    if activation.kind not in ("scalar", "gated") or dtype not in ("float32", "float64"):
        return False
    engine = "numpy" if isinstance(out, np.ndarray) else "torch"
    if engine == "torch":
        from actlab.engines import torch_kernels

        if not torch_kernels.is_eager((*inputs, out)):
            return False
    expression, wrt, order = activation.source(wrt, order)
    if order > cpu.HIGHEST_ORDER or not cpu.large_enough(size, engine):
        return False
    derived = differentiate(expression, wrt, order)
    numbers = tuple(activation.parameters.items())
    over = any(_place(value) == _place(out) for value in inputs)
    if over and not cpu.in_place(derived, numbers, activation.variables, dtype):
        return False
    address = cpu.value_address(derived, numbers, activation.variables, (), dtype)
    if address is None:
        return False
    words = [word for array in (*inputs, out) for word in (_place(array), 0)]
    cpu.run_flat(address, size, words)
    return True


def _place(array: Any) -> int:
    return int(array.ctypes.data if isinstance(array, np.ndarray) else array.data_ptr())
