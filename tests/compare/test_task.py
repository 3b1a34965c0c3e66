"""Reading data: what is told apart, what is refused, and in which words."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from actlab.compare.task import DATASETS, load
from actlab.errors import DataError

ROWS = 60


@pytest.fixture
def frame():
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "size": rng.normal(size=ROWS),
            "rooms": rng.integers(1, 6, ROWS),
            "town": rng.choice(["Aa", "Bb", "Cc"], ROWS),
            "garden": rng.random(ROWS) > 0.5,
            "price": rng.normal(size=ROWS),
        }
    )


@pytest.fixture
def csv(tmp_path, frame):
    def write(changed=frame, name="homes.csv", **options):
        path = tmp_path / name
        changed.to_csv(path, index=False, **options)
        return path

    return write


# --- what is read -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "rows", "classes"),
    [
        ("digits", "classification", 1797, 10),
        ("breast_cancer", "classification", 569, 2),
        ("wine", "classification", 178, 3),
        ("iris", "classification", 150, 3),
        ("diabetes", "regression", 442, 0),
    ],
)
def test_carried_data(name, kind, rows, classes):
    task = load(name)
    assert (task.kind, task.rows, len(task.classes)) == (kind, rows, classes)
    assert name in DATASETS


def test_one_content_one_fingerprint(frame, csv, tmp_path):
    """Files and frames of the same content are the same task."""
    parquet = tmp_path / "homes.parquet"
    frame.to_parquet(parquet)
    packed = csv(name="homes.csv.gz")
    sources = [
        frame,
        pl.from_pandas(frame),
        pl.from_pandas(frame).lazy(),
        pa.Table.from_pandas(frame),
        csv(),
        str(csv()),
        csv(name="homes.tsv", sep="\t"),
        csv(name="semicolon.csv", sep=";"),
        csv(name="comma.csv", sep=";", decimal=","),
        packed,
        parquet,
    ]
    tasks = [load(source, target="price") for source in sources]
    assert len({task.fingerprint for task in tasks}) == 1
    assert len(set(tasks)) == 1
    frame.loc[0, "size"] += 1e-9
    assert load(frame, target="price") != tasks[0]


def test_gzip_is_read_as_such(csv):
    with gzip.open(csv(name="homes.csv.gz"), "rt") as file:
        assert file.readline().startswith("size,")


def test_arrays_and_frames_with_a_separate_target(frame):
    x = frame[["size", "rooms"]].to_numpy()
    apart = load(x, y=frame["price"])
    assert (apart.kind, apart.target_name) == ("regression", "price")
    assert [column.name for column in apart.columns] == ["x0", "x1"]
    assert load(x.tolist(), y=frame["price"].tolist()).rows == ROWS
    with_frame = load(frame[["size", "rooms"]], y=frame["town"].to_numpy())
    assert with_frame.classes == ("Aa", "Bb", "Cc")


def test_frame_with_numbers_for_names(frame):
    numbered = pd.DataFrame(frame[["size", "price"]].to_numpy())
    assert load(numbered, target="1").columns[0].name == "0"


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a", "b"] * 30, "classification"),
        ([True, False] * 30, "classification"),
        ([0.5, 1.5] * 30, "classification"),
        (list(range(12)) * 5, "classification"),
        ([float(i % 3) for i in range(60)], "classification"),
        (list(range(20)) * 3, "regression"),  # 20 values on 3 rows each
        (list(range(30)) * 2, "regression"),
        ([0.5 * (i % 3) for i in range(60)], "regression"),
        (list(np.linspace(0, 1, 60)), "regression"),
    ],
)
def test_kinds_are_told_apart(frame, values, kind):
    assert load(frame.assign(price=values), target="price").kind == kind


def test_task_overrules(frame):
    assert load(frame, target="rooms").kind == "classification"
    assert load(frame, target="rooms", task="regression").kind == "regression"
    task = load(frame, target="rooms", task="classification")
    assert task.classes == ("1", "2", "3", "4", "5")


def test_classes_are_named_as_in_the_data(frame):
    assert load(frame, target="garden").classes == ("False", "True")
    assert load(frame, target="town").classes == ("Aa", "Bb", "Cc")
    assert load("iris").classes == ("setosa", "versicolor", "virginica")


# --- what is left out, and said --------------------------------------------------------------


def test_left_out_with_a_note(frame):
    frame["same"] = 4.0
    frame["empty"] = np.nan
    frame["key"] = [f"K{i}" for i in range(ROWS)]
    frame["id"] = range(10, 10 + ROWS)
    frame.loc[[5, 6], "price"] = np.nan
    task = load(frame, target="price")
    assert [column.name for column in task.columns] == ["size", "rooms", "town", "garden"]
    assert task.rows == ROWS - 2
    assert task.notes == (
        "Column 'id' only numbers the rows and is left out.",
        "2 rows without a value of 'price' are left out.",
        "Columns 'same', 'empty' have one value in every row and are left out.",
        "Column 'key' is text that differs in nearly every row and is left out.",
    )


def test_rare_classes_are_left_out(frame):
    frame.loc[:2, "town"] = "Zz"
    task = load(frame, target="town")
    assert task.classes == ("Aa", "Bb", "Cc")
    assert task.notes == ("3 rows are left out because their class is on fewer than 5 rows: 'Zz'.",)


def test_dates_become_days(frame):
    frame["sold"] = pd.to_datetime("2020-03-01") + pd.to_timedelta(frame["rooms"], unit="D")
    task = load(frame, target="price")
    assert task.columns[-1].values.tolist() == [18322.0 + rooms for rooms in frame["rooms"]]
    assert "The dates in 'sold' are used as numbers: days since 1970-01-01." in task.notes
    assert load(pl.from_pandas(frame), target="price") == task


def test_missing_marks(csv):
    path = csv()
    lines = path.read_text().splitlines()
    lines[1] = "?,NA,,True,0.5"
    path.write_text("\n".join(lines))
    task = load(path, target="price")
    assert [bool(column.missing[0]) for column in task.columns] == [True, True, True, False]


# --- what is refused -------------------------------------------------------------------------


def refused(*args, **options):
    with pytest.raises(DataError) as caught:
        load(*args, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_no_such_file(csv, tmp_path):
    csv()
    assert "there is no file" in refused(tmp_path / "home.csv", target="price")
    assert refused(tmp_path / "home.csv", target="price").endswith("the nearest is 'homes.csv'")
    assert "the nearest is 'digits'" in refused("digit")
    assert "is a directory" in refused(tmp_path, target="price")
    (tmp_path / "homes.xlsx").write_bytes(b"PK")
    assert "unknown kind" in refused(tmp_path / "homes.xlsx", target="price")


def test_no_such_column(csv):
    assert refused(csv(), target="prize").endswith("has no column 'prize'; the nearest is 'price'")
    assert "the columns are size, rooms, town, garden, price" in refused(csv(), target="qqq")


def test_target_not_given(csv):
    message = refused(csv())
    assert "--target" in message
    assert message.endswith("the columns are size, rooms, town, garden, price")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"a,b\n", "has a header and no rows"),
        (b"a,b\n1,2\n1,2,3\n", "is ragged: line 3 has 3 fields where the header has 2"),
        (b"a,b\n1,2\n1\n", "is ragged: line 3 has 1 fields where the header has 2"),
        (b"a,a\n1,2\n", "more than one column named 'a'"),
        (b"1.5,2\n1,2\n", "holds numbers; a header"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00", "is a binary file"),
        (b"a,b\n\xff\xfe\xfa,2\n", "is not text in UTF-8"),
        (b'a,b\n1,"2\n3,4\n', "could not be read as CSV"),
    ],
)
def test_broken_files(tmp_path, content, words):
    path = tmp_path / "broken.csv"
    path.write_bytes(content)
    assert words in refused(path, target="a")


def test_broken_packed_and_parquet(tmp_path):
    path = tmp_path / "broken.csv.gz"
    path.write_bytes(b"a,b\n1,2\n")
    assert "could not be read" in refused(path, target="a")
    path = tmp_path / "broken.parquet"
    path.write_bytes(b"a,b\n1,2\n")
    assert "could not be read as Parquet" in refused(path, target="a")


def test_unusable_targets(frame):
    assert "has no value in any row" in refused(frame.assign(price=np.nan), target="price")
    assert "one class only, 'x'" in refused(frame.assign(price="x"), target="price")
    assert "same value 2 in every row" in refused(
        frame.assign(price=2.0), target="price", task="regression"
    )
    assert "a regression needs numbers" in refused(frame, target="town", task="regression")
    frame["key"] = [f"K{i}" for i in range(ROWS)]
    assert "has 60 different values in 60 rows" in refused(frame, target="key")
    assert "ask for --task regression" in refused(frame, target="price", task="classification")


def test_infinite_values(frame):
    frame.loc[3, "size"] = np.inf
    assert "column 'size' has 1 infinite value;" in refused(frame, target="price")
    assert "the target 'size' has 1 infinite value;" in refused(frame, target="size")


def test_too_few_rows(frame):
    assert "the data have 10 rows" in refused(frame[:10], target="price")


def test_nothing_to_predict_from(frame):
    assert "no column is left" in refused(frame.assign(size=1.0)[["size", "price"]], target="price")
    assert "there is no column to predict" in refused(frame[["price"]], target="price")


def test_wrong_arguments(frame):
    x = frame[["size"]].to_numpy()
    assert "came without y" in refused(x)
    assert "they must agree" in refused(x, y=[1, 2])
    assert "both target= and y=" in refused(frame, target="price", y=frame["price"])
    assert "task='other' is unknown" in refused(frame, target="price", task="other")
    assert "data of type int" in refused(3)
    assert "has the shape (2, 2, 2)" in refused(np.zeros((2, 2, 2)), y=[1, 2])
    assert "complex" in refused(x * 1j, y=frame["price"])
    twice = pd.DataFrame([[1, 2, 3]], columns=["a", "a", "b"])
    assert "more than one column named 'a'" in refused(twice, target="b")
    nested = frame.assign(size=[[1, 2]] * ROWS)
    assert "holds values of type list" in refused(nested, target="price")


def test_refusing_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused("homes.csv", target="price")
    assert list(tmp_path.iterdir()) == []
