"""On every built-in problem a network learns: it is clearly better than what needs no learning."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

import actlab
from actlab.compare.candidates import candidates_for
from actlab.compare.looped import train_chunk
from actlab.compare.problem import PROBLEMS, problem_named
from actlab.compare.problems import digits, sunspots
from actlab.compare.problems.scores import BITS, DICE, IOU
from actlab.compare.study import Chunk, Settings

TINY = {
    "digits-image": ("gelu", {"epochs": 4}),
    "digits-image-bn": ("swiglu", {"epochs": 2}),
    "digits-rows": ("tanh", {"epochs": 5}),
    "digits-rows-gru": ("tanh", {"epochs": 5}),
    "digits-rows-lstm": ("tanh", {"epochs": 5}),
    "sunspots": ("tanh", {"epochs": 25}),
    "sunspots-gru": ("tanh", {"epochs": 25}),
    "sunspots-lstm": ("tanh", {"epochs": 25}),
    "digits-segmentation": ("relu", {"epochs": 1, "hidden": (4, 8)}),
    "digits-gan": ("relu", {"epochs": 12, "learning_rates": (1e-3,)}),
    "text": ("reglu", {"epochs": 1, "hidden": (48,)}),
}
"""A candidate, gated ones among them, and how little it is trained."""


def last_year(parts, _settings):
    """The error of foretelling that all stays as it was, in sunspots."""
    windows, after, unit = parts.test
    return float(((windows[:, -1] - after) * unit).double().square().mean().sqrt())


def best_threshold(parts, _settings):
    """The Dice coefficient of the brightest pixels, by the threshold that suits training best."""
    noisy, masks = parts.train[0][:200, 0], parts.train[1][:200]
    scores = {level: DICE.function(noisy - level, masks) for level in torch.linspace(0, 1, 21)}
    level = max(scores, key=scores.get)
    return float(DICE.function(parts.test[0][:, 0] - level, parts.test[1]))


def frequencies(parts, _settings):
    """Bits per character of the one before: each pair as often as in training, and a little."""
    count = 1 + int(max(part[0].max() for part in (parts.train, parts.validation, parts.test)))
    pairs = torch.full((count, count), 0.05, dtype=torch.float64)
    before, after = (tensor.flatten() for tensor in parts.train)
    pairs.index_put_((before, after), torch.tensor(1.0, dtype=torch.float64), accumulate=True)
    logits = pairs.log()[parts.test[0]].transpose(1, 2)
    return float(BITS.function(logits, parts.test[1]))


def average_image(parts, _settings):
    from actlab.compare.problems.distances import energy_distance

    real = parts.test[0]
    return float(energy_distance(parts.train[0].mean(0).expand(len(real), -1), real))


BASELINES = {
    "classification": (lambda *_: 0.1, 0.6),
    "regression": (last_year, -3.0),
    "segmentation": (best_threshold, 0.1),
    "generation": (average_image, -0.8),
    "language model": (frequencies, -0.1),
}
"""What is reached without learning, and by how much a little training must be better."""


@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_a_little_training_beats_none(name):
    label, changes = TINY[name]
    problem = problem_named(name)
    rates = {"learning_rates": problem.defaults["learning_rates"][1:2]}
    known = {**problem.defaults, **rates, **changes}
    settings = problem.settled(replace(Settings(), **known))
    (run,) = train_chunk(problem, candidates_for(label), Chunk(0, ((0, 0),)), settings)
    baseline, least = BASELINES[problem.kind]
    trivial = baseline(problem.parts(0, settings), settings)
    better = run.test_score - trivial
    assert better * math.copysign(1, least) > abs(least), (run.test_score, trivial)
    assert not run.diverged
    assert run.saved_bytes > 0
    assert 0 <= run.dead_share <= run.saturated_share < 1
    assert run.gradient_first > 0


def test_scores_of_regions():
    logits = torch.tensor([[[1.0, 1.0], [-1.0, -1.0]], [[1.0, -1.0], [-1.0, -1.0]]])
    masks = torch.tensor([[[1.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]]])
    assert float(DICE.function(logits, masks)) == (0.5 + 1) / 2
    assert float(IOU.function(logits, masks)) == pytest.approx((1 / 3 + 1) / 2)


def test_a_study_of_a_problem_from_end_to_end(tmp_path):
    out = tmp_path / "out"
    result = actlab.compare(
        "digits-gan", activations="relu,tanh", epochs=1, blocks=3, workers=1, out=out
    )
    assert result.complete
    assert result.task.metric == "energy_distance"
    assert result.settings.optimizer == "rmsprop"
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "energy distance" in page
    assert any("leaky ReLU with slope 0.2" in note for note in result.task.notes)


def test_data_are_as_they_came():
    assert digits.images().shape == (1797, 8, 8)
    numbers = sunspots.series()
    assert len(numbers) == 309
    assert float(numbers[0]) == 5.0  # of 1700
    assert float(numbers.max()) == 190.2  # of 1957
