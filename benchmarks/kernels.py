"""Activations against the best of their peers, forward and backward, on the CPU.

Peers are PyTorch in eager mode, the same under `torch.compile`, and `jax.jit`. Functions that the
peers ship are measured against their own operations; the others against the formula composed of
the peer's operations, as one writes it by hand. All run in one process with the same number of
threads, in turns, and each figure is the median of repeated pairs. Forward and backward of PyTorch
include the autograd engine; JAX computes value and gradient in one compiled function.

    python benchmarks/kernels.py [--quick] [--threads N] [--functions gelu,mish] [--no-compile]
    python benchmarks/kernels.py --keep benchmarks/kernels.json [--minutes 10] [--table]
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import torch
from torch.nn import functional

import actlab
from actlab.timing import both, forward, medians

try:
    import jax
except ImportError:
    jax = None

F = functional
OWN: dict[str, tuple[Callable[..., Any], str | None]] = {
    "relu": (F.relu, "relu"),
    "leaky_relu": (F.leaky_relu, "leaky_relu"),
    "relu6": (F.relu6, "relu6"),
    "elu": (F.elu, "elu"),
    "selu": (F.selu, "selu"),
    "celu": (F.celu, "celu"),
    "gelu": (F.gelu, "gelu_exact"),
    "gelu_tanh": (lambda x: F.gelu(x, approximate="tanh"), "gelu"),
    "silu": (F.silu, "silu"),
    "mish": (F.mish, "mish"),
    "sigmoid": (torch.sigmoid, "sigmoid"),
    "hard_sigmoid": (F.hardsigmoid, "hard_sigmoid"),
    "tanh": (torch.tanh, "tanh"),
    "hard_tanh": (F.hardtanh, "hard_tanh"),
    "softplus": (F.softplus, "softplus"),
    "softsign": (F.softsign, "soft_sign"),
    "log_sigmoid": (F.logsigmoid, "log_sigmoid"),
    "hard_swish": (F.hardswish, "hard_swish"),
    "hard_shrink": (F.hardshrink, None),
    "tanh_shrink": (F.tanhshrink, None),
    "squareplus": (lambda x: (x + torch.sqrt(x * x + 4)) / 2, "squareplus"),
}
"""Functions that peers ship: PyTorch's and the name in jax.nn."""

COMPOSED: dict[str, Callable[[Any, Any], Any]] = {
    "telu": lambda m, x: x * m.tanh(m.exp(x)),
    "quick_gelu": lambda m, x: x / (1 + m.exp(-1.702 * x)),
    "lisht": lambda m, x: x * m.tanh(x),
    "bent_identity": lambda m, x: (m.sqrt(x * x + 1) - 1) / 2 + x,
    "isru": lambda m, x: x / m.sqrt(1 + x * x),
    "snake": lambda m, x: x + m.sin(x) ** 2,
    "squared_relu": lambda m, x: m.maximum(x, 0 * x) ** 2,
    "logish": lambda m, x: x * m.log(1 + 1 / (1 + m.exp(-x))),
    "smish": lambda m, x: x * m.tanh(m.log(1 + 1 / (1 + m.exp(-x)))),
    "gaussian": lambda m, x: m.exp(-(x * x)),
    "arctan": lambda m, x: m.arctan(x),
    "gcu": lambda m, x: x * m.cos(x),
    "golu": lambda m, x: x * m.exp(-m.exp(-x)),
}
"""Functions that peers compose, by a module with their operations (torch or jax.numpy)."""

SIZES = (12, 16, 20, 24)
REPEATS = {12: 200, 16: 100, 20: 21, 24: 5}


def sides(name: str, *, compiled: bool) -> dict[str, Callable[[Any], Any]]:
    """The function as each side has it; what takes and gives tensors, or JAX arrays."""
    if name in OWN:
        own, other = OWN[name]
    else:
        formula = COMPOSED[name]
        own, other = (lambda x: formula(torch, x)), None
    found: dict[str, Callable[[Any], Any]] = {"actlab": actlab.get(name), "torch": own}
    if compiled:
        torch._dynamo.reset()
        found["compile"] = torch.compile(own, dynamic=True)  # once for all sizes
    if jax is not None:
        if name in COMPOSED:
            found["jax"] = lambda x: COMPOSED[name](jax.numpy, x)
        elif other == "gelu_exact":
            found["jax"] = lambda x: jax.nn.gelu(x, approximate=False)
        elif other is not None:
            found["jax"] = getattr(jax.nn, other)
    return found


Row = tuple[str, int, str, dict[str, float]]
"""A function, the power of two of the size, the way, and the seconds of each side."""


def measured(name: str, sizes: Iterable[int], *, compiled: bool, turns: int) -> Iterator[Row]:
    """All sides of one function, in turns, at each size and way."""
    random = torch.Generator().manual_seed(0)
    functions = sides(name, compiled=compiled)
    for power in sizes:
        x = 2 * torch.randn(1 << power, generator=random)
        gradient, room = torch.randn(1 << power, generator=random), torch.empty(1 << power)
        for way in ("forward", "both"):
            calls = {
                side: forward(side, f, x) if way == "forward" else both(side, f, x, gradient)
                for side, f in functions.items()
            }
            calls["copy"] = partial(room.copy_, x)
            yield name, power, way, medians(calls, max(5, REPEATS[power] // turns))


def line(row: Row) -> str:
    """A row in words, by microseconds."""
    name, power, way, took = row
    mine, (best, least) = took["actlab"], best_peer(took)
    return (
        f"{name:14}{power:5} {way:9}{mine / took['copy']:8.1f}{1e6 * mine:10.1f}"
        f"{best:>12}{least / mine:8.2f}"
    )


def best_peer(took: dict[str, float]) -> tuple[str, float]:
    """The fastest of the others, and its seconds."""
    peers = {side: seconds for side, seconds in took.items() if side not in ("actlab", "copy")}
    return min(peers.items(), key=lambda item: item[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2**20 alone, few functions")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--functions", default="", help="names with commas; all without it")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--keep", type=Path, help="a file of results, which a later run goes on")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no function later")
    parser.add_argument("--table", action="store_true", help="print the file's results and end")
    options = parser.parse_args()
    kept: dict[str, list[Row]] = {}
    if options.keep and options.keep.exists():
        kept = json.loads(options.keep.read_text(encoding="utf-8"))
    if options.table:
        print(table(kept))
        return
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")
    names = options.functions.split(",") if options.functions else [*OWN, *COMPOSED]
    sizes, compiled, turns = SIZES, not options.no_compile, 1
    if options.quick:
        sizes, compiled, turns = (20,), False, 3
        if not options.functions:
            names = ["relu", "elu", "gelu", "silu", "mish", "sigmoid", "tanh", "softplus"]
            names += ["telu", "snake", "logish"]
    print(
        f"torch {torch.__version__}, jax {getattr(jax, '__version__', '-')}, "
        f"{options.threads} threads"
    )
    print(f"{'':14}{'size':>5} {'pass':9}{'copies':>8}{'µs':>10}{'best peer':>12}{'ratio':>8}")
    end = monotonic() + 60 * options.minutes
    for name in names:
        if name in kept or monotonic() > end:
            continue
        rows = []
        for row in measured(name, sizes, compiled=compiled, turns=turns):
            print(line(row), flush=True)
            rows.append(row)
        kept[name] = rows
        if options.keep:
            text = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in kept.items())
            options.keep.write_text(f"{{\n{text}\n}}\n", encoding="utf-8")
    missing = [name for name in names if name not in kept]
    if missing:
        print(f"not measured for lack of time: {', '.join(missing)}")
    report([row for rows in kept.values() for row in rows])


def report(rows: list[Row]) -> None:
    """The summary, and its figures as one line of JSON."""
    ratios = {
        (name, power, way): best_peer(took)[1] / took["actlab"] for name, power, way, took in rows
    }

    def mean(group: Any, size: int) -> float | None:
        found = [r for (name, power, way), r in ratios.items()
                 if power == size and way == "both" and name in group]  # fmt: skip
        return round(math.exp(statistics.fmean(map(math.log, found))), 2) if found else None

    large = {where: ratio for where, ratio in ratios.items() if where[1] >= 16}
    worst = min(large, key=lambda where: large[where])
    extra = [took["actlab"] - took["torch"] for _, power, _, took in rows if power == 12]
    figures = {
        "geomean_native": mean(OWN, 20),
        "geomean_composed": mean(COMPOSED, 20),
        "geomean_native_2^24": mean(OWN, 24),
        "geomean_composed_2^24": mean(COMPOSED, 24),
        "below_0.95": f"{sum(ratio < 0.95 for ratio in large.values())} of {len(large)}",
        "worst": round(large[worst], 2),
        "worst_case": f"{worst[0]} {worst[2]} 2^{worst[1]}",
        "small_extra_us": round(1e6 * max(extra), 1) if extra else None,
    }
    print(
        f"\nforward and backward at 2^20, geometric mean of the ratios to the best peer: "
        f"{figures['geomean_native']} for functions that peers ship, "
        f"{figures['geomean_composed']} for those they compose"
    )
    print(json.dumps(figures))


def table(kept: dict[str, list[Row]]) -> str:
    """Ratios to the best peer in Markdown: forward, then forward and backward."""
    powers = sorted({power for rows in kept.values() for _, power, _, _ in rows})
    head = "| function | " + " | ".join(f"2^{power}" for power in powers) + " |"
    lines = [head, "|---" * (len(powers) + 1) + "|"]
    for name, rows in kept.items():
        found = {(power, way): best_peer(took)[1] / took["actlab"] for _, power, way, took in rows}
        cells = (f"{found[p, 'forward']:.2f}, {found[p, 'both']:.2f}" for p in powers)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
