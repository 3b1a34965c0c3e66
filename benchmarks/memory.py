"""What activations keep between the forward and the backward pass, against `torch.nn`.

A stack of four linear layers of 512 units with an activation between them, on a batch of 2,048 rows
of float32. *Saved* is counted by PyTorch's own hooks: distinct tensors that are neither weights
nor kept already by a linear layer. *Peak* is the most memory that tensors took during a forward
and a backward pass, less what was there before, by PyTorch's profiler; since this sees no memory
but PyTorch's, actlab's results lie there as well (ACTLAB_KEEP_MEMORY=0). In memory that is kept for
the next result, one of a mebibyte or more takes up to an eighth more, or a huge page.

    python benchmarks/memory.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import warnings
from typing import Any

os.environ["ACTLAB_KEEP_MEMORY"] = "0"

import torch
from torch import nn

import actlab

UNITS, LAYERS = 512, 4
PEERS: dict[str, Any] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "softplus": nn.Softplus,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "mish": nn.Mish,
    "hard_swish": nn.Hardswish,
    "softsign": nn.Softsign,
    "tanh_shrink": nn.Tanhshrink,
    "log_sigmoid": nn.LogSigmoid,
}


def stack(layer: Any) -> nn.Sequential:
    """Linear layers with an activation after each."""
    layers: list[nn.Module] = []
    for _ in range(LAYERS):
        layers += [nn.Linear(UNITS, UNITS), layer()]
    return nn.Sequential(*layers)


def saved_bytes(model: nn.Module, x: torch.Tensor) -> int:
    """Distinct memory kept for the backward pass, weights and the input apart."""
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    own.add(x.untyped_storage().data_ptr())
    found: dict[int, Any] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        memory = tensor.untyped_storage()
        if memory.data_ptr() not in own:
            found[memory.data_ptr()] = memory
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        y = model(x)
    total = sum(memory.nbytes() for memory in found.values())
    del y
    return total


def peak_bytes(model: nn.Module, x: torch.Tensor) -> int:
    """The most memory in use during a forward and a backward pass."""
    for _ in range(2):  # gradients exist before the pass that is measured
        model(x).sum().backward()
    with torch.profiler.profile(profile_memory=True, record_shapes=False) as profile:
        model(x).sum().backward()
    now = most = 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            now += event.nbytes()
            most = max(most, now)
    return most


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a batch of 128 rows")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    x = torch.randn(128 if options.quick else 2048, UNITS)
    one = x.nbytes * LAYERS
    print(f"torch {torch.__version__}; {LAYERS} layers of {UNITS}, {len(x)} rows; per layer, in")
    print("tensors of the layer's size\n")
    print(f"{'':14}{'saved':>8}{'torch.nn':>10}{'peak':>8}{'torch.nn':>10}")
    saved, peak = [], []
    cases = [(name, {}) for name in PEERS]
    cases += [(name, {"save": "output"}) for name in ("sigmoid", "tanh", "elu", "selu")]
    for name, extra in cases:
        models = [stack(lambda n=name, e=extra: actlab.get(n).module(**e)), stack(PEERS[name])]
        ours, theirs = (saved_bytes(model, x) for model in models)
        our_peak, their_peak = (peak_bytes(model, x) for model in models)
        if not extra:
            saved.append(ours / theirs)
            peak.append(our_peak / their_peak)
        label = name + (" (output)" if extra else "")
        figures = [number / one for number in (ours, theirs, our_peak, their_peak)]
        print(f"{label:18}{figures[0]:4.2f}{figures[1]:10.2f}{figures[2]:8.2f}{figures[3]:10.2f}")
    means = [math.exp(statistics.fmean(map(math.log, ratios))) for ratios in (saved, peak)]
    print("\ngeometric means of actlab over torch.nn, as it comes:")
    print(json.dumps({"saved_ratio": round(means[0], 3), "peak_ratio": round(means[1], 3)}))


if __name__ == "__main__":
    main()
