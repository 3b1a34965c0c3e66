"""Samples of a window on the model's device, reduced to a few numbers of each unit and weight."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import distributed

from actlab.health.record import Site

__all__ = ["loss_inputs", "over_processes", "unit_statistics"]

Tensor = torch.Tensor

_LOSS_ROWS: Final = 256


def unit_statistics(site: Site, x: list[Tensor], y: list[Tensor]) -> Tensor:
    """Nine numbers of each unit over all rows of a site's input and output, shape (9, units).

    Mean, variance, lowest and highest input, shares of inputs in the left and the right flat tail,
    mean and variance of the output, and the variance between units (the same for all).
    """
    given = torch.cat(x)
    mean, low, high = given.mean(0), given.amin(0), given.amax(0)
    room = given - mean
    var = room.square_().mean(0)  # a tenth of the time of Tensor.var along an axis
    tails = site.regions
    left = right = torch.zeros_like(mean)
    # comparisons that write numbers take a third of the time of those that make booleans
    if tails is not None and math.isfinite(tails.left):
        left = torch.le(given, tails.left, out=room).mean(0)
    if tails is not None and math.isfinite(tails.right):
        right = torch.ge(given, tails.right, out=room).mean(0)
    y_mean, y_var = mean, var
    if site.activation is not None:
        result = torch.cat(y)
        y_mean = result.mean(0)
        y_var = torch.sub(result, y_mean, out=room).square_().mean(0)
    latest = y[-1]
    between = (latest - latest.mean(1, keepdim=True)).square_().mean().expand_as(mean)
    return torch.stack([mean, var, low, high, left, right, y_mean, y_var, between])


def over_processes(stats: Tensor) -> Tensor:
    """The same numbers over the rows of every process."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return stats
    mean, var, low, high, *rest = stats
    total = torch.stack([mean, var + mean**2, *rest, rest[2] ** 2 + rest[3]])
    ends = torch.stack([low, -high])
    distributed.all_reduce(total)
    distributed.all_reduce(ends, op=distributed.ReduceOp.MIN)
    total = total / distributed.get_world_size()
    mean, square, left, right, y_mean, _, between, y_square = total
    return torch.stack(
        [mean, square - mean**2, ends[0], -ends[1], left, right, y_mean, y_square - y_mean**2,
         between]
    )  # fmt: skip


def loss_inputs(given: Tensor, target: Tensor) -> Tensor:
    """Six numbers on what a loss function was given: sums and extremes, as in `LossUse`."""
    rows = given.reshape(-1, given.shape[-1]) if given.dim() == 2 else given.reshape(-1, 1)
    rows = rows[:_LOSS_ROWS].float()
    sums = torch.stack([rows.sum(1), rows.exp().sum(1)])
    error, log_error = sums.sub_(1).abs_().amax(1)
    return torch.stack([
        error,
        rows.amin(),
        rows.amax(),
        log_error,
        target.amin().float(),
        target.amax().float(),
    ])  # fmt: skip
