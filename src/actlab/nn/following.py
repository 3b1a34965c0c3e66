"""Which activation each weight layer of a PyTorch model feeds.

The model is traced with `torch.fx`, so that layers count in the order in which data meet them and
functional calls are seen. A model, or a layer, that can't be traced is read in the order in which
its layers were registered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from torch import fx, nn

from actlab.activation import Activation
from actlab.catalogue import get
from actlab.errors import UnknownNameError
from actlab.nn.layer import ActivationModule
from actlab.nn.swapping import name_of

__all__ = ["After", "after_each"]


@dataclass(frozen=True)
class After:
    """What comes after a weight layer.

    Attributes:
        activation: the first activation before the next weight layer, if there is one.
        last: whether no weight layer comes later.
        unclear: why the activation may be another, or why there may be one; "" if it is clear.
    """

    activation: Activation | None
    last: bool
    unclear: str = ""


def after_each(model: nn.Module, names: Iterable[str]) -> dict[str, After]:
    """What comes after each of the named layers of a model."""
    wanted = list(names)
    found = _in_graph(model)
    if any(name not in found for name in wanted):
        found = _in_order(model) | found
    return {name: found[name] for name in wanted}


def activation_of(layer: nn.Module) -> Activation | None:
    """The activation of a layer with the numbers it has now; None for any other layer."""
    if isinstance(layer, ActivationModule):
        learned = {name: float(getattr(layer, name).detach().mean()) for name in layer.learned}
        return layer.activation.with_parameters(**learned) if learned else layer.activation
    name = name_of(layer)
    if name is None or isinstance(layer, nn.Identity):
        return None
    return _with_numbers(name, lambda parameter: getattr(layer, parameter, None))


def _with_numbers(name: str, value_of: Callable[[str], Any]) -> Activation:
    f = get(name)
    values = {parameter: value_of(parameter) for parameter in f.parameters}
    numbers = {
        parameter: float(value.detach().mean() if hasattr(value, "detach") else value)
        for parameter, value in values.items()
        if value is not None
    }
    return f.with_parameters(**numbers) if numbers else f


# -- as the data go -----------------------------------------------------------------------------


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        leaf: bool = super().is_leaf_module(m, module_qualified_name)
        return leaf or isinstance(m, ActivationModule)


def _in_graph(model: nn.Module) -> dict[str, After]:
    try:
        graph = _Tracer().trace(model)
    except Exception:  # noqa: BLE001  a forward that can't be traced raises what it likes
        return {}
    modules = dict(model.named_modules())
    found: dict[str, After] = {}
    for node in graph.nodes:
        if node.op == "call_module" and _weighs(modules[str(node.target)]):
            after = _after_node(node, modules)
            known = found.get(node.target)  # a layer that is used twice feeds what it feeds first
            if known is None or (known.last and not after.last):
                found[node.target] = after
    return found


def _after_node(start: fx.Node, modules: dict[str, nn.Module]) -> After:
    activation, last, unclear = None, True, ""
    queue = deque((user, False) for user in start.users)
    seen: set[tuple[fx.Node, bool]] = set()
    while queue:
        node, behind = queue.popleft()
        if (node, behind) in seen:
            continue
        seen.add((node, behind))
        if node.op == "call_module" and _weighs(modules[str(node.target)]):
            last = False
            continue
        if not behind:
            found = _activation_at(node, modules)
            if found is not None:
                activation = activation or found
                behind = True
            elif node.op in {"call_function", "call_method"}:
                name = _called(node)
                if name not in _HARMLESS:
                    unclear = unclear or f"it feeds {name}(), whose gain is not known"
        queue.extend((user, behind) for user in node.users)
    both = {node for node, behind in seen if behind} & {node for node, behind in seen if not behind}
    if activation is not None and any(node.op != "output" for node in both):
        # x * sigmoid(x), say: the sigmoid is only a part of what the layer feeds
        unclear = "it feeds a function that is written out in forward"
    return After(activation, last, unclear)


def _called(node: fx.Node) -> str:
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return name.strip("_")


_HARMLESS = {
    "getitem", "getattr", "add", "iadd", "sub", "neg", "cat", "stack", "chunk", "split", "reshape",
    "view", "flatten", "unflatten", "permute", "transpose", "movedim", "unsqueeze", "squeeze",
    "expand", "repeat", "contiguous", "size", "dim", "to", "float", "half", "type", "type_as",
    "clone", "pad", "mean", "sum", "dropout", "dropout1d", "dropout2d", "dropout3d",
    "alpha_dropout", "max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d",
    "avg_pool3d", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d",
    "adaptive_max_pool2d", "interpolate", "batch_norm", "layer_norm", "group_norm",
    "instance_norm", "rms_norm", "normalize",
}  # fmt: skip
"""Calls that are no activation: shapes, sums, pools and norms."""


def _activation_at(node: fx.Node, modules: dict[str, nn.Module]) -> Activation | None:
    if node.op == "call_module":
        return activation_of(modules[str(node.target)])
    if node.op in {"call_method", "call_function"}:
        return _by_name(_called(node), node)
    return None


_FUNCTIONS = {
    "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "hardswish",
    "hardtanh", "hardsigmoid", "hardshrink", "softshrink", "tanhshrink", "softsign", "softplus",
    "logsigmoid", "threshold", "prelu", "rrelu", "glu", "tanh", "sigmoid", "softmax",
    "log_softmax", "softmin",
}  # fmt: skip
"""What PyTorch calls its activations, as functions and as methods of a tensor."""


def _by_name(name: str, node: fx.Node) -> Activation | None:
    if name not in _FUNCTIONS:
        return None
    if name == "gelu" and node.kwargs.get("approximate") == "tanh":
        name = "gelu_tanh"
    given = {key: value for key, value in node.kwargs.items() if isinstance(value, float | int)}
    positional = [a for a in node.args[1:] if isinstance(a, float)]
    names = list(get(name).parameters)
    given |= dict(zip(names, positional, strict=False))
    return _with_numbers(name, given.get)


# -- as they were registered --------------------------------------------------------------------


def _in_order(model: nn.Module) -> dict[str, After]:
    leaves = [(name, m) for name, m in model.named_modules() if not any(m.children())]
    found: dict[str, After] = {}
    following: Activation | None = None
    last = True
    for name, layer in reversed(leaves):
        activation = activation_of(layer)
        if activation is not None:
            following = activation
        elif _weighs(layer):
            known = _called_by_parent(model, name) or following
            unclear = "" if known is not None else "it was not seen to feed an activation"
            found[name] = After(known, last, unclear)
            following, last = None, False
    return found


def _called_by_parent(model: nn.Module, name: str) -> Activation | None:
    """PyTorch's transformer layers keep the function after `linear1` as an attribute."""
    parent_name, _, own = name.rpartition(".")
    parent = model.get_submodule(parent_name)
    if own != "linear1" or not isinstance(
        parent, nn.TransformerEncoderLayer | nn.TransformerDecoderLayer
    ):
        return None
    function = parent.activation
    if isinstance(function, nn.Module):
        return activation_of(function)
    try:
        return get(getattr(function, "__name__", ""))
    except UnknownNameError:
        return None


def _weighs(layer: nn.Module) -> bool:
    """Whether it mixes its inputs by a matrix; norms and activations do not."""
    if any(p.dim() >= 2 for p in layer.parameters()):
        return True
    return isinstance(layer, nn.RNNBase | nn.modules.lazy.LazyModuleMixin)
