"""How a study was set up, and the Python that asks the same question again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actlab.compare.problems import PROBLEMS
from actlab.compare.study import ASKED
from actlab.report.wording import amount, is_table

if TYPE_CHECKING:
    from actlab.compare.result import Result

__all__ = ["settings", "snippet"]

_BUILTIN: Final = frozenset({"digits", "breast_cancer", "wine", "iris", "diabetes"})


def settings(result: Result) -> list[tuple[str, str]]:
    """Return the settings in words: what, and which value."""
    put = result.settings
    table = is_table(result.task)
    looped = result.arrangement is not None and result.arrangement.way == "looped"
    rows = [
        ("Hidden layers", " × ".join(map(str, put.hidden)) or "none"),
        ("Optimiser", put.optimizer),
        ("Loss", put.loss.replace("_", " ")),
        ("Metric", put.metric.replace("_", " ")),
        ("Schedule", put.schedule),
        ("Gradient clipping", "none" if put.clip_norm is None else amount(put.clip_norm)),
        ("Epochs", f"{put.epochs:,}"),
        ("Batch size", f"{put.batch_size:,}"),
        ("Learning rates", ", ".join(amount(rate) for rate in put.learning_rates)),
        ("Blocks", f"{put.blocks}"),
        ("Validation and test", f"{put.validation_share:.0%} and {put.test_share:.0%}"),
        ("Seed", f"{put.seed}"),
        ("Margin", amount(put.margin)),
        ("Level", amount(put.level)),
        ("Racing", "on" if put.race else "off"),
        ("Networks in one computation", "1" if looped else f"up to {put.chunk_members}"),
    ]
    # A network of one's own has layers, and data a split, that these settings know nothing of.
    return [row for row in rows if table or row[0] not in {"Hidden layers", "Validation and test"}]


def snippet(result: Result) -> list[str]:
    """Return Python that asks the same question again, line by line."""
    task = result.task
    names = [row.label if row.family is not None else row.formula for row in result.rows]
    lines = ["import actlab", "", "result = actlab.compare(", *_data(result)]
    lines += ["    activations=[", *(f"        {name!r}," for name in names), "    ],"]
    for name in ASKED:
        if name != "hidden" or is_table(task):
            lines.append(f"    {name}={getattr(result.settings, name)!r},")
    return [*lines, ")", 'result.report("report.html")']


def _data(result: Result) -> list[str]:
    """Return the arguments that say on what."""
    task = result.task
    if task.name in _BUILTIN:
        return [f"    {task.name!r},"]
    if is_table(task):
        data = f"    {task.name!r}," if "." in task.name else "    frame,  # the same data"
        return [data] if task.target is None else [data, f"    target={task.target!r},"]
    if task.name in PROBLEMS:
        return [f"    {task.name!r},"]
    return [
        "    model=build,  # the same model, data and functions of your own",
        "    data=loaders,",
    ]
