"""Where the activations of a user's network stand, and the exchange of them for a candidate.

The network is watched during one forward pass on the user's own data: layers of `torch.nn` and
actlab, functions kept as attributes (as in PyTorch's transformer layers), and calls such as
`torch.relu(x)`. A layer or an attribute is simply replaced. A call is replaced in the forward of
the module that makes it: `torch.fx` follows that forward alone, with the modules inside as
they are, once for training and once for evaluation. A recurrent layer is unrolled (`recurrence`).

What stands at the output (after the last weights), and a sigmoid that multiplies something
else (a gate), is no hidden activation and keeps its function. So does what a recurrent layer
computes inside where there are other activations: whoever adds a ReLU behind an LSTM means that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import torch
from torch import nn

from actlab.compare.naming import listed
from actlab.compare.recurrence import unrolled
from actlab.compare.rewriting import Wanted, rewrite
from actlab.errors import ActlabError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actlab.activation import Activation

__all__ = ["Exchange", "Found", "Place", "Way"]

Place: TypeAlias = Literal["hidden", "output", "gate"]
Way: TypeAlias = Literal["layer", "attribute", "call", "recurrent"]


@dataclass(frozen=True)
class Found:
    """One activation of a network."""

    path: str
    """The module: the activation itself, or the one that computes it."""
    way: Way
    name: str
    """Of the attribute; of a call its number among those of its module."""
    activation: Activation
    place: Place
    where: str
    """As a reader finds it."""
    axis: int = -1
    """Along which it works, if it is no function of one number."""


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
            elif found.way == "recurrent":
                layer = model.get_submodule(found.path)
                new = unrolled(layer, make(found, _FUNCTIONS[found.activation.name]))
                if layer is model:
                    model = new.train(layer.training)
                else:
                    _put(model, layer, new)
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
            hidden = [f for f in self.found if f.place == "hidden" and _elementwise(f.activation)]
            chosen = [f for f in hidden if f.way != "recurrent"] or hidden
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
            "torch.relu(x)"
        )

    def notes(self) -> Iterator[str]:
        """Sentences on what is exchanged and what is not."""
        counted = Counter(f.activation.name for f in self.chosen)
        yield f"Exchanged in the model: {_counts(counted)}."
        opened = [f.where.removeprefix("inside ") for f in self.chosen if f.way == "recurrent"]
        if opened:
            yield (
                "Computed step by step, because PyTorch's own code has no room for a candidate: "
                f"{listed(opened)}."
            )
        for place in ("output", "gate"):
            left = [f for f in self.found if f.place == place and f not in self.chosen]
            if left:
                names = listed([f"{f.activation.name} ({f.where})" for f in left])
                yield f"Not exchanged, because {_WHY[place]}: {names}."
        left = [f for f in self.found if f.place == "hidden" and f not in self.chosen]
        closed = [f for f in left if f.way == "recurrent"]
        if closed:
            names = listed([f"{f.activation.name} ({f.where})" for f in closed])
            yield f"Not exchanged, because there are others: {names}; replace= can name it."
        left = [f for f in left if f not in closed]
        if left:
            yield f"Not exchanged: {_counts(Counter(f.activation.name for f in left))}."


def _put(model: nn.Module, old: nn.Module, new: nn.Module) -> None:
    """Replace a layer wherever it stands: one in several places stays shared."""
    new.train(old.training)
    for owner in list(model.modules()):
        for name, child in owner._modules.items():
            if child is old:
                owner._modules[name] = new


_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {"relu": torch.relu, "tanh": torch.tanh}
"""What recurrent layers compute inside."""

_PLACES: Final = {"hidden": "hidden", "output": "at the output", "gate": "a gate"}
_WHY: Final = {"output": "it stands at the output", "gate": "it is a gate"}


def _counts(counted: Counter[str]) -> str:
    return listed(
        [name if count == 1 else f"{name} ({count} places)" for name, count in counted.items()]
    )


def _elementwise(activation: Activation) -> bool:
    return activation.kind in {"scalar", "layer"}


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
