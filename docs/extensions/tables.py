"""Tables of the built-in tasks and of the doctor's thresholds, to be included by pages."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from actlab.compare.problem import PROBLEMS, problem_named
from actlab.health.thresholds import TABLE

__all__ = ["pages"]


def pages() -> dict[str, str]:
    """Fragments that hand-written pages include."""
    return {
        "problems.inc.md": "\n".join(_problems()) + "\n",
        "thresholds.inc.md": "\n".join(_thresholds()) + "\n",
    }


def _problems() -> Iterator[str]:
    yield "| task | what is asked | losses | scores |"
    yield "|---|---|---|---|"
    variants: dict[str, list[str]] = {}  # one module may hold a task with several networks
    for name, place in PROBLEMS.items():
        variants.setdefault(place.partition(":")[0], []).append(name)
    for module, names in variants.items():
        problem = problem_named(names[0])
        about = (sys.modules[module].__doc__ or "").partition("\n\n")[0]
        asked = " ".join(about.split()).partition(": ")[2].partition(" With `")[0]
        losses = ", ".join(f"`{loss}`" for loss in problem.losses)
        scores = ", ".join(f"`{metric.score.name}`" for metric in problem.metrics)
        told = ", ".join(f"`{name}`" for name in names)
        yield f"| {told} | {asked[:1].upper()}{asked[1:]} | {losses} | {scores} |"


def _thresholds() -> Iterator[str]:
    yield "| threshold | value | measured | source |"
    yield "|---|--:|---|---|"
    for name, row in TABLE.items():
        words = name.replace("_", " ")
        yield f"| {words} | {row.value:g} | {row.measured} | {row.source} |"
