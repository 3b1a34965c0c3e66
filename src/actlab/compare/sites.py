"""Where a candidate stands in a network, and what is measured there.

A `Site` is the candidate as a layer. `Places` looks at one forward pass of a network and finds
the weights that feed each site, by walking back through autograd's graph: any control flow, any
layer, whatever the code looks like. From that follow the weights that take the candidate's gain
and which numbers of a site are one unit.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn

from actlab.compare.monitor import SATURATED_ROWS, saved_bytes, slope_floor
from actlab.compare.networks import own_slopes
from actlab.compare.recurrence import Gates
from actlab.nn.layer import ActivationModule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actlab.activation import Activation

__all__ = ["Places", "Site", "UnitCounts", "matrices", "sites_of"]

Node = Any
"""A node of autograd's graph."""


class Site(ActivationModule):
    """The candidate as a layer of a network that is compared.

    Example:
        >>> import actlab
        >>> Site(actlab.relu)(torch.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """


def sites_of(model: nn.Module) -> list[Site]:
    """The places of a network where the candidate stands."""
    return [module for module in model.modules() if isinstance(module, Site)]


def matrices(node: Node | None) -> Iterator[Tensor]:
    """The parameter that a node of autograd's graph hands on as it is or turned, if a matrix."""
    for _ in range(3):
        if node is None:
            return
        weight = getattr(node, "variable", None)
        if weight is not None:
            if weight.dim() >= 2:
                yield weight
            return
        if len(node.next_functions) != 1:
            return
        ((node, _),) = node.next_functions


@dataclass(frozen=True)
class _Call:
    """One call of a site in a forward pass."""

    site: Site
    number: int
    """How many times the site was called before, in this pass."""
    weights: tuple[str, ...]
    """Names of the parameters that feed it, through nothing that has weights of its own."""
    shape: tuple[int, ...]


class Places:
    """What feeds the sites of a network, from one forward pass.

    Args:
        model: the network, in training mode as it is.
        forward: does a forward pass with gradients.
    """

    def __init__(self, model: nn.Module, forward: Callable[[], Any]) -> None:
        self._model = model
        self._names = {id(weight): name for name, weight in model.named_parameters()}
        self._owners = {
            f"{path}.{own}" if path else own: layer
            for path, layer in model.named_modules()
            for own, _ in layer.named_parameters(recurse=False)
        }
        self.calls: list[_Call] = []
        ends: set[Node] = set()

        def before(site: Site, number: int, x: Tensor) -> None:
            weights = tuple(self._feeding(x.grad_fn, ends))
            self.calls.append(_Call(site, number, weights, tuple(x.shape)))

        def after(_site: Site, _number: int, y: Tensor) -> None:
            if y.grad_fn is not None:
                ends.add(y.grad_fn)

        with torch.enable_grad(), _watched(model, before, after):
            forward()
        self._each: dict[int, list[_Call]] = {}
        for call in self.calls:
            self._each.setdefault(id(call.site), []).append(call)

    def _feeding(self, start: Node | None, ends: set[Node]) -> Iterator[str]:
        """Names of the weights behind a node, up to other weights and other sites."""
        queue, seen = deque([start] if start is not None else []), set()
        while queue:
            node = queue.popleft()
            if node in seen or node in ends:
                continue
            seen.add(node)
            found = [name for child, _ in node.next_functions for name in self._matrix(child)]
            yield from found
            if not found:
                queue.extend(child for child, _ in node.next_functions if child is not None)

    def _matrix(self, node: Node | None) -> Iterator[str]:
        return (self._names[id(w)] for w in matrices(node) if id(w) in self._names)

    # --- the gain -----------------------------------------------------------------------------

    def scale(self, gain: float) -> list[str]:
        """Scale the weights that feed the candidate, in place, and return their names.

        Each keeps its draws and gets the standard deviation gain / sqrt(fan_in), where fan_in
        counts all that is summed up in the same place. What is constant (zero, one) or does not
        belong to a linear or convolutional layer keeps its numbers.
        """
        done: list[str] = []
        parameters = dict(self._model.named_parameters())
        for call in self.calls:
            fans = {
                name: fan
                for name in call.weights
                if name not in done and (fan := _fan_in(self._owners.get(name), parameters[name]))
            }
            for name in fans:
                weight = parameters[name].detach()
                spread = float(weight.double().std(correction=0)) if weight.numel() > 1 else 0.0
                if spread > 0:
                    weight *= gain / math.sqrt(sum(fans.values())) / spread
                    done.append(name)
        return done

    # --- units --------------------------------------------------------------------------------

    def unit_of(self, site: Site, number: int) -> tuple[Any, int]:
        """Return what names the units of a call, and the axis along which they are counted.

        Calls that are fed by the same weights, as in a recurrent cell, are of the same units.
        """
        calls = self._each.get(id(site))
        if calls is None:
            return id(site), -1
        call = calls[number % len(calls)]
        convolved = any(_convolves(self._owners[name]) for name in call.weights)
        axis = 1 if convolved and len(call.shape) > 2 else -1
        return call.weights or (id(site), call.number), axis

    def saved_bytes(self, dtype: torch.dtype) -> int:
        """Bytes that autograd keeps of a step for the candidate's calls."""
        return sum(
            saved_bytes(call.site.activation, rows, math.prod(call.shape) // max(rows, 1), dtype)
            for call in self.calls
            if (rows := call.shape[0] if call.shape else 1)
        )


class UnitCounts:
    """Counts, over all rows shown, how often each unit passed no or little gradient."""

    def __init__(self, model: nn.Module, places: Places) -> None:
        self._model, self._places = model, places
        self._rows: dict[Any, int] = {}
        self._zero: dict[Any, Tensor] = {}
        self._small: dict[Any, Tensor] = {}

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count in every forward pass inside."""
        with _watched(self._model, self._before, lambda *_: None):
            yield

    def _before(self, site: Site, number: int, x: Tensor) -> None:
        units, axis = self._places.unit_of(site, number)
        with torch.no_grad():
            slopes = _slopes(site.activation, x)
            columns = slopes.movedim(axis, -1).reshape(-1, slopes.shape[axis])
            floor = slope_floor(site.activation, columns.shape[1])
            zero, small = (columns == 0).sum(0), (columns <= floor).sum(0)
        if units in self._rows and len(zero) == len(self._zero[units]):
            zero, small = zero + self._zero[units], small + self._small[units]
            self._rows[units] += len(columns)
        else:
            self._rows[units] = len(columns)
        self._zero[units], self._small[units] = zero, small

    def shares(self) -> tuple[float, float]:
        """Share of dead and of saturated units, over all sites."""
        units = sum(len(zero) for zero in self._zero.values())
        if not units:
            return math.nan, math.nan
        dead = sum(int((self._zero[k] == self._rows[k]).sum()) for k in self._zero)
        saturated = sum(
            int((self._small[k] >= SATURATED_ROWS * self._rows[k]).sum()) for k in self._small
        )
        return dead / units, saturated / units


def _slopes(activation: Activation, x: Tensor) -> Tensor:
    if activation.kind == "scalar":
        slopes: Tensor = activation.derivative(x.detach()).abs()
        return slopes
    return own_slopes(activation, x.detach())


_CONVOLUTIONS: Final = (nn.modules.conv._ConvNd,)


def _convolves(layer: nn.Module) -> bool:
    return isinstance(layer, _CONVOLUTIONS)


def _fan_in(layer: nn.Module | None, weight: Tensor) -> float:
    """Inputs that one output sums up; 0 for a weight that is no matrix of such a layer."""
    if isinstance(layer, Gates):
        return 0.0
    if isinstance(layer, nn.modules.conv._ConvTransposeNd):
        kernel = math.prod(layer.kernel_size) / math.prod(layer.stride)
        return layer.in_channels / layer.groups * kernel
    if isinstance(layer, nn.Linear | nn.modules.conv._ConvNd | nn.RNNCellBase) and weight.dim() > 1:
        return float(math.prod(weight.shape[1:]))
    return 0.0


@contextmanager
def _watched(
    model: nn.Module,
    before: Callable[[Site, int, Tensor], None],
    after: Callable[[Site, int, Tensor], None],
) -> Iterator[None]:
    """Tell of every call of every site, each with how many came before it.

    The count begins anew whenever the whole model is called.
    """
    counts: dict[int, int] = {}

    def restart(*_: Any) -> None:
        counts.clear()

    def into(site: Any, inputs: Sequence[Any], _kwargs: Any = None) -> None:
        before(site, counts.get(id(site), 0), inputs[0])

    def out(site: Any, _inputs: Any, output: Any) -> None:
        after(site, counts.get(id(site), 0), output)
        counts[id(site)] = counts.get(id(site), 0) + 1

    handles = [model.register_forward_pre_hook(restart)]
    for site in sites_of(model):
        handles += [site.register_forward_pre_hook(into), site.register_forward_hook(out)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
