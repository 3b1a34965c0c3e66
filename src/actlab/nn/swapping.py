"""Exchange the activation layers of a model for others."""

from __future__ import annotations

from typing import Any

from torch import nn

from actlab.activation import Activation
from actlab.catalogue import get, resolve
from actlab.errors import UnknownNameError
from actlab.nn.layer import ActivationModule

__all__ = ["name_of", "swap"]


def swap(
    model: nn.Module, old: str | Activation, new: str | Activation, **options: Any
) -> list[str]:
    """Replace every layer of one activation by another, in place.

    A layer counts by its function, whatever its numbers: `torch.nn` classes that the catalogue
    knows, and actlab's own modules. A layer that occurs in several places stays shared. Calls
    such as `torch.nn.functional.relu(x)` inside a `forward` are no layers and are not found.

    Args:
        model: the network that is changed.
        old: name or alias of what is replaced (or an activation, for its name).
        new: name, formula or activation that comes in.
        **options: passed to `Activation.module`, such as `learnable=True`.

    Returns:
        The qualified names of the layers that were replaced, as in `model.named_modules()`.

    Raises:
        UnknownNameError: for a name that nothing carries.
        TypeError: if the two do not take the same kind of input, or `model` is no module.
        ValueError: if `model` itself is such a layer, since it can't be replaced in itself.

    Example:
        >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> swap(model, "relu", "leaky_relu")
        ['1']
        >>> model[1]
        Activation('leaky_relu', negative_slope=0.01)
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is of type {type(model).__name__}; a torch.nn.Module was expected")
    before = resolve(old) if isinstance(old, str) else old
    after = resolve(new) if isinstance(new, str) else new
    if before.kind != after.kind:
        raise TypeError(
            f"{before.name} is a {before.kind} function and {after.name} a {after.kind} one; "
            "only functions of the same kind can take each other's place"
        )
    if name_of(model) == before.name:
        raise ValueError(
            f"the model is itself a layer of {before.name}; "
            "replace it with the module of the new activation"
        )
    replaced: list[str] = []
    made: dict[nn.Module, nn.Module] = {}
    for path, owner in list(model.named_modules()):
        for name, child in owner._modules.items():
            if child is None or name_of(child) != before.name:
                continue
            if child not in made:
                made[child] = _in_place_of(child, model, after, options)
            owner._modules[name] = made[child]
            replaced.append(f"{path}.{name}" if path else name)
    return replaced


def name_of(layer: nn.Module) -> str | None:
    """The catalogued name of an activation layer, or None for any other layer."""
    if isinstance(layer, ActivationModule):
        return layer.activation.name
    if isinstance(layer, nn.GELU) and layer.approximate == "tanh":
        return "gelu_tanh"
    kind = type(layer)
    if kind.__module__ != "torch.nn.modules.activation" and kind is not nn.Identity:
        return None
    try:
        return get(kind.__name__).name
    except UnknownNameError:
        return None


def _in_place_of(
    old: nn.Module, model: nn.Module, activation: Activation, options: dict[str, Any]
) -> nn.Module:
    """A module on the old one's axis and in its mode, on the model's device and in its dtype."""
    if activation.kind != "scalar":
        axis = getattr(old, "axis", getattr(old, "dim", None))
        options = {"axis": axis, **options}
    made: nn.Module = activation.module(**options)
    weight = next((p for p in model.parameters() if p.is_floating_point()), None)
    if weight is not None:
        made = made.to(weight.device, weight.dtype)
    return made.train(old.training)
