"""The comparison as an estimator of scikit-learn."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import nn

from actlab.compare.candidates import candidates_for
from actlab.compare.checking import checked_settings
from actlab.compare.comparison import compare
from actlab.compare.preparation import prepare
from actlab.compare.study import ASKED, Settings
from actlab.compare.tables import columns_of_arrays
from actlab.compare.targets import FEWEST_IN_CLASS, FEWEST_ROWS, Kind
from actlab.compare.task import Split, Task, load
from actlab.compare.trainer import train_network
from actlab.errors import DataError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from actlab.activation import Activation
    from actlab.compare.result import Result
    from actlab.compare.runners import Runner
    from actlab.compare.study import Candidate

__all__ = ["ActivationSearch"]


def _classifies(search: ActivationSearch) -> bool:
    return search.task == "classification"


class ActivationSearch(BaseEstimator):  # type: ignore[misc]
    """Find the activation for a table, and predict with a network that has it.

    `fit` compares the candidates as `actlab.compare` does, and then trains one multilayer
    perceptron with the recommended one: on all rows but the share that its learning rate and its
    epoch are chosen on. Everything happens inside `fit`, the scaling of the columns too, so that
    `cross_val_score` measures the whole search on rows that it never saw.

    Args:
        task: "classification" or "regression".
        activations: names, formulas, or activations; about twelve well-known ones by default.
        hidden, optimizer, loss, metric, schedule, clip_norm, epochs, batch_size: as in
            `actlab.compare`.
        learning_rates, blocks, margin, race, workers, runner: as there.
        random_state: of everything that is drawn: a number, a `numpy.random.RandomState`, or None
            for another draw each time.

    Attributes:
        best_activation_: label of the recommended candidate; the best by mean if the study was
            too small to recommend one.
        result_: the `Result` of the comparison; None after too few rows for one (a warning says
            so, and the first candidate is used).
        network_: the `torch.nn.Sequential` that predicts, in double precision; it wants the
            columns as `transform_` prepares them.
        learning_rate_: what validation chose for it.
        classes_: the classes in sorted order (classification).
        n_features_in_, feature_names_in_: as everywhere in scikit-learn.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> search = ActivationSearch(activations="relu,tanh", epochs=20, blocks=3).fit(X, y)
        >>> search.best_activation_ in {"relu", "tanh"}
        True
        >>> search.score(X, y) > 0.9
        True
    """

    def __init__(
        self,
        task: str = "classification",
        *,
        activations: str | Activation | Iterable[str | Activation] | None = None,
        hidden: Iterable[int] | int = Settings.hidden,
        optimizer: str = Settings.optimizer,
        loss: str = Settings.loss,
        metric: str = Settings.metric,
        schedule: str = Settings.schedule,
        clip_norm: float | None = Settings.clip_norm,
        epochs: int = Settings.epochs,
        batch_size: int = Settings.batch_size,
        learning_rates: Iterable[float] | float | None = None,
        blocks: int = Settings.blocks,
        margin: float = Settings.margin,
        race: bool = False,
        workers: int | None = None,
        runner: str | Runner | None = None,
        log: Callable[[dict[str, float], int], None] | None = None,
        random_state: Any = 0,
    ) -> None:
        self.task = task
        self.activations = activations
        self.hidden = hidden
        self.optimizer = optimizer
        self.loss = loss
        self.metric = metric
        self.schedule = schedule
        self.clip_norm = clip_norm
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rates = learning_rates
        self.blocks = blocks
        self.margin = margin
        self.race = race
        self.workers = workers
        self.runner = runner
        self.log = log
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, RegressorTags

        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = True
        if _classifies(self):
            tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        else:
            tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        return tags

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Compare the candidates on X, (rows, features), and y, (rows,), and train a network.

        Missing values (NaN) are allowed in X.

        Raises:
            ValueError: X or y are of another shape or kind, or too few rows.
            ActlabError: settings or activations that can not be used.
        """
        if self.task not in {"classification", "regression"}:
            raise SettingError(
                f"task is {self.task!r}; 'classification' or 'regression' was expected"
            )
        X, y = validate_data(  # noqa: N806
            self,
            X,
            y,
            dtype=np.float64,
            ensure_all_finite="allow-nan",
            ensure_min_samples=2,
            y_numeric=not _classifies(self),
        )
        target = y
        if _classifies(self):
            check_classification_targets(y)
            self.classes_, target = np.unique(y, return_inverse=True)
            if len(self.classes_) < 2:
                raise DataError("y has one class only; at least two classes were expected")
        options = self.get_params()
        state = options.pop("random_state")
        if not isinstance(state, int | np.integer):
            state = check_random_state(state).randint(2**31)
        candidates = candidates_for(self.activations)
        kind: Kind = "classification" if _classifies(self) else "regression"
        task = Task("data", kind, tuple(columns_of_arrays(X, "X")), "y", target, self._names())
        if _too_few(task):
            warnings.warn(
                f"{task.rows} rows are too few to compare activations on; the network has "
                f"{candidates[0].label}, the first candidate",
                stacklevel=2,
            )
            self.result_ = None
            self._refit(task, candidates[0], self._settings(int(state)))
            return self
        self.result_ = self._named(compare(X, target, seed=int(state), **options))
        best = self.result_.recommended or self.result_.best
        if best is None:
            raise DataError(
                "every candidate diverged on these data at every learning rate; give smaller "
                "learning_rates"
            )
        candidate = next(one for one in candidates if one.label == best)
        self._refit(load(X, y=target, task=kind), candidate, self.result_.settings)
        return self

    def _names(self) -> tuple[str, ...]:
        """Codes of the classes; none for a number."""
        return tuple(map(str, range(len(self.classes_)))) if _classifies(self) else ()

    def _settings(self, seed: int) -> Settings:
        given = {name: getattr(self, name) for name in ASKED if name not in {"seed", "race"}}
        return checked_settings(**given, seed=seed)

    def _named(self, result: Result) -> Result:
        """The result with the classes under their own names."""
        if not _classifies(self):
            return result
        names = tuple(str(self.classes_[int(code)]) for code in result.task.classes)
        return replace(result, task=replace(result.task, classes=names))

    def _refit(self, task: Task, candidate: Candidate, settings: Settings) -> None:
        self._codes = np.array([int(code) for code in task.classes])
        self._kept = [column.name for column in task.columns]
        split, self.transform_ = _split(task, settings)
        trained = train_network(task, candidate, split, settings)
        if trained is None:
            raise DataError(
                f"{candidate.label} was chosen and then diverged at every learning rate on all "
                "rows together; give smaller learning_rates"
            )
        self.best_activation_ = candidate.label
        run, network = trained
        self.learning_rate_ = run.learning_rate
        self.network_ = _network(candidate, network.layers(0))
        self._mean, self._scale = split.target_mean, split.target_scale

    def _outputs(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        check_is_fitted(self)
        X = validate_data(  # noqa: N806
            self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False
        )
        columns = {column.name: column for column in columns_of_arrays(X, "X")}
        features = self.transform_([columns[name] for name in self._kept])
        with torch.no_grad():
            found: NDArray[np.float64] = self.network_(torch.from_numpy(features)).numpy()
        return found

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """The class or the value of every row of X: (rows,)."""
        if _classifies(self):
            chances = self.predict_proba(X)
            return np.asarray(self.classes_[chances.argmax(axis=1)])
        return self._outputs(X)[:, 0] * self._scale + self._mean

    @available_if(_classifies)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """The probability of every class, in the order of `classes_`: (rows, classes)."""
        outputs = torch.from_numpy(self._outputs(X))
        if outputs.shape[1] == 1:  # one logit for two classes: that of the first is 0
            outputs = torch.cat([torch.zeros_like(outputs), outputs], dim=1)
        chances = np.zeros((len(outputs), len(self.classes_)))
        chances[:, self._codes] = torch.softmax(outputs, dim=1).numpy()
        return chances

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:  # noqa: N803
        """The accuracy, or R²."""
        metric = accuracy_score if _classifies(self) else r2_score
        return float(metric(y, self.predict(X), sample_weight=sample_weight))


def _too_few(task: Task) -> bool:
    """Whether a comparison would refuse so few rows; the estimator answers all the same."""
    if task.rows < FEWEST_ROWS:
        return True
    if task.kind == "regression":
        return False
    counts = np.bincount(task.target)
    usual = counts[counts >= FEWEST_IN_CLASS]
    return len(usual) < 2 or usual.sum() < 0.9 * task.rows


def _split(task: Task, settings: Settings) -> tuple[Split, Any]:
    """All rows: a share that validates, and the others to train on; too few do both."""
    classes = task.target if task.kind == "classification" else None
    train = validation = np.arange(task.rows)
    if not _too_few(task):
        train, validation = train_test_split(
            train,
            test_size=round(task.rows * settings.validation_share),
            random_state=settings.seed,
            stratify=classes,
        )
    prepared = prepare(task.columns, train)
    parts = {"train": train, "validation": validation, "test": validation[:0]}
    values: dict[str, Any] = {}
    for part, rows in parts.items():
        values |= {
            f"{part}_rows": rows,
            f"{part}_x": prepared.features[rows],
            f"{part}_y": task.target[rows],
        }
    mean, scale = 0.0, 1.0
    if classes is None:
        mean, scale = float(task.target[train].mean()), float(task.target[train].std()) or 1.0
    split = Split(block=0, target_mean=mean, target_scale=scale, notes=prepared.notes, **values)
    return split, prepared.transform


def _network(
    candidate: Candidate, layers: list[tuple[NDArray[Any], NDArray[Any]]]
) -> nn.Sequential:
    """The layers in double precision, in which a row's answer does not depend on its company."""
    modules: list[nn.Module] = []
    for weight, bias in layers:
        if modules:
            modules.append(candidate.activation.module())
        fan_in, fan_out = weight.shape
        linear = nn.Linear(fan_in, fan_out, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weight.T.copy()))
            linear.bias.copy_(torch.from_numpy(bias.copy()))
        modules.append(linear)
    return nn.Sequential(*modules).double().eval()
