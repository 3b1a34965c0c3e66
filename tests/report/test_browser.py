"""The page in a real browser: no errors, no requests, usable at every width and by keyboard."""

import pytest

from actlab.report import comparison
from browser import axe, faint


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (768, "light"), (1600, "light")])
def test_no_errors_no_requests_no_sideways_scrolling(visit, hostile, width, scheme):
    page = visit(comparison(hostile), width=width, scheme=scheme)
    for summary in page.locator("summary").all():
        summary.click()
    assert page.heard == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.title") == "Activations for <script>alert(1)</script>.csv: " + (
        "<script>alert(1)</script>"
    )


def test_a_page_that_complains_is_noticed(visit, usual):
    text = comparison(usual).replace('<main id="main">', "<main><script>alert(1)</script>", 1)
    text = text.replace("</body>", "<img src='http://127.0.0.1:9/x.png'></body>")
    heard = " ".join(visit(text).heard)
    assert "Content Security Policy" in heard
    assert "script-src" in heard
    assert "img-src" in heard


def opened(page):
    """Unfold everything."""
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    return page


def test_axe_finds_nothing_in_light_and_dark(visit, hostile):
    page = opened(visit(comparison(hostile)))
    assert axe(page) == []
    assert faint(page) == []
    page.emulate_media(color_scheme="dark")
    assert axe(page, rules=["color-contrast"]) == []
    assert faint(page) == []


def test_faults_are_found(visit):
    """A colour of low contrast, a button without a name, a picture without words."""
    page = visit(
        "<!DOCTYPE html><html lang=en><title>t</title><body style='background:#fff'><main>"
        "<p style='color:#999'>faint</p><button></button><div role=img></div>"
        "<svg><text y=20 fill='#aaa'>drawn</text></svg></main>"
    )
    assert {name for name, *_ in axe(page)} >= {"color-contrast", "button-name", "role-img-alt"}
    assert [text for text, _ in faint(page)] == ["faint", "drawn"]


def ranking(page):
    return page.locator(".ranked tbody th .name").all_inner_texts()


def test_the_table_is_sorted_by_keyboard(visit, usual):
    page = visit(comparison(usual))
    assert ranking(page) == [row.label for row in usual.rows]
    button = page.get_by_role("columnheader", name="Step").get_by_role("button")
    button.focus()
    page.keyboard.press("Enter")
    by_time = sorted(usual.rows, key=lambda row: row.step_seconds)
    assert ranking(page) == [row.label for row in by_time]
    assert page.get_by_role("columnheader", name="Step").get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Enter")
    assert ranking(page)[0] == by_time[-1].label


def test_everything_is_reached_by_keyboard(visit, usual):
    page = visit(comparison(usual))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the answer"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#answer"
    wanted = page.locator("main :is(summary, button, [tabindex='0']):visible").count()
    reached = set()
    for _ in range(wanted):
        page.keyboard.press("Tab")
        ring, place = page.evaluate(
            "[getComputedStyle(document.activeElement).outlineStyle,"
            " [...document.querySelectorAll('*')].indexOf(document.activeElement)]"
        )
        assert ring == "solid"
        reached.add(place)
    assert len(reached) == wanted
    summary = page.get_by_text("Table: validation loss")
    summary.focus()
    page.keyboard.press("Enter")
    table = page.get_by_role("region", name="Table of Validation loss")
    assert table.locator("tbody tr").count() == len(usual.curves)


def test_a_name_in_the_legend_picks_out_its_lines(visit, usual):
    page = visit(comparison(usual))
    button = page.locator(".legend button").nth(1)
    button.focus()
    assert page.locator(".plot .line.lit").count() == 3
    page.keyboard.press("Space")
    # The legend stands before both groups of charts; its buttons agree.
    pressed = page.locator(".legend button[aria-pressed='true']").all_inner_texts()
    assert pressed == [button.inner_text()] * 2
    page.locator(".legend button").nth(3).focus()
    assert page.locator(".plot .line.lit").count() == 6


def test_pictures_have_names(visit, usual):
    page = visit(comparison(usual))
    assert page.get_by_role("img").count() == 3
    assert page.get_by_role("img", name="Validation loss per epoch").count() == 1
    assert page.get_by_role("table", name="Candidates, the best first").count() == 1
    assert page.get_by_role("region", name="Ranked table").count() == 1


def test_labels_beside_the_charts_stay_inside_the_window(visit, usual, hostile):
    for result in (usual, hostile):
        for width in (700, 1100, 1600):
            page = visit(comparison(result), width=width)
            ends = page.evaluate(
                "[...document.querySelectorAll('.plot text')].map(t => t.getBoundingClientRect())"
                ".filter(r => r.width).map(r => [r.left, r.right])"
            )
            assert ends
            assert min(left for left, _ in ends) >= 0
            assert max(right for _, right in ends) <= width


def test_two_hundred_candidates_open_within_a_second(visit, many):
    text = comparison(many)
    taken = []
    for _ in range(3):
        page = visit(text)
        page.evaluate("document.body.getBoundingClientRect().height")
        # The processor time of the page's own process: other work on the machine has no part in it.
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        known = session.send("Performance.getMetrics")["metrics"]
        taken += [row["value"] for row in known if row["name"] == "ProcessTime"]
    assert page.heard == []
    assert len(taken) == 3
    assert 0 < min(taken) < 1.0


def test_paper_shows_everything_on_white(visit, usual):
    page = visit(comparison(usual), width=800, scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(251, 250, 247)"
    assert not page.locator("nav").is_visible()
    assert page.locator(".plot:visible").count() == 3
    assert page.evaluate("document.documentElement.scrollWidth") <= 800
