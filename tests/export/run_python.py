"""Runs exported Python sources in a process of its own, which has never seen actlab.

Called as ``run_python.py TARGET FOLDER``: imports every module of the folder, applies it to its
inputs in float32 and float64, and writes what came out.
"""

from __future__ import annotations

import importlib
import json
import sys
import warnings
from pathlib import Path

import numpy as np


def slope_of(module, name, variable):
    return getattr(module, f"{name}_derivative" + ("" if variable == "x" else f"_{variable}"))


def run_numpy(module, name, arrays, wrt):
    yield "", getattr(module, name)(*arrays)
    for variable in wrt:
        yield (
            variable,
            slope_of(module, name, variable)(*arrays),
        )


def run_torch(module, name, arrays, wrt):
    import torch

    tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
    value = getattr(module, name)(*tensors)
    layer = [
        v for k, v in vars(module).items() if isinstance(v, type) and issubclass(v, torch.nn.Module)
    ]
    with torch.no_grad():
        again = layer[0]()(*tensors)
    assert torch.equal(torch.nan_to_num(again), torch.nan_to_num(value)), name
    gradients = torch.autograd.grad(value, tensors, torch.ones_like(value))
    yield "", value.detach().numpy()
    for variable, gradient in zip(wrt, gradients, strict=True):
        named = slope_of(module, name, variable)(*tensors)
        np.testing.assert_array_equal(named.detach().numpy(), gradient.numpy(), name)
        yield variable, gradient.numpy()


def run_jax(module, name, arrays, wrt):
    import jax
    import jax.numpy as jnp

    function = getattr(module, name)
    tensors = [jnp.asarray(a) for a in arrays]
    for place, variable in enumerate(wrt):
        tangents = [jnp.full_like(t, float(k == place)) for k, t in enumerate(tensors)]
        others = [t if k == place else None for k, t in enumerate(tensors)]

        def one(t, place=place):
            return function(*tensors[:place], t, *tensors[place + 1 :])

        value, slope = jax.jvp(one, (others[place],), (tangents[place],))
        named = slope_of(module, name, variable)(*tensors)
        np.testing.assert_array_equal(named, slope, name)
        yield variable, slope
    yield "", value


def run_keras(module, name, arrays, wrt):
    import tensorflow as tf

    tensors = [tf.constant(a) for a in arrays]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = getattr(module, name)(*tensors)
    gradients = tape.gradient(value, tensors)
    yield "", value.numpy()
    for variable, gradient in zip(wrt, gradients, strict=True):
        yield variable, gradient.numpy()


def main(target, folder):
    warnings.simplefilter("error")
    if target == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
    sys.path.insert(0, str(folder))
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    inputs = np.load(folder / "inputs.npz")
    results = {}
    for name, (function, wrt) in plan.items():
        module = importlib.import_module(f"source_{name}")
        for dtype in ("float32", "float64"):
            arrays = [inputs[f"{name} {k}"].astype(dtype) for k in range(len(wrt))]
            for variable, found in RUN[target](module, function, arrays, wrt):
                result = np.asarray(found)
                assert result.dtype == dtype, (name, result.dtype)
                assert result.shape == arrays[0].shape, (name, result.shape)
                results[f"{name} {dtype} {variable}"] = result.astype(np.float64)
    assert "actlab" not in sys.modules
    np.savez(folder / "results.npz", **results)


RUN = {"numpy": run_numpy, "torch": run_torch, "jax": run_jax, "keras": run_keras}

if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
