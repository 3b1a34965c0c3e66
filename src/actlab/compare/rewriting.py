"""A forward that calls layers in the place of functions: `torch.fx` on one module.

The modules inside are taken as they are, so that what happens in them need not be followed. A
forward is followed twice, for training and for evaluation, since `torch.fx` keeps what
`self.training` said.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import MethodType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx, nn

from actlab.catalogue import get
from actlab.errors import ActlabError
from actlab.health.identify import calls

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["Wanted", "axis_of_call", "called", "rewrite"]


@dataclass(frozen=True)
class Wanted:
    """What comes into the place of a call."""

    activation: str
    """The name of the function that is called there."""
    make: Callable[[Callable[..., Any]], nn.Module]
    """Gives the layer, from the function that the call computes."""


def called(function: Any, args: Any, kwargs: Mapping[str, Any]) -> Activation | None:
    """The activation that a call computes; its input may be given by name."""
    if function is nn.functional.glu:
        return get("glu")
    make = calls().get(function) if isinstance(function, Hashable) else None
    if make is None:
        return None
    numbers = {name: value for name, value in kwargs.items() if name != "input"}
    return make(*(args or (None,)), **numbers)


def axis_of_call(args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
    """Along which a call works, if its function is no function of one number.

    >>> axis_of_call((torch.zeros(2, 3), 1), {}), axis_of_call((torch.zeros(2, 3),), {"dim": 0})
    (1, 0)
    """
    given = args[1] if len(args) > 1 else kwargs.get("dim")
    return given if isinstance(given, int) else -1


class _OwnCode(fx.Tracer):
    """Follows one forward; modules inside are taken as they are."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:  # noqa: ARG002
        return True


def rewrite(module: nn.Module, wanted: Mapping[int, Wanted], constants: dict[str, Any]) -> None:
    """Give a module a forward that calls layers where it called activations.

    Args:
        module: keeps its class, its other methods and what is inside.
        wanted: by the number of the call among the activations that the forward calls.
        constants: arguments of the forward that are no tensors, by name.

    Raises:
        Exception: whatever `torch.fx` raises at a forward that it can not follow.
    """
    mode = module.training
    try:
        forwards = [
            _followed(module.train(training), wanted, constants) for training in (True, False)
        ]
    finally:
        module.train(mode)
    in_training, in_evaluation = forwards
    words = inspect.signature(module.forward)
    open_ended = any(p.kind in {p.VAR_POSITIONAL, p.VAR_KEYWORD} for p in words.parameters.values())

    def forward(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        if not open_ended:  # torch.fx renames arguments, and keeps their order
            bound = words.bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = tuple(bound.arguments.values()), {}
        return (in_training if self.training else in_evaluation)(self, *args, **kwargs)

    module.forward = MethodType(forward, module)


def _followed(
    module: nn.Module, wanted: Mapping[int, Wanted], constants: dict[str, Any]
) -> Callable[..., Any]:
    """The forward of a module in its present mode, with the calls replaced."""
    graph = _OwnCode().trace(module, concrete_args=constants or None)
    seen = [(node, f.name) for node in graph.nodes if (f := _activation(node)) is not None]
    order = {node: place for place, node in enumerate(graph.nodes)}
    for number, one in wanted.items():
        if number >= len(seen) or seen[number][1] != one.activation:
            raise ActlabError("what it calls depends on the data or on the mode")
        node, name = seen[number][0], f"actlab_{number}"
        if not hasattr(module, name):
            setattr(module, name, one.make(_function(node)))
        source = node.args[0] if node.args else next(iter(node.kwargs.values()))
        with graph.inserting_after(node):
            new = graph.call_module(name, (source,))
        node.replace_all_uses_with(new)
        if _in_place(node):  # what read the changed tensor later now reads the new one
            for user in list(source.users):
                if user is not new and order.get(user, -1) > order[node]:
                    user.replace_input_with(source, new)
        graph.erase_node(node)
    graph.lint()
    made: Any = type(fx.GraphModule(module, graph)).forward
    return made  # type: ignore[no-any-return]


def _function(node: fx.Node) -> Callable[[Tensor], Any]:
    """What a node computes of its first argument."""
    target: Any = node.target
    function = getattr(torch.Tensor, target) if isinstance(target, str) else target
    rest, options = node.args[1:], dict(node.kwargs)
    if not node.args:
        options.pop(next(iter(options)))
    return lambda x: function(x, *rest, **options)


def _activation(node: fx.Node) -> Activation | None:
    if node.op == "call_method":
        function = getattr(torch.Tensor, str(node.target), None)
    elif node.op == "call_function":
        function = node.target
    else:
        return None
    return called(function, node.args, node.kwargs)


def _in_place(node: fx.Node) -> bool:
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return name.endswith("_") or bool(node.kwargs.get("inplace"))
