"""How far two samples lie apart."""

from __future__ import annotations

from torch import Tensor

__all__ = ["energy_distance"]


def energy_distance(first: Tensor, second: Tensor) -> Tensor:
    r"""The energy distance of the distributions that two samples come from.

    .. math:: 2 E|X - Y| - E|X - X'| - E|Y - Y'|

    with Euclidean distances. It is 0 where the distributions are equal, and positive elsewhere.
    The estimate is unbiased (pairs of a row with itself are left out), so that of two samples
    from one distribution it scatters around 0, below it too.

    Shapes: (rows, numbers) each, of two rows at least.

    Example:
        >>> import torch
        >>> points = torch.tensor([[0.0], [1.0]])
        >>> energy_distance(points, points + 3)
        tensor(4., dtype=torch.float64)

    Source: Székely, Rizzo (2013), Energy statistics: a class of statistics based on distances.
    """
    x, y = first.double(), second.double()
    across = _distances(x, y).mean()
    return 2 * across - _within(x) - _within(y)


def _within(rows: Tensor) -> Tensor:
    count = len(rows)
    return _distances(rows, rows).fill_diagonal_(0).sum() / (count * (count - 1))


def _distances(first: Tensor, second: Tensor) -> Tensor:
    square = first.square().sum(1)[:, None] + second.square().sum(1) - 2 * first @ second.T
    return square.clamp_min(0).sqrt()
