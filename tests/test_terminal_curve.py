"""The small pictures for the terminal."""

from __future__ import annotations

import math

from actlab.terminal_curve import draw_bars, draw_curve

GRID = [k / 10 for k in range(-50, 51)]


def canvas(text: str) -> list[str]:
    """The lines between the axes."""
    return [line.partition("|")[2].ljust(40) for line in text.splitlines()[:-2]]


def draw(y: list[float]) -> str:
    return draw_curve(GRID, y, width=40, height=11, ascii_only=True)


def test_the_curve_is_where_the_values_are() -> None:
    rows = canvas(draw([max(x, 0.0) for x in GRID]))
    assert rows[0].rstrip().endswith("*")
    assert rows[-1].startswith("*" * 20)
    columns = [[row[column] == "*" for row in rows].index(True) for column in range(40)]
    assert columns == sorted(columns, reverse=True)


def test_a_jump_is_joined_and_a_gap_is_not() -> None:
    rows = canvas(draw([float(x > 0) for x in GRID]))
    assert all("*" in row for row in rows)
    gap = canvas(draw([math.nan if abs(x) < 2 else float(x > 0) for x in GRID]))
    assert [row for row in gap[1:-1] if "*" in row] == []


def test_labels() -> None:
    lines = draw([x / 2 for x in GRID]).splitlines()
    assert lines[0].startswith(" 2.5 |")
    assert lines[5].startswith("   0 |")
    assert lines[10].startswith("-2.5 |")
    assert lines[-1].split() == ["-5", "0", "5", "x"]
    assert lines[-1].index("0") == lines[0].index(":")


def test_what_is_too_high_is_cut_off_and_nothing_at_all_still_drawn() -> None:
    assert draw([math.exp(x * x) for x in GRID]).splitlines()[0].split()[0] == "7.5"
    assert "*" not in draw([math.nan] * len(GRID))
    assert "*" * 40 in draw([3.0] * len(GRID))
    assert "*" * 40 in draw([0.0] * len(GRID))


def test_braille() -> None:
    text = draw_curve(GRID, GRID, width=20, height=5)
    assert any(0x2800 < ord(letter) < 0x2900 for letter in text)
    assert max(map(len, text.splitlines())) <= 20 + 8


def test_bars_are_as_long_as_the_values() -> None:
    lines = draw_bars([1, 10], [-1.0, math.nan], width=8, ascii_only=True).splitlines()
    assert lines == ["x =  1  ########  -1", "x = 10            nan"]
