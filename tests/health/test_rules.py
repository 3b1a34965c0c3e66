"""The doctor is right: planted faults are named, and sound networks are left in peace."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from actlab.health import Watch, diagnose
from actlab.health.record import Event, Record
from actlab.health.rules import RULES
from actlab.health.thresholds import TABLE

from .conftest import mlp, rows, train


def findings_of(model, steps=120, rate=1e-2, kind=torch.optim.Adam, loss=None, x=None, y=None):
    optimizer = kind(model.parameters(), rate)
    with Watch(model, optimizer) as watch:
        train(model, optimizer, steps, x, y, loss or functional.cross_entropy)
        return watch.findings()


# --- sound networks -----------------------------------------------------------------------------


class Sparse(nn.Module):
    """Four units in five are off for any one row, and each is on for some."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(8, 64), nn.Linear(64, 3)
        nn.init.constant_(self.a.bias, -0.5)

    def forward(self, x):
        return self.b(torch.relu(self.a(x)))


def steep():
    model = mlp(nn.Tanh)
    with torch.no_grad():
        model[0].weight.mul_(8)
    return model


def normalised():
    layers = [nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Linear(32, 32), nn.BatchNorm1d(32), nn.ReLU(),
                         nn.Linear(32, 3))  # fmt: skip


SOUND = {
    "relu": mlp,
    "gelu": lambda: mlp(nn.GELU),
    "silu": lambda: mlp(nn.SiLU),
    "sigmoid": lambda: mlp(nn.Sigmoid, depth=1),
    "selu": lambda: mlp(nn.SELU),
    "sparse": Sparse,
    "steep": steep,
    "normalised": normalised,
    "deep": lambda: mlp(nn.ReLU, depth=6),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_networks_have_nothing_above_a_note(name):
    assert not findings_of(SOUND[name]()).above("note")


# --- planted faults -----------------------------------------------------------------------------


def first_of(model, **options):
    found = findings_of(model, **options)[0]
    return found.symptom, found.layer, found.cause


def test_dead_by_bias():
    model = mlp()
    nn.init.constant_(model[2].bias, -30.0)
    assert first_of(model) == ("dead units", "2", "bias")


def test_saturated_by_bias():
    model = mlp(nn.Sigmoid)
    nn.init.constant_(model[2].bias, 40.0)
    assert first_of(model) == ("saturation", "2", "bias")


def test_vanishing_by_depth_is_told_from_vanishing_by_weights():
    symptom, _, cause = first_of(mlp(nn.Sigmoid, depth=10))
    assert (symptom, cause) == ("vanishing gradient", "activation and depth")
    model = mlp(nn.Tanh, depth=5)
    with torch.no_grad():
        for layer in model[:-1:2]:
            layer.weight.mul_(0.02)
    assert first_of(model)[2] == "initialisation"


def test_equal_weights():
    model = mlp(nn.Tanh)
    for layer in (model[2], model[4], model[6]):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    assert first_of(model)[::2] == ("constant weights", "initialisation")


def test_learning_rates():
    assert first_of(mlp(), rate=1.0)[0] == "learning rate too high"
    assert first_of(mlp(), rate=1e-6)[0] == "learning rate too low"


def test_data_not_scaled():
    x, y = rows()
    assert first_of(mlp(), x=x * 3000, y=y, kind=torch.optim.SGD)[1:] == (
        "input",
        "data not scaled",
    )


def test_softmax_before_cross_entropy():
    model = nn.Sequential(*mlp(), nn.Softmax(1))
    assert first_of(model)[2] == "softmax before cross-entropy"


@pytest.mark.parametrize("last", [nn.ReLU, nn.Sigmoid], ids=["relu", "sigmoid"])
def test_an_output_that_cannot_reach_the_targets(last):
    x, _ = rows()
    found = findings_of(nn.Sequential(*mlp(outputs=1), last()), x=x, y=3 * x[:, :1],
                        loss=functional.mse_loss)  # fmt: skip
    assert "output contradicts the targets" in [f.symptom for f in found.above("note")]


def test_frozen_layers():
    model = mlp()
    optimizer = torch.optim.Adam([*model[0].parameters(), *model[4:].parameters()], 1e-2)
    with Watch(model, optimizer) as watch:
        train(model, optimizer, 40)
        found = watch.findings().above("note")
    assert [(f.symptom, f.layer) for f in found] == [("frozen layer", "2")]


def test_fine_tuning_is_no_fault():
    model = mlp()
    for parameter in model[:-1].parameters():
        parameter.requires_grad_(False)
    optimizer = torch.optim.Adam(model[-1].parameters(), 1e-2)
    with Watch(model, optimizer) as watch:
        train(model, optimizer, 60)
        assert [f.severity for f in watch.findings() if f.symptom == "frozen layer"] == ["note"]


def test_the_origin_of_a_nan():
    x, y = rows()
    x = x.clone()
    x[70, 3] = math.nan
    found = findings_of(mlp(), steps=20, x=x, y=y)[0]
    assert (found.layer, found.cause, found.since) == ("input", "bad batch", 1)

    def logarithm(output, target):
        p = output.softmax(1)
        p = torch.where(p < 0.2, 0.0, p)
        return -torch.log(p.gather(1, target[:, None])).mean()

    found = findings_of(mlp(), steps=20, loss=logarithm)[0]
    assert found.cause == "log of zero"
    assert found.site.startswith("log after")


def test_overflow_in_half_precision():
    model = nn.Sequential(nn.Linear(8, 16), nn.LayerNorm(16), nn.ReLU(), nn.Linear(16, 3))
    with torch.no_grad():
        model[0].weight.mul_(1e6)

    def half(output, target):
        return functional.cross_entropy(output.float(), target)

    with torch.autocast("cpu", torch.float16):
        found = findings_of(model, steps=5, loss=half)[0]
    assert (found.layer, found.cause) == ("0", "overflow in half precision")


def test_overfitting_names_the_step_to_stop_at():
    record = Record()
    for step, value in enumerate([1.0, 0.6, 0.5, 0.55, 0.6, 0.7]):
        record.validation.add(10 * step, value)
    found = diagnose(record)[0]
    assert found.symptom == "overfitting"
    assert found.since == 20


# --- the table ----------------------------------------------------------------------------------


def test_rules_are_pure():
    model = mlp()
    nn.init.constant_(model[2].bias, -30.0)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Watch(model, optimizer) as watch:
        train(model, optimizer, 40)
    assert diagnose(watch.record) == diagnose(watch.record)
    assert diagnose(Record()) == ()


def test_every_threshold_says_what_and_whence():
    assert all(row.measured and row.source for row in TABLE.values())
    assert all(rule.__doc__ for rule in RULES)


def test_a_cause_stands_before_what_follows_from_it():
    record = Record(event=Event(3, "data", "input"))
    found = diagnose(record)
    assert found[0].cause == "bad batch"
    assert str(found).startswith("severe: non-finite values in input, since step 3")
