"""A gallery of a dozen functions, written once, and a browser to look at it."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from actlab import define
from actlab.gallery import write_gallery
from browser import browser

__all__ = ["browser"]

NAMES = (
    "gelu", "relu", "leaky_relu", "swish", "elu", "tanh", "fast_sigmoid_spike", "softmax", "top_k",
    "swiglu", "cardioid", "kaf",
)  # fmt: skip
HOSTILE = "</title><script>alert(1)</script>"


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder; one function is a user's own, with markup for a name."""
    folder = tmp_path_factory.mktemp("gallery")
    own = define("x * tanh(exp(b * x))", name=HOSTILE, b=1.0)
    write_gallery(folder, [*NAMES, own])
    return folder


@dataclass
class Looked:
    """A page in the browser, and what it complained of or asked for."""

    page: object
    root: Path
    heard: list = field(default_factory=list)

    def go(self, path):
        """Open a page of the site; `path` may have a state behind #."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.root.as_uri()}/{path}")
        self.settle()
        return self.page

    def settle(self):
        """Wait until what was asked for is drawn."""
        self.page.evaluate(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def note_request(self, request):
        if not request.url.startswith((self.root.as_uri(), "data:", "about:blank")):
            self.heard.append(request.url)


@pytest.fixture
def look(browser, site):
    """Open a window on the site: `look(width=..., scheme=...)`."""
    opened = []

    def window(*, width=1280, scheme="light", root=None):
        page = browser.new_page(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        opened.append(page)
        looked = Looked(page, root or site)
        page.on("console", lambda message: looked.heard.append(message.text))
        page.on("pageerror", lambda error: looked.heard.append(str(error)))
        page.on("dialog", lambda dialog: (looked.heard.append(dialog.message), dialog.dismiss()))
        page.on("request", looked.note_request)
        return looked

    yield window
    for page in opened:
        page.close()
