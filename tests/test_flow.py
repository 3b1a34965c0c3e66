"""`actlab flow`: signal and gradient measured in networks, beside their forecast."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import actlab
from actlab.cli import app
from actlab.compare.candidates import candidates_for
from actlab.compare.trainer import initial_weights
from actlab.errors import SettingError
from actlab.lessons.flow import Flow, flow
from actlab.lessons.layers import expected_layers

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def deep() -> Flow:
    return flow("digits", activations="sigmoid,relu,selu", depth=16, width=64, epochs=3)


def test_measured_before_training_is_what_was_forecast(deep: Flow) -> None:
    for course in deep.courses:
        measured, known = course.before, course.before_forecast
        # five times the forecast's own scatter between networks of this width
        gap = np.abs(measured.gradient - known.gradient)
        assert (gap <= 5 * known.scatter + 1e-9).all(), course.label
    selu = deep.courses[2]
    assert selu.before.variance[-1] == pytest.approx(selu.before_forecast.variance[-1], rel=0.25)


def test_sigmoid_vanishes_and_does_not_learn_and_the_others_do(deep: Flow) -> None:
    sigmoid, relu, selu = deep.courses
    assert sigmoid.verdict == "vanishing"
    assert relu.verdict == "steady"
    assert sigmoid.before.gradient[0] < math.log(1e-5) < -1 < relu.before.gradient[0]
    assert sigmoid.score < 0.2
    assert min(relu.score, selu.score) > 0.7


def test_measured_layers_are_those_of_pytorch() -> None:
    found = flow("wine", activations="silu", depth=4, width=16, epochs=1)
    course, task, settings = found.courses[0], found.task, found.settings
    split = task.split(0, settings)
    candidate = candidates_for("silu")[0]
    widths = (split.test_x.shape[1], *settings.hidden, len(task.classes))
    z, seen = torch.tensor(split.test_x), []
    for place, weight in enumerate(initial_weights(candidate, settings.seed, 0, widths)):
        z = z @ torch.tensor(weight)
        if place < 4:
            z.requires_grad_() if z.is_leaf else z.retain_grad()
            seen.append(z)
            z = torch.nn.functional.silu(z)
    torch.nn.functional.cross_entropy(z, torch.tensor(split.test_y)).backward()
    norms = torch.stack([layer.grad.norm() for layer in seen])
    # float64 on both sides
    assert course.before.last_gradient == pytest.approx(norms[-1].item(), rel=1e-9)
    assert np.allclose(course.before.gradient, (norms / norms[-1]).log().numpy(), atol=1e-9)
    assert np.allclose(course.before.variance, [(s**2).mean().item() for s in seen], rtol=1e-9)
    shares = [np.percentile(torch.nn.functional.silu(s).detach(), 95) for s in seen]
    assert np.allclose(course.before.percentiles[:, -1], shares, rtol=1e-9)


@pytest.mark.parametrize("name", ["tanh", "gelu"])
def test_one_power_is_the_forecast_of_theory(name: str) -> None:
    f = actlab.get(name)
    known = actlab.forecast(f, 12, sigma_w=1.4, sigma_b=0.1, variance=1.4**2 * 0.5 + 0.01)
    found = expected_layers(f, np.array([0.5]), [1.4**2] * 12, [0.01] * 12)
    assert np.allclose(found.variance, known.variance, rtol=1e-9)
    assert np.allclose(found.gradient, known.gradient, atol=1e-9)


def test_percentiles_of_the_forecast_are_those_of_a_normal_layer() -> None:
    found = expected_layers(actlab.get("identity"), np.array([4.0]), [1.0], [0.0])
    # the 95th percentile of N(0, 4); a thousand quantiles give it to more than three digits
    assert found.percentiles[0, -1] == pytest.approx(2 * 1.6448536, rel=2e-3)
    assert found.percentiles[0, 2] == pytest.approx(0, abs=1e-12)


def test_large_weights_explode_and_small_ones_vanish() -> None:
    for sigma_w, sign in ((3.0, 1), (0.5, -1)):
        found = actlab.flow("iris", activations="relu", sigma_w=sigma_w, depth=12, epochs=1)
        course = found.courses[0]
        expected = sign * 11 * abs(math.log(sigma_w / math.sqrt(2)))
        assert course.before_forecast.gradient[0] == pytest.approx(expected)
        assert course.before.gradient[0] * sign > 0.5 * abs(expected)


def test_what_overflows_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    found = flow("iris", activations="x**3", sigma_w=2.0, depth=9, width=16, epochs=1)
    assert found.courses[0].verdict in {"exploding", "unknown"}
    found.save(tmp_path / "out.png")


def test_the_figure_has_a_row_for_each(deep: Flow) -> None:
    axes = deep.figure.axes
    assert len(axes) == 9
    assert [axes[3 * i].get_ylabel().split("\n")[0] for i in range(3)] == [
        "sigmoid", "relu", "selu",
    ]  # fmt: skip
    assert deep.figure.get_suptitle() == "digits: 16 hidden layers of 64 units, Adam, seed 0"
    assert len({panel.get_ylim() for panel in axes[2::3]}) == 1  # gradients on one scale
    markers = [line.get_marker() for line in axes[2].get_lines()]
    assert {"o", "s"} <= set(markers)  # told apart without colour


def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "out.pdf"
    words = "--data iris --activations tanh,relu --depth 3 --width 8 --epochs 2 --json --save"
    result = RUNNER.invoke(app, ["flow", *words.split(), str(path)])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert [row["activation"] for row in told["activations"]] == ["tanh", "relu"]
    assert len(told["activations"][0]["before"]["ln_gradient"]) == 3
    assert path.read_bytes().startswith(b"%PDF")
    shown = RUNNER.invoke(app, ["flow", *words.split()[:-2]])
    assert shown.exit_code == 0
    assert "10^" in shown.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--activations swiglu", "the flow is forecast for functions of one number"),
        ("--activations softmax", "the flow is forecast for functions of one number"),
        ("--depth 0", "depth is 0"),
        ("--gain -1", "sigma_w is -1.0"),
        ("--activations 0*x", "sigma_w"),
        ("--data nothing", "digits, breast_cancer"),
        ("--save out.jpg", "a figure is written as"),
    ],
)
def test_one_sentence_for_what_can_not_be(words: str, told: str) -> None:
    result = RUNNER.invoke(app, ["flow", *words.split()])
    assert result.exit_code == 1
    assert told in result.stderr
    assert "Traceback" not in result.stderr


def test_a_figure_has_room_for_eight() -> None:
    with pytest.raises(SettingError, match="room for 8"):
        flow("iris", activations=actlab.names("rectifiers")[:9])
