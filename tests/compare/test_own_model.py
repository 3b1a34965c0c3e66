"""`compare(model=build, data=loaders)`: from the user's network to an answer."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import actlab
from actlab.compare import compare, looped, stacking
from actlab.compare.candidates import candidates_for
from actlab.compare.looped import build
from actlab.compare.own_model import OwnModel
from actlab.compare.study import Chunk, Settings
from actlab.report.recipe import snippet
from compare.own_model_cases import Called, loaders, mlp, rows

QUICK = {"activations": "relu,tanh", "epochs": 2, "blocks": 3, "learning_rates": [0.01, 0.03]}


def measured_aside(result):
    values = json.loads(result.to_json())
    for name in ("finished", "train_seconds", "environments"):
        del values[name]
    for row in values["rows"]:
        del row["step_seconds"]
    text = json.dumps(values)
    return text.replace(str(result.study), "")


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """A study of a network with calls on loaders, and where it was written."""
    place = tmp_path_factory.mktemp("own")
    return compare(model=Called, data=loaders, out=place, **QUICK), place


def test_the_code_of_the_report_finds_the_study_again(studied):
    result, place = studied
    *code, _ = snippet(result)
    code[-1] = f"    out={str(place)!r})"
    scope = {"build": Called, "loaders": loaders}
    exec("\n".join(code), scope)  # noqa: S102
    assert scope["result"].study == result.study
    assert scope["result"].finished == result.finished  # nothing was trained


def test_a_study_says_what_it_exchanged_and_how_it_trained(studied):
    result, place = studied
    assert result.complete
    assert result.task.kind == "own model"
    assert result.task.name == "Called"
    assert (result.task.train_rows, result.task.validation_rows, result.task.test_rows) == (
        50, 20, 20,
    )  # fmt: skip
    assert result.settings.loss == "cross_entropy"
    assert result.settings.batch_size == 16
    assert result.task.metric == "accuracy"
    assert "Exchanged in the model: relu." in result.task.notes
    assert any("one after another" in note for note in result.notes)
    assert all(0 <= row.score <= 1 for row in result.rows)
    assert all(0 <= row.dead_share <= 1 for row in result.rows)
    assert all(row.gradient_first > 0 and row.step_seconds > 0 for row in result.rows)
    page = (place / "report.html").read_text("utf-8")
    assert "Called" in page
    assert json.loads((place / "result.json").read_text("utf-8"))["task"]["kind"] == "own model"


def test_the_same_study_gives_the_same_numbers(studied):
    again = compare(model=Called, data=loaders, workers=1, **QUICK)
    assert measured_aside(again) == measured_aside(studied[0])


def test_a_candidate_has_the_same_numbers_in_other_company(studied):
    alone = compare(model=Called, data=loaders, **(QUICK | {"activations": "tanh,gelu"}))
    assert alone.row("tanh").scores == studied[0].row("tanh").scores


def test_nothing_of_the_global_generators_changes_a_number_and_none_is_moved():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = compare(model=Called, data=loaders, **(QUICK | {"blocks": 1, "epochs": 1}))
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(6)
    second = compare(model=Called, data=loaders, **(QUICK | {"blocks": 1, "epochs": 1}))
    assert first.row("relu").scores == second.row("relu").scores


def test_arrays_are_split_anew_and_a_regression_is_scored_by_r2():
    x, _ = rows()
    target = x[:, 0] - 2 * x[:, 1]
    build = lambda: nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))  # noqa: E731
    result = compare(
        model=build, data=(x, target), **(QUICK | {"epochs": 30, "learning_rates": 0.03})
    )
    assert (result.task.metric, result.settings.loss) == ("r2", "mse")
    assert result.row("relu").score > 0.8
    problem = OwnModel(build, (x, target))
    cuts = [problem.parts(block, Settings()).test[0] for block in (0, 1)]
    assert not torch.equal(*cuts)
    assert torch.equal(cuts[0], problem.parts(0, Settings()).test[0])


def test_two_loaders_hold_validation_out_of_the_training_data():
    x, y = map(torch.from_numpy, rows())
    train = DataLoader(TensorDataset(x[:60], y[:60]), 16, shuffle=True)
    test = DataLoader(TensorDataset(x[60:], y[60:]), 16)
    result = compare(model=mlp, data=(train, test), **(QUICK | {"epochs": 1}))
    assert (result.task.train_rows, result.task.validation_rows, result.task.test_rows) == (
        48, 12, 30,
    )  # fmt: skip
    assert any("held out" in note for note in result.task.notes)
    assert any("differs in its seed alone" in note for note in result.task.notes)


def test_a_whole_step_and_a_metric_of_ones_own():
    seen = []

    def step(model, batch, optimizer):
        x, y = batch
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y, label_smoothing=0.1)
        loss.backward()
        optimizer.step()
        seen.append(loss.item())
        return loss

    def wrong(outputs, targets):
        return float((outputs.argmax(1) != targets).float().mean())

    result = compare(
        model=mlp, data=rows(), step=step, metric=wrong, higher_is_better=False, clip_norm=0.5,
        **QUICK,
    )  # fmt: skip
    assert seen
    assert result.task.metric == "wrong"
    assert not result.task.higher_is_better
    assert result.row(result.best).score == min(row.score for row in result.rows)
    assert any("a whole training step of your own" in note for note in result.notes)
    assert all(math.isfinite(row.gradient_last) for row in result.rows)


def test_every_candidate_has_the_same_draws_scaled_by_its_gain():
    problem, settings = OwnModel(mlp, rows()), Settings(learning_rates=(0.01,))
    networks = {}
    for candidate in candidates_for("relu,tanh"):
        model = build(problem, candidate, 1, problem.parts(1, settings), settings).model
        networks[candidate.label] = model, candidate.gain
        spread = float(model[0].weight.detach().double().std(correction=0))
        assert spread == pytest.approx(candidate.gain / 2, rel=1e-6)  # four inputs
    (relu, relu_gain), (tanh, tanh_gain) = networks.values()
    assert torch.allclose(relu[0].weight / relu_gain, tanh[0].weight / tanh_gain, rtol=1e-5)
    assert torch.equal(relu[2].weight, tanh[2].weight)  # the output feeds no candidate
    other = build(problem, candidates_for("relu")[0], 2, problem.parts(2, settings), settings)
    assert not torch.equal(other.model[2].weight, relu[2].weight)


def test_a_member_that_diverges_harms_no_other():
    problem = OwnModel(mlp, rows())
    candidates = candidates_for("x**3")
    runs = {}
    for rates in ((0.01,), (0.01, 1e20)):
        chosen = Settings(epochs=2, optimizer="sgd", learning_rates=rates)
        settings = problem.settled(chosen)
        for train in (looped.train_chunk, stacking.train_chunk):
            runs[rates, train] = train(problem, candidates, Chunk(0, ((0, 0),)), settings)
    for train in (looped.train_chunk, stacking.train_chunk):
        (alone,), (calm, wild) = runs[(0.01,), train], runs[(0.01, 1e20), train]
        assert wild.diverged
        assert len(wild.validation_loss) == 2
        assert not calm.diverged
        assert calm.test_score == alone.test_score
        assert calm.train_loss == alone.train_loss


def test_gated_pairs_stand_in_the_place_of_gated_pairs():
    build = lambda: nn.Sequential(nn.Linear(4, 16), nn.GLU(), nn.Linear(8, 2))  # noqa: E731
    options = QUICK | {"activations": "glu,swiglu", "epochs": 1}
    result = compare(model=build, data=rows(), replace="glu", **options)
    assert {row.label for row in result.rows} == {"glu", "swiglu"}


def test_a_one_logit_network_and_one_that_ends_in_a_sigmoid_are_scored_alike():
    torch.manual_seed(0)
    logit = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    chance = nn.Sequential(*logit, nn.Sigmoid())
    settings = Settings()
    scores = []
    for model in (logit, chance):
        problem = OwnModel(lambda model=model: _copy(model), rows())
        part = problem.parts(0, settings).validation
        scores.append(problem.measure(model.eval(), part, settings))
    assert scores[0] == pytest.approx(scores[1], rel=1e-5)


def _copy(model):
    import copy

    return copy.deepcopy(model)


def test_batches_of_one_tensor_several_inputs_and_outputs_of_any_kind():
    x, y = map(torch.from_numpy, rows())
    settings = Settings()

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.last = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, first, second):
            return {"scores": self.last(torch.relu(self.one(first) + self.two(second)))}

    def loss(output, target):
        return functional.cross_entropy(output["scores"], target)

    two = OwnModel(Two, (x, x, y), loss=loss)
    assert two.score(settings).name == "loss"
    again = OwnModel(lambda: nn.Sequential(nn.Linear(4, 2), nn.Tanh(), nn.Linear(2, 4)), (
        [(x[:30],)], [(x[30:60],)], [(x[60:],)],
    ))  # fmt: skip
    assert again.settled(settings).loss == "mse"
    labels = OwnModel(
        lambda: nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)),
        (x, (x[:, :2] > 0).float()), loss="binary_cross_entropy",
    )  # fmt: skip
    assert labels.score(settings).name == "loss"
    assert not labels.score(settings).greater_is_better


def test_the_fingerprint_follows_data_network_and_code():
    def fingerprint(build=mlp, data=None, **options):
        problem = OwnModel(build, data or rows(), **options)
        problem.settled(Settings())
        return problem.fingerprint

    x, y = rows()
    moved = x.copy()
    moved[-1, -1] += 1e-6
    wider = lambda: nn.Sequential(nn.Linear(4, 9), nn.ReLU(), nn.Linear(9, 2))  # noqa: E731
    prints = [
        fingerprint(),
        fingerprint(data=(moved, y)),
        fingerprint(wider),
        fingerprint(loss=lambda o, t: 3 * functional.cross_entropy(o, t)),
        fingerprint(loss=lambda o, t: 2 * functional.cross_entropy(o, t)),
        fingerprint(loss=nn.CrossEntropyLoss(label_smoothing=0.1)),
        fingerprint(loss=nn.CrossEntropyLoss(label_smoothing=0.2)),
    ]
    assert len(set(prints)) == len(prints)
    assert fingerprint() == prints[0]


def test_modules_of_actlab_are_exchanged_too():
    def build():
        return nn.Sequential(
            nn.Linear(4, 8), actlab.get("silu").module(), nn.Linear(8, 8), nn.PReLU(),
            nn.Linear(8, 2),
        )  # fmt: skip

    problem = OwnModel(build, rows())
    assert (
        "Exchanged in the model: silu, prelu." in problem.summary(problem.settled(Settings())).notes
    )
