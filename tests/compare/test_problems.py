"""The built-in problems: what they are made of, and what they leave to chance."""

from __future__ import annotations

import pickle
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import actlab
from actlab.compare.candidates import candidates_for
from actlab.compare.draws import WEIGHTS, Draws
from actlab.compare.looped import build
from actlab.compare.problem import PROBLEMS, problem_named
from actlab.compare.problems import digits, sunspots, text
from actlab.compare.problems.adversaries import NOISE
from actlab.compare.problems.digits_segmentation import upsampled
from actlab.compare.problems.distances import energy_distance
from actlab.compare.study import Settings
from actlab.errors import ActlabError, DataError, SettingError, UnknownNameError

NAMES = sorted(PROBLEMS)


@pytest.fixture(scope="module", params=NAMES)
def problem(request):
    return problem_named(request.param)


def settings_of(problem, **changes):
    return problem.settled(replace(Settings(), **{**problem.defaults, **changes}))


def tensors_of(parts):
    return [*parts.train, *parts.validation, *parts.test]


def small(part, rows=8):
    return tuple(tensor[:rows] for tensor in part)


# --- every problem --------------------------------------------------------------------------------


def test_a_block_follows_from_the_seed_and_itself(problem):
    settings = settings_of(problem)
    first, again, other = (tensors_of(problem.parts(block, settings)) for block in (0, 0, 1))
    assert all(map(torch.equal, first, again))
    assert not torch.equal(first[0], other[0])
    if "sunspots" not in problem.name:  # whose blocks are windows in time
        reseeded = problem.parts(0, replace(settings, seed=1))
        assert not torch.equal(first[0], reseeded.train[0])


def test_the_number_of_blocks_changes_no_block(problem):
    settings = settings_of(problem)
    more = replace(settings, blocks=settings.blocks + 3)
    ours, theirs = (tensors_of(problem.parts(1, known)) for known in (settings, more))
    assert all(map(torch.equal, ours, theirs))


def test_parts_have_equal_first_axes_and_finite_numbers(problem):
    parts = problem.parts(0, settings_of(problem))
    for part in (parts.train, parts.validation, parts.test):
        assert len({len(tensor) for tensor in part}) == 1
        assert all(torch.isfinite(tensor).all() for tensor in part)


def test_the_summary_is_true(problem):
    settings = settings_of(problem)
    parts, summary = problem.parts(0, settings), problem.summary(settings)
    assert summary.train_rows == len(parts.train[0])
    assert summary.rows == sum(len(part[0]) for part in (parts.train, parts.validation, parts.test))
    assert (summary.name, summary.metric) == (problem.name, problem.score(settings).name)
    assert summary.notes


def test_the_fingerprint_is_the_problem_s_own():
    made = [problem_named(name) for name in NAMES]
    prints = [problem.fingerprint for problem in made]
    assert len(set(prints)) == len(NAMES)
    assert [problem_named(name).fingerprint for name in NAMES] == prints
    assert all(len(text) == 64 for text in prints)


def test_it_travels_to_other_processes(problem):
    there = pickle.loads(pickle.dumps(problem))  # noqa: S301  our own bytes
    assert there == problem
    assert there.fingerprint == problem.fingerprint


def test_asking_leaves_the_generator_where_it_was(problem):
    torch.manual_seed(3)
    wanted = torch.rand(2)
    torch.manual_seed(3)
    fresh = problem_named(problem.name)
    fresh.check(actlab.relu)
    assert fresh.fingerprint
    assert torch.equal(torch.rand(2), wanted)


FEEDS = {
    "digits-image": ["features.0.0.weight", "features.2.0.weight"],
    "digits-image-bn": ["features.0.0.weight", "features.2.0.weight"],
    "digits-rows": ["cells.0.new.weight"],
    "digits-rows-gru": ["cells.0.new.weight"],
    "digits-rows-lstm": ["cells.0.new.weight"],
    "digits-segmentation": ["down.0.0.weight", "down.1.0.weight", "up.0.0.weight"],
    "digits-gan": ["generator.0.weight"],
    "sunspots": ["cells.0.new.weight"],
    "sunspots-gru": ["cells.0.new.weight"],
    "sunspots-lstm": ["cells.0.new.weight"],
    "text": ["blocks.0.feed_forward.0.weight"],
}
"""The weights that feed the candidate: no gate, no critic, no output."""


def test_the_gain_goes_to_what_feeds_the_candidate(problem):
    """With a gain of 3 these weights have the spread 3/sqrt(fan_in), and the others 1/sqrt."""
    settings = settings_of(problem, batch_size=8)
    (candidate,) = candidates_for("tanh")
    parts = problem.parts(0, settings)
    built = build(problem, replace(candidate, gain=3.0), 0, parts, settings)
    scaled = []
    for name, weight in built.model.named_parameters():
        if weight.dim() < 2:
            continue
        fan_in = 1 if name == "characters.weight" else weight[0].numel()
        spread = float(weight.detach().std(correction=0)) * fan_in**0.5
        # of 32 draws, the fewest there are, the spread is within 50 % in all but 1 in 10,000
        assert abs(spread - 3) < 1e-5 or 0.5 < spread < 1.5, name
        if spread > 2:
            scaled.append(name)
    assert scaled == FEEDS[problem.name]


@pytest.mark.parametrize("name", [name for name in NAMES if "lstm" not in name])
def test_a_gated_pair_and_a_function_of_vectors_stand_in(name):
    problem = problem_named(name)
    settings = settings_of(problem)
    batch = small(problem.parts(0, settings).train)
    for f in (actlab.swiglu, actlab.get("softmax")):
        problem.check(f)
        with Draws(0, 0, WEIGHTS).used():
            model = problem.network(f, settings)
        problem.loss(model, batch, settings).backward()
        weight = dict(model.named_parameters())[FEEDS[name][0]]
        assert torch.isfinite(weight.grad).all()
        assert weight.grad.any()


@pytest.mark.parametrize("name", ["digits-image", "digits-rows-gru", "text"])
def test_candidates_share_their_draws(name):
    """A gated pair has wider layers before it, and the other layers draw the same."""
    problem = problem_named(name)
    settings = settings_of(problem)
    weights, after = {}, []
    for label in ("tanh", "relu", "glu"):
        with Draws(0, 1, WEIGHTS).used():
            model = problem.network(actlab.get(label), settings)
            after.append(torch.rand(2))
        weights[label] = dict(model.named_parameters())
    assert all(map(torch.equal, weights["tanh"].values(), weights["relu"].values()))
    same = [key for key, w in weights["tanh"].items() if torch.equal(w, weights["glu"][key])]
    assert "last.weight" in same
    assert torch.equal(after[0], after[2])


def test_layers_of_one_shape_have_draws_of_their_own():
    problem = problem_named("digits-rows")
    model = problem.network(actlab.tanh, settings_of(problem, hidden=(6, 6, 6)))
    assert not torch.equal(model.cells[1].new.weight, model.cells[2].new.weight)


def test_lstm_refuses_a_gated_pair():
    with pytest.raises(SettingError, match=r"swiglu is a gated pair.*leave it out"):
        problem_named("digits-rows-lstm").check(actlab.swiglu)


def test_settings_that_do_not_fit_are_told():
    cases = [
        ("sunspots", {"loss": "dice"}, DataError, "what fits is mse, mae, huber"),
        ("text", {"metric": "accuracy"}, DataError, "what fits is bits_per_character"),
        ("text", {"loss": "entropi"}, UnknownNameError, "is no loss known here"),
        ("sunspots", {"blocks": 18}, DataError, "room for 17 rolling origins"),
        ("digits-segmentation", {"hidden": (4,) * 6}, SettingError, "at most 5"),
    ]
    for name, changes, kind, told in cases:
        with pytest.raises(kind, match=told):
            settings_of(problem_named(name), **changes)
    assert settings_of(problem_named("digits-image"), loss="categorical").loss == "cross_entropy"


def test_what_is_not_installed_is_told(monkeypatch):
    monkeypatch.setattr(sunspots, "find_spec", lambda _: None)
    with pytest.raises(ActlabError, match=r"not installed; pip install 'actlab\[sunspots\]'"):
        sunspots.series.__wrapped__()
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(ActlabError, match="came without the module pydoc_data"):
        text.corpus()


def test_an_unknown_name_lists_tables_and_problems():
    with pytest.raises(DataError) as caught:
        actlab.compare("digit-rows")
    told = str(caught.value)
    assert all(name in told for name in ("iris", *NAMES))
    assert "the nearest is 'digits-rows'" in told


# --- what is particular to one --------------------------------------------------------------------


def test_images_are_seen_as_the_training_part_has_them():
    settings = settings_of(problem_named("digits-image"))
    images, labels = problem_named("digits-image").parts(2, settings).train
    assert images.mean().item() == pytest.approx(0, abs=1e-6)
    assert images.std().item() == pytest.approx(1, rel=1e-6)
    rows = [digits.rows_of(2, settings)[part] for part in range(3)]
    assert len(set(np.concatenate(rows))) == 1797
    assert torch.equal(labels, digits.labels()[rows[0]])


def test_nothing_of_the_future_is_in_the_training(monkeypatch):
    problem = problem_named("sunspots")
    settings = settings_of(problem)
    before = problem.parts(1, settings)
    numbers = sunspots.series().clone()
    end = len(numbers) - sunspots.TEST  # of block 1
    numbers[end - sunspots.TEST - sunspots.VALIDATION :] = 1e6
    monkeypatch.setattr(sunspots, "series", lambda: numbers)
    after = problem.parts(1, settings)
    assert all(map(torch.equal, before.train, after.train))
    assert not torch.equal(before.validation[1], after.validation[1])
    # and the validation part sees nothing of the test years
    numbers[:] = torch.arange(len(numbers))
    last = problem.parts(1, settings).validation
    mean, unit = numbers[: end - 36].mean(), last[2][0]
    years = (last[1][:, 0] * unit + mean).round()
    assert years.tolist() == list(range(end - 36, end - 12))


def test_a_window_ends_the_year_before_its_target(monkeypatch):
    monkeypatch.setattr(sunspots, "series", lambda: torch.arange(309, dtype=torch.float64))
    problem = problem_named("sunspots")
    settings = settings_of(problem)
    seen = []
    for block in range(3):
        parts = problem.parts(block, settings)
        for windows, after, unit in (parts.train, parts.validation, parts.test):
            steps = torch.cat([windows[..., 0], after], 1).diff() * unit
            # numbers below 4 in float32 are off by 2**-23 at most, a difference by twice that
            room = float(unit.max()) * 2.0**-22 + 1e-6
            torch.testing.assert_close(steps, torch.ones_like(steps), atol=room, rtol=0)
        first = float(parts.test[2][0] * parts.test[1][0]) + (309 - 12 * block - 37) / 2
        seen += range(round(first), round(first) + 12)
    assert sorted(seen) == list(range(309 - 36, 309))  # test years of three blocks, none twice


def test_pieces_of_the_text_are_in_one_part():
    problem = problem_named("text")
    parts = problem.parts(0, settings_of(problem))
    pieces = [torch.cat([x, y[:, -1:]], 1) for x, y in (parts.train, parts.validation, parts.test)]
    every = torch.cat(pieces)
    assert len(every) == 100_000 // 49
    whole = {bytes(row.to(torch.uint8).tolist()) for row in every}
    assert len(whole) > 0.99 * len(every)  # a few lines of asterisks are alike
    x, y = parts.train
    assert torch.equal(x[:, 1:], y[:, :-1])


def test_masks_are_of_the_digit_and_noise_hides_it():
    problem = problem_named("digits-segmentation")
    settings = settings_of(problem)
    noisy, masks = problem.parts(0, settings).train
    clean = upsampled()[digits.rows_of(0, settings)[0]]
    assert torch.equal(masks > 0, clean > 0.5)
    assert (noisy[:, 0] - clean).std().item() == pytest.approx(0.6, rel=0.01)
    other = torch.empty_like(upsampled())
    parts = problem.parts(1, settings)
    parts = (parts.train, parts.validation, parts.test)
    for part, rows in zip(parts, digits.rows_of(1, settings), strict=True):
        other[rows] = part[0][:, 0]
    assert not torch.equal(other[digits.rows_of(0, settings)[0]], noisy[:, 0])  # of another block
    found = (noisy[:, 0] > 0.5).float()
    assert (found != masks).float().mean() > 0.15  # a threshold alone does not find it


def test_a_generator_s_noise_is_the_same_for_all():
    problem = problem_named("digits-gan")
    settings = settings_of(problem)
    images, noise = problem.parts(0, settings).test
    assert noise.shape == (len(images), NOISE)
    assert abs(float(noise.mean())) < 0.05
    assert images.min() == 0
    assert images.max() == 1


def test_neither_player_s_loss_moves_the_other():
    """The sum's gradient is, for each player, that of what it loses itself."""
    problem = problem_named("digits-gan")
    settings = settings_of(problem)
    model = problem.network(actlab.relu, settings)
    (real,) = small(problem.parts(0, settings).train, 16)
    torch.manual_seed(1)
    problem.loss(model, (real,), settings).backward()
    torch.manual_seed(1)
    generated = model(torch.randn(16, NOISE))
    softplus = nn.functional.softplus
    wanted = torch.autograd.grad(
        softplus(-model.critic(generated)).mean(), list(model.generator.parameters())
    )
    for weight, gradient in zip(model.generator.parameters(), wanted, strict=True):
        torch.testing.assert_close(weight.grad, gradient)
    critic = (
        softplus(-model.critic(real)).mean() + softplus(model.critic(generated.detach())).mean()
    )
    wanted = torch.autograd.grad(critic / 2, list(model.critic.parameters()))
    for weight, gradient in zip(model.critic.parameters(), wanted, strict=True):
        torch.testing.assert_close(weight.grad, gradient)


# --- the distance ---------------------------------------------------------------------------------


def test_energy_distance_by_its_definition():
    x, y = np.random.default_rng(0).normal(size=(2, 6, 3))

    def mean(pairs):
        return np.mean([np.linalg.norm(a - b) for a, b in pairs])

    def within(rows):
        return mean([(a, b) for i, a in enumerate(rows) for j, b in enumerate(rows) if i != j])

    wanted = 2 * mean([(a, b) for a in x for b in y]) - within(x) - within(y)
    found = energy_distance(torch.from_numpy(x), torch.from_numpy(y))
    assert float(found) == pytest.approx(wanted, rel=1e-12)


def test_real_against_real_is_near_zero_and_against_noise_far():
    """Over 20 splits of the digits in halves; the mean of an unbiased estimate is 0."""
    images = digits.images().flatten(1)
    generator = torch.Generator().manual_seed(0)
    found = []
    for _ in range(20):
        order = torch.randperm(len(images), generator=generator)[:718]
        found.append(float(energy_distance(images[order[:359]], images[order[359:]])))
    spread = float(np.std(found))
    assert spread < 0.01
    assert abs(np.mean(found)) < 3 * spread / 20**0.5
    noise = torch.rand(359, 64, generator=generator)
    assert energy_distance(images[:359], noise) > 1.5
    # nor is one digit, or the average of all, taken for digits
    assert energy_distance(images[:359], images[digits.labels() == 1]) > 30 * spread
    assert energy_distance(images[:359], images.mean(0).expand(359, 64)) > 100 * spread
