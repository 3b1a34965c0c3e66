"""What a user's code is, as a digest: a study finds its results again as long as it is the same.

A function counts by its bytecode, its constants, its defaults, what it closes over, and the
functions, classes and plain values of its own module that it names; a class by its methods and
bases. Comments, formatting and names of files do not count. What it calls in other modules does not
either.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from types import CodeType, FunctionType, MethodType
from typing import Any

import torch
from torch import nn

__all__ = ["digest_of", "own_classes", "structure_of"]


def digest_of(*things: Any) -> str:
    """Return the SHA-256 of functions, classes and plain values.

    >>> digest_of(lambda x: x + 1) == digest_of(lambda x: x + 1) != digest_of(lambda x: x + 2)
    True
    """
    seen: dict[int, int] = {}
    text = "\n".join(part for thing in things for part in _parts(thing, None, seen))
    return hashlib.sha256(text.encode()).hexdigest()


def _parts(thing: Any, module: str | None, seen: dict[int, int]) -> Iterator[str]:
    inner = _inside(thing)
    if inner is not None:
        yield type(thing).__name__
        for part in inner:
            yield from _parts(part, module, seen)
    elif isinstance(thing, FunctionType | type):
        if thing.__module__ in {"builtins", "torch"} or module not in {None, thing.__module__}:
            yield f"{thing.__module__}.{thing.__qualname__}"
        elif id(thing) not in seen:
            seen[id(thing)] = len(seen)
            yield from _class(thing, seen) if isinstance(thing, type) else _function(thing, seen)
    elif thing is None or isinstance(thing, bool | int | float | str | bytes | complex):
        yield repr(thing)
    elif callable(thing) and not hasattr(thing, "__name__"):  # an object that acts as a function
        yield from _parts(type(thing), module, seen)
        yield from _parts(getattr(thing, "__dict__", None), module, seen)
    else:
        yield getattr(thing, "__qualname__", type(thing).__qualname__)


def _inside(thing: Any) -> list[Any] | None:
    """What a thing is made of, if it only holds other things."""
    if isinstance(thing, MethodType):
        return [thing.__func__, thing.__self__]
    if isinstance(thing, functools.partial):
        return [thing.func, thing.args, thing.keywords]
    if isinstance(thing, list | tuple):
        return list(thing)
    if isinstance(thing, dict):
        return [part for key in sorted(thing, key=repr) for part in (repr(key), thing[key])]
    return None


def _function(function: FunctionType, seen: dict[int, int]) -> Iterator[str]:
    own = function.__module__
    yield from _code(function.__code__)
    yield from _parts(function.__defaults__, own, seen)
    yield from _parts(function.__kwdefaults__, own, seen)
    for cell in function.__closure__ or ():
        try:
            yield from _parts(cell.cell_contents, own, seen)
        except ValueError:  # an empty cell
            yield "empty"
    for name in sorted(_names(function.__code__)):
        if name in function.__globals__:
            yield name
            yield from _parts(function.__globals__[name], own, seen)


def _class(kind: type, seen: dict[int, int]) -> Iterator[str]:
    for base in kind.__bases__:
        yield from _parts(base, kind.__module__, seen)
    for name, value in sorted(vars(kind).items()):
        inner = value.__func__ if isinstance(value, staticmethod | classmethod) else value
        if name in {"__doc__", "__module__", "__dict__", "__weakref__", "__firstlineno__"}:
            continue
        yield name
        yield from _parts(inner, kind.__module__, seen)


def _code(code: CodeType) -> Iterator[str]:
    yield f"{code.co_code.hex()} {code.co_names} {code.co_varnames} {code.co_flags}"
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code(constant)
        elif isinstance(constant, frozenset):
            yield repr(sorted(constant, key=repr))
        else:
            yield repr(constant)


def _names(code: CodeType) -> set[str]:
    inner = (_names(constant) for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*inner)


def structure_of(model: nn.Module) -> str:
    """The network in words and numbers: its layers and what was drawn for them."""
    digest = hashlib.sha256(repr(model).encode())
    for name, tensor in model.state_dict().items():
        digest.update(repr((name, tensor.dtype, tuple(tensor.shape))).encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def own_classes(model: nn.Module) -> Iterator[type]:
    """The user's classes in a network."""
    for kind in dict.fromkeys(type(module) for module in model.modules()):
        if kind.__module__.split(".")[0] not in {"torch", "actlab"}:
            yield kind
