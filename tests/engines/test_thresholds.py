"""Which way a size takes is read from one table at each call."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import actlab
from actlab.engines import torch_kernels
from actlab.engines.cpu import thresholds


@pytest.mark.parametrize(("zeros", "least"), [(np.zeros, 1024), (torch.zeros, 32)])
def test_kernels_are_taken_from_a_size_on(zeros, least):
    x = zeros(least)
    assert actlab.explain("telu", x).path == "kernel"
    assert actlab.explain("telu", x[1:]).path == "steps"
    assert (
        f"{least - 1} elements are fewer than the {least}" in actlab.explain("telu", x[1:]).reason
    )


@pytest.mark.parametrize("gradient", [False, True])
def test_a_small_tensor_goes_where_the_table_says(gradient, monkeypatch):
    x = torch.linspace(-3, 3, 40, requires_grad=gradient)

    def stepped(*_):
        raise RuntimeError("operation after operation")

    monkeypatch.setattr(torch_kernels, "step_by_step", stepped)
    assert actlab.telu(x).shape == x.shape
    monkeypatch.setitem(thresholds.KERNEL_FROM, "torch", 41)
    with pytest.raises(RuntimeError, match="after operation"):
        actlab.telu(x)
