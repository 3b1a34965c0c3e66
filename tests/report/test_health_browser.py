"""The health page in a real browser: hostile names, themes, widths, keyboard, axe."""

import itertools

import pytest
import torch
from torch import nn

from actlab.health import Watch
from actlab.report import health
from browser import axe, faint

HOSTILE = "<script>alert(1)</script>"


class Hostile(nn.Sequential):
    """Layers and the model itself have names that would do harm if they were not escaped."""


Hostile.__name__ = "<img src=x onerror=alert(1)>"


def network(activation, depth, model):
    widths = [8, *[16] * depth]
    for place, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
        model.add_module(f"{HOSTILE}{place}", nn.Linear(inputs, outputs))
        model.add_module(f"<u onclick='alert(1)'>{place}", activation())
    model.add_module("last", nn.Linear(16, 3))
    return model


def watched(model, steps, **asked):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(64, 8, generator=generator)
    y = x[:, :3].argmax(1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Watch(model, optimizer, **asked) as watch:
        for step in range(steps):
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step % 10 == 0:
                watch.validation(float(loss.detach()) + 0.1)
    return watch


@pytest.fixture(scope="module")
def ill():
    """A network whose gradient vanishes."""
    torch.manual_seed(0)
    return health(watched(network(nn.Sigmoid, 6, Hostile()), 40))


@pytest.fixture(scope="module")
def cured():
    """A network with a dead layer, and the remedy."""
    torch.manual_seed(0)
    model = network(nn.ReLU, 3, Hostile())
    nn.init.constant_(model[2].bias, -30.0)
    return health(watched(model, 80, cure="apply"))


@pytest.fixture(scope="module")
def exploded():
    """A learning rate that makes numbers which are not finite."""
    torch.manual_seed(0)
    model = network(nn.ReLU, 3, nn.Sequential())
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(64, 8, generator=generator)
    optimizer = torch.optim.SGD(model.parameters(), 1e4)
    with Watch(model, optimizer) as watch:
        for _ in range(30):
            loss = nn.functional.cross_entropy(model(x), x[:, :3].argmax(1))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return health(watch)


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1600, "light")])
def test_no_errors_no_requests_no_sideways_scrolling(visit, ill, cured, width, scheme):
    for text in (ill, cured):
        page = visit(text, width=width, scheme=scheme)
        for summary in page.locator("summary").all():
            summary.click()
        assert page.heard == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("main :is(script, img, u)").count() == 0
        assert page.locator("h1").inner_text() == f"Is something hurting {Hostile.__name__}?"


def test_axe_finds_nothing_in_light_and_dark(visit, ill, cured):
    for text in (ill, cured):
        page = visit(text)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        assert axe(page) == []
        assert faint(page) == []
        page.emulate_media(color_scheme="dark")
        assert axe(page, rules=["color-contrast"]) == []
        assert faint(page) == []


def test_the_answer_stands_first(visit, ill, cured):
    page = visit(ill)
    titles = page.locator("h2").all_inner_texts()
    assert titles[:4] == ["What is wrong", "What shows it", "Why", "What to do"]
    assert page.locator(".pick").inner_text() == "vanishing gradient"
    assert "severe" in page.locator(".use .severity").inner_text()
    page = visit(cured)
    assert page.locator(".pick").inner_text() == "Nothing found"
    assert "1 remedy was applied" in page.locator(".use").inner_text()
    assert page.get_by_role("region", name="Remedies").get_by_role("cell", name="kept").count() == 1


def test_an_explosion_flattens_nothing(visit, exploded):
    """Its axis is cut, its marks stay apart, and what is no number is not called a share."""
    page = visit(exploded)
    assert "Some values lie beyond it" in page.locator("#loss .lead").inner_text()
    tops = page.evaluate(
        "[...document.querySelectorAll('.over .tick.y')].map(t => t.getBoundingClientRect().top)"
    )
    assert len(tops) >= 2
    assert all(abs(a - b) > 12 for a, b in itertools.combinations(tops, 2))
    assert page.locator(".map .last").all_inner_texts() == ["–"] * 6
    assert page.get_by_text("no number").count() == 2


def test_every_picture_has_words_and_a_table(visit, ill):
    page = visit(ill)
    pictures = page.get_by_role("img")
    assert pictures.count() == 3
    assert page.get_by_role("img", name="Loss over the steps").count() == 1
    said = page.get_by_role("img", name="Gradient against the forecast").get_attribute("aria-label")
    assert "of 6 activations up to step 39" in said
    for name, rows in (("loss", 40), ("saturation", 6), ("gradient against the forecast", 6)):
        page.get_by_text(f"Table: {name}", exact=True).click()
        table = page.get_by_role("region", name=f"Table of {'the ' * (name == 'loss')}{name}")
        assert table.locator("tbody tr").count() == rows
    held = page.get_by_role("region", name="Table of the loss").locator("td:nth-child(5)")
    assert len([text for text in held.all_inner_texts() if text != "–"]) == 4
    last = page.locator(".map").nth(1).locator(".last").all_inner_texts()
    cells = page.get_by_role("region", name="Table of gradient").locator("tbody td:last-child")
    assert cells.all_inner_texts() == last


def test_everything_is_reached_by_keyboard(visit, ill):
    page = visit(ill)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the answer"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#answer"
    folds = page.locator("summary").count()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.localName") == "summary":
            ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert ring == "solid"
            page.keyboard.press("Enter")
            folds -= 1
            if not folds:
                break
    assert page.locator("details:not([open])").count() == 0
