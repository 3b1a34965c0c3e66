"""What a model is made of: the module inside wrappers, its layers, its parameters."""

from __future__ import annotations

from typing import Final

import torch
from torch import nn

from actlab.activation import Activation
from actlab.catalogue import get
from actlab.health.record import Layer

__all__ = ["function_of_recurrent", "inverse", "layer_of", "unwrapped"]

Tensor = torch.Tensor

_RECURRENT: Final = (nn.RNNBase, nn.RNNCellBase)


def unwrapped(model: nn.Module) -> nn.Module:
    """The user's own module inside what torch.compile or a parallel wrapper made of it."""
    while True:
        if hasattr(model, "_orig_mod"):
            model = model.get_submodule("_orig_mod")
        elif type(model).__name__ in {"DataParallel", "DistributedDataParallel"}:
            model = model.get_submodule("module")
        else:
            return model


def layer_of(path: str, module: nn.Module, optimizer: torch.optim.Optimizer | None) -> Layer | None:
    """What the record says of a module with weights of its own; None for any other."""
    own = [p for p in module._parameters.values() if p is not None]
    if not own:
        return None
    known = None
    if optimizer is not None:
        held = {id(p) for group in optimizer.param_groups for p in group["params"]}
        known = any(id(p) in held for p in own)
    matrices = sorted((p for p in own if p.dim() > 1), key=lambda p: -p.numel())
    return Layer(
        path,
        type(module).__name__,
        matrices[0][0].numel() if matrices and not isinstance(module, nn.Embedding) else 0,
        any(p.requires_grad for p in own),
        known,
        isinstance(module, _RECURRENT),
        sum(p.numel() for p in own),
    )


def function_of_recurrent(module: nn.Module) -> Activation | None:
    """The activation inside PyTorch's plain recurrent layers and cells."""
    return get(str(module.nonlinearity)) if type(module) in {nn.RNN, nn.RNNCell} else None


def inverse(activation: Activation, result: Tensor) -> Tensor:
    """The inputs of a recurrent layer's function, which only shows its outputs."""
    if activation.name == "tanh":
        return result.detach().float().clamp(-1 + 1e-7, 1 - 1e-7).atanh()
    return result.detach()
