"""A result in a notebook's cell."""

import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

COLOURS = {"light": ("#ffffff", "#111111"), "dark": ("#111111", "#dddddd")}


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen, self.attributes = [], set(), set()

    def handle_starttag(self, tag, attributes):
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attributes}
        if tag not in {"line", "circle"}:
            self.open.append(tag)

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def cell(result, scheme="light"):
    """The result as a notebook of this scheme would show it."""
    back, front = COLOURS[scheme]
    body = f'<body style="background: {back}; color: {front}">{result._repr_html_()}</body>'
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>x</title>{body}</html>'


def test_it_says_what_the_result_says(usual):
    html = usual._repr_html_()
    assert usual.reasons[0] in html
    assert html.count("<tr") == 1 + len(usual.rows)
    assert html.index(f">{usual.rows[0].label}<") < html.index(f">{usual.rows[1].label}<")
    assert "★ best" in html
    assert "64 numeric columns were scaled." in html
    assert "result.report(&#x27;report.html&#x27;)" in html


def test_it_is_plain_html_whatever_the_names(usual, hostile, many):
    for result in (usual, hostile, many):
        tags = Tags()
        tags.feed(result._repr_html_())
        assert tags.open == []
        assert not tags.seen & {"script", "img", "link", "iframe", "object", "b"}
        assert not {name for name in tags.attributes if name.startswith("on")}
        assert not tags.attributes & {"href", "src"}


def test_two_hundred_candidates_are_cut_and_the_recommended_one_stays(many):
    html = many._repr_html_()
    assert html.count("<tr") <= 1 + 41
    assert "160 more candidates in the report" in html or "159 more candidates" in html
    assert len(html) < 60_000


@pytest.mark.parametrize("scheme", COLOURS)
def test_a_browser_shows_it_and_hears_nothing(visit, hostile, scheme):
    page = visit(cell(hostile, scheme), scheme=scheme, width=900)
    assert page.heard == []
    assert page.locator("tbody tr").count() == len(hostile.rows)
    assert page.locator("svg circle").count() == len(hostile.rows)
    front = COLOURS[scheme][1]
    wanted = "rgb({}, {}, {})".format(*(int(front[i : i + 2], 16) for i in (1, 3, 5)))
    for place in ("td", "svg"):
        found = page.locator(place).first.evaluate("e => getComputedStyle(e).color")
        assert found == wanted, "colours are those of the notebook"


def test_a_study_that_was_hardly_begun_has_a_cell_too(usual, make_result):
    assert make_result({"relu": 0.9, "tanh": 0.8}, blocks=2)._repr_html_().count("<tr") == 3
    nothing = replace(usual, rows=(), reasons=(), notes=(), recommended=None, best=None)
    assert nothing._repr_html_().count("<tr") == 1


def test_the_short_form_is_short(usual, make_result):
    assert repr(usual) == (
        f"<Result on digits: use {usual.recommended}; 12 candidates, 600 of 600 trainings>"
    )
    assert "no recommendation" in repr(make_result({"relu": 0.9, "tanh": 0.8}, blocks=2))


def test_it_needs_no_template_engine():
    code = (
        "import sys; sys.modules['jinja2'] = sys.modules['markupsafe'] = None\n"
        "from actlab.compare import compare\n"
        "result = compare('iris', activations='relu,tanh', epochs=2, blocks=3, hidden=4)\n"
        "assert result._repr_html_().startswith('<div')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)
