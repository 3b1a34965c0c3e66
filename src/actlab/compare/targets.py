"""What is to be predicted: classes or a quantity, and the rows that can be learnt from.

Whether classes or a number are to be predicted is told apart by rules:

- text, truth values, and any target with exactly two different values: classification;
- whole numbers with at most 20 different values, each on five rows on average: classification;
- every other target of numbers: regression.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from actlab.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from actlab.compare.tables import Column

__all__ = [
    "FEWEST_IN_CLASS",
    "FEWEST_ROWS",
    "MOST_CLASSES",
    "Kind",
    "classes_of",
    "drop_missing_target",
    "kind_of",
    "quantity",
    "refuse_infinite",
]

Kind = Literal["classification", "regression"]

FEWEST_ROWS: Final = 30
MOST_CLASSES: Final = 20
"""More different whole numbers than this are taken for a quantity."""
FEWEST_IN_CLASS: Final = 5
"""Rarer classes can not stand in training, validation and test."""


def refuse_infinite(column: Column, what: str) -> None:
    """Raise DataError where a number is infinite; `what` names the column in the message."""
    if column.numeric and np.isinf(column.values).any():
        count = int(np.isinf(column.values).sum())
        raise DataError(
            f"{what} {column.name!r} has {count} infinite value{'s' if count > 1 else ''}; "
            "replace or remove them"
        )


def drop_missing_target(
    columns: list[Column], goal: Column, notes: list[str]
) -> tuple[list[Column], Column]:
    """Leave out rows without a target, with a note; too few remaining rows are refused."""
    missing = goal.missing
    if missing.all():
        raise DataError(f"the target {goal.name!r} has no value in any row")
    refuse_infinite(goal, "the target")
    if missing.any():
        keep = np.flatnonzero(~missing)
        notes.append(f"{missing.sum()} rows without a value of {goal.name!r} are left out.")
        columns, goal = [column.take(keep) for column in columns], goal.take(keep)
    rows = len(goal.values)
    if rows < FEWEST_ROWS:
        raise DataError(
            f"the data have {rows} rows with a target; at least {FEWEST_ROWS} are needed for "
            "training, validation and test"
        )
    return columns, goal


def kind_of(goal: Column, task: str | None) -> Kind:
    """Classification or regression, by the rules of this module unless `task` says it."""
    if task == "classification":
        return "classification"
    if not goal.numeric:
        if task == "regression":
            raise DataError(
                f"the target {goal.name!r} holds text, for example {str(goal.values[0])!r}; "
                "a regression needs numbers"
            )
        return "classification"
    if task == "regression":
        return "regression"
    different = len(np.unique(goal.values))
    whole = bool(np.all(goal.values == np.round(goal.values)))
    few = different <= MOST_CLASSES and len(goal.values) >= 5 * different
    return "classification" if different <= 2 or (whole and few) else "regression"


def quantity(goal: Column) -> NDArray[np.float64]:
    """The target of a regression; one that never changes is refused."""
    values = np.asarray(goal.values, float)
    if np.all(values == values[0]):
        raise DataError(
            f"the target {goal.name!r} has the same value {values[0]:g} in every row; "
            "there is nothing to predict"
        )
    return values


def classes_of(
    columns: list[Column], goal: Column, notes: list[str]
) -> tuple[list[Column], NDArray[np.int64], tuple[str, ...]]:
    """The index of each row's class, and the classes' names in sorted order."""
    found, index, counts = np.unique(goal.values, return_inverse=True, return_counts=True)
    if len(found) == 1:
        raise DataError(
            f"the target {goal.name!r} has one class only, {_label(found[0], goal.truth)!r}; at "
            "least two were expected"
        )
    rare = counts < FEWEST_IN_CLASS
    if rare.any():
        rows = int(counts[rare].sum())
        if rows > 0.1 * len(goal.values) or (~rare).sum() < 2:
            raise DataError(
                f"the target {goal.name!r} has {len(found)} different values in "
                f"{len(goal.values)} rows, {rare.sum()} of them on fewer than {FEWEST_IN_CLASS}; "
                f"each class needs {FEWEST_IN_CLASS} rows: group the rare ones"
                + (", or ask for --task regression" if goal.numeric else "")
            )
        labels = ", ".join(repr(_label(value, goal.truth)) for value in found[rare][:5])
        notes.append(
            f"{rows} rows are left out because their class is on fewer than {FEWEST_IN_CLASS} "
            f"rows: {labels}{', ...' if rare.sum() > 5 else ''}."
        )
        keep = np.flatnonzero(~rare[index])
        columns, goal = [column.take(keep) for column in columns], goal.take(keep)
        found, index = np.unique(goal.values, return_inverse=True)
    return columns, index.astype(np.int64), tuple(_label(value, goal.truth) for value in found)


def _label(value: Any, truth: bool) -> str:
    if truth:
        return str(bool(value))
    if isinstance(value, float | np.floating) and value == int(value):
        return str(int(value))
    return str(value)
