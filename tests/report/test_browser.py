"""The page in a real browser: no errors, no requests, usable at every width and by keyboard."""

import os
import shutil

import pytest

from actlab.report import comparison

FOUND = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def browser():
    if FOUND is None:
        why = "no chromium was found on the PATH: the report can not be looked at in a browser"
        if os.environ.get("CI"):
            pytest.fail(f"{why}; install it (Debian: apt-get install chromium)")
        pytest.skip(why)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=FOUND, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, tmp_path):
    """Open a page; whatever it complains about or asks for is collected in `page.heard`."""
    opened = []

    def visited(result, *, width=1280, scheme="light", text=None):
        path = tmp_path / "report.html"
        path.write_text(text or comparison(result), encoding="utf-8")
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        opened.append(page)
        page.heard = []
        page.on("console", lambda message: page.heard.append(message.text))
        page.on("pageerror", lambda error: page.heard.append(str(error)))
        page.on("dialog", lambda dialog: (page.heard.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: page.heard.append(request.url))
        page.goto(path.as_uri())
        page.heard = [
            said for said in page.heard if said != path.as_uri() and not said.startswith("data:")
        ]
        return page

    yield visited
    for page in opened:
        page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1600])
def test_no_errors_no_requests_no_sideways_scrolling(visit, hostile, width, scheme):
    page = visit(hostile, width=width, scheme=scheme)
    for summary in page.locator("summary").all():
        summary.click()
    assert page.heard == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.title") == "Activations for <script>alert(1)</script>.csv: " + (
        "<script>alert(1)</script>"
    )


def test_a_page_that_complains_is_noticed(visit, usual):
    text = comparison(usual).replace("<main>", "<main><script>alert(1)</script>", 1)
    text = text.replace("</body>", "<img src='http://127.0.0.1:9/x.png'></body>")
    heard = " ".join(visit(usual, text=text).heard)
    assert "Content Security Policy" in heard
    assert "script-src" in heard
    assert "img-src" in heard


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_background(visit, usual, scheme):
    """WCAG 2.2, 1.4.3: a contrast of at least 4.5."""
    page = visit(usual, scheme=scheme)
    poor = page.evaluate(
        """() => {
          const parse = (c) => c.match(/[\\d.]+/g).map(Number);
          const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
            .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
          const behind = (node) => {
            for (; node; node = node.parentElement) {
              const color = parse(getComputedStyle(node).backgroundColor);
              if (color.length === 3 || color[3] > 0.99) return color;
            }
            return [255, 255, 255];
          };
          const found = [];
          for (const node of document.querySelectorAll("main *, header *")) {
            const own = [...node.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
            if (!own || !node.getClientRects().length) continue;
            const style = getComputedStyle(node);
            const svg = node instanceof SVGElement;
            const a = light(parse(svg ? style.fill : style.color)), b = light(behind(node));
            const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            if (ratio < 4.5) found.push([node.textContent.trim().slice(0, 30), ratio]);
          }
          return found;
        }"""
    )
    assert poor == []


def ranking(page):
    return page.locator(".ranked tbody th .name").all_inner_texts()


def test_the_table_is_sorted_by_keyboard(visit, usual):
    page = visit(usual)
    assert ranking(page) == [row.label for row in usual.rows]
    button = page.get_by_role("columnheader", name="Step").get_by_role("button")
    button.focus()
    page.keyboard.press("Enter")
    by_time = sorted(usual.rows, key=lambda row: row.step_seconds)
    assert ranking(page) == [row.label for row in by_time]
    assert page.get_by_role("columnheader", name="Step").get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Enter")
    assert ranking(page)[0] == by_time[-1].label


def test_a_name_in_the_legend_picks_out_its_lines(visit, usual):
    page = visit(usual)
    button = page.locator(".legend button").nth(1)
    button.focus()
    assert page.locator(".plot .line.lit").count() == 3
    page.keyboard.press("Space")
    assert button.get_attribute("aria-pressed") == "true"
    page.locator(".legend button").nth(3).focus()
    assert page.locator(".plot .line.lit").count() == 6


def test_pictures_have_names(visit, usual):
    page = visit(usual)
    assert page.get_by_role("img").count() == 3
    assert page.get_by_role("img", name="Validation loss per epoch").count() == 1
    assert page.get_by_role("table", name="Candidates, the best first").count() == 1
    assert page.get_by_role("region", name="Ranked table").count() == 1


def test_labels_beside_the_charts_stay_inside_the_window(visit, usual, hostile):
    for result in (usual, hostile):
        for width in (700, 1100, 1600):
            page = visit(result, width=width)
            ends = page.evaluate(
                "[...document.querySelectorAll('.plot text')].map(t => t.getBoundingClientRect())"
                ".filter(r => r.width).map(r => [r.left, r.right])"
            )
            assert ends
            assert min(left for left, _ in ends) >= 0
            assert max(right for _, right in ends) <= width


def test_two_hundred_candidates_open_within_a_second(visit, make_result):
    levels = {f"candidate_{i}": 0.97 - 0.001 * i for i in range(200)}
    result = make_result(levels, blocks=4, epochs=12)
    text = comparison(result)
    taken = []
    for _ in range(3):
        page = visit(result, text=text)
        page.evaluate("document.body.getBoundingClientRect().height")
        # The processor time of the page's own process: other work on the machine has no part in it.
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        known = session.send("Performance.getMetrics")["metrics"]
        taken += [row["value"] for row in known if row["name"] == "ProcessTime"]
    assert page.heard == []
    assert len(taken) == 3
    assert 0 < min(taken) < 1.0
