"""Functions of whole vectors: against other ways to compute them, and what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import actlab

ROWS = np.random.default_rng(8).normal(0, 2, (40, 6))


def simplex_projection(x):
    """By halving the threshold until the sum is 1."""
    low, high = x.max() - 1, x.max()
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.maximum(x - middle, 0).sum() > 1 else (low, middle)
    return np.maximum(x - low, 0)


def tsallis(x, alpha):
    """The maximum of x·p + (1 - sum(p**alpha))/(alpha (alpha - 1)) on the simplex."""
    low, high = ((alpha - 1) * x).max() - 1, ((alpha - 1) * x).max()
    for _ in range(200):
        middle = (low + high) / 2
        p = np.maximum((alpha - 1) * x - middle, 0) ** (1 / (alpha - 1))
        low, high = (middle, high) if p.sum() > 1 else (low, middle)
    return np.maximum((alpha - 1) * x - low, 0) ** (1 / (alpha - 1))


def relu(x):
    return np.maximum(x, 0)


def rms(x):
    return np.sqrt(np.mean(x**2) + 1e-6)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def best(x, k):
    return np.isin(np.arange(len(x)), np.argsort(-x, kind="stable")[:k])


WRITTEN_AGAIN = {
    "softmax_with_sink": lambda x: np.exp(x) / (1 + np.exp(x).sum()),
    "spherical_softmax": lambda x: (x**2 + 1e-8) / (x**2 + 1e-8).sum(),
    "sigsoftmax": lambda x: np.exp(x) * sigmoid(x) / (np.exp(x) * sigmoid(x)).sum(),
    "gumbel_softmax": lambda x: np.exp(x) / np.exp(x).sum(),
    "gumbel_softmax_hard": lambda x: 1.0 * best(x, 1),
    "hardmax": lambda x: 1.0 * best(x, 1),
    "sparsemax": simplex_projection,
    "entmax15": lambda x: tsallis(x, 1.5),
    "entmax": lambda x: tsallis(x, 1.5),
    "normalised_sigmoid": lambda x: sigmoid(x) / sigmoid(x).sum(),
    "relu_attention": lambda x: relu(x) / 6,
    "sigmoid_attention": lambda x: sigmoid(x - math.log(6)),
    "concatenated_relu": lambda x: np.concatenate([relu(x), relu(-x)]),
    "bipolar_relu": lambda x: np.where(np.arange(6) % 2, np.minimum(x, 0), relu(x)),
    "maxout": lambda x: x.reshape(3, 2).max(1),
    "max_min": lambda x: np.sort(x.reshape(3, 2))[:, ::-1].ravel(),
    "group_sort": lambda x: np.sort(x.reshape(3, 2)).ravel(),
    "top_k": lambda x: x,
    "top_k_relu": relu,
    "gaussian_topk_relu": lambda x: relu(x - x.mean() - 1.6448536269514722 * x.std()),
    "squash": lambda x: x * np.linalg.norm(x) / (1 + np.linalg.norm(x) ** 2),
    "polynorm": lambda x: (x / rms(x) + x**2 / rms(x**2) + x**3 / rms(x**3)) / 3,
}
SOFT = {"softmax", "log_softmax", "softmin", "softmax1", "taylor_softmax"}  # in test_entries_values


def test_every_vector_function_is_held_against_something():
    vectors = {name for name in actlab.names() if actlab.get(name).kind == "vector"}
    assert vectors == SOFT | set(WRITTEN_AGAIN)


@pytest.mark.parametrize("name", WRITTEN_AGAIN)
@pytest.mark.parametrize("axis", [0, 1])
def test_value_is_the_one_written_again(name, axis):
    expected = np.array([WRITTEN_AGAIN[name](row) for row in ROWS])
    x, expected = (ROWS, expected) if axis == 1 else (ROWS.T, expected.T)
    # a threshold found by halving is right to the last bits only
    np.testing.assert_allclose(actlab.get(name)(x, axis=axis), expected, rtol=1e-12, atol=1e-13)


PROBABILITIES = [
    "softmax_with_sink", "spherical_softmax", "sigsoftmax", "gumbel_softmax", "gumbel_softmax_hard",
    "hardmax", "sparsemax", "entmax15", "entmax", "normalised_sigmoid",
]  # fmt: skip


@pytest.mark.parametrize("name", PROBABILITIES)
def test_probabilities_add_up_to_one_however_large_the_numbers(name):
    scale = np.array([1e-6, 1.0, 60.0, 600.0, 1e30])[:, None]
    x = np.concatenate([scale * row for row in ROWS[:6]])
    y = actlab.get(name)(x)
    assert (y >= 0).all()
    total = y.sum(1)
    if name == "softmax_with_sink":
        assert (total <= 1 + 1e-15).all()
    else:
        np.testing.assert_allclose(total, 1, rtol=1e-14)


def test_sparse_ones_have_zeros_and_agree_where_they_meet():
    assert (actlab.get("sparsemax")(ROWS) == 0).any()
    assert (actlab.get("entmax15")(ROWS) == 0).any()
    np.testing.assert_allclose(
        actlab.get("entmax", alpha=2.0)(ROWS), actlab.get("sparsemax")(ROWS), atol=1e-15
    )
    np.testing.assert_allclose(actlab.get("entmax")(ROWS), actlab.get("entmax15")(ROWS), atol=1e-15)
    # x is log(p) + (alpha - 1) log(p)²/2 + ... up to a constant, so that p moves away from softmax
    # by -(alpha - 1)/2 p (log(p)² - its mean); the second order is about (alpha - 1)²
    near, p = actlab.get("entmax", alpha=1.0001)(ROWS), actlab.get("softmax")(ROWS)
    square = np.log(p) ** 2
    moved = p * (1 - 0.5e-4 * (square - (p * square).sum(1, keepdims=True)))
    np.testing.assert_allclose(near, moved, rtol=0, atol=2e-8)


@pytest.mark.parametrize("alpha", [1.1, 1.5, 2.0, 3.0, 4.5])
def test_entmax_at_other_numbers(alpha):
    expected = np.array([tsallis(row, alpha) for row in ROWS])
    np.testing.assert_allclose(actlab.get("entmax", alpha=alpha)(ROWS), expected, atol=1e-12)
    x = torch.tensor(ROWS[:3], requires_grad=True)
    number = torch.tensor(alpha, dtype=torch.float64, requires_grad=True)
    f = actlab.get("entmax")
    assert torch.autograd.gradcheck(lambda x, a: f(x, alpha=a), (x, number))
    assert torch.autograd.gradgradcheck(lambda x: f(x, alpha=alpha), (x,))


def test_sparsemax_has_the_jacobian_of_its_paper():
    f = actlab.get("sparsemax")
    x = torch.tensor(ROWS[0])
    support = (f(x) > 0).double()
    expected = torch.diag(support) - torch.outer(support, support) / support.sum()
    torch.testing.assert_close(torch.func.jacrev(f)(x), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("name", ["hardmax", "sparsemax", "entmax15", "entmax", "top_k"])
def test_equal_entries(name):
    y = actlab.get(name, **({"k": 2} if name == "top_k" else {}))([1.0, 1.0, 1.0, 0.0])
    if name == "hardmax":
        assert y.tolist() == [1, 0, 0, 0]
    elif name == "top_k":
        assert y.tolist() == [1, 1, 0, 0]
    elif name == "sparsemax":
        np.testing.assert_allclose(y, [1 / 3] * 3 + [0.0], rtol=1e-15)
    else:
        assert y[0] == y[1] == y[2] > y[3]


@pytest.mark.parametrize("k", [1, 2, 5, 6, 7])
def test_top_k_keeps_k(k):
    y = actlab.get("top_k", k=k)(ROWS)
    assert ((y != 0).sum(1) == min(k, 6)).all()
    chosen = np.array([np.where(best(row, k), row, 0) for row in ROWS])
    np.testing.assert_array_equal(y, chosen)
    np.testing.assert_array_equal(actlab.get("top_k_relu", k=k)(ROWS), np.maximum(chosen, 0))
    gates = actlab.get("normalised_sigmoid", k=k)(ROWS)
    np.testing.assert_array_equal(gates > 0, y != 0)


def test_the_sink_takes_a_share():
    f = actlab.get("softmax_with_sink", sink=2.0)
    with_it = np.exp([0.5, -1.0, 2.0]) / np.exp([0.5, -1.0, 2.0]).sum()
    np.testing.assert_allclose(f([0.5, -1.0]), with_it[:2], rtol=1e-15)
    many = actlab.get("softmax_with_sink", sink=900.0)([1.0, 2.0])
    assert (many == 0).all()  # the shares are below 1e-300


def test_sorting_keeps_the_norm_of_the_gradient():
    for name in ("max_min", "group_sort"):
        x = torch.tensor(ROWS, requires_grad=True)
        upstream = torch.tensor(ROWS[::-1].copy())
        actlab.get(name)(x).backward(upstream)
        torch.testing.assert_close(x.grad.norm(), upstream.norm())
    x = ROWS.reshape(20, 12)
    threes = actlab.get("group_sort", size=3)(x)
    np.testing.assert_array_equal(threes, np.sort(x.reshape(20, 4, 3)).reshape(20, 12))
    fours = actlab.get("maxout", pieces=4)(x)
    np.testing.assert_array_equal(fours, x.reshape(20, 3, 4).max(2))


def test_groups_that_do_not_fit_are_refused():
    for f in (actlab.get("maxout"), actlab.get("max_min"), actlab.get("group_sort", size=3)):
        with pytest.raises(ValueError, match=r"form groups of \d, but there are 5"):
            f(np.zeros((2, 5)))


def test_gaussian_topk_keeps_about_the_share_it_says():
    x = np.random.default_rng(4).normal(3, 2, (8, 20_000))
    for sparsity in (0.5, 0.9, 0.95):
        kept = (actlab.get("gaussian_topk_relu", sparsity=sparsity)(x) > 0).mean()
        assert kept == pytest.approx(1 - sparsity, abs=0.005)  # three deviations of a share
    assert (actlab.get("gaussian_topk_relu")(np.full(5, 2.0)) == 0).all()


@pytest.mark.parametrize("name", ["squash", "gaussian_topk_relu", "polynorm", "spherical_softmax"])
def test_zeros_and_huge_numbers_give_numbers(name):
    f = actlab.get(name)
    for scale in (0.0, 1e-200, 1e160):
        x = torch.tensor(ROWS[:2] * scale, requires_grad=True)
        y = f(x)
        assert torch.isfinite(y).all()
        y.sum().backward()
        assert torch.isfinite(x.grad).all()


def test_hard_gumbel_softmax_passes_the_soft_gradient():
    slopes = []
    for name in ("gumbel_softmax", "gumbel_softmax_hard"):
        x = torch.tensor(ROWS, requires_grad=True)
        (
            actlab.get(name, tau=0.7)(x, noise=torch.tensor(ROWS / 3)) * torch.arange(6)
        ).sum().backward()
        slopes.append(x.grad)
    torch.testing.assert_close(*slopes, rtol=0, atol=0)
    hard = actlab.get("gumbel_softmax_hard")(torch.tensor(ROWS))
    assert set(hard.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("name", "setting", "wanted"),
    [
        ("top_k", {"k": 2.5}, "whole number of at least 1"),
        ("top_k", {"k": 0}, "whole number of at least 1"),
        ("entmax", {"alpha": 1.0}, "a number above 1"),
        ("gaussian_topk_relu", {"sparsity": 1.0}, "a number between 0 and 1"),
        ("spherical_softmax", {"epsilon": 0.0}, "a positive number"),
    ],
)
def test_numbers_out_of_range_are_refused(name, setting, wanted):
    with pytest.raises(ValueError, match=wanted):
        actlab.get(name, **setting)
