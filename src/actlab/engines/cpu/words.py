"""The memory operations of a kernel: what Numba has no word for.

A kernel gets one pointer, to its *task*: 64-bit words that `tasks.py` lays out. Operands are
addresses in it, so that one compiled function serves arrays, rows and broadcast values alike.

Loads and stores are marked as not overlapping, which spares each loop a test and lets it be
vectorised in place too: a kernel writes element i only after it has read element i of every
operand, so an output may be exactly an input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from actlab.engines.cpu.tasks import BLOCK

__all__ = [
    "BLOCK",
    "keep",
    "load32",
    "load64",
    "recall",
    "scratch",
    "store32",
    "store64",
    "take",
    "word",
]

T = TypeVar("T")
_WORD = ir.IntType(64)


def _instruction(_kind: type[T]) -> Callable[[Callable[..., Any]], Callable[..., T]]:
    """Make an LLVM instruction of a function that gives its signature and its code."""
    made: Callable[..., Any] = intrinsic
    return made


@_instruction(int)
def word(_: Any, task: Any, place: Any) -> Any:
    """The word of the task at a place."""

    def code(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.load(builder.gep(arguments[0], [arguments[1]]))

    return types.int64(task, place), code


@_instruction(int)
def take(_: Any, task: Any) -> Any:
    """The number of the next piece of work: the first word, counted up by whoever takes one."""

    def code(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.atomic_rmw("add", arguments[0], ir.Constant(_WORD, 1), "monotonic")

    return types.int64(task), code


def _inputs_apart(module: Any) -> Any:
    """LLVM's name for the memory that loads read and stores don't touch."""
    domain = module.add_metadata([ir.MetaDataString(module, "actlab")])
    scope = module.add_metadata([ir.MetaDataString(module, "actlab inputs"), domain])
    return module.add_metadata([scope])


def _loader(stored: Any, *, apart: bool = True) -> Callable[..., Any]:
    def load(_: Any, address: Any, place: Any) -> Any:
        def code(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            pointer = builder.inttoptr(arguments[0], stored.as_pointer())
            value = builder.load(builder.gep(pointer, [arguments[1]]))
            if apart:
                value.set_metadata("alias.scope", _inputs_apart(builder.module))
            return value

        kind = types.float32 if stored == ir.FloatType() else types.float64
        return kind(address, place), code

    return load


def _storer(stored: Any, *, apart: bool = True) -> Callable[..., Any]:
    def store(_: Any, address: Any, place: Any, value: Any) -> Any:
        def code(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            pointer = builder.inttoptr(arguments[0], stored.as_pointer())
            number = arguments[2]
            if number.type != stored:
                number = builder.fptrunc(number, stored)
            done = builder.store(number, builder.gep(pointer, [arguments[1]]))
            if apart:
                done.set_metadata("noalias", _inputs_apart(builder.module))
            return context.get_dummy_value()

        return types.void(address, place, value), code

    return store


load32 = _instruction(float)(_loader(ir.FloatType()))
load64 = _instruction(float)(_loader(ir.DoubleType()))
store32 = _instruction(float)(_storer(ir.FloatType()))
"""Also takes a float64, which it rounds."""
store64 = _instruction(float)(_storer(ir.DoubleType()))
recall = _instruction(float)(_loader(ir.DoubleType(), apart=False))
"""A number from scratch memory."""
keep = _instruction(float)(_storer(ir.DoubleType(), apart=False))
"""A number into scratch memory, to be recalled."""


@_instruction(int)
def scratch(_: Any) -> Any:
    """The address of `BLOCK` float64 numbers of the thread's own."""

    def code(_context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        with builder.goto_entry_block():
            memory = builder.alloca(ir.DoubleType(), size=ir.Constant(_WORD, BLOCK))
        return builder.ptrtoint(memory, _WORD)

    return types.int64(), code
