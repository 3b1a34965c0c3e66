"""Which way an input takes through the engines, and why; and all kernels compiled beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from actlab.catalogue import get
from actlab.catalogue import names as catalogued
from actlab.engines import cpu, engine_of, numpy_long
from actlab.formula import differentiate

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["Explanation", "explain", "warm"]

_ARITHMETIC = {
    "float64": "float64 arithmetic",
    "pairs": "float64 numbers as sums of two, as the formula would lose digits otherwise",
    "whole": "one whole function in float64, of which some parts are sums of two numbers",
    "mixed": "float64 arithmetic on float32 data, rounded once",
    "single": "one whole function in float32, within 2 ULP",
    "plain": "float32 arithmetic, which is shown to be within 2 ULP for this formula",
}


@dataclass(frozen=True)
class Explanation:
    """How an input is computed.

    Attributes:
        engine: "numpy", "torch", "jax", "tensorflow", "keras" or "exact".
        path: "kernel" (compiled, one sweep), "own" (the library's own operation, where that is
            exact and as fast), "steps" (NumPy's operations one after the other, in float64) or
            "composed" (the framework's operations, with the formula's own derivatives).
        reason: why, in a sentence.
        compiled: whether the kernel is in memory or on disk already; the first call compiles.
        threads: how many the kernel uses.
    """

    engine: str
    path: str
    reason: str
    compiled: bool = False
    threads: int = 1

    def __str__(self) -> str:
        ways = {
            "kernel": "a compiled kernel",
            "own": f"the own operation of {self.engine}",
            "steps": "NumPy's operations, one after the other, in float64",
            "composed": f"composed operations of {self.engine}",
        }
        text = f"{ways[self.path]}: {self.reason}"
        if self.path == "kernel":
            state = "compiled before" if self.compiled else "compiled at the first call"
            threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
            text += f"; {state}, {threads}"
        return text


def explain(activation: Activation | str, x: Any, gate: Any = None) -> Explanation:
    """Say which way an input takes: a compiled kernel, or operations of the library, and why.

    The thresholds stand in `engines/cpu/thresholds.py`.

    Args:
        activation: a function, or its name.
        x: an array or tensor as it would be given to the function.
        gate: the second input of a gated pair.

    Example:
        >>> import actlab, numpy as np
        >>> actlab.explain("gelu", np.zeros(10)).path
        'steps'
        >>> print(actlab.explain("relu", [0.0]))
        NumPy's operations, one after the other, in float64: 1 element is fewer than the 1024 \
from which a kernel is taken
    """
    if isinstance(activation, str):
        activation = get(activation)
    name = engine_of(x, gate).__name__.rpartition(".")[2]
    if name not in ("numpy", "torch"):
        return Explanation(name, "composed", f"kernels serve NumPy arrays and PyTorch, not {name}")
    if name == "torch":
        reason = _why_not_torch(x)
        if reason:
            return Explanation(name, "composed", reason)
        size, dtype = x.numel(), str(x.dtype).removeprefix("torch.")
        if activation.kind == "scalar" and _has_own(activation, size):
            reason = "it is exact, and waits for nothing but the memory"
            return Explanation(name, "own", reason)
    else:
        array = np.asarray(x)
        size, dtype = array.size, array.dtype.name
    if activation.kind not in ("scalar", "gated"):
        return _explain_rule(activation, name, size, dtype)
    if activation.kind == "gated" and gate is None:
        size //= 2
    few = _too_few(size, name)
    if few:
        if dtype == "float64" and numpy_long.is_needed(activation.bound, activation.variables):
            few += "; this formula in long double, as it would lose digits"
        return Explanation(name, "steps", few)
    if dtype not in ("float16", "bfloat16", "float32", "float64"):
        return Explanation(name, "steps", f"{dtype} numbers have no kernel")
    work: Any = "float64" if dtype == "float64" else "float32"
    spec = cpu.Spec((activation.bound,), activation.variables, work)
    return _kernel(name, spec, _ARITHMETIC[spec.arithmetic], size)


def warm(
    functions: Iterable[Activation | str] | None = None, *, dtype: str = "float32"
) -> Iterator[str]:
    """Compile the kernels of functions, for this processor, and keep them on disk.

    Value, derivative and backward pass of each; the parameters at their defaults.

    Args:
        functions: activations or names; all of the catalogue without any.
        dtype: "float32" or "float64".

    Yields:
        The name of each function when its kernels are there.

    Raises:
        UnknownNameError: for a name that the catalogue doesn't have.
        ValueError: for another dtype.

    Example:
        >>> import actlab
        >>> list(actlab.warm(["relu"]))
        ['relu']
    """
    if dtype not in ("float32", "float64"):
        raise ValueError(f"kernels are for float32 and float64, not {dtype!r}")
    wanted = catalogued() if functions is None else functions
    for activation in [get(one) if isinstance(one, str) else one for one in wanted]:
        for spec in _specs(activation, dtype):
            cpu.address_of(spec)
        yield activation.name


def _specs(activation: Activation, dtype: Any) -> list[Any]:
    if activation.name in ("softmax", "log_softmax"):
        log = activation.name == "log_softmax"
        return [
            cpu.SoftmaxSpec(log, backward, dtype, across)
            for backward in (False, True)
            for across in (False, True)
        ]
    if activation.kind not in ("scalar", "gated"):
        return []
    arrays = activation.variables
    slopes = tuple(differentiate(activation.bound, name) for name in arrays)
    return [
        cpu.Spec((activation.bound,), arrays, dtype),
        *(cpu.Spec((slope,), arrays, dtype) for slope in slopes),
        cpu.Spec(slopes, arrays, dtype, backward=True),
    ]


def _kernel(name: str, spec: Any, reason: str, size: int) -> Explanation:
    if not cpu.usable():
        return Explanation(name, "steps", "kernels can't be compiled here; a warning said why")
    threads = cpu.thread_count() if size >= cpu.thresholds.PARALLEL_FROM else 1
    return Explanation(name, "kernel", reason, cpu.stored(spec), threads)


def _explain_rule(activation: Activation, name: str, size: int, dtype: str) -> Explanation:
    if activation.name not in ("softmax", "log_softmax", "softmin"):
        return Explanation(name, "composed", f"{activation.name} has no kernel of its own")
    few = _too_few(size, name)
    if few:
        return Explanation(name, "composed", few)
    wide = name == "numpy" or dtype == "float64"
    spec = cpu.SoftmaxSpec(
        activation.name == "log_softmax", False, "float64" if wide else "float32"
    )
    return _kernel(name, spec, "rows of adjacent elements, sums in float64", size)


def _too_few(size: int, engine: str) -> str:
    if cpu.large_enough(size, engine):
        return ""
    is_or_are = "element is" if size == 1 else "elements are"
    least = cpu.thresholds.KERNEL_FROM[engine]
    return f"{size} {is_or_are} fewer than the {least} from which a kernel is taken"


def _has_own(activation: Activation, elements: int) -> bool:
    from actlab.engines.torch_direct import has_own

    return activation.backward is None and has_own(activation.bound, elements)


def _why_not_torch(x: Any) -> str:
    import torch

    from actlab.engines.torch_kernels import is_eager

    if not x.is_floating_point():
        return f"{x.dtype} is not a floating-point type"
    if not x.is_cpu:
        return f"the tensor is on {x.device}, and kernels are for the CPU"
    if type(x) not in (torch.Tensor, torch.nn.Parameter):
        return f"{type(x).__name__} is a kind of tensor with rules of its own"
    if not is_eager((x,)):
        return "the call is traced or transformed, and a compiler can fuse the operations"
    return ""
