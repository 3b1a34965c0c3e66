"""Which activations a forward pass meets, and which of them are hidden.

The network is watched once, on the user's own data: its layers, and the calls that PyTorch lets a
`TorchFunctionMode` see. Autograd's graph then tells what stands at the output (after the last
weights) and what is multiplied by something else (a gate).
"""

from __future__ import annotations

import inspect
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from actlab.catalogue import get
from actlab.compare.exchange import Exchange, Found, Place, Way
from actlab.compare.recurrence import RECURRENT, function_of
from actlab.compare.rewriting import axis_of_call, called
from actlab.compare.sites import matrices
from actlab.nn.following import activation_of
from actlab.nn.own_weights import LayerModule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actlab.activation import Activation

__all__ = ["find"]

_GATES: Final = frozenset({"sigmoid", "hard_sigmoid"})


def find(model: nn.Module, forward: Callable[[nn.Module], Any]) -> Exchange:
    """Watch one forward pass and return every activation in it; nothing is chosen yet."""
    watch = _Watch(model)
    frozen = [weight for weight in model.parameters() if not weight.requires_grad]
    floating = [weight for weight in frozen if weight.is_floating_point()]
    for weight in floating:
        weight.requires_grad_(True)  # the way back from the output ends at weights
    try:
        with torch.enable_grad(), watch.watching():
            output = forward(model)
    finally:
        for weight in floating:
            weight.requires_grad_(False)
    return watch.exchange(list(_tensors(output)))


@dataclass
class _Seen:
    """One place of the network, and autograd's nodes of what came out there."""

    path: str
    way: Way
    name: str
    activation: Activation
    where: str
    axis: int
    nodes: list[Any]


class _Watch:
    """What a forward pass shows."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._stack: list[tuple[str, nn.Module, list[int]]] = []
        """Modules that are just running, each with how many calls it has made."""
        self._inside = 0
        """How many activation layers are just running."""
        self._seen: dict[tuple[str, str, str], _Seen] = {}
        self._constants: dict[str, dict[str, Any]] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        handles = []
        for path, module in self._model.named_modules():
            activation = _function_of(module)
            into, out = self._hooks(path, activation)
            handles.append(module.register_forward_pre_hook(into, with_kwargs=True))
            handles.append(module.register_forward_hook(out))
        try:
            with _Calls(self._called):
                yield
        finally:
            for handle in handles:
                handle.remove()

    def _hooks(self, path: str, activation: Activation | None) -> tuple[Any, Any]:
        def into(module: nn.Module, args: Any, kwargs: Any) -> None:
            self._stack.append((path, module, [0]))
            self._inside += activation is not None
            self._constants.setdefault(path, _constants(module, args, kwargs))

        def out(module: nn.Module, _args: Any, output: Any) -> None:
            self._stack.pop()
            self._inside -= activation is not None
            if activation is not None and not self._inside:
                self._note(
                    path, "layer", "", activation, path or "the model", output, _axis(module)
                )
            elif isinstance(module, RECURRENT):
                inside = f"inside nn.{type(module).__name__} {path}".rstrip()
                self._note(path, "recurrent", "", get(function_of(module)), inside, None)

        return into, out

    def _called(self, function: Any, activation: Activation, output: Any, axis: int) -> None:
        if self._inside or not self._stack:
            return
        path, module, counted = self._stack[-1]
        for name, value in vars(module).items():
            if value is function:
                where = f"{path}.{name}" if path else name
                self._note(path, "attribute", name, activation, where, output, axis)
                return
        number = counted[0]
        counted[0] += 1
        self._note(path, "call", str(number), activation, _caller(), output, axis)

    def _note(
        self,
        path: str,
        way: Way,
        name: str,
        activation: Activation,
        where: str,
        output: Any,
        axis: int = -1,
    ) -> None:
        seen = self._seen.setdefault(
            (path, way, name), _Seen(path, way, name, activation, where, axis, [])
        )
        node = getattr(output, "grad_fn", None)
        if node is not None:
            seen.nodes.append(node)

    def exchange(self, outputs: Sequence[Tensor]) -> Exchange:
        """Say of everything that was seen whether it is hidden."""
        starts = [tensor.grad_fn for tensor in outputs if tensor.grad_fn is not None]
        last, gated = _behind_weights(starts), _gates(starts)

        def place(seen: _Seen) -> Place:
            if seen.nodes and all(node in last for node in seen.nodes):
                return "output"
            if seen.activation.name in _GATES and any(node in gated for node in seen.nodes):
                return "gate"
            return "hidden"

        found = tuple(
            Found(s.path, s.way, s.name, s.activation, place(s), s.where, s.axis)
            for s in self._seen.values()
        )
        used = {f.path for f in found if f.way == "call"}
        constants = {path: given for path, given in self._constants.items() if path in used}
        return Exchange(found, (), constants)


class _Calls(TorchFunctionMode):
    """Tells of every call of an activation, with what came out."""

    def __init__(self, tell: Callable[[Any, Activation, Any, int], None]) -> None:
        self._tell = tell

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        activation = called(func, args, kwargs or {})
        if activation is not None:
            self._tell(func, activation, result, axis_of_call(args, kwargs or {}))
        return result


def _function_of(module: nn.Module) -> Activation | None:
    if isinstance(module, LayerModule):
        return module.activation
    return activation_of(module)


def _axis(layer: nn.Module) -> int:
    """Along which a layer's function works; PyTorch's layers call it `dim`."""
    given = getattr(layer, "dim", getattr(layer, "axis", None))
    return given if isinstance(given, int) else -1


def _constants(module: nn.Module, args: Any, kwargs: Any) -> dict[str, Any]:
    """The arguments of a forward that are no tensors, defaults included."""
    try:
        bound = inspect.signature(module.forward).bind(*args, **kwargs)
    except (TypeError, ValueError):
        return {}
    bound.apply_defaults()
    return {
        name: value
        for name, value in bound.arguments.items()
        if value is None or isinstance(value, bool | int | float | str)
    }


def _caller() -> str:
    """File and line of the user's code that made the call."""
    frame = sys._getframe(1)
    own = {str(Path(torch.__file__).parent), str(Path(__file__).parent)}
    while frame.f_back is not None and any(frame.f_code.co_filename.startswith(o) for o in own):
        frame = frame.f_back
    return f"line {frame.f_lineno} of {Path(frame.f_code.co_filename).name}"


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _tensors(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _tensors(inner)


def _walk(starts: Sequence[Any], *, through_weights: bool) -> Iterator[Any]:
    queue, seen = deque(starts), set()
    while queue:
        node = queue.popleft()
        if node is None or node in seen:
            continue
        seen.add(node)
        yield node
        children = [child for child, _ in node.next_functions]
        if through_weights or not any(True for child in children for _ in matrices(child)):
            queue.extend(children)


def _behind_weights(starts: Sequence[Any]) -> set[Any]:
    """Nodes between the last weights and the output."""
    return set(_walk(starts, through_weights=False))


def _gates(starts: Sequence[Any]) -> set[Any]:
    """Nodes whose result is multiplied by something else that is computed."""
    found: set[Any] = set()
    for node in _walk(starts, through_weights=True):
        factors = [child for child, _ in node.next_functions]
        if node.name().startswith("MulBackward") and len(factors) == 2 and all(factors):
            for factor in factors:
                below = factor
                found.add(below)
                while len(below.next_functions) == 1 and below.name().startswith(_SHAPES):
                    ((below, _),) = below.next_functions
                    if below is None:
                        break
                    found.add(below)
    return found


_SHAPES: Final = (
    "View", "Unsqueeze", "Expand", "Squeeze", "Permute", "Transpose", "Unsafe", "Reshape", "Select",
    "Slice", "Alias", "T",
)  # fmt: skip
