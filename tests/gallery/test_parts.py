"""What the pages say, without a browser."""

import json
import subprocess

import numpy as np
import pytest

import actlab
from actlab.gallery.neighbours import neighbours
from actlab.gallery.samples import start, window
from actlab.gallery.script import script
from actlab.gallery.sliders import sliders
from actlab.gallery.tails import tails
from actlab.gallery.thumbnails import thumbnail
from actlab.gallery.traits import TRAITS, traits

FUNCTIONS = [actlab.get(name) for name in actlab.names()]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("relu", {"monotone"}),
        ("tanh", {"monotone", "smooth", "bounded", "zero-centred"}),
        ("sigmoid", {"monotone", "smooth", "bounded"}),
        ("gelu", {"smooth"}),
        ("swish", {"smooth", "learnable"}),
        ("prelu", {"monotone", "learnable"}),
        ("softmax", {"bounded"}),
        ("kaf", {"learnable"}),
        ("swiglu", set()),
    ],
)
def test_traits(name, wanted):
    assert traits(actlab.get(name)) == wanted
    assert wanted <= set(TRAITS)


def test_sliders_stay_where_the_formula_works():
    for f in FUNCTIONS:
        for one in sliders(f):
            assert one["low"] < one["value"] < one["high"], f.name
            spec = f.specs.get(one["name"])
            if spec is not None:
                assert spec.allows(one["low"]), f.name
                assert spec.allows(one["high"]), f.name


def test_pictures_show_what_there_is_to_see():
    assert window(actlab.get("relu")) == (-5.0, 5.0)
    assert window(actlab.get("clipped_relu")) == (-5.0, 25.0)  # its kink is at 20
    low, high = window(actlab.get("siren"))
    assert high - low < 2  # thirty times as fast as a sine
    for f in FUNCTIONS[::9]:
        svg = str(thumbnail(f, 'a "picture" <of> it'))
        assert 'aria-label="a &#34;picture&#34; &lt;of&gt; it"' in svg
        assert "nan" not in svg
        assert len(svg) < 6000


def test_a_surrogate_gradient_is_drawn_beside_the_value():
    assert "passed" in thumbnail(actlab.get("atan_spike"), "")
    assert "passed" not in thumbnail(actlab.get("heaviside"), "")


def test_neighbours():
    found = {n.name: n for n in neighbours(actlab.get("silu"))}
    assert found["swish"].how == "equal"
    assert found["swish"].words == "at its defaults, proved"
    assert found["hard_swish"].how == "close"
    assert found["hard_swish"].words == "differs by at most 0.14, at x = −3"
    assert "silu" not in found
    assert neighbours(actlab.get("softmax")) == []
    step = {n.name: n.words for n in neighbours(actlab.get("heaviside"))}
    assert step["atan_spike"] == "at its defaults, proved, with another gradient"


def test_tails_tell_what_is_lost():
    value, slope = tails(actlab.get("gelu"))
    assert value.columns == ("actlab", "torch.GELU")
    rows = {x: (exact, cells) for x, exact, cells in value.rows}
    exact, (own, torch) = rows["−6"]
    assert exact == "−5.91952587e−9"
    assert (own.text, own.off) == ("−5.9195258e−9", "")
    assert (torch.text, torch.off) == ("−0", "lost")
    assert slope.wrong > 0
    assert all(not cells[0].off for table in (value, slope) for *_, cells in table.rows)
    (*_, relu) = tails(actlab.get("relu"))
    assert relu.wrong == 0
    assert tails(actlab.get("noisy_relu")) == []  # nobody ships it


def test_a_layer_is_shown_as_it_starts():
    values, steady = start(actlab.get("kaf"))
    assert steady
    assert len(values) == 161
    assert values[80] == pytest.approx(0, abs=1e-6)
    assert max(values) == pytest.approx(1, abs=0.02)  # it starts as tanh
    assert start(actlab.get("funnel_relu")) == ([], True)  # it takes images
    assert not start(actlab.get("apl"))[1]


RUNNER = """
const told = JSON.parse(require("fs").readFileSync(0, "utf8"));
const found = {};
for (const [name, text] of Object.entries(told.scripts)) {
  const gallery = { add: (facts, build) => {
    const f = build();
    const numbers = facts.parameters.map((one) => one.value);
    const parts = ["value", "slope", "curvature"];
    found[name] = parts.map((part) => told.xs.map((x) => f[part](x, ...numbers)));
  } };
  new Function("gallery", text)(gallery);
}
console.log(JSON.stringify(found));
"""


def test_scripts_compute_what_python_does():
    """Every eighth function by its whole script, the second derivative included."""
    some = [f for f in FUNCTIONS if f.kind == "scalar" and not f.random][::8]
    x = np.linspace(-4.9, 5.1, 41)
    given = {"scripts": {f.name: script(f, {}) for f in some}, "xs": x.tolist()}
    done = subprocess.run(
        ["node", "-e", RUNNER], input=json.dumps(given), capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert len(found) == len(some) > 15
    for f in some:
        for order in range(3):
            ours = np.asarray(f(x) if order == 0 else f.derivative(x, order=order), np.float64)
            theirs = np.array(found[f.name][order], dtype=np.float64)
            scale = np.abs(ours[np.isfinite(ours)]).max()
            np.testing.assert_allclose(
                theirs, ours, rtol=1e-12, atol=1e-15 * scale, err_msg=f"{f.name} {order}"
            )
