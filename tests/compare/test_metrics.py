"""Scores against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics as peers

from actlab.compare.metrics import METRICS, metric_for
from actlab.compare.task import load

MEMBERS, ROWS, CLASSES = 3, 50, 4


@pytest.fixture(scope="module")
def outputs():
    return np.random.default_rng(0).normal(size=(MEMBERS, ROWS, CLASSES))


@pytest.fixture(scope="module")
def classes():
    y = np.random.default_rng(1).integers(0, CLASSES, (MEMBERS, ROWS))
    y[0, y[0] == 2] = 1  # a class that one member's rows do not have
    return y


@pytest.mark.parametrize(
    ("name", "peer"),
    [
        ("accuracy", lambda o, y: peers.accuracy_score(y, o.argmax(-1))),
        (
            "balanced_accuracy",
            lambda o, y: np.mean([np.mean(o.argmax(-1)[y == c] == c) for c in np.unique(y)]),
        ),
        ("log_loss", lambda o, y: peers.log_loss(y, softmax(o, -1), labels=range(CLASSES))),
    ],
)
def test_classification(outputs, classes, name, peer):
    expected = [float(peer(o, y)) for o, y in zip(outputs, classes, strict=True)]
    assert METRICS[name](outputs, classes).tolist() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "log_loss"])
def test_one_logit_for_two_classes(outputs, classes, name):
    logit, y = outputs[..., :1], (classes > 1).astype(int)
    both = np.concatenate([np.zeros_like(logit), logit], axis=-1)
    assert METRICS[name](logit, y).tolist() == pytest.approx(METRICS[name](both, y).tolist())


@pytest.mark.parametrize(
    ("name", "peer"),
    [
        ("r2", lambda p, y: peers.r2_score(y, p)),
        ("rmse", lambda p, y: peers.root_mean_squared_error(y, p)),
        ("mae", lambda p, y: peers.mean_absolute_error(y, p)),
    ],
)
def test_regression(outputs, name, peer):
    prediction, y = outputs[..., :1], outputs[..., 1]
    expected = [peer(p[:, 0], t) for p, t in zip(prediction, y, strict=True)]
    assert METRICS[name](prediction, y).tolist() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_has_no_score(outputs, classes, name, value):
    regression = METRICS[name].kind == "regression"
    broken = (outputs[..., :1] if regression else outputs).copy()
    target = outputs[..., 1] if regression else classes
    broken[1, 7, 0] = value
    assert np.isnan(METRICS[name](broken, target)).tolist() == [False, True, False]


def test_the_usual_metric():
    assert metric_for("auto", load("iris")).name == "accuracy"
    assert metric_for("auto", load("diabetes")).name == "r2"
