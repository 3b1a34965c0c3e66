"""Advice before any work: rules of the field, what the theory forecasts, what measuring costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, isfinite, isnan, log, sqrt
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from actlab.compare.field_rules import Network, Rule, rules_for
from actlab.compare.study import Settings
from actlab.errors import SettingError
from actlab.theory import Forecast, forecast, gain

if TYPE_CHECKING:
    import os

    from actlab.compare.study import Candidate
    from actlab.compare.task import Task

__all__ = ["Advice", "Cost", "Outlook", "advise"]

_USUAL: Final = sqrt(1 / 3)
"""Standard deviation times sqrt(fan_in) of what `torch.nn.Linear` draws: uniform within
1/sqrt(fan_in)."""


@dataclass(frozen=True)
class Outlook:
    """What the theory forecasts of one recommended activation at the depth that was given."""

    activation: str
    verdict: str
    """`steady`, `vanishing`, `exploding` or `unknown` gradients, with weights drawn for it."""
    gradient: float | None
    """Decimal logarithm of the gradient norm in the first layer, as a part of the last one's."""
    usual_verdict: str
    """The same with the weights that `torch.nn.Linear` draws by default."""
    usual_gradient: float | None
    note: str = ""


@dataclass(frozen=True)
class Cost:
    """What a comparison of the recommended activations would cost on the user's data."""

    table: str
    rows: int
    trainings: int
    seconds: float
    """Estimate, from a timed epoch of the first chunk."""
    workers: int
    command: str
    """What to type."""


@dataclass(frozen=True)
class Advice:
    """What to begin with, why, and how to find out more."""

    network: Network
    rules: tuple[Rule, ...]
    candidates: tuple[str, ...]
    """Recommended for the hidden layers or the cell, the first to try first."""
    depth: int
    outlooks: tuple[Outlook, ...]
    cost: Cost | None
    notes: tuple[str, ...]


def advise(
    *,
    task: str | None = None,
    classes: int | None = None,
    positive: bool = False,
    several: bool = False,
    depth: int | None = None,
    recurrent: bool = False,
    transformer: bool = False,
    convolutional: bool = False,
    adversarial: bool = False,
    coordinates: bool = False,
    small: bool = False,
    data: str | os.PathLike[str] | None = None,
    target: str | None = None,
) -> Advice:
    """Say which activations to begin with, by the rules of the field and by theory.

    Args:
        task: "classification" or "regression"; that of the data by default.
        classes: number of classes; that of the data by default.
        positive: what is predicted is never negative.
        several: a row may carry several labels at once.
        depth: hidden layers; 2 by default.
        recurrent: it is an RNN, a GRU or an LSTM.
        transformer: it is one.
        convolutional: it has convolutions.
        adversarial: it is a generator with its discriminator.
        coordinates: the network maps places to values.
        small: it runs on a phone or a microcontroller.
        data: what `compare` takes by name or path, to tell what measuring on it would cost.
        target: the column to predict.

    Returns:
        An `Advice`: rules with their sources, the forecast of the gradient at this depth for
        every recommended activation, and the cost of a comparison if data were given.

    Raises:
        SettingError: a setting that can not be.
        DataError: data that can not be compared on.

    Example:
        >>> from actlab.compare.advice import advise
        >>> found = advise(task="regression", depth=30)
        >>> found.candidates
        ('relu', 'gelu', 'silu', 'selu', 'leaky_relu')
        >>> found.outlooks[0].activation, found.outlooks[0].verdict, found.outlooks[0].usual_verdict
        ('relu', 'steady', 'vanishing')
    """
    if task not in {None, "classification", "regression"}:
        raise SettingError(f"task is {task!r}; 'classification' or 'regression' was expected")
    for name, number, least in (("classes", classes, 2), ("depth", depth, 1)):
        if number is not None and (isinstance(number, bool) or number < least):
            raise SettingError(f"{name} is {number!r}; at least {least} was expected")
    if task == "regression" and (classes or several):
        raise SettingError(
            "a regression predicts a number, and classes or several labels were given; leave one "
            "of them away"
        )
    loaded = None
    if data is not None:
        from actlab.compare.task import load

        loaded = load(data, target=target, task=task)
        task = loaded.kind
        classes = (len(loaded.classes) or None) if classes is None else classes
        positive = positive or (task == "regression" and bool((loaded.target >= 0).all()))
    if task is None and (classes or several):
        task = "classification"
    network = Network(
        task=task,
        classes=classes,
        positive=positive,
        several=several,
        depth=depth,
        recurrent=recurrent,
        transformer=transformer,
        convolutional=convolutional,
        adversarial=adversarial,
        coordinates=coordinates,
        small=small,
    )
    rules = rules_for(network)
    named = [
        name for rule in rules if rule.place in {"hidden", "cell"} for name in rule.activations
    ]
    candidates = tuple(dict.fromkeys(named))
    layers = 2 if depth is None else depth
    outlooks = tuple(_outlook(name, layers) for name in candidates)
    cost = None
    if loaded is not None:
        hidden = Settings.hidden if depth is None else Settings.hidden[:1] * depth
        cost = _cost(loaded, str(data), target, candidates, replace(Settings(), hidden=hidden))
    return Advice(network, rules, candidates, layers, outlooks, cost, _notes(network))


def _notes(network: Network) -> tuple[str, ...]:
    said = ["Rules are where to begin; `actlab compare` on your own data overrules them."]
    if network.task is None and not network.adversarial:
        said.append("The output was left out: say --task classification or regression.")
    if network.recurrent:
        said.append(
            "The forecast counts layers with weights of their own; in a recurrent network a step "
            "in time is such a layer, with the same weights again and again."
        )
    return tuple(said)


# --- theory -----------------------------------------------------------------------------------


def _outlook(name: str, depth: int) -> Outlook:
    from actlab import catalogue

    f = catalogue.get(name)
    if f.kind != "scalar":
        return Outlook(name, "unknown", None, "unknown", None, "a gated pair: no forecast")
    own = forecast(f, depth, sigma_w=gain(f))
    usual = forecast(f, depth, sigma_w=_USUAL)
    note = ""
    if depth > 2 and own.sensitivity > 10:
        note = "the variance drifts: normalise, or keep to the forecast for few layers only"
    elif depth > 2 and own.sensitivity < 0.1:
        note = "the variance returns to its fixed point by itself"
    return Outlook(name, own.verdict, _tens(own), usual.verdict, _tens(usual), note)


def _tens(known: Forecast) -> float | None:
    """Decimal logarithm of the first layer's gradient; None where it is unknown."""
    natural = known.gradient[0]
    if isnan(natural):
        return None
    if not isfinite(natural):
        return -inf if natural < 0 else inf
    return round(natural / log(10), 4) + 0.0


# --- what a measurement costs -----------------------------------------------------------------


def _cost(
    task: Task, data: str, target: str | None, names: tuple[str, ...], settings: Settings
) -> Cost:
    from actlab.compare.candidates import candidates_for
    from actlab.compare.protocol import plan
    from actlab.compare.runners import workers_for

    candidates = candidates_for(names)
    planned = plan(task, candidates, settings)
    epoch = _timed_epoch(task, candidates, planned.settings)
    workers = workers_for(planned)
    seconds = epoch * planned.settings.epochs * planned.runs / workers
    words = ["actlab", "compare", data, *(["--target", target] if target else [])]
    if settings.hidden != Settings.hidden:
        words += ["--hidden", ",".join(map(str, settings.hidden))]
    return Cost(
        table=task.name,
        rows=task.rows,
        trainings=planned.runs,
        seconds=seconds,
        workers=workers,
        command=" ".join([*map(_quoted, words), "--activations", _quoted(",".join(names))]),
    )


def _timed_epoch(task: Task, candidates: tuple[Candidate, ...], settings: Settings) -> float:
    """Measured seconds of one epoch of one network, in a chunk as a study trains it."""
    from actlab.compare.protocol import plan
    from actlab.compare.trainer import train_chunk

    short = replace(settings, epochs=1)
    chunk = plan(task, candidates[:1], short).chunks[0].chunk
    train_chunk(task, candidates[:1], chunk, short)  # kernels are made ready, splits drawn
    begin = perf_counter()
    train_chunk(task, candidates[:1], chunk, short)
    return (perf_counter() - begin) / (len(chunk.pairs) * len(settings.learning_rates))


def _quoted(word: Any) -> str:
    import shlex

    return shlex.quote(str(word))
