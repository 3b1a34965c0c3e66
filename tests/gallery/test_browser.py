"""The gallery in a real browser: right curves, no complaint, usable by keyboard and by all."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

import actlab
from actlab.gallery.exhibit import exhibit
from actlab.gallery.pages import index_page
from actlab.gallery.samples import window
from actlab.properties.regions import regions

PAGES = (
    "index.html",
    "overlay.html#f=swish,beta:3&f=gelu&f=swiglu&order=1",
    "functions/gelu.html",
    "functions/leaky_relu.html#negative_slope=0.5",
    "functions/swiglu.html",
    "functions/softmax.html",
    "functions/top_k.html",
    "functions/cardioid.html",
    "functions/kaf.html",
)


SILENT = """[...document.querySelectorAll("main svg, main canvas")].filter((node) =>
  !node.closest("[aria-hidden=true]") && !node.getAttribute("aria-label")).length"""


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1600, "light")])
def test_no_message_no_request_no_sideways_scrolling_no_silent_picture(look, site, width, scheme):
    looked = look(width=width, scheme=scheme)
    own = next(p.name for p in (site / "functions").glob("*script*.html"))
    for path in (*PAGES, f"functions/{own}"):
        page = looked.go(path)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        looked.settle()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate(SILENT) == 0, path
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(251, 250, 247)", "dark": "rgb(20, 23, 26)"}[scheme]
    assert looked.heard == []


def test_a_page_that_complains_is_noticed(look, site, tmp_path):
    text = (site / "functions/gelu.html").read_text()
    text = text.replace("</body>", "<script>alert(1)</script><img src='http://127.0.0.1:9/x.png'>")
    (tmp_path / "gelu.html").write_text(text)
    looked = look(root=tmp_path)
    looked.go("gelu.html")
    heard = " ".join(looked.heard)
    assert "script-src" in heard
    assert "img-src" in heard


# --- curves -----------------------------------------------------------------------------------

ORDERS = {"value": 0, "slope": 1, "curvature": 2}


def python(f, x, order):
    return f(x) if order == 0 else f.derivative(x, order=order)


def drawn(page, box, line=".line:not(.ghost)"):
    """Inputs and values read back from the path of a curve, what is in the panel alone."""
    found = page.evaluate(
        """([box, line]) => {
          const svg = document.querySelector(`${box} svg`);
          return [{ ...svg.dataset }, svg.querySelector(line).getAttribute("d")];
        }""",
        [box, line],
    )
    frame = {key: float(value) for key, value in found[0].items()}
    pixels = np.array(re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", found[1]), dtype=float)
    high = (frame["right"] - frame["left"]) / (frame["high"] - frame["low"])
    tall = (frame["down"] - frame["up"]) / (frame["top"] - frame["bottom"])
    inside = (pixels[:, 1] > frame["up"]) & (pixels[:, 1] < frame["down"])
    x = frame["low"] + (pixels[inside, 0] - frame["left"]) / high
    y = frame["top"] - (pixels[inside, 1] - frame["up"]) / tall
    return x, y, 0.006 / high, 0.006 / tall  # two decimals of a pixel


def agrees(f, order, x, y, wide, tall):
    """Whether points of a picture lie on the curve, up to the decimals of its path."""
    around = [python(f, x + shift, order) for shift in (-wide, 0.0, wide)]
    return np.all((y >= np.min(around, axis=0) - tall) & (y <= np.max(around, axis=0) + tall))


@pytest.mark.parametrize(
    ("name", "parameter"),
    [("swish", "beta"), ("elu", "alpha"), ("leaky_relu", "negative_slope"),
     ("fast_sigmoid_spike", "slope")],
)  # fmt: skip
def test_a_slider_moves_the_curve_to_what_python_computes(look, name, parameter):
    looked = look()
    page = looked.go(f"functions/{name}.html")
    slider = page.locator(f"#p-{parameter}")
    before = page.locator("[data-part=slope] .line").get_attribute("d")
    slider.focus()
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    looked.settle()
    # the number in the address is the one that was computed with
    moved = float(page.evaluate(f"new URLSearchParams(location.hash.slice(1)).get('{parameter}')"))
    f = actlab.get(name, **{parameter: moved})
    assert moved != actlab.get(name).parameters[parameter]
    assert page.locator("[data-part=slope] .line:not(.ghost)").get_attribute("d") != before
    x = np.linspace(*window(f), 100)
    for part, order in ORDERS.items():
        ours = python(f, x, order)
        theirs = page.evaluate(
            "([name, part, xs, value]) => "
            "xs.map((x) => gallery.functions.get(name)[part](x, value))",
            [name, part, x.tolist(), moved],
        )
        scale = np.abs(ours).max() + 1e-300
        np.testing.assert_allclose(theirs, ours, rtol=1e-13, atol=1e-15 * scale)
        path = drawn(page, f"[data-part={part}]")
        assert len(path[0]) > 600
        assert agrees(f, order, *path), part
    page.get_by_role("button", name="Back to the defaults").press("Enter")
    looked.settle()
    assert page.locator("[data-part=slope] .line").get_attribute("d") == before
    assert "#" not in page.url


def test_a_curve_that_is_off_is_noticed(look):
    page = look().go("functions/swish.html#beta=2")
    path = drawn(page, "[data-part=value]")
    assert agrees(actlab.get("swish", beta=2.0), 0, *path)
    assert not agrees(actlab.get("swish", beta=2.02), 0, *path)


@pytest.mark.parametrize(
    ("name", "moved"), [("tanh", {}), ("elu", {"alpha": 2.0}), ("leaky_relu", {})]
)
def test_flat_tails_are_those_that_python_finds(look, name, moved):
    page = look().go(f"functions/{name}.html")
    found = page.evaluate(
        "([name, numbers]) => "
        "gallery.flat((x) => gallery.functions.get(name).slope(x, ...numbers))",
        [name, list(moved.values()) or list(actlab.get(name).parameters.values())],
    )
    flat = regions(actlab.get(name, **moved))
    ours = (flat.left, flat.right, flat.dead_left, flat.dead_right)
    # the page takes the usual slope from another sum, which moves an end by a step of the search
    assert [np.inf if end is None else abs(end) for end in found] == pytest.approx(
        np.abs(ours), abs=0.011
    )
    told = page.evaluate(f"gallery.functions.get('{name}').flat")
    exact = (regions(actlab.get(name)).left, regions(actlab.get(name)).right)
    assert told[:2] == [None if np.isinf(end) else end for end in exact]


def test_pairs_vectors_and_complex_numbers_are_computed_as_python_does(look):
    looked = look()
    page = looked.go("functions/swiglu.html")
    at = np.linspace(-4, 4, 100)
    theirs = page.evaluate(
        "(xs) => xs.map((x) => gallery.functions.get('swiglu').value(0.7, x))", at.tolist()
    )
    np.testing.assert_allclose(theirs, actlab.get("swiglu")(0.7, at), rtol=1e-13)
    page = looked.go("functions/softmax.html")
    page.get_by_text("Change the vector").click()
    page.locator("input[aria-label='entry 2, exactly']").fill("2.5")
    looked.settle()
    ours = actlab.get("softmax")([1, 2.5, 3, 4, 1, 2, 3])
    shown = page.locator("#made .bar-value").all_text_contents()
    assert [float(text) for text in shown] == pytest.approx(ours, rel=1e-2)
    page = looked.go("functions/cardioid.html")
    theirs = page.evaluate(
        "(() => { const f = gallery.functions.get('cardioid');"
        " return [f.real(1, -0.5), f.imaginary(1, -0.5)]; })()"
    )
    assert complex(*theirs) == pytest.approx(complex(actlab.get("cardioid")(1 - 0.5j)), rel=1e-13)


# --- laid over each other ---------------------------------------------------------------------


def test_the_address_holds_what_is_laid_over_each_other(look):
    looked = look()
    page = looked.go("overlay.html#f=swish,beta:3&f=relu&order=1&from=-2&to=3")
    for style, f in enumerate((actlab.get("swish", beta=3.0), actlab.get("relu"))):
        x, *rest = drawn(page, "#chart", f".line.s{style}")
        assert (round(x[0], 2), round(x[-1], 2)) == (-2, 3)
        assert agrees(f, 1, x, *rest)
    page.locator("#name").fill("exponential_linear_unit")  # an alias
    page.keyboard.press("Enter")
    expect(page.locator(".layers li")).to_have_count(3)
    page.locator("#l2-alpha").focus()
    page.keyboard.press("ArrowRight")
    looked.settle()
    picture = page.locator("#chart").inner_html()
    state = page.url.partition("#")[2]
    assert state.startswith("f=swish,beta:3&f=relu&f=elu,alpha:")
    again = look().go(f"overlay.html#{state}")
    assert re.sub("clip-\\d+", "", again.locator("#chart").inner_html()) == re.sub(
        "clip-\\d+", "", picture
    )


def test_what_can_not_be_laid_over_is_told(look):
    looked = look()
    page = looked.go("overlay.html#" + "&".join(f"f={n}" for n in ("relu", "gelu") * 4))
    assert page.locator(".layers li").count() == 6
    page.locator("#name").fill("tanh")
    page.keyboard.press("Enter")
    assert "6 is the most" in page.locator("#trouble").inner_text()
    page.get_by_role("button", name="Take relu away").first.click()
    assert page.locator(".layers li").count() == 5
    page.locator("#name").fill("geluu")
    page.keyboard.press("Enter")
    assert "no function called “geluu”" in page.locator("#trouble").inner_text()
    page = looked.go("overlay.html#f=nothing&f=relu,beta:oops&order=7&from=3&to=1")
    assert "Not in this gallery: nothing" in page.locator("#trouble").inner_text()
    assert page.locator(".layers li").count() == 1
    assert looked.heard == []


# --- the index --------------------------------------------------------------------------------


def shown(page):
    return sorted(page.locator(".card:visible .name").all_inner_texts())


def test_the_index_is_searched_and_filtered(look):
    looked = look()
    page = looked.go("index.html")
    everything = shown(page)
    page.locator("#search").fill("TanhExp")
    assert shown(page) == []
    assert page.get_by_text("No function has all of this").is_visible()
    page.locator("#search").fill("rectified linear")
    page.locator("#search").fill("Leaky ReLU")
    assert shown(page) == ["leaky_relu"]
    page.get_by_role("button", name="Clear", exact=True).click()
    assert shown(page) == everything
    for trait in ("monotone", "bounded"):
        page.get_by_label(trait).check()
    assert shown(page) == ["fast_sigmoid_spike", "tanh"]
    page.get_by_label("smooth").check()
    assert shown(page) == ["tanh"]
    assert page.locator("#count").inner_text() == f"1 of {len(everything)}"
    state = page.url.partition("#")[2]
    assert shown(look().go(f"index.html#{state}")) == ["tanh"]
    page = looked.go("index.html#by=snntorch")
    assert shown(page) == ["fast_sigmoid_spike"]
    assert page.locator(".family:visible").count() == 1


def test_220_functions_are_drawn_within_a_second(look, tmp_path, site):
    some = [exhibit(actlab.get(name), name) for name in ("telu", "identity", "hardmax", "modrelu")]
    many = [replace(some[i % 4], slug=f"{some[i % 4].slug}_{i}") for i in range(220)]
    (tmp_path / "index.html").write_text(index_page(many), encoding="utf-8")
    (tmp_path / "assets").symlink_to(site / "assets")
    taken = []
    for _ in range(2):
        looked = look(root=tmp_path)
        page = looked.go("index.html")
        page.evaluate("document.body.getBoundingClientRect().height")
        # the processor time of the page's own process: other work here has no part in it
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        known = session.send("Performance.getMetrics")["metrics"]
        taken += [row["value"] for row in known if row["name"] == "ProcessTime"]
        assert page.locator(".card").count() == 220
    assert 0 < min(taken) < 1.0


# --- for everybody ----------------------------------------------------------------------------

REACHABLE = """() => [...document.querySelectorAll(
  "a[href], button, input, select, summary, [tabindex='0']")].filter((node) =>
    node.checkVisibility({ visibilityProperty: true }) && node.tabIndex >= 0 && !node.disabled
    && !(node.type === "radio" && !node.checked)).length"""
FOCUSED = """() => {
  const node = document.activeElement;
  window.seen ??= new Map();
  if (node === document.body) return null;
  const new_ = !window.seen.has(node);
  window.seen.set(node, true);
  const style = getComputedStyle(node);
  const visible = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  return [new_, visible, node.outerHTML.slice(0, 80)];
}"""


@pytest.mark.parametrize("path", [PAGES[0], PAGES[1], PAGES[3]], ids=["index", "overlay", "one"])
def test_keys_alone_reach_everything(look, path):
    page = look().go(path)
    wanted = page.evaluate(REACHABLE)
    reached, hidden = 0, []
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused is None or not focused[0]:
            break
        reached += 1
        hidden += [] if focused[1] else [focused[2]]
    assert reached == wanted
    assert hidden == []


def test_keys_alone_lead_from_a_search_to_a_copy_of_the_source(look):
    looked = look()
    page = looked.go("index.html")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # skip to the content
    page.keyboard.press("Tab")
    page.keyboard.type("gaussian error")
    assert shown(page) == ["gelu"]
    link = page.get_by_role("link", name="gelu")
    while not link.evaluate("(node) => node === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/functions/gelu.html")
    looked.settle()
    page.get_by_role("tab", name="NumPy").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    panel = page.get_by_role("tabpanel", name="Keras")
    assert panel.is_visible()
    assert page.get_by_role("tabpanel").count() == 1
    assert panel.locator("code").inner_text().strip() == actlab.get("gelu").export("keras").strip()
    panel.get_by_role("button", name="Copy").press("Enter")
    expect(page.locator(".source:not([hidden]) .copied")).not_to_be_empty()


def test_a_picture_says_what_it_shows(look):
    page = look().go("functions/gelu.html")
    label = page.get_by_role("img", name="f(x) of gelu")
    assert "0 at 0, 5 at the right end" in label.get_attribute("aria-label")


@pytest.mark.parametrize(
    ("scheme", "names"),
    [("light", ("index", "overlay", "functions/swiglu", "functions/softmax")),
     ("dark", ("overlay", "functions/gelu"))],
)  # fmt: skip
def test_axe_finds_nothing_serious(look, scheme, names):
    looked = look(scheme=scheme)
    found = []
    for path in (page for page in PAGES if page.startswith(names)):
        page = looked.go(path)
        result = Axe().run(page)
        found += [
            (path, row["id"], [node["html"][:120] for node in row["nodes"][:3]])
            for row in result.response["violations"]
            if row["impact"] in {"serious", "critical"}
        ]
    assert found == [], json.dumps(found, indent=1)


def test_axe_would_find_something(look):
    page = look().go("index.html")
    page.evaluate("document.querySelector('label[for=search]').remove()")
    page.evaluate("document.querySelector('#search').removeAttribute('placeholder')")
    ids = {row["id"] for row in Axe().run(page).response["violations"]}
    assert "label" in ids
