"""Losses by name, against fifty digits and against what their papers say of them."""

from __future__ import annotations

import mpmath
import pytest
import torch

from actlab.compare import compare
from actlab.compare.problem_losses import (
    LOSSES,
    adversarial,
    cross_entropy,
    dice,
    loss_named,
    mse,
)
from actlab.errors import DataError, UnknownNameError

RELATIVE = 1e-14
"""A few dozen float64 operations on numbers of size 1, each within 1.1e-16."""


def numbers(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def exact(values):
    return [mpmath.mpf(value) for value in values.flatten().tolist()]


def mean(values):
    return mpmath.fsum(values) / len(values)


def log_softmax(row, index):
    return row[index] - mpmath.log(mpmath.fsum(map(mpmath.exp, row)))


@pytest.mark.parametrize(
    ("name", "each"),
    [
        ("mse", lambda d: d * d),
        ("mae", abs),
        ("huber", lambda d: d * d / 2 if abs(d) <= 1 else abs(d) - mpmath.mpf("0.5")),
    ],
    ids=["mse", "mae", "huber"],
)
def test_errors(name, each):
    output, target = 2 * numbers(9, 1), torch.linspace(-1, 1, 9, dtype=torch.float64)
    with mpmath.workdps(50):
        wanted = mean([each(o - t) for o, t in zip(exact(output), exact(target), strict=True)])
    assert float(loss_named(name)(output, target)) == pytest.approx(float(wanted), rel=RELATIVE)


@pytest.mark.parametrize("name", ["cross_entropy", "categorical"])
def test_cross_entropy(name):
    output, target = numbers(5, 3), torch.tensor([0, 2, 1, 1, 0])
    with mpmath.workdps(50):
        rows = [exact(row) for row in output]
        wanted = -mean([log_softmax(row, t) for row, t in zip(rows, target.tolist(), strict=True)])
    assert float(loss_named(name)(output, target)) == pytest.approx(float(wanted), rel=RELATIVE)


@pytest.mark.parametrize("name", ["binary_cross_entropy", "binary", "adversarial"])
def test_binary_cross_entropy(name):
    output, target = 3 * numbers(8, 1), torch.tensor([0, 1, 1, 0, 1, 0, 0, 1])
    with mpmath.workdps(50):
        wanted = mean(
            [
                mpmath.log1p(mpmath.exp(-z if t else z))
                for z, t in zip(exact(output), target.tolist(), strict=True)
            ]
        )
    assert float(loss_named(name)(output, target)) == pytest.approx(float(wanted), rel=RELATIVE)


def test_dice():
    output = numbers(4, 3, 3)
    target = (numbers(4, 3, 3).roll(1, 0) > 0).double()
    with mpmath.workdps(50):
        each = []
        for logits, mask in zip(output, target, strict=True):
            p = [1 / (1 + mpmath.exp(-z)) for z in exact(logits)]
            t = exact(mask)
            both = mpmath.fsum(a * b for a, b in zip(p, t, strict=True))
            size = mpmath.fsum(a * a for a in (*p, *t))
            each.append(1 - (2 * both + 1) / (size + 1))
        wanted = mean(each)
    assert float(dice(output, target)) == pytest.approx(float(wanted), rel=RELATIVE)


def test_dice_of_the_true_the_empty_and_the_wrong_region():
    mask = torch.zeros(1, 4, 4)
    mask[0, :2] = 1
    sure = 200 * (mask - 0.5)
    assert dice(sure, mask) < 1e-6
    assert dice(-sure, mask) == pytest.approx(1 - 1 / 17)  # of 8 and 8 pixels none in common
    assert dice(torch.full_like(mask, -100.0), torch.zeros_like(mask)) < 1e-6


def test_dice_of_classes_is_the_mean_over_them():
    output, target = numbers(2, 3, 4), torch.tensor([[0, 1, 2, 1], [2, 2, 0, 1]])
    share = output.softmax(1)
    own = torch.stack([target == k for k in range(3)], 1)
    each = [dice(share[:, k].logit(), own[:, k]) for k in range(3)]
    assert float(dice(output, target)) == pytest.approx(float(sum(each)) / 3, rel=1e-12)


def test_the_generator_learns_from_a_critic_that_is_sure():
    """The form that saturates would have the slope -sigmoid(-8), which is 3e-4."""
    judged = torch.tensor([[-8.0]], requires_grad=True)
    adversarial(judged, torch.ones(1, 1)).backward()
    assert judged.grad.item() < -0.99


def test_a_column_is_not_spread_over_the_rows():
    output, target = numbers(6, 1), numbers(6, 1)[:, 0].flip(0)
    assert mse(output, target) == (output[:, 0] - target).square().mean()


@pytest.mark.parametrize("name", sorted(set(LOSSES)))
def test_shapes_that_do_not_fit_are_told(name):
    with pytest.raises(DataError, match=r"\(4, 2\).*\(3, 2\)"):
        loss_named(name)(torch.zeros(4, 2), torch.zeros(3, 2))


def test_classes_are_indices():
    with pytest.raises(DataError, match=r"float32; indices of classes"):
        cross_entropy(torch.zeros(4, 2), torch.zeros(4))


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(UnknownNameError, match="the nearest is 'dice'"):
        loss_named("dise")


def test_a_table_knows_the_other_names_too():
    studies = [
        compare("iris", activations="relu,tanh", loss=loss, epochs=1, blocks=1, hidden=4, workers=1)
        for loss in ("categorical", "cross_entropy")
    ]
    assert {study.settings.loss for study in studies} == {"cross_entropy"}
    assert studies[0].rows[0].score == studies[1].rows[0].score
