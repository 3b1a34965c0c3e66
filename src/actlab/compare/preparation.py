"""From columns to the numbers a network sees, fitted on the training rows alone.

Numbers: a missing value becomes the median and, where the training part has missing values, an
indicator column says so; then mean 0 and standard deviation 1. Text: one column per value, rare
values grouped, a missing value counting as a value of its own. A column that is constant in the
training part is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from actlab.compare.tables import Column

__all__ = ["Prepared", "prepare"]

MOST_CATEGORIES: Final = 30
RARE_SHARE: Final = 0.01
_MISSING: Final = "(missing)"


@dataclass(frozen=True)
class Prepared:
    """A fitted preprocessing."""

    features: NDArray[np.float64]
    """Every row of the table, (rows, features)."""
    notes: tuple[str, ...]
    transform: _Transform
    """The same for columns of the same names with other rows."""


def prepare(columns: Sequence[Column], train: NDArray[Any]) -> Prepared:
    """Fit the preprocessing of these columns on the rows `train`, and on nothing else."""
    transform = _Transform(columns, train)
    return Prepared(transform(columns), tuple(transform.notes), transform)


class _Transform:
    """From columns to features, as fitted on some rows."""

    def __init__(self, columns: Sequence[Column], train: NDArray[Any]) -> None:
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        self._fitted: list[Any] = []
        self._varies: Any = slice(None)
        self.notes: list[str] = []
        numbers = [column for column in columns if column.numeric]
        if numbers:
            imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
            self._fitted.append(make_pipeline(imputer, StandardScaler()))
            self.notes.append(
                f"{_columns(numbers, 'of numbers')} scaled to mean 0 and deviation 1."
            )
            gaps = [column for column in numbers if column.missing[train].any()]
            if gaps:
                self.notes.append(
                    f"Missing values in {_names(gaps)} replaced by the median, with an indicator "
                    "column each."
                )
        texts = [column for column in columns if not column.numeric]
        if texts:
            self._fitted.append(
                OneHotEncoder(
                    min_frequency=max(2, round(RARE_SHARE * len(train))),
                    max_categories=MOST_CATEGORIES,
                    handle_unknown="infrequent_if_exist",
                    sparse_output=False,
                )
            )
            self.notes.append(
                f"{_columns(texts, 'of text')} turned into one column per value; values on fewer "
                f"than {RARE_SHARE:.0%} of the rows share one."
            )
        for part, fitted in zip(_parts(columns), self._fitted, strict=True):
            fitted.fit(part[train])
        self._varies = np.ptp(self(columns)[train], axis=0) > 0

    def __call__(self, columns: Sequence[Column]) -> NDArray[np.float64]:
        parts = zip(_parts(columns), self._fitted, strict=True)
        features = [np.asarray(fitted.transform(part), float) for part, fitted in parts]
        kept: NDArray[np.float64] = np.hstack(features)[:, self._varies]
        return kept


def _parts(columns: Sequence[Column]) -> list[NDArray[Any]]:
    """The columns of numbers as one array, and those of text as another."""
    parts: list[NDArray[Any]] = []
    numbers = [column.values for column in columns if column.numeric]
    if numbers:
        parts.append(np.column_stack(numbers))
    texts = [column for column in columns if not column.numeric]
    if texts:
        words = np.empty((len(texts[0].values), len(texts)), dtype=object)
        for i, column in enumerate(texts):
            words[:, i] = np.where(column.missing, _MISSING, column.values)
        parts.append(words)
    return parts


def _columns(columns: Sequence[Column], of_what: str) -> str:
    if len(columns) == 1:
        return f"1 column {of_what} is"
    return f"{len(columns)} columns {of_what} are"


def _names(columns: Sequence[Column]) -> str:
    shown = [repr(column.name) for column in columns[:5]]
    return ", ".join(shown) + (", ..." if len(columns) > 5 else "")
