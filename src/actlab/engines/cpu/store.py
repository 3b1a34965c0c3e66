"""Compiled kernels by what they compute: in memory, on disk, or compiled now.

Machine code is kept as a file per kernel, so that a new process need not import Numba, which
takes longer than everything else together. The name of a file is a hash of all that the code
depends on: the specification, the sources that write and compile it, LLVM's version, and the
processor. A file is written under another name and then renamed, so that no process ever reads
half of one, and it carries a checksum.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import threading
import warnings
from functools import cache
from pathlib import Path
from typing import Any

from actlab.engines.cpu.softmax import SoftmaxSpec, build_softmax
from actlab.engines.cpu.spec import ENTRY, Spec

__all__ = ["address_of", "cache_folder", "digest_of", "stored", "usable"]

_PACKAGE = Path(__file__).parents[1]
_SOURCES = (
    "cpu/words.py", "cpu/spec.py", "cpu/rounding.py", "cpu/writing.py", "cpu/raising.py",
    "cpu/building.py", "cpu/softmax.py", "cpu/softmax_across.py", "cpu/softmax_sums.py",
    "vectormath/__init__.py", "vectormath/bits.py", "vectormath/tables.py",
    "vectormath/mixed.py", "vectormath/single.py", "vectormath/float64.py", "vectormath/pairs.py",
    "vectormath/whole.py",
    "vectormath/constants.py", "vectormath/single_algebraic.py", "vectormath/single_gated.py",
    "vectormath/single_hyperbolic.py",
    "source.py", "guard.py", "numpy_operations.py", "numpy_long.py", "../formula/calculus.py",
    "../formula/vocabulary.py",
)  # fmt: skip
"""What machine code is made by."""

AnySpec = Spec | SoftmaxSpec

_LOCK = threading.RLock()
_LOADED: dict[AnySpec, int | None] = {}
_KEPT: list[Any] = []
"""LLVM's engines, which own the loaded code."""


def cache_folder() -> Path:
    """Where compiled kernels are kept: ACTLAB_CACHE, or the user's cache folder."""
    own = os.environ.get("ACTLAB_CACHE")
    if own:
        return Path(own) / "kernels"
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "actlab" / "kernels"


def address_of(spec: AnySpec) -> int | None:
    """The address of a kernel's machine code; None where kernels can't be had.

    The reason is given once, as a warning. The first call for a specification compiles, unless
    some process did before.
    """
    try:
        return _LOADED[spec]
    except KeyError:
        pass
    with _LOCK:  # one thread compiles, the others wait for it
        if spec not in _LOADED:
            _LOADED[spec] = _load(_object_code(spec)) if usable() else None
        return _LOADED[spec]


def stored(spec: AnySpec) -> bool:
    """Whether a kernel is compiled already, in this process or on disk."""
    return spec in _LOADED or (usable() and _file_of(spec).exists())


def digest_of(spec: AnySpec) -> str:
    """A hash of a kernel's instructions and constants: the same digest gives the same numbers."""
    from llvmlite import binding

    _prepare_llvm()
    digest = hashlib.sha256()
    for section in binding.ObjectFileRef.from_data(_object_code(spec)).sections():
        kind = (section.name() or b"").removeprefix(b".rela")
        if kind.startswith((b".text", b".ltext", b".rodata")):
            digest.update(section.data() or b"")
    return digest.hexdigest()[:16]


@cache
def usable() -> bool:
    """Whether kernels can be had; if not, a warning says why, once."""
    try:
        from actlab.engines.vectormath import available

        good = available()
        reason = "this processor has no fused multiply-add"
    except (ImportError, OSError, RuntimeError) as error:
        good, reason = False, f"Numba can't be used here ({error})"
    if not good:
        _warn(f"{reason}; the array library's own operations are used, slower and less exact")
    return good


def _warn(message: str) -> None:
    warnings.warn(f"actlab kernels: {message}", RuntimeWarning, stacklevel=2)


# -- on disk ---------------------------------------------------------------------------------


@cache
def _circumstances() -> bytes:
    """All that machine code depends on besides its specification."""
    import llvmlite
    from llvmlite import binding

    digest = hashlib.sha256()
    for name in _SOURCES:
        digest.update((_PACKAGE / name).read_bytes())
    about = (llvmlite.__version__, sys.version_info[:2], binding.get_host_cpu_name())
    digest.update(repr(about).encode())
    digest.update(binding.get_host_cpu_features().flatten().encode())
    return digest.digest()


def _file_of(spec: AnySpec) -> Path:
    text = repr(spec).encode()
    name = hashlib.sha256(_circumstances() + text).hexdigest()[:40]
    return cache_folder() / name[:2] / f"{name}.o"


def _object_code(spec: AnySpec) -> bytes:
    path = _file_of(spec)
    code = _read(path)
    if code is None:
        code = _compiled(spec)
        _write(path, code)
    return code


def _read(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    check, code = content[:32], content[32:]
    return code if hashlib.sha256(code).digest() == check else None


def _write(path: Path, code: bytes) -> None:
    """Keep the code for other processes; a folder that can't be written is told of once."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(hashlib.sha256(code).digest() + code)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        _tell_unwritable(f"{path.parents[1]} ({error.strerror or error})")


@cache
def _tell_unwritable(where: str) -> None:
    _warn(
        f"compiled code can't be kept in {where}, so every process compiles anew; "
        "set ACTLAB_CACHE to a folder that can be written"
    )


# -- machine code ----------------------------------------------------------------------------


def _compiled(spec: AnySpec) -> bytes:
    if isinstance(spec, SoftmaxSpec):
        return build_softmax(spec)
    from actlab.engines.cpu.building import build

    return build(spec)


@cache
def _prepare_llvm() -> None:
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()


def _load(code: bytes) -> int:
    """Put machine code into memory, apart from other kernels, whose functions have its names."""
    from llvmlite import binding

    _prepare_llvm()
    target = binding.Target.from_default_triple().create_target_machine()
    # one block of memory for all sections, since the code reaches its constants by short offsets
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), target, use_lmm=True)
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _KEPT.append(engine)
    return int(engine.get_function_address(ENTRY))


# A fork waits until no thread compiles, so that the child finds every lock free.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release
    )
