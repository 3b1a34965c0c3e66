import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from actlab.report.terminal import render


def printed(result, width, encoding="utf-8", *, colour=False):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    render(result, Console(file=stream, width=width, force_terminal=colour, color_system=None))
    stream.flush()
    return stream.buffer.getvalue().decode(encoding)


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_no_line_is_wider_than_the_console_and_nothing_needed_is_cut(usual, width):
    text = printed(usual, width)
    lines = text.splitlines()
    assert max(map(cell_len, lines)) <= width
    for row in usual.rows:
        line = next(line for line in lines if line.split()[:2] == [str(row.rank), row.label])
        assert f"{row.score:.4f}" in line
        assert row.verdict in line
    flat = " ".join(text.split())
    for said in (*usual.reasons, *usual.task.notes, usual.margin_text):
        assert said in flat
    assert "differences from 0.01" in flat


def test_columns_go_by_importance(usual):
    at = {width: printed(usual, width) for width in (40, 80, 120, 200)}
    assert "Difference  " not in at[40]
    assert "Difference  " in at[80]
    assert "µs" not in at[80]
    assert "µs" in at[120]
    assert "Gradient" not in at[120]
    assert "Gradient" in at[200]


def test_names_are_no_markup_and_no_escape_sequence(make_result):
    names = ("[red]bold[/red]", "\x1b[31mred", "<script>alert(1)</script>", "[/]", "x" * 90)
    result = make_result({name: 0.9 - 0.01 * i for i, name in enumerate(names)})
    text = printed(result, 100)
    for name in (names[0], names[2], names[3], "\ufffd[31mred", "x" * 20):
        assert name in text
    assert "\x1b" not in text


def test_terminals_without_unicode(usual):
    text = printed(usual, 100, encoding="ascii")
    assert "~ equivalent" in text
    assert "-0.0" in text
    assert "?0.0" not in text


def test_no_verdict_and_failures(make_result, make_task):
    about = make_task(kind="regression", metric="rmse", higher=False)
    result = make_result({"relu": 5.0, "tanh": 6.0}, about=about, blocks=2, failing=("tanh",))
    text = printed(result, 80)
    assert "No verdict" in text
    assert "✕ failed" in text
    assert "Difference " not in text
    assert "lower is better" in text


def test_many_candidates_are_cut_but_never_the_recommended_one(make_result):
    levels = {f"c{i}": 0.9 - 0.0001 * i for i in range(60)}
    result = make_result(levels, blocks=3, epochs=2, spread=1e-7)
    text = printed(result, 100)
    assert "20 more candidates in result.json" in text
    assert result.recommended in text
