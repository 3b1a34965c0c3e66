"""Where the activations of a user's network stand, and the exchange of them for a candidate.

The network is watched during one forward pass on the user's own data: layers of `torch.nn` and
actlab, functions kept as attributes (as in PyTorch's transformer layers), and calls such as
`torch.relu(x)`. A layer or an attribute is simply replaced. A call is replaced in the forward of
the module that makes it: `torch.fx` follows that forward alone, with the modules inside as
they are, once for training and once for evaluation.

What stands at the output (after the last weights), and a sigmoid that multiplies something
else (a gate), is no hidden activation and keeps its function.
"""

from __future__ import annotations

import inspect
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from actlab.compare.naming import listed
from actlab.compare.rewriting import Wanted, called, rewrite
from actlab.compare.sites import matrices
from actlab.errors import ActlabError
from actlab.nn.following import activation_of
from actlab.nn.own_weights import LayerModule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actlab.activation import Activation

__all__ = ["Exchange", "Found", "find"]

Place = Literal["hidden", "output", "gate"]
_GATES: Final = frozenset({"sigmoid", "hard_sigmoid"})


@dataclass(frozen=True)
class Found:
    """One activation of a network."""

    path: str
    """The module: the activation itself, or the one whose forward calls it."""
    way: Literal["layer", "attribute", "call"]
    name: str
    """Of the attribute; of a call its number among those of its module."""
    activation: Activation
    place: Place
    where: str
    """As a reader finds it."""


Make = Callable[[Found, Callable[..., Any]], nn.Module]


@dataclass(frozen=True)
class Exchange:
    """What is exchanged in every network that `build` makes.

    Attributes:
        found: all activations.
        chosen: those that make room for the candidate.
        constants: the arguments of a module with calls that are no tensors, by its path.
    """

    found: tuple[Found, ...]
    chosen: tuple[Found, ...]
    constants: dict[str, dict[str, Any]]

    def apply(self, model: nn.Module, make: Make) -> nn.Module:
        """Put what `make` gives into the place of every chosen activation, and return the model.

        Args:
            model: a network that `build` gave.
            make: gives a layer for what was found and the function that stands there.

        Raises:
            ActlabError: calls that `torch.fx` can not follow.
        """
        for found in self.chosen:
            if found.way == "layer":
                old = model.get_submodule(found.path)
                _put(model, old, make(found, old))
            elif found.way == "attribute":
                owning: Any = model.get_submodule(found.path)
                setattr(owning, found.name, make(found, getattr(owning, found.name)))
                if hasattr(owning, "activation_relu_or_gelu"):
                    owning.activation_relu_or_gelu = 0  # PyTorch's fused kernel knows these two
        for path in dict.fromkeys(found.path for found in self.chosen if found.way == "call"):
            here = [found for found in self.chosen if found.path == path and found.way == "call"]
            _rewrite(model.get_submodule(path), here, make, self.constants.get(path, {}))
        return model

    def narrowed(self, names: Sequence[str] | None) -> Exchange:
        """Choose what is exchanged: hidden functions of one number, or those of these names.

        Raises:
            ActlabError: there is nothing to exchange; it says what there is.
        """
        if names is None:
            chosen = [f for f in self.found if f.place == "hidden" and _elementwise(f.activation)]
        else:
            named = [f for f in self.found if f.activation.name in names]
            chosen = [f for f in named if f.place == "hidden"] or named
        if not chosen:
            raise ActlabError(self._nothing(names))
        return replace(self, chosen=tuple(chosen))

    def _nothing(self, names: Sequence[str] | None) -> str:
        shown = listed([f"{f.activation.name} ({f.where}, {_PLACES[f.place]})" for f in self.found])
        if names is not None:
            there = f"there are {shown}" if self.found else "no activation was found"
            return f"the model has no {' or '.join(names)} to exchange; {there}"
        if self.found:
            return (
                f"the model has no hidden activation to exchange; there are {shown}; name what is "
                "to be exchanged with replace="
            )
        return (
            "no activation was found in the model; use layers such as nn.ReLU() or calls such as "
            "torch.relu(x) (nn.LSTM and nn.GRU compute theirs inside, where none can be exchanged)"
        )

    def notes(self) -> Iterator[str]:
        """Sentences on what is exchanged and what is not."""
        counted = Counter(f.activation.name for f in self.chosen)
        yield f"Exchanged in the model: {_counts(counted)}."
        for place in ("output", "gate"):
            left = [f for f in self.found if f.place == place and f not in self.chosen]
            if left:
                names = listed([f"{f.activation.name} ({f.where})" for f in left])
                yield f"Not exchanged, because {_WHY[place]}: {names}."
        left = [f for f in self.found if f.place == "hidden" and f not in self.chosen]
        if left:
            yield f"Not exchanged: {_counts(Counter(f.activation.name for f in left))}."


def _put(model: nn.Module, old: nn.Module, new: nn.Module) -> None:
    """Replace a layer wherever it stands: one in several places stays shared."""
    new.train(old.training)
    for owner in list(model.modules()):
        for name, child in owner._modules.items():
            if child is old:
                owner._modules[name] = new


_PLACES: Final = {"hidden": "hidden", "output": "at the output", "gate": "a gate"}
_WHY: Final = {"output": "it stands at the output", "gate": "it is a gate"}


def _counts(counted: Counter[str]) -> str:
    return listed(
        [name if count == 1 else f"{name} ({count} places)" for name, count in counted.items()]
    )


def _elementwise(activation: Activation) -> bool:
    return activation.kind in {"scalar", "layer"}


# --- finding --------------------------------------------------------------------------------------


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
    way: Literal["layer", "attribute", "call"]
    name: str
    activation: Activation
    where: str
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

        def out(_module: nn.Module, _args: Any, output: Any) -> None:
            self._stack.pop()
            self._inside -= activation is not None
            if activation is not None and not self._inside:
                self._note(path, "layer", "", activation, path or "the model", output)

        return into, out

    def _called(self, function: Any, activation: Activation, output: Any) -> None:
        if self._inside or not self._stack:
            return
        path, module, counted = self._stack[-1]
        for name, value in vars(module).items():
            if value is function:
                where = f"{path}.{name}" if path else name
                self._note(path, "attribute", name, activation, where, output)
                return
        number = counted[0]
        counted[0] += 1
        self._note(path, "call", str(number), activation, _caller(), output)

    def _note(
        self, path: str, way: Any, name: str, activation: Activation, where: str, output: Any
    ) -> None:
        seen = self._seen.setdefault(
            (path, way, name), _Seen(path, way, name, activation, where, [])
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
            Found(s.path, s.way, s.name, s.activation, place(s), s.where)
            for s in self._seen.values()
        )
        used = {f.path for f in found if f.way == "call"}
        constants = {path: given for path, given in self._constants.items() if path in used}
        return Exchange(found, (), constants)


class _Calls(TorchFunctionMode):
    """Tells of every call of an activation, with what came out."""

    def __init__(self, tell: Callable[[Any, Activation, Any], None]) -> None:
        self._tell = tell

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        activation = called(func, args, kwargs or {})
        if activation is not None:
            self._tell(func, activation, result)
        return result


def _function_of(module: nn.Module) -> Activation | None:
    if isinstance(module, LayerModule):
        return module.activation
    return activation_of(module)


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


# --- calls ----------------------------------------------------------------------------------------


def _rewrite(
    module: nn.Module, found: Sequence[Found], make: Make, constants: dict[str, Any]
) -> None:
    """Give a module a forward that calls layers where the chosen calls were."""
    wanted = {int(one.name): Wanted(one.activation.name, partial(make, one)) for one in found}
    try:
        rewrite(module, wanted, constants)
    except Exception as error:
        raise ActlabError(
            f"torch.fx can not follow the forward of {type(module).__name__}, which calls "
            f"{listed([f'{f.activation.name} ({f.where})' for f in found])}: {_first_line(error)}; "
            "make the activation a layer, such as self.act = nn.ReLU(), and call that"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
