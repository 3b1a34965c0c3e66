"""The engines as the contract sees them: arrays in, float64 out, whatever the framework."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch

__all__ = ["ENGINES", "NumpyEngine", "TorchEngine"]


class NumpyEngine:
    name = "numpy"
    dtypes: tuple[str, ...] = ("float16", "float32", "float64")
    default = "float64"
    """What integers become where the formula does more than choose."""

    def session(self, dtype: str) -> AbstractContextManager[None]:
        """Where a dtype has to be switched on."""
        return nullcontext()

    def measures(self, dtype: str, order: int) -> bool:
        """Whether the tests have the time for this accuracy; the ledger has it in any case."""
        return True

    def integers(self, values: Any) -> Any:
        return values

    def array(self, values: Any, dtype: str) -> Any:
        with np.errstate(all="ignore"):
            return np.asarray(values, np.float64).astype(dtype)

    def run(self, f: Any, *inputs: Any, order: int = 0, **options: Any) -> Any:
        return f.derivative(*inputs, order=order, **options) if order else f(*inputs, **options)

    def floats(self, result: Any) -> Any:
        return np.asarray(result, np.float64)

    def dtype_of(self, result: Any) -> str:
        return str(result.dtype)

    def layouts(self, dtype: str) -> dict[str, Any]:
        """Arrays of different shape and order in memory."""
        base = self.array(np.linspace(-3.3, 3.1, 24).reshape(4, 6), dtype)
        return {
            "C order": base,
            "Fortran order": np.asfortranarray(base),
            "every other": base[:, ::2],
            "backwards": base[::-1],
            "transposed": base.T,
            "broadcast": np.broadcast_to(base[0], (3, 6)),
            "three dimensions": base.reshape(2, 2, 6),
            "empty": base[:0],
            "read only": _frozen(base),
        }


def _frozen(array: Any) -> Any:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


class TorchEngine(NumpyEngine):
    name = "torch"
    dtypes = ("float16", "bfloat16", "float32", "float64")
    default = "float32"

    def integers(self, values: Any) -> Any:
        return torch.tensor(values)

    def array(self, values: Any, dtype: str) -> Any:
        return torch.tensor(np.asarray(values, np.float64)).to(getattr(torch, dtype))

    def floats(self, result: Any) -> Any:
        return result.detach().double().numpy()

    def dtype_of(self, result: Any) -> str:
        return str(result.dtype).removeprefix("torch.")

    def layouts(self, dtype: str) -> dict[str, Any]:
        base = self.array(np.linspace(-3.3, 3.1, 24).reshape(4, 6), dtype)
        return {
            "C order": base,
            "every other": base[:, ::2],
            "transposed": base.t(),
            "expanded": base[0].expand(3, 6),
            "channels last": base.reshape(1, 2, 2, 6).to(memory_format=torch.channels_last),
            "empty": base[:0],
            "needs a gradient": base.clone().requires_grad_(True),
        }


ENGINES = {engine.name: engine for engine in (NumpyEngine(), TorchEngine())}
