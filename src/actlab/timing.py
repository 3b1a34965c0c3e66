"""How long a function takes on this machine, beside the same function of the frameworks.

All sides run in one process with the same threads, in turns, so that whatever else the machine
does falls on all of them; each figure is the median of repeated turns.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from random import Random
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from actlab.accuracy.peers import shipped_by
from actlab.errors import ActlabError
from actlab.export.names import RESERVED, identifier

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["Timing", "bench", "both", "forward", "medians"]

_WARM_UP: Final = 3
_BUDGET: Final = 1 << 25
"""Elements that all turns of one side go over, about, within the bounds of `_TURNS`."""
_TURNS: Final = (5, 200)
MOST: Final = 1 << 28
"""Largest size that is measured: a gibibyte of float32."""


@dataclass(frozen=True)
class Timing:
    """The median time of one side.

    Attributes:
        function: name of the activation.
        side: who computes: "actlab", or what a framework calls it.
        direction: "forward", or "both" for a forward and a backward pass.
        elements: numbers in the input, float32.
        seconds: of one call.
        copies: the same in units of copying as many numbers.
        ratio: how many times as long as actlab's it takes.
    """

    function: str
    side: str
    direction: str
    elements: int
    seconds: float
    copies: float
    ratio: float


def bench(
    activation: Activation,
    sizes: Iterable[int] = (1 << 12, 1 << 16, 1 << 20),
    *,
    backward: bool = True,
    threads: int | None = None,
) -> list[Timing]:
    """Time an activation of PyTorch tensors on the CPU against what PyTorch and JAX ship.

    Where PyTorch ships no such function, the formula composed of PyTorch's operations stands in,
    as `f.export("torch")` writes it.

    Args:
        activation: a function of one number.
        sizes: numbers of elements.
        backward: whether to time a forward and a backward pass too.
        threads: how many; as many as PyTorch is set to without it.

    Returns:
        For each size and direction actlab first, then the others.

    Raises:
        ActlabError: PyTorch is not installed, or the activation does not map number to number.
        ValueError: a size that is not between 1 and 2**28.

    Example:
        >>> import actlab
        >>> [t.side for t in bench(actlab.tanh, [4096], backward=False)][:2]
        ['actlab', 'torch.nn.Tanh']
    """
    if activation.kind != "scalar":
        raise ActlabError(
            f"{activation.name} does not map number to number; timings are for functions that do"
        )
    if find_spec("torch") is None:
        raise ActlabError("timings are of PyTorch tensors; pip install 'actlab[torch]'")
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        found: list[Timing] = []
        for elements in sizes:
            if not 1 <= elements <= MOST:
                raise ValueError(f"a size of {elements} was given; expected was 1 to {MOST}")
            for direction in ("forward", "both") if backward else ("forward",):
                found += _timed(activation, elements, direction)
        return found
    finally:
        torch.set_num_threads(before)


def _timed(activation: Activation, elements: int, direction: str) -> list[Timing]:
    import torch

    random = torch.Generator().manual_seed(0)
    x = 2 * torch.randn(elements, generator=random)
    gradient, room = torch.randn(elements, generator=random), torch.empty(elements)
    calls = {
        side: forward(side, function, x)
        if direction == "forward"
        else both(side, function, x, gradient)
        for side, function in _sides(activation).items()
    }
    calls["copy"] = partial(room.copy_, x)
    least, most = _TURNS
    took = medians(calls, min(most, max(least, _BUDGET // elements)))
    copy = took.pop("copy")
    return [
        Timing(
            activation.name,
            side,
            direction,
            elements,
            seconds,
            seconds / copy,
            seconds / took["actlab"],
        )
        for side, seconds in took.items()
    ]


def _sides(activation: Activation) -> dict[str, Callable[[Any], Any]]:
    sides: dict[str, Callable[[Any], Any]] = {"actlab": activation}
    found = shipped_by(activation, "torch")
    if found is None:
        scope: dict[str, Any] = {"__name__": "exported"}
        source = activation.export("torch")
        exec(compile(source, f"<{activation.name} for torch>", "exec"), scope)  # noqa: S102  ours
        sides["composed"] = scope[identifier(activation.name, RESERVED["python"])]
    else:
        sides[found[0]] = found[1]
    other = shipped_by(activation, "jax")
    if other is not None:
        sides[other[0]] = other[1]
    return sides


def forward(side: str, function: Any, x: Any) -> Callable[[], Any]:
    """One forward pass of a tensor, finished when it returns; compiled where `side` is JAX's."""
    import torch

    if side.startswith("jax"):
        import jax

        wait: Any = jax.block_until_ready
        jitted, array = jax.jit(function), jax.numpy.asarray(x.numpy())
        return lambda: wait(jitted(array))

    def run() -> None:
        with torch.no_grad():
            function(x)

    return run


def both(side: str, function: Any, x: Any, gradient: Any) -> Callable[[], Any]:
    """A forward and a backward pass with a given gradient."""
    if side.startswith("jax"):
        import jax

        def pulled(array: Any, above: Any) -> Any:
            value, back = jax.vjp(function, array)
            return value, back(above)[0]

        wait: Any = jax.block_until_ready
        jitted = jax.jit(pulled)
        array, above = (jax.numpy.asarray(t.numpy()) for t in (x, gradient))
        return lambda: wait(jitted(array, above))
    leaf = x.clone().requires_grad_()

    def run() -> None:
        leaf.grad = None
        function(leaf).backward(gradient)

    return run


def medians(calls: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Seconds of each call, in turns; what is measured beside another shares its disturbances.

    The order changes from turn to turn: who comes second finds the inputs in the cache.
    """
    for call in calls.values():
        for _ in range(_WARM_UP):
            call()
    times: dict[str, list[float]] = {side: [] for side in calls}
    order, chance = [*calls], Random(0)  # noqa: S311  not a secret
    for _ in range(repeats):
        chance.shuffle(order)
        for side in order:
            call = calls[side]
            begin = perf_counter()
            call()
            times[side].append(perf_counter() - begin)
    return {side: statistics.median(values) for side, values in times.items()}
