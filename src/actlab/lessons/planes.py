"""Classes in the plane: generated ones, and a table with two columns of numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from actlab.compare.tables import Column, nearest
from actlab.compare.task import Task, load
from actlab.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["GENERATED", "MOST_CLASSES", "plane"]

MOST_CLASSES: Final = 10
"""More markers than this nobody can tell apart."""

_POINTS: Final = 1000
_TURNS: Final = 1.75

_Points = tuple[Any, Any]


def _moons(seed: int) -> _Points:
    from sklearn.datasets import make_moons

    points: _Points = make_moons(_POINTS, noise=0.2, random_state=seed)
    return points


def _circles(seed: int) -> _Points:
    from sklearn.datasets import make_circles

    points: _Points = make_circles(_POINTS, noise=0.1, factor=0.45, random_state=seed)
    return points


def _spiral(seed: int) -> _Points:
    """Two arms, each a turn and three quarters around the other, with equal density along them."""
    random = np.random.default_rng(seed)
    classes = np.arange(_POINTS) % 2
    # the length of an arm grows with the square of the angle
    turn = np.sqrt(random.uniform(0.02, 1, _POINTS))
    angle = 2 * np.pi * _TURNS * turn + np.pi * classes
    points = turn[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return points + 0.03 * random.standard_normal(points.shape), classes


GENERATED: Final[dict[str, Callable[[int], _Points]]] = {
    "moons": _moons,
    "circles": _circles,
    "spiral": _spiral,
}
"""Names of the data that are made here, each from a seed."""


def plane(data: Any, y: Any = None, *, target: str | None = None, seed: int = 0) -> Task:
    """Read or make points of the plane, each of a class.

    Args:
        data: a name in `GENERATED`, a path (CSV or Parquet), a frame, or the array X, (rows, 2).
        y: the class of each row, if it is no column of `data`.
        target: the column of the classes.
        seed: of what is generated.

    Raises:
        DataError: anything but two columns of numbers and two to ten classes.

    Example:
        >>> task = plane("spiral")
        >>> task.rows, task.classes, [column.name for column in task.columns]
        (1000, ('0', '1'), ['x', 'y'])
    """
    if isinstance(data, str) and data in GENERATED:
        if target is not None or y is not None:
            raise DataError(f"{data!r} brings its own classes; leave target and y away")
        points, classes = GENERATED[data](seed)
        columns = (Column("x", points[:, 0], True), Column("y", points[:, 1], True))
        return Task(data, "classification", columns, "class", classes.astype(np.int64), ("0", "1"))
    if isinstance(data, str) and not Path(data).suffix and not Path(data).exists():
        raise DataError(
            f"there is no file {data!r} and no data in the plane of that name; the names are "
            f"{', '.join(GENERATED)}{nearest(data, GENERATED)}"
        )
    task = load(data, target=target, y=y)
    _check(task)
    return task if not _gaps(task).any() else _without_gaps(task)


def _check(task: Task) -> None:
    if task.kind == "regression":
        raise DataError(
            f"the target {task.target_name!r} is a quantity; a decision boundary parts classes, "
            f"of which the target may have 2 to {MOST_CLASSES}"
        )
    names = ", ".join(repr(column.name) for column in task.columns)
    texts = [column.name for column in task.columns if not column.numeric]
    if len(task.columns) != 2 or texts:
        told = f"{texts[0]!r} is text" if texts else f"there are {len(task.columns)}"
        raise DataError(
            f"a plane has two columns of numbers beside the target {task.target_name!r}, but "
            f"{told} ({names}); leave two columns in the table"
        )
    if len(task.classes) > MOST_CLASSES:
        raise DataError(
            f"the target {task.target_name!r} has {len(task.classes)} classes; at most "
            f"{MOST_CLASSES} can be told apart in a picture"
        )


def _gaps(task: Task) -> NDArray[np.bool_]:
    missing: NDArray[np.bool_] = task.columns[0].missing | task.columns[1].missing
    return missing


def _without_gaps(task: Task) -> Task:
    """A point with one coordinate stands nowhere."""
    keep = np.flatnonzero(~_gaps(task))
    counts = np.bincount(task.target[keep], minlength=len(task.classes))
    if counts.min() < 5:
        raise DataError(
            f"{task.rows - len(keep)} of {task.rows} rows lack a coordinate, and without them the "
            f"class {task.classes[int(counts.argmin())]!r} has {counts.min()} rows; 5 are needed"
        )
    left_out = task.rows - len(keep)
    note = f"{left_out} row{'s' if left_out > 1 else ''} without both coordinates left out."
    return Task(
        task.name,
        task.kind,
        tuple(column.take(keep) for column in task.columns),
        task.target_name,
        task.target[keep],
        task.classes,
        (*task.notes, note),
    )
