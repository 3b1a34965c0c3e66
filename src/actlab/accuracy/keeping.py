"""Results of the exhaustive measurement, kept in a file from which a table can be printed.

A result belongs to a kernel's machine code: `Kept` gives none for a kernel that has changed since,
which is then measured again. Every result is written as soon as it is there.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from actlab.accuracy import points
from actlab.accuracy.exhaustive import Exhaustive, exhaustive
from actlab.catalogue import get, names
from actlab.engines import cpu
from actlab.errors import ActlabError

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["TARGET", "Kept", "in_order", "measure_all", "table"]

ORDERS: Final = (0, 1)
_FIELDS: Final = ("function", "order", "max_ulp", "at", "inputs", "seconds")
TARGET: Final = 2.0
"""What the float32 error of a value and a slope should be at most, in ULP."""


class Kept:
    """The file of results.

    Args:
        path: of a JSON file, which need not exist.

    Raises:
        ActlabError: where the file is none of these.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.results: dict[str, dict[str, Any]] = {}
        if path.exists():
            try:
                self.results = json.loads(path.read_text(encoding="utf-8"))["results"]
            except (ValueError, KeyError, TypeError) as error:
                raise ActlabError(
                    f"{path} is no file of exhaustive results ({error!r}); give another name"
                ) from error

    def find(self, activation: Activation, order: int) -> Exhaustive | None:
        """The result for the kernel as it is now."""
        row = self.results.get(_name(activation.name, order))
        if row is None or row["kernel"] != kernel_of(activation, order):
            return None
        return Exhaustive(**{name: row[name] for name in _FIELDS})

    def of_twin(self, activation: Activation, order: int) -> Exhaustive | None:
        """The result of another function that has the same kernel and is measured as far."""
        kernel, reach = kernel_of(activation, order), points.range_of(activation)
        for row in self.results.values():
            if (row["kernel"], row["order"]) == (kernel, order):
                known = row["function"] in names()
                if known and points.range_of(get(row["function"])) == reach:
                    found = {name: row[name] for name in _FIELDS}
                    return Exhaustive(**{**found, "function": activation.name, "seconds": 0.0})
        return None

    def put(self, activation: Activation, result: Exhaustive) -> None:
        """Add a result, and replace the file at once by a whole new one."""
        self.results[_name(activation.name, result.order)] = {
            **asdict(result),
            "at": float(result.at),
            "seconds": round(result.seconds, 1),
            "kernel": kernel_of(activation, result.order),
            "date": datetime.now(UTC).date().isoformat(),
        }
        lines = [
            f"    {json.dumps(name)}: {json.dumps(self.results[name])}"
            for name in sorted(self.results)
        ]
        text = '{\n  "results": {\n' + ",\n".join(lines) + "\n  }\n}\n"
        handle, name = tempfile.mkstemp(dir=self.path.resolve().parent, suffix=".part")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _name(function: str, order: int) -> str:
    return function + "'" * order


def kernel_of(activation: Activation, order: int) -> str:
    """The digest of the float32 kernel of a value or slope."""
    expression = activation.filled(activation.slope()) if order else activation.bound
    return cpu.digest_of(cpu.Spec((expression,), ("x",), "float32"))


def in_order(wanted: Iterable[str] = ()) -> list[Activation]:
    """The scalar functions to measure: those that frameworks ship come first."""
    scalar = [f for f in map(get, wanted or names()) if f.kind == "scalar"]
    return sorted(scalar, key=lambda f: (-len(f.shipped), f.name))


def measure_all(
    kept: Kept, wanted: Iterable[str] = (), *, processes: int | None = None
) -> Iterator[tuple[str, bool]]:
    """Measure what is missing, and yield a line for each value and slope, and whether it is bad.

    Args:
        kept: the results so far; new ones are written at once.
        wanted: names of functions; all scalar ones of the catalogue without any.
        processes: how many run side by side.
    """
    for activation in in_order(wanted):
        for order in ORDERS:
            result = kept.find(activation, order)
            if result is not None:
                yield f"{result}, kept", result.max_ulp > TARGET
                continue
            try:
                result = kept.of_twin(activation, order) or exhaustive(
                    activation, order, processes=processes
                )
            except ValueError as error:  # no reference to judge by
                yield f"{_name(activation.name, order)}: {error}", True
                continue
            kept.put(activation, result)
            yield str(result), result.max_ulp > TARGET


def table(kept: Kept) -> str:
    """The results as a table in Markdown, the largest error first."""
    rows: dict[str, dict[int, dict[str, Any]]] = {}
    for row in kept.results.values():
        rows.setdefault(row["function"], {})[row["order"]] = row

    def worst(function: str) -> tuple[float, str]:
        return -max(row["max_ulp"] for row in rows[function].values()), function

    lines = ["| function | value, ULP | at | slope, ULP | at |", "|---|---|---|---|---|"]
    for function in sorted(rows, key=worst):
        cells = [function]
        for order in ORDERS:
            found = rows[function].get(order)
            cells += [f"{found['max_ulp']:.4f}", f"{found['at']:.9g}"] if found else ["", ""]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
