"""Compiled kernels of softmax: rows of any length, in memory one after the other or apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import actlab


@pytest.mark.parametrize("log", [False, True], ids=["softmax", "log_softmax"])
@pytest.mark.parametrize("columns", [1, 10, 63, 64, 65, 1024, 1025, 3000])
def test_softmax_of_rows_of_any_length(columns, log):
    f = actlab.get("log_softmax" if log else "softmax")
    theirs = torch.log_softmax if log else torch.softmax
    rows = max(3, 2000 // columns)
    x = torch.randn(rows, columns, generator=torch.Generator().manual_seed(columns)) * 4
    x[0, 0] = 200.0
    above = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    narrow, wide = x.clone().requires_grad_(), x.double().requires_grad_()
    y, exact = f(narrow), theirs(wide, -1)
    y.backward(above)
    exact.backward(above.double())
    normal = exact.detach().abs() > 1e-37
    assert torch.allclose(y.double()[normal], exact[normal], rtol=1.3e-7, atol=0)
    size = float(wide.grad.abs().max())
    assert torch.allclose(narrow.grad.double(), wide.grad, rtol=1e-6, atol=2e-6 * size)


@pytest.mark.parametrize("log", [False, True], ids=["softmax", "log_softmax"])
@pytest.mark.parametrize("shape", [(5, 9, 64), (3, 40, 65), (2, 700, 1), (1, 3, 2000), (300, 20)])
def test_softmax_of_rows_that_lie_apart(shape, log):
    f = actlab.get("log_softmax" if log else "softmax")
    theirs = torch.log_softmax if log else torch.softmax
    axis = len(shape) - 2
    x = torch.randn(shape, generator=torch.Generator().manual_seed(shape[0])) * 4
    x.view(-1)[0] = 200.0
    above = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    narrow, wide = x.clone().requires_grad_(), x.double().requires_grad_()
    y, exact = f(narrow, axis=axis), theirs(wide, axis)
    assert y.is_contiguous()
    y.backward(above)
    exact.backward(above.double())
    normal = exact.detach().abs() > 1e-37
    assert torch.allclose(y.double()[normal], exact[normal], rtol=1.3e-7, atol=0)
    size = float(wide.grad.abs().max())
    assert torch.allclose(narrow.grad.double(), wide.grad, rtol=1e-6, atol=2e-6 * size)


def test_softmax_along_another_axis_and_with_a_nan():
    x = np.random.default_rng(2).normal(size=(30, 4, 20))
    f = actlab.get("softmax")
    moved = np.moveaxis(f(np.moveaxis(x, 1, -1).copy()), -1, 1)
    assert f(x, axis=1) == pytest.approx(moved, rel=1e-15)
    x[3, 2, 5] = np.nan
    y = f(x, axis=1)
    assert np.isnan(y[3, :, 5]).all()
    assert np.isnan(y).sum() == 4
