"""`actlab accuracy`, `actlab bench` and `actlab warm`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from actlab.cli.output import checked, data_console, print_json, resolve, say
from actlab.errors import ActlabError

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["accuracy", "bench", "warm"]

_SLOPES = {0: "value", 1: "slope"}
_COMMON = ("sigmoid", "tanh", "elu", "softplus", "silu", "gelu", "gelu_tanh", "mish")


def accuracy(
    name: str | None = typer.Argument(
        None, metavar="[NAME]", help="A name, an alias, or a formula; some common ones without it."
    ),
    *,
    exhaustive: bool = typer.Option(
        False, "--exhaustive", help="Every float32 number; 10 to 20 seconds each on two idle cores."
    ),
    dtype: str = typer.Option("float32", help="float16, bfloat16, float32 or float64."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Measure errors against the exact value, beside those of PyTorch and JAX."""
    activations = [resolve(one) for one in ([name] if name else _COMMON)]
    if exhaustive:
        _exhaustive(activations, as_json=as_json)
        return
    with checked():
        _check_dtype(dtype)
        measured = [one for activation in activations for one in _sample(activation, dtype)]
    if as_json:
        print_json([asdict(one) for one in measured])
        return
    from rich.table import Table

    table = Table(title=f"largest error in ULP, {dtype}", title_justify="left")
    for column in ("function", "of", "by"):
        table.add_column(column)
    for column in ("ULP", "at", "computed", "exact", "inputs"):
        table.add_column(column, justify="right")
    for one in measured:
        at = ", ".join(f"{place:.6g}" for place in one.at)
        ours = one.engine in ("numpy", "torch", "jax", "tensorflow")
        table.add_row(
            one.function,
            _SLOPES[one.order],
            f"actlab {one.engine}" if ours else one.engine,
            f"{one.max_ulp:.3g}",
            at,
            f"{one.computed:.9g}",
            f"{one.exact:.9g}",
            str(one.points),
        )
    data_console().print(table)


def bench(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Names, aliases or formulas.")
    ],
    *,
    sizes: str = typer.Option(
        "4096,65536,1048576", help="Elements of the input, with commas; 2^20 is understood."
    ),
    threads: int | None = typer.Option(None, min=1, help="As PyTorch is set without it."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Time functions on this machine beside those of PyTorch and JAX."""
    from actlab.timing import bench as work

    activations = [resolve(one) for one in names]
    with checked():
        elements = [_elements(text) for text in sizes.split(",") if text.strip()]
        timings = [one for f in activations for one in work(f, elements, threads=threads)]
    if as_json:
        print_json([asdict(one) for one in timings])
        return
    from rich.table import Table

    table = Table(title="median times, float32", title_justify="left")
    table.add_column("function")
    table.add_column("elements", justify="right")
    for column in ("passes", "by"):
        table.add_column(column)
    for column in ("µs", "copies", "× actlab"):
        table.add_column(column, justify="right")
    for one in timings:
        table.add_row(
            one.function,
            f"{one.elements:,}",
            "forward" if one.direction == "forward" else "and backward",
            one.side,
            f"{1e6 * one.seconds:.1f}",
            f"{one.copies:.1f}",
            f"{one.ratio:.2f}",
        )
    data_console().print(table)


def _elements(text: str) -> int:
    base, power, exponent = text.strip().partition("^")
    try:
        return int(base) ** int(exponent) if power else int(base)
    except ValueError:
        raise ActlabError(f"{text!r} is no number of elements such as 4096 or 2^20") from None


def _check_dtype(dtype: str) -> None:
    from actlab.accuracy.ledger import DTYPES

    if dtype not in DTYPES["torch"]:
        raise ActlabError(f"there is no accuracy of {dtype!r}; choose {', '.join(DTYPES['torch'])}")


def _sample(activation: Activation, dtype: str) -> list[Any]:
    from importlib.util import find_spec

    from actlab.accuracy.ledger import DTYPES
    from actlab.accuracy.measure import measure
    from actlab.accuracy.peers import peer

    if activation.kind not in ("scalar", "gated", "vector"):
        raise ActlabError(f"{activation.name} is no function whose error can be measured")
    found = []
    for order in (0,) if activation.kind == "vector" else (0, 1):
        engines = [e for e in ("numpy", "torch", "jax") if dtype in DTYPES[e] and find_spec(e)]
        found += [measure(activation, engine, dtype, order) for engine in engines]
        for framework in ("torch", "jax") if activation.kind == "scalar" else ():
            theirs = peer(activation, framework, order)
            if theirs is not None:
                found.append(measure(activation, theirs, dtype, order))
    return found


def _exhaustive(activations: list[Activation], *, as_json: bool) -> None:
    from actlab.accuracy.exhaustive import exhaustive

    done = []
    for activation in activations:
        for order in (0, 1):
            with checked():
                done.append(exhaustive(activation, order))
            if not as_json:
                typer.echo(str(done[-1]))
    if as_json:
        print_json([asdict(one) for one in done])


def warm(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Functions; all of the catalogue without any."),
    ] = None,
    *,
    dtype: str = typer.Option("float32", help="float32 or float64."),
) -> None:
    """Compile the kernels for this processor beforehand, and keep them on disk."""
    from rich.console import Console
    from rich.progress import Progress

    from actlab.catalogue import names as catalogued
    from actlab.engines import cpu
    from actlab.paths import warm as compile_all

    wanted = [resolve(name) for name in names or catalogued()]
    if not cpu.usable():
        raise ActlabError("kernels can't be compiled here; the warning above says why")
    with checked(), Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("compiling", total=len(wanted))
        for name in compile_all(wanted, dtype=dtype):
            progress.update(task, advance=1, description=name)
    say(f"{len(wanted)} functions have their {dtype} kernels in {cpu.cache_folder()}")
