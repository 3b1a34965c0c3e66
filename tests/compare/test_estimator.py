"""The search as an estimator among scikit-learn's."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

import actlab
from actlab import ActivationSearch
from actlab.errors import SettingError

QUICK = {
    "activations": "relu,tanh",
    "hidden": (16,),
    "epochs": 20,
    "blocks": 3,
    "learning_rates": (0.01, 0.03),
    "batch_size": 16,
    "workers": 1,
}
TASKS = ("classification", "regression")


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True, as_frame=True)
    return X, y.map({0: "setosa", 1: "versicolor", 2: "virginica"})


@pytest.fixture(scope="module")
def fitted(iris):
    return ActivationSearch(**QUICK).fit(*iris)


@pytest.mark.parametrize("task", TASKS)
def test_scikit_learn_finds_nothing_wrong(task):
    with warnings.catch_warnings():
        # Many of the checks have twenty rows; one is for the array API, which is not offered.
        warnings.filterwarnings("ignore", ".*too few to compare", UserWarning)
        warnings.simplefilter("ignore", SkipTestWarning)
        checks = check_estimator(ActivationSearch(task, **QUICK))
    assert len(checks) > 40
    assert {one["status"] for one in checks} <= {"passed", "skipped"}


def test_it_is_what_its_task_says():
    assert is_classifier(ActivationSearch())
    assert is_regressor(ActivationSearch("regression"))
    assert hasattr(ActivationSearch(), "predict_proba")
    assert not hasattr(ActivationSearch("regression"), "predict_proba")
    with pytest.raises(SettingError, match="task is 'clustering'; 'classification' or"):
        ActivationSearch("clustering").fit(np.zeros((40, 2)), np.zeros(40))


def test_what_is_learned_is_there(fitted, iris):
    X, y = iris
    assert fitted.best_activation_ in {"relu", "tanh"}
    assert fitted.best_activation_ == fitted.result_.recommended
    assert fitted.result_.complete
    assert fitted.result_.task.classes == ("setosa", "versicolor", "virginica")
    assert fitted.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert fitted.n_features_in_ == 4
    assert fitted.feature_names_in_.tolist() == list(X.columns)
    assert fitted.learning_rate_ in QUICK["learning_rates"]
    assert fitted.score(X, y) > 0.93
    chances = fitted.predict_proba(X)
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-12)
    assert (fitted.classes_[chances.argmax(axis=1)] == fitted.predict(X)).all()


def test_the_network_is_the_recommended_one(fitted):
    first, activation, last = fitted.network_
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)
    torch.testing.assert_close(activation(x), getattr(actlab, fitted.best_activation_)(x))
    assert (first.in_features, first.out_features, last.out_features) == (4, 16, 3)


def test_the_comparison_is_that_of_compare(fitted, iris):
    X, y = iris
    result = actlab.compare(X.to_numpy(), y.astype("category").cat.codes.to_numpy(), **QUICK)
    assert [row.scores for row in result.rows] == [row.scores for row in fitted.result_.rows]


def test_it_stands_in_pipelines_grids_and_cross_validation(iris):
    X, y = iris
    pipeline = make_pipeline(PCA(3), ActivationSearch(**QUICK))
    scores = cross_val_score(pipeline, X, y, cv=3)
    assert scores.mean() > 0.9
    grid = GridSearchCV(pipeline, {"activationsearch__hidden": [(2,), (16,)]}, cv=2).fit(X, y)
    assert grid.best_score_ > 0.8
    assert grid.predict(X[:3]).shape == (3,)


def test_clones_and_copies_answer_alike(fitted, iris):
    X, y = iris
    twin = clone(fitted)
    with pytest.raises(NotFittedError):
        twin.predict(X)
    assert twin.get_params() == fitted.get_params()
    np.testing.assert_array_equal(twin.fit(X, y).predict_proba(X), fitted.predict_proba(X))
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301  made here
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    other = clone(fitted).set_params(random_state=1).fit(X, y)
    assert (other.predict_proba(X) != fitted.predict_proba(X)).any()


def test_two_classes_gaps_and_a_useless_column():
    X, y = load_wine(return_X_y=True)
    X, y = X[y < 2].copy(), y[y < 2] == 1
    X[::7, 3] = np.nan
    X = np.column_stack([np.arange(len(X)), X, np.ones(len(X))])
    search = ActivationSearch(**QUICK | {"activations": "gelu,swiglu"}).fit(X, y)
    assert search.predict(X).dtype == bool
    assert search.score(X, y) > 0.95
    assert search.predict_proba(X).shape == (len(X), 2)


def test_a_regression_answers_in_units_of_the_target():
    X, y = load_diabetes(return_X_y=True)
    search = ActivationSearch("regression", **QUICK).fit(X, y)
    assert search.score(X, y) > 0.4
    assert abs(search.predict(X).mean() - y.mean()) < 10


def test_too_few_rows_are_said_to_be_too_few():
    X, y = load_diabetes(return_X_y=True)
    with pytest.warns(UserWarning, match="20 rows are too few to compare .* relu, the first"):
        search = ActivationSearch("regression", **QUICK).fit(X[:20], y[:20])
    assert search.result_ is None
    assert search.best_activation_ == "relu"
    assert search.predict(X[:2]).shape == (2,)


def test_the_figures_of_the_study_can_be_logged(iris):
    heard = []
    search = ActivationSearch(**QUICK, log=lambda figures, step: heard.append((step, figures)))
    search.fit(*iris)
    assert heard[-1][1]["relu/accuracy"] == pytest.approx(search.result_.row("relu").score)


def test_frames_of_other_columns_are_refused(fitted, iris):
    X, y = iris
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(X[X.columns[::-1]])
    unnamed = ActivationSearch(**QUICK).fit(X.to_numpy(), y)
    with pytest.raises(ValueError, match="expecting 4 features"):
        unnamed.predict(np.zeros((2, 3)))
