"""The page, the command line and the adapters."""

from __future__ import annotations

import json
import types
from html.parser import HTMLParser

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from actlab.cli import app
from actlab.health import Watch, adapters

from .conftest import mlp, train


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text.append(data)


def page_of(watch, path):
    text = watch.report(path).read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    return text, page


def test_the_page_says_it_all(tmp_path):
    model = nn.Sequential()
    for n, part in enumerate(mlp(nn.Sigmoid, depth=8)):
        model.add_module(f"<b>{n}", part)
    optimizer = torch.optim.Adam(model.parameters())
    with Watch(model, optimizer) as watch:
        train(model, optimizer, 60)
    text, page = page_of(watch, tmp_path / "health.html")
    said = " ".join(page.text)
    assert "vanishing gradient" in said
    assert "Gradient against the forecast" in said
    assert "<b>0" in said  # escaped, so that it is text
    assert not [a for _, a in page.tags if any(str(a.get(k, "")).startswith("http")
                                                for k in ("src", "href"))]  # fmt: skip
    assert "<script" not in text
    cells = [a for tag, a in page.tags if tag == "rect" and "cell" in a.get("class", "")]
    assert len(cells) >= 2 * 8 * 8  # two maps, eight layers, eight windows


def test_remedies_stand_on_the_page(tmp_path):
    model = mlp()
    nn.init.constant_(model[2].bias, -30.0)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Watch(model, optimizer, cure="apply") as watch:
        train(model, optimizer, 80)
    _, page = page_of(watch, tmp_path / "health.html")
    assert "kept" in [part.strip() for part in page.text]


def test_an_unused_watch_has_a_page(tmp_path):
    text, _ = page_of(Watch(mlp()), tmp_path / "health.html")
    assert "nothing can be said" in text
    assert "is healthy" not in text


# --- the command line ---------------------------------------------------------------------------


def run(*words):
    return CliRunner().invoke(app, ["doctor", *words])


def test_doctor_shows_the_cure(tmp_path):
    out = tmp_path / "health.html"
    result = run("digits", "--activation", "sigmoid", "--depth", "10", "--steps", "200",
                 "--out", str(out), "--json")  # fmt: skip
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["findings"][0]["symptom"] == "vanishing gradient"
    assert told["before"] < 0.2
    assert told["after"] > 0.8
    assert out.exists()
    assert (tmp_path / "health-cured.html").exists()


BUILD = """
import torch
from torch import nn
def build():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(inplace=True), nn.Linear(16, 3))
    return model, torch.optim.SGD(model.parameters(), lr=0.1)
def loaders():
    x = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    y = x[:, :3].argmax(1)
    return [(x[i:i + 40], y[i:i + 40]) for i in range(0, 160, 40)], [(x[160:], y[160:])]
def broken():
    raise KeyError("no such file")
def once():
    for x, y in loaders()[0]:
        yield x, y
def wide():
    return [(torch.randn(4, 9), torch.zeros(4, dtype=torch.long))]
def alone():
    return [(torch.randn(4, 4), None)]
"""


def test_doctor_trains_a_users_model(tmp_path):
    file = tmp_path / "my.py"
    file.write_text(BUILD)
    result = run(f"{file}:build", "--data", f"{file}:loaders", "--steps", "80",
                 "--out", str(tmp_path / "health.html"))  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "nothing found" in result.stdout
    assert "accuracy" in result.stdout


def test_doctor_trains_on_what_one_pass_uses_up(tmp_path):
    file = tmp_path / "my.py"
    file.write_text(BUILD)
    result = run(f"{file}:build", "--data", f"{file}:once", "--steps", "30",
                 "--out", str(tmp_path / "health.html"))  # fmt: skip
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mnist"], "there is no data set 'mnist'"),
        (["{file}:build"], "--data my.py:loaders"),
        (["{file}:nothing", "--data", "{file}:loaders"], "has no function 'nothing'"),
        (["{file}:broken", "--data", "{file}:loaders"], "failed: KeyError"),
        (["missing.py:build", "--data", "missing.py:loaders"], "there is no file"),
        (["{file}:build", "--data", "{file}:wide"], "failed on a batch with input (4, 9)"),
        (["{file}:build", "--data", "{file}:alone"], "its first batch is tuple of Tensor, None"),
        (["digits", "--out", "missing/health.html"], "no folder 'missing'"),
        (["digits", "--depth", "0"], "at least 1"),
        (["digits", "--optimizer", "magic"], "there is no optimizer 'magic'"),
        (["digits", "--steps", "0"], "at least 1"),
        (["digits", "--activation", "relo"], "relo"),
    ],
    ids=[
        "data",
        "no-data",
        "function",
        "broken",
        "file",
        "shape",
        "target",
        "folder",
        "depth",
        "optimizer",
        "steps",
        "name",
    ],
)
def test_errors_are_one_sentence(tmp_path, words, said):
    file = tmp_path / "my.py"
    file.write_text(BUILD)
    result = run(*(word.format(file=file) for word in words))
    assert result.exit_code == 1
    assert said in result.stderr
    assert "Traceback" not in result.stderr


# --- adapters -----------------------------------------------------------------------------------


def test_loops_that_ask_for_methods():
    made = {}
    for name in ("lightning", "hugging_face", "skorch"):
        model = mlp()
        nn.init.constant_(model[2].bias, -30.0)
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        callback = getattr(adapters, name)(window=4)
        assert callback.findings() == ()
        if name == "lightning":
            callback.on_train_start(types.SimpleNamespace(optimizers=[optimizer]), model)
        elif name == "hugging_face":
            wrapped = types.SimpleNamespace(optimizer=optimizer)
            callback.on_train_begin(None, None, None, model=model, optimizer=wrapped)
        else:
            callback.on_train_begin(types.SimpleNamespace(module_=model, optimizer_=optimizer))
        train(model, optimizer, 30)
        if name == "hugging_face":
            callback.on_train_end(None, None, None)
        else:
            callback.on_train_end(None, *([model] if name == "lightning" else []))
        made[name] = callback.findings()[0].symptom
        assert not model._forward_hooks
    assert set(made.values()) == {"dead units"}
