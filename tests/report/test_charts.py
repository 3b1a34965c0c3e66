import math
from dataclasses import replace

import pytest

from actlab.report.charts import Series, line_chart, value_axis
from actlab.report.svg import axis_of_epochs, axis_of_rates, linear_axis, log_axis, tag
from actlab.report.tracks import forest_axis, forest_track


def test_elements_escape_texts_and_attributes():
    text = tag("text", "<b>&", title='"><script>', data_series=1, left=None)
    assert text == '<text title="&#34;&gt;&lt;script&gt;" data-series="1">&lt;b&gt;&amp;</text>'
    assert tag("g", text) == f"<g>{text}</g>"


@pytest.mark.parametrize(("low", "high"), [(0.9, 0.97), (-3.0, 400.0), (1e-9, 2e-9), (5.0, 5.0)])
def test_marks_are_round_apart_and_inside(low, high):
    axis = linear_axis(low, high)
    places = [axis.place(value) for value, _ in axis.ticks]
    assert 2 <= len(places) <= 8
    assert all(0 <= place <= 1 for place in places)
    assert len({text for _, text in axis.ticks}) == len(places)
    for value, text in axis.ticks:
        written = float(text.replace("−", "-").replace(",", ""))
        assert math.isclose(written, value, rel_tol=1e-9, abs_tol=1e-12 * abs(high))


def test_logarithmic_axes_place_decades_evenly():
    axis = log_axis(0.01, 10.0)
    assert axis.place(0.1) - axis.place(0.01) == pytest.approx(axis.place(1) - axis.place(0.1))
    wide = log_axis(1e-3, 1e27)
    assert 4 <= len(wide.ticks) <= 9
    rates = axis_of_rates((0.001, 0.01, 0.1))
    assert [text for _, text in rates.ticks] == ["0.001", "0.01", "0.1"]
    assert rates.place(0.01) == pytest.approx(0.5)


@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 15, 30, 1000])
def test_epochs_begin_at_one_and_have_few_marks(epochs):
    axis = axis_of_epochs(epochs)
    marks = [value for value, _ in axis.ticks]
    assert marks[0] == 1
    assert marks == sorted(set(marks))
    assert len(marks) <= 8
    assert all(0 <= axis.place(mark) <= 1 for mark in marks)


def test_one_hopeless_candidate_does_not_flatten_the_others():
    good = [Series(f"g{i}", range(10), [0.9 + 0.01 * i] * 10, i) for i in range(4)]
    bad = Series("bad", range(10), [0.1] * 10, 4)
    axis = value_axis([*good, bad], higher_is_better=True, parts=5)
    assert axis.low > 0.8
    assert axis.cut
    assert not value_axis(good, higher_is_better=True, parts=5).cut


def test_lines_break_where_there_is_no_number():
    one = Series("one", (1, 2, 3, 4), (0.5, None, 0.6, 0.7), 0)
    chart = line_chart("a", "t", "d", [one], rates=False, y=linear_axis(0, 1))
    path = chart.split('class="line s0"')[1].split('d="')[1].split('"')[0]
    assert path.count("M") == 2
    assert path.count("L") == 1


def test_labels_at_the_ends_do_not_cover_each_other():
    series = [Series(f"name{i}", (1, 2), (0.5, 0.5 + 1e-4 * i), i) for i in range(8)]
    chart = line_chart("a", "t", "d", series, rates=False, y=linear_axis(0, 1))
    tops = []
    for part in chart.split('class="mark direct"')[1:]:
        top = float(part.split(' y="')[1].split('"')[0])
        shift = float(part.split("<text")[1].split(' y="')[1].split('"')[0])
        tops.append(top + shift)
    assert len(tops) == 8
    assert all(b - a > 16.9 for a, b in zip(sorted(tops), sorted(tops)[1:], strict=False))


def test_the_forest_shows_zero_and_the_margin(usual):
    rows = [row for row in usual.rows if row.difference is not None]
    axis = forest_axis(usual, rows)
    for value in (0.0, usual.margin, -usual.margin):
        assert 0 <= axis.place(value) <= 1


@pytest.mark.parametrize(("difference", "arrows"), [(-0.8, 1), (-0.001, 0)])
def test_what_lies_beyond_the_forest_is_an_arrow(usual, difference, arrows):
    axis = forest_axis(usual, usual.rows)
    row = replace(usual.rows[-1], difference=difference, difference_interval=None)
    track = forest_track(row, axis, usual.margin, "worse")
    assert track.count("M6-5L0 0L6 5M0 0H22") == arrows
    assert track.count('class="dot worse"') == 1 - arrows
