"""Reading: a file, a frame or arrays become named columns of numbers or of text.

A `Column` holds either float64 (missing: NaN) or text (missing: None), so that everything above
knows two kinds only. Whatever cannot be read ends in one clear `DataError`.
"""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from actlab.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "FILES",
    "Column",
    "columns_of_arrays",
    "columns_of_file",
    "columns_of_frame",
    "is_frame",
    "nearest",
]

FILES = "CSV (.csv, .tsv, also with .gz) or Parquet (.parquet)"
_DELIMITERS = ",;\t|"
_DAY = 86_400e6  # microseconds
_DATES = "The dates in {name!r} are used as numbers: days since 1970-01-01."
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")


@dataclass(frozen=True, eq=False)
class Column:
    """One named column: numbers (missing is NaN) or text (missing is None)."""

    name: str
    values: NDArray[Any]
    numeric: bool
    truth: bool = False
    """Whether the numbers were truth values where they came from."""
    note: str = ""

    @property
    def missing(self) -> NDArray[np.bool_]:
        """True where there is no value."""
        if self.numeric:
            return np.asarray(np.isnan(self.values))
        return np.array([value is None for value in self.values], dtype=bool)

    def take(self, rows: NDArray[Any]) -> Column:
        """The same column with these rows only."""
        return Column(self.name, self.values[rows], self.numeric, self.truth, self.note)


def nearest(name: str, names: Iterable[str]) -> str:
    """`"; the nearest is 'price'"`, or nothing when no name resembles this one.

    >>> nearest("pric", ["price", "rooms"])
    "; the nearest is 'price'"
    """
    found = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f"; the nearest is {found[0]!r}" if found else ""


# --- files ------------------------------------------------------------------------------------


def columns_of_file(path: Path) -> list[Column]:
    """The columns of a CSV or Parquet file."""
    if not path.exists():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DataError(f"there is no file {str(path)!r}{nearest(path.name, siblings)}")
    if path.is_dir():
        raise DataError(f"{str(path)!r} is a directory; a file was expected: {FILES}")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = bool(suffixes) and suffixes[-1] == ".gz"
    kind = "".join(suffixes[-2:-1] if packed else suffixes[-1:])
    if kind in {".parquet", ".pq"} and not packed:
        return columns_of_frame(_parquet(path), str(path))
    if kind in {".csv", ".tsv", ".txt"}:
        return _columns_of_text(_text(path, packed), str(path), tab=kind == ".tsv")
    raise DataError(f"{str(path)!r} is of an unknown kind; known are {FILES}")


def _parquet(path: Path) -> Any:
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except Exception as error:
        raise DataError(f"{str(path)!r} could not be read as Parquet: {_line(error)}") from error


def _text(path: Path, packed: bool) -> str:
    try:
        raw = path.read_bytes()
        if packed:
            raw = gzip.decompress(raw)
    except (OSError, EOFError) as error:
        raise DataError(f"{str(path)!r} could not be read: {_line(error)}") from error
    if b"\0" in raw:
        raise DataError(
            f"{str(path)!r} is a binary file, not the text of a table; save it as CSV in UTF-8"
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{str(path)!r} is not text in UTF-8 (byte {error.start + 1}); save it as CSV in UTF-8"
        ) from error
    if not text.strip():
        raise DataError(f"{str(path)!r} is empty; a header and rows were expected")
    return text


def _columns_of_text(text: str, place: str, *, tab: bool) -> list[Column]:
    import pandas as pd

    first = next(line for line in text.splitlines() if line.strip())
    delimiter = "\t" if tab else max(_DELIMITERS, key=first.count)
    names, decimal = _checked_header(text, delimiter, place)
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            sep=delimiter,
            decimal=decimal,
            header=0,
            names=names,
            index_col=False,
            na_values=["?"],
            skipinitialspace=True,
            low_memory=False,
        )
    except (ValueError, OverflowError) as error:
        raise DataError(f"{place!r} could not be read as CSV: {_line(error)}") from error
    return columns_of_frame(frame, place)


def _checked_header(text: str, delimiter: str, place: str) -> tuple[list[str], str]:
    """Names of the columns and the decimal mark; every row must have as many fields."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    names: list[str] = []
    rows = 0
    decimal = "."
    try:
        for row in reader:
            if not any(field.strip() for field in row) and len(row) <= 1:
                continue
            if not names:
                names = [field.strip() for field in row]
                continue
            if len(row) != len(names):
                raise DataError(
                    f"{place!r} is ragged: line {reader.line_num} has {len(row)} fields "
                    f"where the header has {len(names)}"
                )
            rows += 1
            if rows == 1 and delimiter != "," and any(map(_DECIMAL_COMMA.fullmatch, row)):
                decimal = ","
    except csv.Error as error:
        raise DataError(
            f"{place!r} could not be read as CSV, line {reader.line_num}: {_line(error)}"
        ) from error
    if rows == 0:
        raise DataError(f"{place!r} has a header and no rows")
    if all(map(_is_number, names)):
        raise DataError(
            f"the first line of {place!r} holds numbers; a header with the names of the "
            "columns was expected"
        )
    names = [name or f"unnamed_{i}" for i, name in enumerate(names, 1)]
    _refuse_duplicates(names, place)
    return names, decimal


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _refuse_duplicates(names: Sequence[str], place: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(
            f"{place} has more than one column named {twice[0]!r}; every name must occur once"
        )


def _line(error: Exception) -> str:
    """The first line of a library's message: one sentence for the user."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


# --- frames and arrays ------------------------------------------------------------------------


def is_frame(data: Any) -> bool:
    """Whether narwhals knows this kind of data frame."""
    import narwhals as nw

    if nw.dependencies.is_pandas_dataframe(data):  # whatever its columns are called
        return True
    return isinstance(nw.from_native(data, pass_through=True), nw.DataFrame | nw.LazyFrame)


def columns_of_frame(frame: Any, place: str = "the frame") -> list[Column]:
    """The columns of any frame that narwhals knows: pandas, polars, pyarrow and others."""
    import narwhals as nw

    if hasattr(frame, "iloc"):  # pandas: names may be anything
        frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
        _refuse_duplicates(list(frame.columns), place)
    known = nw.from_native(frame)
    eager = known.collect() if isinstance(known, nw.LazyFrame) else known
    _refuse_duplicates(eager.columns, place)
    return [_column_of_series(eager.get_column(name), name, place) for name in eager.columns]


def _column_of_series(series: Any, name: str, place: str) -> Column:
    import narwhals as nw

    kind = series.dtype
    if kind.is_numeric() or kind == nw.Boolean:
        return Column(name, _floats(series), numeric=True, truth=kind == nw.Boolean)
    if kind == nw.Datetime or kind == nw.Date:  # noqa: PLR1714 - equal to a class, not hashed so
        days = _floats(series.dt.timestamp("us")) / _DAY
        return Column(name, days, numeric=True, note=_DATES.format(name=name))
    return _column_of_objects(series.to_list(), name, place)


def _floats(series: Any) -> NDArray[np.float64]:
    import narwhals as nw

    return np.array(series.cast(nw.Float64).to_numpy(), dtype=float)


def _numbers(values: Iterable[Any]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else float(value) for value in values], float)


def _column_of_objects(values: Sequence[Any], name: str, place: str) -> Column:
    """Numbers if every value is a number, else text."""
    present = [value for value in values if not _is_missing(value)]
    if all(isinstance(value, bool | int | float | np.number | np.bool_) for value in present):
        numbers = _numbers(None if _is_missing(value) else value for value in values)
        truth = bool(present) and all(isinstance(value, bool | np.bool_) for value in present)
        return Column(name, numbers, numeric=True, truth=truth)
    for value in present:
        if isinstance(value, list | tuple | dict | set | bytes | np.ndarray):
            raise DataError(
                f"column {name!r} of {place} holds values of type {type(value).__name__}; "
                "numbers or text were expected in each cell"
            )
    texts = np.empty(len(values), dtype=object)
    texts[:] = [None if _is_missing(value) else str(value) for value in values]
    return Column(name, texts, numeric=False)


def _is_missing(value: Any) -> bool:
    if value is None or (isinstance(value, float | np.floating) and value != value):  # noqa: PLR0124
        return True
    return type(value).__name__ in {"NAType", "NaTType"}


def columns_of_arrays(values: Any, name: str) -> list[Column]:
    """The columns of a two-dimensional array, named x0, x1, ...; of one dimension: one column."""
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        raise DataError(f"{name} could not be read as an array: {_line(error)}") from error
    if array.dtype.kind == "c":
        raise DataError(f"{name} holds complex numbers; real numbers or text were expected")
    if array.ndim not in {1, 2}:
        raise DataError(
            f"{name} has the shape {array.shape}; two dimensions were expected, rows and columns"
            if name == "X"
            else f"{name} has the shape {array.shape}; one value per row was expected"
        )
    table = array.reshape(len(array), -1) if array.size else array.reshape(len(array), 0)
    names = [f"x{i}" for i in range(table.shape[1])]
    return [_column_of_array(table[:, i], names[i], name) for i in range(table.shape[1])]


def _column_of_array(values: NDArray[Any], name: str, place: str) -> Column:
    if values.dtype.kind in "biuf":
        truth = values.dtype.kind == "b"
        return Column(name, values.astype(float), numeric=True, truth=truth)
    if values.dtype.kind == "M":
        days = np.where(
            np.isnat(values), np.nan, values.astype("datetime64[us]").astype("int64") / _DAY
        )
        return Column(name, days, numeric=True, note=_DATES.format(name=name))
    return _column_of_objects(values.tolist(), name, place)
