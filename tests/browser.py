"""Pages in a real browser: the system's Chromium, what a page says and asks for, and axe on it.

A folder of tests that needs it names the fixtures in its conftest: `from browser import browser,
visit`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

__all__ = ["axe", "browser", "faint", "visit"]

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
    """Chromium, once for a file of tests."""
    if FOUND is None:
        why = "no chromium was found on the PATH: pages can not be looked at in a browser"
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
    """Open a page, given as its text or as the path of its file.

    Whatever it complains about and whatever it asks for is collected in `page.heard`; a file may
    ask for others of its folder.
    """
    opened = []

    def visited(subject, *, width=1280, height=900, scheme="light"):
        if isinstance(subject, Path):
            path, own = subject, subject.parent.as_uri() + "/"
        else:
            path = tmp_path / "page.html"
            path.write_text(subject, encoding="utf-8")
            own = path.as_uri()
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        opened.append(page)
        page.heard = []
        page.on("console", lambda message: page.heard.append(message.text))
        page.on("pageerror", lambda error: page.heard.append(str(error)))
        page.on("dialog", lambda dialog: (page.heard.append(dialog.message), dialog.dismiss()))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((own, "data:"))
                else page.heard.append(f"asked for {request.url}")
            ),
        )
        page.goto(path.as_uri())
        return page

    yield visited
    for page in opened:
        page.close()


def axe(page, *, least="serious", rules=None):
    """Return what axe-core finds on a page: (rule, impact, first element) of each finding.

    Impacts below `least` ("minor", "moderate", "serious", "critical") are left out; `rules` names
    the only ones to run. Axe does not judge the contrast of drawn text: see `faint`.
    """
    from axe_playwright_python.sync_playwright import Axe

    impacts = ("minor", "moderate", "serious", "critical")
    wanted = impacts[impacts.index(least) :]
    options = {"resultTypes": ["violations"]}
    if rules is not None:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    return [
        (one["id"], one["impact"], one["nodes"][0]["html"][:200])
        for one in Axe().run(page, options=options).response["violations"]
        if one["impact"] in wanted
    ]


def faint(page, *, least=4.5):
    """Return the texts, drawn ones too, that stand out too little (WCAG 2.2, 1.4.3)."""
    return page.evaluate(
        """(least) => {
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
            if (ratio < least) found.push([node.textContent.trim().slice(0, 30), ratio]);
          }
          return found;
        }""",
        least,
    )
