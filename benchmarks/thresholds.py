"""Both sides of every threshold of the CPU engines, at sizes below and above it.

`src/actlab/engines/cpu/thresholds.py` says from which sizes which way pays. Here each way is taken
at each size, in turns in one process, whatever the table says; what is printed is the time of the
way taken below the threshold over that of the way taken from it on, so that the threshold should
stand where the ratio passes 1.

    python benchmarks/thresholds.py [--turns N] [--only KERNEL_FROM,PIECE]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

import actlab
from actlab.engines.cpu import tasks, thresholds
from actlab.timing import medians

Call = Callable[[], Any]
Ways = dict[int, tuple[Call, Call]]
"""By size, the way taken below the threshold and the one from it on."""

NAMES = ("leaky_relu", "silu", "mish")


@contextmanager
def setting(**values: Any) -> Iterator[None]:
    """Thresholds with other values."""
    before = {name: getattr(thresholds, name) for name in values}
    try:
        for name, value in values.items():
            setattr(thresholds, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(thresholds, name, value)


def under(call: Call, **values: Any) -> Call:
    def run() -> None:
        with setting(**values):
            call()

    return run


def numbers(size: int) -> Any:
    return 2 * torch.randn(size, generator=torch.Generator().manual_seed(0))


def kernel_from(name: str) -> Ways:
    """NumPy's operations, and a kernel."""
    from actlab.engines import cpu

    f, ways = actlab.get(name), {}

    def started(x: Any, start: float) -> Call:
        def run() -> None:
            with cpu.kernels_from(start):
                f(x)

        return run

    for power in range(7, 13):
        x = numbers(1 << power)
        ways[1 << power] = started(x, math.inf), started(x, 0)
    return ways


def own_below(_: str) -> Ways:
    """PyTorch's relu, and a kernel."""
    ways = {}
    for power in range(18, 25):
        x = numbers(1 << power)
        call = forward_and_backward(actlab.relu, x)
        ways[1 << power] = under(call, OWN_BELOW=math.inf), under(call, OWN_BELOW=0)
    return ways


def forward_and_backward(f: Any, x: Any) -> Call:
    leaf, above = x.clone().requires_grad_(), torch.ones_like(x)

    def run() -> None:
        leaf.grad = None
        f(leaf).backward(above)

    return run


def parallel_from(name: str) -> Ways:
    """One thread, and all of OpenMP's."""
    return spread(name, range(12, 18), "PARALLEL_FROM")


def parallel_from_in_python(name: str) -> Ways:
    """One thread, and all of Python's."""
    pool = tasks._pool

    def pooled(call: Call) -> Call:
        def run() -> None:
            tasks._pool = lambda: None
            try:
                call()
            finally:
                tasks._pool = pool

        return run

    found = spread(name, range(14, 22), "PARALLEL_FROM", "PARALLEL_FROM_IN_PYTHON")
    return {size: (pooled(one), pooled(many)) for size, (one, many) in found.items()}


def spread(name: str, powers: range, *which: str) -> Ways:
    f, ways = actlab.get(name), {}
    for power in powers:
        x, out = (np.empty(1 << power, np.float32) for _ in range(2))
        x[:] = numbers(1 << power)

        def call(x: Any = x, out: Any = out) -> None:
            f(x, out=out)

        one, many = (under(call, **dict.fromkeys(which, v)) for v in (math.inf, 0))
        ways[1 << power] = one, many
    return ways


def piece(name: str) -> Ways:
    """A million numbers in pieces of each size, and in those of the table."""
    f, x = actlab.get(name), numbers(1 << 20)
    out = torch.empty_like(x)

    def call() -> None:
        f(x, out=out)

    return {
        1 << power: (under(call, PIECE=1 << power, PIECES_PER_THREAD=1 << 20), call)
        for power in range(10, 19)
    }


def shortest_row(name: str) -> Ways:
    """Rows at a distance copied first, and read where they lie."""
    f, ways = actlab.get(name), {}
    for columns in (4, 8, 16, 32, 64, 128):
        x = numbers(1 << 17).reshape(-1, 2 * columns)[:, :columns]

        def call(x: Any = x) -> None:
            f(x)

        ways[columns] = under(call, SHORTEST_ROW=math.inf), under(call, SHORTEST_ROW=0)
    return ways


def kept_from(name: str) -> Ways:
    """Memory of PyTorch's allocator, and memory that is kept; sizes in bytes."""
    f, ways = actlab.get(name), {}
    for power in range(16, 25):
        x = numbers(1 << power - 2)
        call = forward_and_backward(f, x)
        ways[1 << power] = under(call, KEPT_FROM=math.inf), under(call, KEPT_FROM=0)
    return ways


MEASURED: dict[str, tuple[Callable[[str], Ways], tuple[str, ...]]] = {
    "KERNEL_FROM": (kernel_from, NAMES),
    "OWN_BELOW": (own_below, ("relu",)),
    "PARALLEL_FROM": (parallel_from, NAMES),
    "PARALLEL_FROM_IN_PYTHON": (parallel_from_in_python, NAMES),
    "PIECE": (piece, NAMES),
    "SHORTEST_ROW": (shortest_row, ("silu",)),
    "KEPT_FROM": (kept_from, ("leaky_relu", "silu")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=60, help="repetitions of each way")
    parser.add_argument("--only", default="", help="thresholds with commas; all without it")
    options = parser.parse_args()
    for threshold in options.only.split(",") if options.only else MEASURED:
        ways_of, names = MEASURED[threshold]
        print(f"{threshold} = {getattr(thresholds, threshold)}: {ways_of.__doc__}")
        for name in names:
            ratios = []
            for size, (below, above) in ways_of(name).items():
                took = medians({"below": below, "from": above}, options.turns)
                ratios.append(f"{size}: {took['below'] / took['from']:.2f}")
            print(f"  {name:12}{'  '.join(ratios)}", flush=True)


if __name__ == "__main__":
    main()
