"""Train a network, watch it, and train it again with the cure: what `actlab doctor` does."""

from __future__ import annotations

import copy
import importlib.util
import inspect
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn
from torch.nn import functional

from actlab.activation import Activation
from actlab.errors import ActlabError, DataError
from actlab.health.watching import Watch

__all__ = ["DATASETS", "Checkup", "Course", "checkup", "from_file", "network"]

Tensor = torch.Tensor

DATASETS: Final = ("digits", "breast_cancer", "wine", "iris", "diabetes")
_BATCH: Final = 64
_OPTIMIZERS: Final[dict[str, tuple[Any, float]]] = {
    "adam": (torch.optim.Adam, 1e-3),
    "adamw": (torch.optim.AdamW, 1e-3),
    "sgd": (torch.optim.SGD, 0.1),
    "rmsprop": (torch.optim.RMSprop, 1e-3),
}


@dataclass
class Course:
    """A training that can be done more than once.

    Attributes:
        model: at its beginning; it is copied before it is trained.
        optimizer: makes the optimizer for a model's parameters.
        batches: makes an endless stream of (input, target).
        test: batches to score on; empty if there are none.
        loss: of output and target.
        classes: whether targets are classes, so that the score is an accuracy.
    """

    model: nn.Module
    optimizer: Callable[[nn.Module], torch.optim.Optimizer]
    batches: Callable[[], Iterator[tuple[Tensor, Tensor]]]
    test: list[tuple[Tensor, Tensor]]
    loss: Callable[[Tensor, Tensor], Tensor]
    classes: bool


@dataclass
class Checkup:
    """What came of it.

    Attributes:
        watch: of the first training, which nothing disturbed.
        cured: of the second one, with `cure="apply"`; None if nothing was to be cured.
        score, cured_score: accuracy (or mean loss) on the test rows; None without any.
        metric: what the score is.
    """

    watch: Watch
    cured: Watch | None
    score: float | None
    cured_score: float | None
    metric: str


def checkup(course: Course, steps: int, *, every: int = 1, cure: bool = True) -> Checkup:
    """Train and watch; if anything above a note is found, train again with the cure.

    Raises:
        ValueError: for fewer than one step.
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}; a whole number of at least 1 was expected")
    watch, score = _train(course, steps, every, cure=False)
    cured = cured_score = None
    if cure and watch.findings().above("note"):
        cured, cured_score = _train(course, steps, every, cure=True)
    metric = "accuracy" if course.classes else "mean loss"
    return Checkup(watch, cured, score, cured_score, metric)


def _train(course: Course, steps: int, every: int, *, cure: bool) -> tuple[Watch, float | None]:
    torch.manual_seed(0)
    model = copy.deepcopy(course.model)
    model.train()
    optimizer = course.optimizer(model)
    with Watch(model, optimizer, every=every, cure="apply" if cure else None) as watch:
        for x, y in itertools.islice(course.batches(), steps):
            optimizer.zero_grad()
            _loss(course, model, x, y).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if watch.stopped:
                break
    return watch, _score(course, model)


def _loss(course: Course, model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """The loss of a batch, or in a sentence why there is none."""
    try:
        return course.loss(model(x), y)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:  # from the user's own code
        told = str(error).strip().splitlines()[0]
        raise ActlabError(
            f"the model or its loss failed on a batch with input {tuple(x.shape)} and target "
            f"{tuple(y.shape)}: {told}"
        ) from error


def _score(course: Course, model: nn.Module) -> float | None:
    if not course.test:
        return None
    model.eval()
    total, rows = 0.0, 0
    with torch.no_grad():
        for x, y in course.test:
            output = model(x)
            if course.classes:
                total += float((output.argmax(-1) == y).float().sum())
                rows += y.numel()
            else:
                total += float(course.loss(output, y)) * len(y)
                rows += len(y)
    return total / max(rows, 1)


def network(
    data: str,
    activation: Activation,
    *,
    depth: int = 3,
    width: int = 64,
    optimizer: str = "adam",
    learning_rate: float | None = None,
    seed: int = 0,
) -> Course:
    """A plain network with PyTorch's own initialisation, on one of scikit-learn's small data sets.

    Raises:
        DataError: if there is no such data set.
        ActlabError: for an unknown optimizer, or numbers out of range.
    """
    if data not in DATASETS:
        raise DataError(
            f"there is no data set {data!r}; there are {', '.join(DATASETS)}, or give a function "
            "that builds your model: actlab doctor my.py:build --data my.py:loaders"
        )
    if optimizer not in _OPTIMIZERS:
        raise ActlabError(f"there is no optimizer {optimizer!r}; known: {', '.join(_OPTIMIZERS)}")
    if depth < 1 or width < 1:
        raise ActlabError(f"depth {depth} and width {width} must both be at least 1")
    if learning_rate is not None and not learning_rate > 0:
        raise ActlabError(f"the learning rate is {learning_rate}; a positive number was expected")
    from sklearn import datasets

    x, y = getattr(datasets, f"load_{data}")(return_X_y=True)
    classes = data != "diabetes"
    rows = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    inputs = torch.as_tensor(x, dtype=torch.float32)[rows]
    targets = torch.as_tensor(y, dtype=torch.int64 if classes else torch.float32)[rows]
    cut = int(0.7 * len(x))
    mean, deviation = inputs[:cut].mean(0), inputs[:cut].std(0)
    inputs = (inputs - mean) / torch.where(deviation > 0, deviation, 1.0)
    if not classes:
        targets = ((targets - targets[:cut].mean()) / targets[:cut].std()).unsqueeze(1)
    torch.manual_seed(seed)
    sizes = [inputs.shape[1], *[width] * depth]
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after), _layer(activation)]
    layers.append(nn.Linear(width, int(targets.max()) + 1 if classes else 1))
    kind, usual = _OPTIMIZERS[optimizer]
    rate = usual if learning_rate is None else learning_rate

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(seed)
        while True:
            order = torch.randperm(cut, generator=generator)
            for start in range(0, cut, _BATCH):
                chosen = order[start : start + _BATCH]
                yield inputs[chosen], targets[chosen]

    return Course(
        nn.Sequential(*layers),
        lambda model: kind(model.parameters(), rate),
        batches,
        [(inputs[cut:], targets[cut:])],
        functional.cross_entropy if classes else functional.mse_loss,
        classes,
    )


def _layer(activation: Activation) -> nn.Module:
    made: nn.Module = activation.module()
    return made


def from_file(build: str, data: str | None) -> Course:
    """A course from a user's functions: "my.py:build" and "my.py:loaders".

    `build()` gives the model, or the model and its optimizer, or these and a loss function.
    `loaders()` gives batches of (input, target) to train on, or these and batches to test on.

    Raises:
        ActlabError: if a file or function is missing or gives something else.
    """
    if data is None:
        raise ActlabError(f"{build} builds a model; say what to train it on: --data my.py:loaders")
    made = _call(build)
    parts = made if isinstance(made, tuple) else (made,)
    model = parts[0]
    if not isinstance(model, nn.Module):
        raise ActlabError(
            f"{build} gave {type(model).__name__}; a torch.nn.Module was expected, or a tuple of "
            "model, optimizer and loss"
        )
    template = parts[1] if len(parts) > 1 else None
    if template is not None and not isinstance(template, torch.optim.Optimizer):
        raise ActlabError(f"{build} gave {type(template).__name__} as its optimizer")
    training, test = _loaders(data)
    first = next(iter(training), None)
    if first is None or not _is_batch(first):
        raise ActlabError(
            f"{data} must give batches of two tensors, (input, target); "
            f"its first batch is {_described(first)}"
        )
    classes = not first[1].is_floating_point()
    usual = functional.cross_entropy if classes else functional.mse_loss

    def optimizer_of(fresh: nn.Module) -> torch.optim.Optimizer:
        if template is None:
            return torch.optim.Adam(fresh.parameters())
        places = {id(p): n for n, p in model.named_parameters()}
        own = dict(fresh.named_parameters())
        groups = [
            {**{k: v for k, v in group.items() if k != "params"},
             "params": [own[places[id(p)]] for p in group["params"] if id(p) in places]}
            for group in template.param_groups
        ]  # fmt: skip
        defaults = {k: v for k, v in template.defaults.items() if k in _accepted(template)}
        made_anew: torch.optim.Optimizer = type(template)(groups, **defaults)
        return made_anew

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            # an iterator is used up by one pass, and here by the look at its first batch
            own = _loaders(data)[0] if iter(training) is training else training
            one = None
            for one in own:
                if not _is_batch(one):
                    raise ActlabError(f"{data} gave a batch that is {_described(one)}")
                yield one
            if one is None:
                raise ActlabError(f"{data} gave no more batches")

    return Course(
        model, optimizer_of, batches, list(test), parts[2] if len(parts) > 2 else usual, classes
    )


def _loaders(place: str) -> tuple[Iterable[Any], Iterable[Any]]:
    """Batches to train on and batches to test on, which may be none."""
    given = _call(place)
    training, test = given if isinstance(given, tuple) and len(given) == 2 else (given, [])
    if not isinstance(training, Iterable):
        raise ActlabError(f"{place} gave {type(training).__name__}; batches were expected")
    return training, test


def _is_batch(given: Any) -> bool:
    return (
        isinstance(given, list | tuple)
        and len(given) == 2
        and all(isinstance(one, Tensor) for one in given)
    )


def _described(given: Any) -> str:
    """What was given in the place of a batch."""
    if given is None:
        return "missing"
    if isinstance(given, list | tuple):
        return f"{type(given).__name__} of {', '.join(type(one).__name__ for one in given)}"
    return f"of type {type(given).__name__}"


def _accepted(optimizer: torch.optim.Optimizer) -> set[str]:
    """Names of the arguments that an optimizer's class takes."""
    return set(inspect.signature(type(optimizer)).parameters)


def _call(place: str) -> Any:
    """The result of a function named as "file.py:function"."""
    path, _, name = place.rpartition(":")
    file = Path(path)
    if not path or not name:
        raise ActlabError(f"{place!r} names no function; write it as my.py:build")
    if not file.is_file():
        raise ActlabError(f"there is no file {path!r}")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ActlabError(f"{path!r} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.parent.resolve()))
    try:
        spec.loader.exec_module(module)
        return getattr(module, name)()
    except ActlabError:
        raise
    except Exception as error:  # a user's own code may raise anything
        if not hasattr(module, name):
            raise ActlabError(f"{path} has no function {name!r}") from error
        raise ActlabError(f"{place} failed: {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
