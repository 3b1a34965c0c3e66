"""Sums of the forward pass: where a number that is not finite is first seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from actlab.health import Watch
from actlab.health.sampling import few, norms, views
from actlab.health.sums import Sums

from .conftest import mlp, rows, sgd, train


def test_bad_data_between_sampled_steps_are_found_where_they_were():
    class Scaled(nn.Module):
        """Writes its input, which is read again after the forward pass in other models."""

        def __init__(self):
            super().__init__()
            self.net = mlp()

        def forward(self, x):
            return self.net(x.mul_(2.0))

    x, y = rows(64)
    for model in (mlp(), Scaled()):
        optimizer = sgd(model)
        with Watch(model, optimizer, every=10) as watch:
            for step in range(30):
                batch = x.clone()
                if step == 13:
                    batch[3, 2] = torch.nan
                train(model, optimizer, 1, batch, y)
            watch.findings()
            assert (watch.record.event.step, watch.record.event.phase) == (13, "data")


def test_a_result_that_is_changed_in_place_is_summed_again():
    model = nn.Sequential(nn.Linear(8, 3), nn.Softplus(), nn.Linear(3, 3))

    class Overflowing(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = model

        def forward(self, x):
            return self.net(x).mul_(torch.inf)  # the last layer's own tensor

    whole = Overflowing()
    optimizer = sgd(whole, 0.0)
    x, y = rows(64)
    with Watch(whole, optimizer) as watch:
        train(whole, optimizer, 2, x, y)
        watch.findings()
        assert (watch.record.event.phase, watch.record.event.place) == ("forward", "output")


def test_the_input_of_a_model_that_writes_to_it_is_summed_before():
    sums, x = Sums(), torch.ones(4, 3)
    assert sums.of_input(x) is None  # with the output it costs less
    x.mul_(2.0)
    assert sums.kept_input() is None  # what was given is gone
    assert float(sums.of_input(x)) == 24.0


def test_norms_and_samples_are_those_of_plain_operations():
    tensors = [torch.randn(40, 30), torch.randn(700), torch.randn(3, 5, 7), torch.zeros(4)]
    # float32 sums of 1,200 squares
    exact = [float(one.double().norm()) for one in tensors]
    assert norms(tensors) == pytest.approx(exact, rel=1e-6)
    assert norms([torch.tensor([1.0, torch.inf])]) == [torch.inf]
    assert np.concatenate(views(tensors)).tolist() == few(tensors).tolist()
    assert views([torch.randn(6, 4).t()]) is None
    assert views([torch.randn(6).double()]) is None
