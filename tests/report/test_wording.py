import pytest

from actlab.report.wording import (
    amount,
    certainty,
    clean,
    fixed,
    mark_of,
    percent,
    places,
    short,
    size,
    span,
)
from actlab.report.wording import unit_of_time as unit


def test_numbers_are_written_with_a_real_minus_and_fixed_decimals():
    assert fixed(-0.01234, 4) == "−0.0123"
    assert fixed(0.01234, 3, sign=True) == "+0.012"
    assert fixed(-0.00001, 3, sign=True) == "0.000"
    assert fixed(12345.6, 1) == "12,345.6"
    assert fixed(None, 3) == fixed(float("nan"), 3) == "–"
    assert span((-0.5, 0.25), 2, sign=True) == "−0.50 to +0.25"
    assert span(None, 2) == "–"


def test_amounts_shares_sizes_and_times():
    assert [amount(v) for v in (0.0003, 3e-7, 1234567.0, None)] == ["0.0003", "3e−7", "1.23e6", "–"]
    assert [percent(v) for v in (0.0, 0.0004, 0.123, 1.0)] == ["0 %", "<0.1 %", "12.3 %", "100 %"]
    assert [size(v) for v in (12, 2048, 3 * 2**20, None)] == ["12 B", "2 KiB", "3 MiB", "–"]
    assert (unit([2e-4, None]).name, unit([2e-3]).name, unit([3.0]).name) == ("µs", "ms", "s")
    assert unit([2e-4]).text(2.5e-4) == "250"
    assert unit([]).text(None) == "–"


def test_scores_have_two_digits_more_than_the_margin(usual, make_result, make_task):
    assert places(usual) == 4
    big = make_task(kind="regression", metric="rmse", higher=False)
    assert places(make_result({"a": 50_000.0, "b": 60_000.0}, about=big, blocks=4, spread=9.0)) == 0


def test_names_are_made_printable():
    assert clean("a\nb\x1b[31m\ud800\u202ec") == "a b\ufffd[31m\ufffd\ufffdc"
    assert short("x" * 30, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("label", "word"), [("gelu", "equivalent"), ("sigmoid", "worse"), ("telu", "best")]
)
def test_a_verdict_is_a_word_and_a_symbol(usual, label, word):
    mark = mark_of(usual.row(label))
    assert mark.word == word
    assert mark.symbol


def test_failed_unjudged_and_unreached_candidates_are_told_apart(make_result):
    failed = make_result({"a": 0.9, "b": 0.8}, failing=("b",), blocks=4)
    unjudged = make_result({"a": 0.9, "b": 0.8}, blocks=2)
    assert mark_of(failed.row("b")).word == "failed"
    assert mark_of(unjudged.row("b")).word == "no verdict"


def test_how_sure_is_said_in_a_sentence(make_result):
    def said(levels, **put):
        return certainty(make_result(levels, epochs=2, **put))

    even, behind = {"a": 0.9, "b": 0.9001}, {"c": 0.5}
    assert said(even | behind, spread=0.03) == (
        "Partly open: 1 of 2 others could not be told apart from the best."
    )
    assert said(even, spread=0.03) == ("Open: the other one could not be told apart from the best.")
    assert said(even | {"d": 0.9002}, spread=0.03).startswith("Open: none of 2 others could be")
    assert said(even | behind, spread=1e-5) == (
        "Settled: all 2 others were shown to be worse or equivalent."
    )
    assert said(even, failing=("b",)) == "Settled: the other one was shown to be worse."
    assert said(even, blocks=2).startswith("Nothing can be said yet")
    assert said({"a": 0.9}).startswith("There was only one")
