"""Losses by name for the outputs of one PyTorch network.

Each takes (output, target) and gives a scalar, the mean over the rows. A classifier's output is
in logits. Those of the table task, which train many networks at once, stand in `losses`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from actlab.compare.naming import by_name
from actlab.errors import DataError

__all__ = [
    "LOSSES",
    "adversarial",
    "binary_cross_entropy",
    "cross_entropy",
    "dice",
    "huber",
    "loss_named",
    "mae",
    "mse",
]

LossFunction: TypeAlias = Callable[[Tensor, Tensor], Tensor]

_SMOOTH: Final = 1.0
"""Added above and below the fraction of Dice, so that two empty masks agree."""


def mse(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared error, ``(output - target)²``.

    >>> mse(torch.tensor([[1.0], [3.0]]), torch.tensor([1.0, 1.0]))
    tensor(2.)
    """
    return functional.mse_loss(*_alike(output, target))


def mae(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error, ``|output - target|``."""
    return functional.l1_loss(*_alike(output, target))


def huber(output: Tensor, target: Tensor) -> Tensor:
    """Squared error up to 1, linear beyond: ``d²/2`` and ``|d| - 1/2``.

    Source: Huber (1964), Robust estimation of a location parameter.
    """
    return functional.huber_loss(*_alike(output, target))


def cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """``-ln softmax(output)[target]``: output (rows, classes, ...), target (rows, ...) of int64.

    >>> cross_entropy(torch.zeros(3, 2), torch.tensor([0, 1, 1]))
    tensor(0.6931)

    Raises:
        DataError: shapes that do not fit, or a target that holds no class indices.
    """
    if output.dim() < 2 or target.shape != output.shape[:1] + output.shape[2:]:
        raise DataError(
            f"cross_entropy got outputs of shape {tuple(output.shape)} and targets of shape "
            f"{tuple(target.shape)}; (rows, classes, ...) and (rows, ...) were expected"
        )
    if target.is_floating_point():
        raise DataError(
            f"cross_entropy got targets of {target.dtype}; indices of classes (torch.int64) were "
            "expected"
        )
    return functional.cross_entropy(output, target)


def binary_cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """``-ln sigmoid(output)`` where the target is 1 and ``-ln sigmoid(-output)`` where it is 0."""
    output, target = _alike(output, target)
    return functional.binary_cross_entropy_with_logits(output, target)


def dice(output: Tensor, target: Tensor) -> Tensor:
    r"""How little a predicted region overlaps with the true one.

    ``1 - (2 Σ p t + 1) / (Σ p² + Σ t² + 1)``, summed over each row's places and averaged over
    the rows; p is the sigmoid of the output where it has the shape of the target. With an output
    (rows, classes, ...) and a target (rows, ...) of class indices p is the softmax, and the
    average is over the classes too. The 1 keeps an empty region from dividing by zero.

    >>> mask = torch.tensor([[1.0, 0.0, 1.0]])
    >>> round(float(dice(torch.where(mask > 0, 50.0, -50.0), mask)), 6)
    0.0

    Source: Milletari, Navab, Ahmadi (2016), V-Net, arXiv:1606.04797.
    """
    if output.dim() == target.dim() + 1 and output.shape[1] > 1:
        share = output.softmax(1)
        places = torch.arange(output.shape[1], device=output.device)
        own = places.reshape(-1, *(1 for _ in target.shape[1:])) == target.unsqueeze(1)
        share, truth = share.flatten(2), own.to(share.dtype).flatten(2)
    else:
        output, target = _alike(output, target)
        share, truth = output.sigmoid().flatten(1), target.flatten(1)
    both = (share * truth).sum(-1)
    each = share.square().sum(-1) + truth.square().sum(-1)
    return (1 - (2 * both + _SMOOTH) / (each + _SMOOTH)).mean()


def adversarial(output: Tensor, target: Tensor) -> Tensor:
    """What a player of a generative adversarial network loses by the critic's logits.

    The critic's loss has target 1 on real rows and 0 on generated ones; the generator's, in the
    form that does not saturate, has target 1 on generated ones: ``-ln D(G(z))`` in the place of
    ``ln(1 - D(G(z)))``.

    Source: Goodfellow et al. (2014), Generative adversarial networks, arXiv:1406.2661.
    """
    return binary_cross_entropy(output, target)


LOSSES: Final[dict[str, LossFunction]] = {
    "mse": mse,
    "mae": mae,
    "huber": huber,
    "cross_entropy": cross_entropy,
    "categorical": cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
    "binary": binary_cross_entropy,
    "dice": dice,
    "adversarial": adversarial,
}


def loss_named(name: str) -> LossFunction:
    """The loss of this name.

    Raises:
        UnknownNameError: no such loss; the known ones are named.

    Example:
        >>> loss_named("Dice") is dice
        True
    """
    return by_name(LOSSES, name, "loss")


def _alike(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Output and target of one shape; (rows, 1) and (rows,) would broadcast to (rows, rows)."""
    if output.dim() == target.dim() + 1 and output.shape[-1] == 1:
        output = output.squeeze(-1)
    if output.dim() == target.dim() + 1 and output.shape[1] == 1:
        output = output.squeeze(1)
    if output.shape != target.shape:
        raise DataError(
            f"the network's outputs have the shape {tuple(output.shape)} and the targets "
            f"{tuple(target.shape)}; the same shape was expected"
        )
    return output, target.to(output.dtype)
