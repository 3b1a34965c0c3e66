"""Remedies can be undone, are checked by the loss, and change nothing unasked."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn import functional

import actlab
from actlab.health import Watch
from actlab.health.patient import Patient, Snapshot
from actlab.health.remedies import ACTIONS, Remedy

from .conftest import mlp, rows, train


def same(first, second):
    return all(
        torch.equal(a, b)
        for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


ARGUMENTS = {
    "reinitialise": {"layers": ("0", "2")},
    "swap": {"sites": ("1",), "new": "silu"},
    "swap_all": {"sites": ("1", "3"), "layers": ("0", "2"), "new": "selu"},
    "normalise": {"layers": ("0",)},
    "train": {"layers": ("0",)},
    "lower_rate": {"factor": 0.1},
    "raise_rate": {"factor": 2.0},
    "clip": {"norm": 1.0},
    "schedule": {"kind": "cosine"},
}


@pytest.mark.parametrize("name", ACTIONS)
def test_a_remedy_can_be_undone(name):
    model = mlp()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with Watch(model, optimizer, cure="ask", ask=lambda *_: False) as watch:
        train(model, optimizer, 20)
        before, shown, rate = copy.deepcopy(model), repr(model), optimizer.param_groups[0]["lr"]
        undo = Remedy(name, ARGUMENTS.get(name, {}), watch.patient).apply()
        train(model, optimizer, 20)
        undo()
        assert repr(model) == shown
        assert same(model, before)
        assert optimizer.param_groups[0]["lr"] == rate
        assert len(optimizer.param_groups) == 1
    assert not model._forward_hooks
    assert not model._forward_pre_hooks
    assert not optimizer._optimizer_step_pre_hooks
    assert "forward" not in vars(model)
    assert torch._C._len_torch_function_stack() == 0


def test_nothing_is_changed_unasked():
    model = mlp()
    nn.init.constant_(model[2].bias, -30.0)
    other = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Watch(model, optimizer) as watch:
        train(model, optimizer, 40)
        assert watch.findings()
        assert not watch.trials
    train(other, torch.optim.SGD(other.parameters(), 0.1), 40)
    assert same(model, other)


def test_a_remedy_by_hand():
    model = mlp()
    nn.init.constant_(model[2].bias, -30.0)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Watch(model, optimizer) as watch:
        train(model, optimizer, 40)
        remedy = watch.findings()[0].remedy
        assert "Initialise layers anew" in remedy.text
        remedy.apply()
        assert float(model[2].bias.detach().abs().max()) == 0
        assert train(model, optimizer, 150)[-1] < 0.5


@pytest.mark.parametrize("fault", ["bias", "rate", "nan", "softmax"])
def test_cures(fault):
    model, rate = mlp(), 1e-2
    x, y = rows()
    if fault == "bias":
        nn.init.constant_(model[2].bias, -30.0)
    if fault == "rate":
        rate = 3.0
    if fault == "softmax":
        model = nn.Sequential(*model, nn.Softmax(1))
    bad = x.clone()
    bad[:, 0] = math.nan
    optimizer = torch.optim.Adam(model.parameters(), rate)
    with Watch(model, optimizer, cure="apply") as watch:
        train(model, optimizer, 30, x, y)
        if fault == "nan":
            train(model, optimizer, 1, bad, y)
        train(model, optimizer, 250, x, y)
    model.eval()
    assert float((model(x).argmax(1) == y).float().mean()) > 0.8
    kept = [trial for trial in watch.trials if trial.kept]
    assert kept
    assert all(trial.after < trial.before for trial in kept)


def test_a_remedy_that_does_not_help_is_taken_back():
    model = mlp()
    nn.init.constant_(model[2].bias, -30.0)
    optimizer = torch.optim.SGD(model.parameters(), 1e-12)  # so nothing can help in time
    shown = repr(model)
    with Watch(model, optimizer, cure="apply", check_after=8) as watch:
        before = copy.deepcopy(model)
        train(model, optimizer, 200)
        failed = [t for t in watch.trials if t.kept is False]
    assert failed
    assert len(watch.trials) <= 8
    if all(t.kept is False for t in watch.trials):
        assert repr(model) == shown
        assert torch.allclose(model[2].bias, before[2].bias)


def test_asking_can_be_refused():
    asked = []
    model = mlp()
    nn.init.constant_(model[2].bias, -30.0)
    other = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def refuse(finding, remedy):
        asked.append((finding.symptom, remedy.name))
        return False

    with Watch(model, optimizer, cure="ask", ask=refuse) as watch:
        train(model, optimizer, 40)
    assert ("dead units", "reinitialise") in asked
    assert not watch.trials
    train(other, torch.optim.SGD(other.parameters(), 0.1), 40)
    assert same(model, other)


def test_function_calls_can_not_be_exchanged():
    class Called(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 3)

        def forward(self, x):
            return self.b(torch.relu(self.a(x)))

    model = Called()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    patient = Patient(model, optimizer, Watch(model, optimizer).record)
    with pytest.raises(actlab.ActlabError, match="change it in the code"):
        Remedy("swap", {"sites": ("relu after a",), "new": "gelu"}, patient).apply()


def test_a_recurrent_layer_is_not_exchanged_for_its_function():
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = nn.RNN(2, 8, batch_first=True), nn.Linear(8, 3)

        def forward(self, x):
            return self.head(self.rnn(x.unflatten(1, (4, 2)))[0][:, -1])

    model = Recurrent()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Watch(model, optimizer) as watch:
        train(model, optimizer, 3)
        assert [s.name for s in watch.record.activations()] == ["rnn"]
        with pytest.raises(actlab.ActlabError, match="no activation layer"):
            Remedy("swap", {"sites": ("rnn",), "new": "relu"}, watch.patient).apply()


def test_early_stopping_goes_back_to_the_best_state():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Watch(model, optimizer, cure="ask", ask=lambda *_: False) as watch:
        train(model, optimizer, 120)
        good = watch.patient.good
        assert isinstance(good, Snapshot)
        Remedy("stop", {}, watch.patient).apply()
        assert watch.stopped
        assert torch.equal(model.state_dict()["0.weight"], good.weights["0.weight"])


def test_regression_to_begin_with_is_left_alone():
    x, _ = rows()
    model = mlp(outputs=1)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with Watch(model, optimizer, cure="apply") as watch:
        train(model, optimizer, 150, x, x[:, :1], functional.mse_loss)
    assert not watch.trials


def test_on_a_plateau_the_rate_falls_while_somebody_watches():
    model = mlp(act=nn.Tanh)
    optimizer = torch.optim.SGD(model.parameters(), 1e-9)
    with Watch(model, optimizer) as watch:
        Remedy("schedule", {"kind": "plateau", "steps": 100}, watch.patient).apply()
        train(model, optimizer, 120)
    lowered = optimizer.param_groups[0]["lr"]
    assert lowered < 0.5e-9
    train(model, optimizer, 60)
    assert optimizer.param_groups[0]["lr"] == lowered
