import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from actlab.compare.study import Arrangement
from actlab.report import comparison

VOID = {"meta", "link", "br", "img", "input", "hr"}
ATTRIBUTES_THAT_LOAD = {"src", "href", "srcset", "data", "poster", "action", "xlink:href"}


class Page(HTMLParser):
    """What a browser would make of the page, as far as these tests ask."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self.open = [], [], []
        self.style = self.script = ""
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open[-1:] == [tag], f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, text):
        if self.open and self.open[-1] in {"style", "script"}:
            setattr(self, self.open[-1], getattr(self, self.open[-1]) + text)
        else:
            self.texts.append(text)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def loads(page):
    """Everything in a page that would be fetched from elsewhere."""
    found = [
        (tag, key, value)
        for tag, attributes in page.elements
        for key, value in attributes.items()
        if key in ATTRIBUTES_THAT_LOAD and not (value or "").startswith(("#", "data:"))
    ]
    css = [page.style, *(a.get("style") or "" for _, a in page.elements)]
    found += [hit for text in css for hit in re.findall(r"url\s*\(|@import|https?:|//", text)]
    code = re.sub(r"^\s*//.*$", "", page.script, flags=re.MULTILINE)
    return found + re.findall(r"fetch|XMLHttp|import\s*\(|https?:|//", code)


def test_hostile_names_make_no_element_and_no_attribute(hostile, make_result):
    levels = {f"name{i}": 0.9 - 0.01 * i for i in range(len(hostile.rows))}
    tame = make_result(levels, blocks=4, epochs=8)
    page, plain = Page(comparison(hostile)), Page(comparison(tame))
    assert len(page.all("script")) == 1
    assert not page.all("img")
    assert {tag for tag, _ in page.elements} == {tag for tag, _ in plain.elements}
    assert {key for _, a in page.elements for key in a} == {
        key for _, a in plain.elements for key in a
    }
    assert not [key for _, a in page.elements for key in a if key.startswith("on")]
    assert page.script == plain.script
    assert page.style == plain.style
    for name in ("<script>alert(1)</script>", "{{ 7*7 }}", "<b onclick=alert(1)>price"):
        assert name in page.text
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text


def test_the_checks_above_can_fail(hostile):
    text = comparison(hostile)
    raw = Page(text.replace("&lt;script&gt;alert(1)&lt;/script&gt;", "<script>alert(1)</script>"))
    assert len(raw.all("script")) > 1
    for fault in (
        "<img src='//evil.example/x'>",
        "<style>@import 'x'</style>",
        "<a href='http://x'>",
    ):
        closed = fault + ("</a>" if fault.startswith("<a") else "")
        assert loads(Page(text.replace('<main id="main">', "<main>" + closed, 1)))


def test_nothing_is_loaded_from_anywhere(hostile, usual):
    for result in (hostile, usual):
        assert loads(Page(comparison(result))) == []


def test_the_answer_stands_first_and_in_order(usual):
    page = comparison(usual)
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", page) == [
        "What to use",
        "How sure",
        "What it costs",
        "Why",
        "Read with this in mind",
        "Ranking",
        "Differences from the best",
        "Learning rates",
        "Learning curves",
        "Health of the networks",
        "Data",
        "Protocol",
        "Do it again",
    ]
    text = Page(page).text
    for said in (*usual.reasons, *usual.notes, *usual.task.notes, usual.margin_text, usual.study):
        assert " ".join(said.split()) in text
    for row in usual.rows:
        assert f"{row.score:.4f}" in text


def test_tables_headings_and_pictures_have_names(usual):
    page = Page(comparison(usual))
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("header")) == 1
    assert all(head.get("scope") in {"col", "row"} for head in page.all("th"))
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    pictures = [a for a in page.all("svg") if a.get("role") == "img"]
    assert len(pictures) == 3
    for picture in pictures:
        assert {picture["aria-labelledby"], picture["aria-describedby"]} <= set(ids)
    for attributes in page.all("section"):
        assert attributes["aria-labelledby"] in ids
    for attributes in page.all("a"):
        assert attributes["href"].removeprefix("#") in ids
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    scrolled = [a for a in page.all("div") if "scroll" in (a.get("class") or "").split()]
    assert len(scrolled) == len(page.all("table"))
    assert all(a["tabindex"] == "0" and a["aria-label"] for a in scrolled)
    assert len(page.all("table")) >= 1 + len(pictures)


def test_every_number_of_the_charts_can_be_drawn(usual, hostile):
    for result in (usual, hostile):
        text = comparison(result)
        for path in re.findall(r' d="([^"]*)"', text):
            assert not re.search(r"nan|inf", path)
        for svg in re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL):
            if svg.count("<svg") == 1:
                ET.fromstring(svg)  # noqa: S314  (our own page)


def test_too_few_blocks_give_no_verdict(make_result):
    page = Page(comparison(make_result({"relu": 0.9, "tanh": 0.8}, blocks=2)))
    assert "No verdict yet" in page.text
    assert "relu has the best mean score so far" in page.text
    assert "2 blocks can not tell a difference from chance" in page.text


def test_a_tie_is_called_a_tie(make_result):
    result = make_result({"relu": 0.9, "tanh": 0.9001}, spread=0.03)
    assert {row.verdict for row in result.rows} == {"best", "undecided"}
    assert "A tie, with this one ahead by mean" in Page(comparison(result)).text


def test_diverged_candidates_and_regression(make_result, make_task):
    about = make_task("prices.csv", kind="regression", metric="rmse", higher=False, target="price")
    result = make_result({"relu": 54.0, "tanh": 55.0, "cube": 60.0}, about=about, failing=("cube",))
    page = Page(comparison(result))
    assert "✕ failed" in page.text
    assert "RMSE" in page.text
    assert "lower is better" in page.text
    assert "target='price'" in page.text


def test_nothing_finished_and_everything_failed(usual, make_result):
    bare = replace(
        usual,
        rows=tuple(
            replace(
                row,
                score=None,
                score_interval=None,
                difference=None,
                difference_interval=None,
                verdict=None,
                runs=0,
                scores=(None,) * 10,
                chosen_learning_rates=(None,) * 10,
                good_learning_rates=None,
                good_factor=None,
                dead_share=None,
                saturated_share=None,
                gradient_first=None,
                gradient_last=None,
                step_seconds=None,
                saved_bytes=None,
            )
            for row in usual.rows
        ),
        best=None,
        recommended=None,
        reasons=("No recommendation: no candidate was finished.",),
        curves=(),
        sensitivities=(),
        environments=(),
        showable_difference=None,
        runs_done=0,
        finished=None,
    )
    assert "not reached" in Page(comparison(bare)).text
    failed = make_result({"a": 0.9, "b": 0.8}, failing=("a", "b"), blocks=4)
    assert "No recommendation" in Page(comparison(failed)).text


def test_one_candidate_one_epoch_one_rate(make_result):
    result = make_result({"relu": 0.9}, epochs=1, blocks=3, rates=(0.01,))
    assert "only one to compare" in Page(comparison(result)).text


def test_two_hundred_candidates_stay_small(many):
    text = comparison(many)
    assert len(text.encode()) < 10e6
    page = Page(text)
    assert all(row.label in page.text for row in many.rows)
    lines = [a for a in page.all("path") if re.match(r"line s\d", a.get("class") or "")]
    assert len({a["data-series"] for a in lines if "data-series" in a}) <= 8


def test_the_code_of_the_page_asks_the_same_question(usual):
    text = Page(comparison(usual)).text
    code = text[text.index("import actlab") :]
    for part in ("actlab.compare(", "'digits'", "blocks=10", "seed=0", usual.rows[0].formula):
        assert part in code


OWN = ["relu", "gelu", "tanh"]


@pytest.mark.parametrize(
    ("name", "kind", "rows"),
    [
        ("Net", "own model", 0),
        ("digits-gan", "generation", 1797),
        ("digits-image", "classification", 1797),
        ("something", "a kind of tomorrow", 12),
    ],
)
def test_studies_that_are_no_tables_are_not_said_to_be(make_result, make_task, name, kind, rows):
    about = replace(
        make_task(name, metric="distance", higher=False),
        kind=kind,
        metric_range=(0.0, None),
        rows=rows,
        features=rows and 64,
        classes=(),
        notes=("Pictures of 8 by 8.",),
    )
    result = make_result({label: 0.5 + 0.1 * i for i, label in enumerate(OWN)}, about=about)
    text = Page(comparison(result)).text
    for word in (" row", "Rows", "columns were", "Hidden layers", "hidden=", "Preprocessing"):
        assert word not in text
    assert f"{kind.capitalize()} · " in text
    assert ("examples" in text.split("candidates")[0]) == bool(rows)
    call = text[text.index("actlab.compare(") :]
    assert call.startswith(
        f"actlab.compare( '{name}'," if "-" in name else "actlab.compare( model="
    )


def test_tables_are_said_to_be(usual):
    text = Page(comparison(usual)).text
    for word in ("Hidden layers", "hidden=(64, 64)", "Preprocessing was fitted"):
        assert word in text


def test_how_many_networks_are_computed_at_once_is_that_of_the_way(usual):
    for way, told in ((None, "up to 40"), ("stacked", "up to 40"), ("looped", "1 ")):
        arrangement = way and Arrangement(way, "It was faster.")
        text = Page(comparison(replace(usual, arrangement=arrangement))).text
        assert text.split("Networks in one computation")[1].strip().startswith(told)


def test_a_candidate_that_left_the_race_is_marked(usual):
    *rest, last = usual.rows
    gone = replace(
        last,
        difference=-0.8,
        difference_interval=None,
        scores=(*last.scores[:4], *(None,) * 6),
        verdict="worse",
    )
    raced = replace(
        usual,
        rows=(*rest, gone),
        settings=replace(usual.settings, race=True),
        runs_spared=30,
        seconds_spared=70.0,
    )
    page = Page(comparison(raced))
    assert "4 of 10 blocks" in page.text
    assert "about 1 min 10 s 30 trainings" in page.text
    assert "left the race" in page.text
    assert "race=True" in page.text
