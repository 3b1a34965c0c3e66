"""Compile a kernel to the machine code of this processor. Imports Numba; `store.py` avoids it."""

from __future__ import annotations

import math
from typing import Any, cast

import numba
import numpy as np
from llvmlite import binding, ir
from numba import types

from actlab.engines.cpu import words
from actlab.engines.cpu.spec import ENTRY, Spec
from actlab.engines.cpu.writing import write_kernel
from actlab.engines.vectormath import bits, primitives

__all__ = ["build", "object_code"]

_LANES = 8


@numba.njit(error_model="numpy", forceinline=True)
def _add_up(address: int, count: int) -> float:
    """The sum of some numbers, always in the same order."""
    whole = count - count % _LANES
    a = b = c = d = e = f = g = h = 0.0
    for i in range(0, whole, _LANES):
        a += words.recall(address, i)
        b += words.recall(address, i + 1)
        c += words.recall(address, i + 2)
        d += words.recall(address, i + 3)
        e += words.recall(address, i + 4)
        f += words.recall(address, i + 5)
        g += words.recall(address, i + 6)
        h += words.recall(address, i + 7)
    total = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for i in range(whole, count):
        total += words.recall(address, i)
    return total


def build(spec: Spec) -> bytes:
    """Object code of a kernel, with the function `ENTRY` and no need of Numba to run."""
    plain = spec.arithmetic == "plain"
    scope: dict[str, Any] = {
        **primitives("mixed" if plain else spec.arithmetic),
        **({"sign": primitives("single")["sign"]} if plain else {}),
        **{name: getattr(words, name) for name in words.__all__},
        "choose": bits.choose,
        "prefer_wide_vectors": bits.prefer_wide_vectors,
        "widened": np.float64,
        "f32": np.float32,
        "add_up": _add_up,
        "math": math,
    }
    source = write_kernel(spec, frozenset(scope))
    exec(compile(source, "<actlab kernel>", "exec"), scope)  # noqa: S102  from expressions only
    scope["_square"] = _inlined(_square)
    for name in ("formula", "by_library", "by_raising"):
        if name in scope:
            scope[name] = _inlined(scope[name])
    return object_code(scope["kernel"])


def _square(value: float) -> float:
    return value * value


def _inlined(function: Any) -> Any:
    """A part of a kernel, which nobody calls from Python."""
    njit: Any = numba.njit  # whose stubs don't know all options
    options = {"forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return njit(error_model="numpy", **options)(function)


def object_code(kernel: Any) -> bytes:
    """Compile, and give the function a plain C signature."""
    njit: Any = numba.njit  # whose stubs don't know all options
    task: Any = types.CPointer
    compiled = njit(
        types.void(task(types.int64)),
        error_model="numpy",
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
    )(kernel)
    (result,) = compiled.overloads.values()
    code = binding.parse_assembly(result.library.get_llvm_str())
    code.link_in(binding.parse_assembly(str(_entry(result))))
    return _emitted(code)


def _entry(result: Any) -> ir.Module:
    """A function that calls the compiled one, whose results by Numba's convention are void."""
    convention = result.target_context.call_conv
    kind = convention.get_function_type(result.fndesc.restype, result.fndesc.argtypes)
    module = ir.Module("entry")
    inner = ir.Function(module, kind, result.fndesc.llvm_func_name)
    outer = ir.FunctionType(ir.VoidType(), [ir.IntType(64).as_pointer()])
    entry = ir.Function(module, outer, ENTRY)
    builder = ir.IRBuilder(entry.append_basic_block())
    nothing = [builder.alloca(argument.pointee) for argument in kind.args[:2]]
    builder.call(inner, [*nothing, entry.args[0]])
    builder.ret_void()
    return module


def _emitted(code: Any) -> bytes:
    host = binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(),
        features=binding.get_host_cpu_features().flatten(),
        opt=3,
        reloc="pic",
        codemodel="small",  # constants beside the code; `store.py` loads both as one block
    )
    return cast("bytes", host.emit_object(code))
