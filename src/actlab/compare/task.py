"""The task: a table, what is to be predicted, and fair splits of its rows.

Whether classes or a number are to be predicted is told apart by the rules in `targets`, which
`task=` overrules. A block's split draws its own random training, validation and test rows, and
the preprocessing is fitted on the training rows alone (see `preparation`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from actlab.compare.preparation import prepare
from actlab.compare.problems import PROBLEMS
from actlab.compare.tables import (
    FILES,
    Column,
    columns_of_arrays,
    columns_of_file,
    columns_of_frame,
    is_frame,
    nearest,
)
from actlab.compare.targets import (
    Kind,
    classes_of,
    drop_missing_target,
    kind_of,
    quantity,
    refuse_infinite,
)
from actlab.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from actlab.compare.study import Settings

__all__ = ["DATASETS", "Split", "Task", "load"]

DATASETS: Final = ("digits", "breast_cancer", "wine", "iris", "diabetes")
"""Names of the data that scikit-learn carries, and that need no network."""

_SMALL: Final = 1_000_000
"""Up to so many cells, splits are kept: every chunk of a study asks for the same ones."""

_SPLIT_STREAM: Final = 1
"""Splits, weights and batches draw from separate streams of one seed."""


@dataclass(frozen=True, eq=False)
class Task:
    """A table, its target, and what kind of prediction is asked for."""

    name: str
    kind: Kind
    columns: tuple[Column, ...]
    target_name: str
    target: NDArray[Any]
    """Regression: float64. Classification: the index of each row's class, int64."""
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What was done while reading, in plain sentences."""
    fingerprint: str = field(default="")
    """SHA-256 of the content: equal data give an equal fingerprint, wherever they came from."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "fingerprint", _fingerprint(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Task) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.target)

    def split(self, block: int, settings: Settings) -> Split:
        """Training, validation and test part of one block, prepared for a network.

        The rows are drawn from (`settings.seed`, `block`) alone; a classification keeps the
        shares of its classes in every part.

        Raises:
            DataError: the shares leave a part too small.

        Example:
            >>> from actlab.compare.study import Settings
            >>> part = load("iris").split(0, Settings())
            >>> len(part.train_rows), len(part.validation_rows), len(part.test_rows)
            (90, 30, 30)
        """
        if self.rows * len(self.columns) <= _SMALL:
            return _kept_split(self, block, settings)
        return self._split(block, settings)

    def _split(self, block: int, settings: Settings) -> Split:
        train, validation, test = self._rows_of(block, settings)
        prepared = prepare(self.columns, train)
        mean, scale = 0.0, 1.0
        if self.kind == "regression":
            mean = float(self.target[train].mean())
            scale = float(self.target[train].std()) or 1.0
        return Split(
            block=block,
            train_rows=train,
            validation_rows=validation,
            test_rows=test,
            train_x=prepared.features[train],
            validation_x=prepared.features[validation],
            test_x=prepared.features[test],
            train_y=self.target[train],
            validation_y=self.target[validation],
            test_y=self.target[test],
            target_mean=mean,
            target_scale=scale,
            notes=prepared.notes,
        )

    def _rows_of(
        self, block: int, settings: Settings
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        from sklearn.model_selection import train_test_split

        sizes = {
            "validation": round(self.rows * settings.validation_share),
            "test": round(self.rows * settings.test_share),
        }
        least = max(1, len(self.classes))
        for part, size in sizes.items():
            if size < least or self.rows - sum(sizes.values()) < least:
                raise DataError(
                    f"{self.rows} rows with a {part} share of {size / self.rows:.0%} leave too "
                    f"few rows; training, validation and test need {least} each"
                )
        sequence = np.random.SeedSequence([settings.seed, block, _SPLIT_STREAM])
        first, second = (int(state) for state in sequence.generate_state(2))
        rows = np.arange(self.rows)
        classes = self.target if self.kind == "classification" else None
        rest, test = train_test_split(
            rows, test_size=sizes["test"], random_state=first, stratify=classes
        )
        train, validation = train_test_split(
            rest,
            test_size=sizes["validation"],
            random_state=second,
            stratify=None if classes is None else classes[rest],
        )
        return train, validation, test


@dataclass(frozen=True, eq=False)
class Split:
    """One block's rows and their numbers, ready for a network."""

    block: int
    train_rows: NDArray[np.int64]
    validation_rows: NDArray[np.int64]
    test_rows: NDArray[np.int64]
    train_x: NDArray[np.float64]
    validation_x: NDArray[np.float64]
    test_x: NDArray[np.float64]
    train_y: NDArray[Any]
    """In units of the target; a network sees (y - target_mean) / target_scale."""
    validation_y: NDArray[Any]
    test_y: NDArray[Any]
    target_mean: float
    target_scale: float
    notes: tuple[str, ...]
    """What the preprocessing did, in plain sentences."""


@lru_cache(maxsize=32)
def _kept_split(task: Task, block: int, settings: Settings) -> Split:
    return task._split(block, settings)


# --- loading ----------------------------------------------------------------------------------


def load(data: Any, target: str | None = None, task: str | None = None, y: Any = None) -> Task:
    """Read data and say what is to be predicted.

    Args:
        data: a name in `DATASETS`, a path (CSV or Parquet), a data frame (pandas, polars,
            pyarrow), or the array X.
        target: the column to predict, for a file or a frame.
        task: "classification" or "regression" overrules the rules in `targets`.
        y: the values to predict, one per row, when they are not a column of `data`.

    Raises:
        DataError: data that cannot be compared on, with the reason in one sentence.

    Example:
        >>> iris = load("iris")
        >>> iris.kind, iris.rows, iris.classes
        ('classification', 150, ('setosa', 'versicolor', 'virginica'))
    """
    if task not in {None, "auto", "classification", "regression"}:
        raise DataError(f"task={task!r} is unknown; expected was 'classification' or 'regression'")
    name, columns, goal = _read(data, target, y)
    if goal is None:
        goal = _named(columns, target, name)
        columns = [column for column in columns if column is not goal]
    notes: list[str] = []
    columns = _without_numbering(columns, notes)
    columns, goal = drop_missing_target(columns, goal, notes)
    kind = kind_of(goal, task)
    values: NDArray[Any]
    classes: tuple[str, ...] = ()
    if kind == "classification":
        columns, values, classes = classes_of(columns, goal, notes)
    else:
        values = quantity(goal)
    columns = _useful(columns, len(values), goal.name, notes)
    if name in DATASETS and isinstance(data, str):
        classes = _class_names(name) or classes
    return Task(name, kind, tuple(columns), goal.name, values, classes, tuple(notes))


def _read(data: Any, target: str | None, y: Any) -> tuple[str, list[Column], Column | None]:
    """Name, columns, and the target if it does not stand among the columns."""
    if isinstance(data, str) and data in DATASETS:
        columns = _carried(data)
        if target is None:
            return data, columns[:-1], columns[-1]
        return data, columns, None
    if isinstance(data, str | Path):
        path = Path(data)
        if not path.exists() and not path.suffix:
            raise DataError(
                f"there is no file {str(data)!r} and no data set of that name; tables are "
                f"{', '.join(DATASETS)}, and other problems {', '.join(PROBLEMS)}"
                f"{nearest(str(data), (*DATASETS, *PROBLEMS))}"
            )
        name, columns = path.name.split(".")[0], columns_of_file(path)
    elif is_frame(data):
        name, columns = "data", columns_of_frame(data)
    elif isinstance(data, Sequence) or hasattr(data, "__array__"):
        if y is None:
            raise DataError("an array X came without y; give the values to predict as y=...")
        name, columns = "data", columns_of_arrays(data, "X")
    else:
        raise DataError(
            f"data of type {type(data).__name__} are not known here; expected was the name of a "
            f"data set, a path ({FILES}), a data frame, or arrays X and y"
        )
    if y is None:
        return name, columns, None
    if target is not None:
        raise DataError("both target= and y= were given; one of them says what to predict")
    return name, columns, _outside_target(y, columns)


def _outside_target(y: Any, columns: Sequence[Column]) -> Column:
    found = columns_of_arrays(y, "y")
    if len(found) != 1:
        raise DataError(f"y has {len(found)} columns; one value per row was expected")
    rows = len(columns[0].values) if columns else 0
    if len(found[0].values) != rows:
        raise DataError(f"X has {rows} rows and y has {len(found[0].values)}; they must agree")
    name = getattr(y, "name", None)
    only = found[0]
    return Column(str(name or "y"), only.values, only.numeric, only.truth)


def _carried(name: str) -> list[Column]:
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    names = [str(column) for column in bunch.feature_names]
    columns = [
        Column(title, np.asarray(bunch.data[:, i], float), numeric=True)
        for i, title in enumerate(names)
    ]
    goal = Column("target", np.asarray(bunch.target, float), numeric=True)
    return [*columns, goal]


def _class_names(name: str) -> tuple[str, ...]:
    from sklearn import datasets

    return tuple(
        str(label) for label in getattr(datasets, f"load_{name}")().get("target_names", ())
    )


def _named(columns: Sequence[Column], target: str | None, name: str) -> Column:
    names = [column.name for column in columns]
    shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    if target is None:
        raise DataError(
            f"which column of {name!r} is to be predicted? Say it with --target (target=... in "
            f"Python); the columns are {shown}"
        )
    if target not in names:
        hint = nearest(target, names) or f"; the columns are {shown}"
        raise DataError(f"{name!r} has no column {target!r}{hint}")
    return columns[names.index(target)]


# --- the other columns ------------------------------------------------------------------------


def _useful(columns: Sequence[Column], rows: int, target: str, notes: list[str]) -> list[Column]:
    """The columns that can tell something; the others are left out with a note."""
    constant, unlike, kept = [], [], []
    for column in columns:
        refuse_infinite(column, "column")
        present = column.values[~column.missing]
        different = len(set(present.tolist()))
        if different == 0 or (different == 1 and len(present) == rows):
            constant.append(column.name)
        elif not column.numeric and different > rows / 2:
            unlike.append(column.name)
        else:
            kept.append(column)
    _note(
        notes, constant, "has one value in every row and is", "have one value in every row and are"
    )
    _note(
        notes,
        unlike,
        "is text that differs in nearly every row and is",
        "are text that differs in nearly every row and are",
    )
    notes.extend(column.note for column in kept if column.note)
    if not kept:
        raise DataError(
            f"no column is left to predict {target!r} from: every other column is constant, "
            "empty, or text that differs in every row"
            if columns
            else f"there is no column to predict {target!r} from"
        )
    return kept


def _without_numbering(columns: list[Column], notes: list[str]) -> list[Column]:
    """Leave out what only numbers the rows: it would betray the order they were stored in."""
    kept = [
        column
        for column in columns
        if not (column.numeric and column.values.size and np.all(np.diff(column.values) == 1))
    ]
    if not kept:
        return columns
    names = [column.name for column in columns if column not in kept]
    _note(notes, names, "only numbers the rows and is", "only number the rows and are")
    return kept


def _note(notes: list[str], names: Sequence[str], one: str, many: str) -> None:
    if names:
        shown = ", ".join(repr(name) for name in names[:8]) + (", ..." if len(names) > 8 else "")
        head = f"Column {shown} {one}" if len(names) == 1 else f"Columns {shown} {many}"
        notes.append(f"{head} left out.")


def _fingerprint(task: Task) -> str:
    digest = hashlib.sha256()
    digest.update(repr((task.kind, task.target_name, task.classes)).encode())
    digest.update(np.ascontiguousarray(task.target).tobytes())
    for column in task.columns:
        digest.update(repr((column.name, column.numeric)).encode())
        if column.numeric:
            digest.update(np.ascontiguousarray(column.values).tobytes())
        else:
            digest.update(repr(column.values.tolist()).encode())
    return digest.hexdigest()
