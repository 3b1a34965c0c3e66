"""The function mode of a watch beside others: of another watch, of the user, of vmap."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from actlab.health import Watch

from .conftest import mlp, rows, sgd, train


def test_nested_watches_both_see():
    model = mlp()
    optimizer = sgd(model)
    with Watch(model, optimizer) as outer, Watch(model, optimizer) as inner:
        train(model, optimizer, 20)
        first, second = outer.record.states["1"][0], inner.record.states["1"][0]
    assert first == second
    assert torch._C._len_torch_function_stack() == 0


def test_nothing_is_read_where_vmap_runs_the_model():
    model = mlp()
    optimizer = sgd(model)
    x, y = rows(64)

    def loss(weights, row, label):
        return functional.cross_entropy(torch.func.functional_call(model, weights, (row,)), label)

    with Watch(model, optimizer) as watch:
        train(model, optimizer, 10, x, y)
        each = torch.func.vmap(torch.func.grad(loss), (None, 0, 0))
        per_sample = each(dict(model.named_parameters()), x, y)
        train(model, optimizer, 10, x, y)
        assert watch.record.sampled == 20
        assert watch.findings().above("note") == ()
    assert len(next(iter(per_sample.values()))) == 64


def test_an_activation_that_fails_leaves_no_mode_behind():
    class Failing(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.act = nn.Linear(8, 16), nn.Linear(16, 3), nn.ReLU()
            self.fails = False

        def forward(self, x):
            x = self.act(self.a(x))
            return self.b(self.act(None if self.fails else x).sigmoid())

    model = Failing()
    optimizer = sgd(model)
    x, y = rows(64)
    with Watch(model, optimizer) as watch:
        for model.fails in (False, True, False):
            if model.fails:
                with pytest.raises(TypeError):
                    model(x)
            else:
                train(model, optimizer, 2, x, y)
        watch.findings()
        assert len(watch.record.loss) == 4
        assert watch.record.states["sigmoid after a"][-1].last_step == 3
        with torch.no_grad():
            model(x)
        assert torch._C._len_torch_function_stack() == 0
    assert torch._C._len_torch_function_stack() == 0


def test_modes_of_others_see_what_they_saw_before():
    class Count(TorchFunctionMode):
        seen = 0

        def __torch_function__(self, func, types, args=(), kwargs=None):
            self.seen += func is functional.relu
            return func(*args, **(kwargs or {}))

    model = mlp(depth=2)
    optimizer = sgd(model)
    with Watch(model, optimizer), Count() as count:
        train(model, optimizer, 3)
    assert count.seen == 2 * 3
