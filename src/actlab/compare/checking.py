"""Settings as a user gives them become `Settings`, or one clear sentence."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable
from typing import Any, Final

from actlab.compare.losses import LOSSES
from actlab.compare.metrics import METRICS
from actlab.compare.naming import by_name, spelled
from actlab.compare.optimisers import OPTIMISERS
from actlab.compare.schedules import SCHEDULES
from actlab.compare.study import Settings
from actlab.errors import SettingError

__all__ = ["checked_settings", "default_rates", "whole"]

_RATES: Final = {
    "sgd": (3e-3, 1e-2, 3e-2, 1e-1, 3e-1),
    "adagrad": (3e-3, 1e-2, 3e-2, 1e-1, 3e-1),
    "adadelta": (1e-1, 3e-1, 1.0, 3.0, 10.0),
    "adamax": (1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
}
"""Grids around what served ReLU, sigmoid and identity best on digits and diabetes; the other
optimisers have that of `Settings`."""


def default_rates(optimizer: str) -> tuple[float, ...]:
    """Return the grid of learning rates when the user gives none.

    >>> default_rates("adadelta")
    (0.1, 0.3, 1.0, 3.0, 10.0)
    """
    return _RATES.get(optimizer, Settings.learning_rates)


def checked_settings(
    *,
    hidden: Any,
    optimizer: Any,
    loss: Any,
    metric: Any,
    schedule: Any,
    clip_norm: Any,
    epochs: Any,
    batch_size: Any,
    learning_rates: Any,
    blocks: Any,
    seed: Any,
    margin: Any,
    race: Any = False,
) -> Settings:
    """Check every setting and return them all.

    Raises:
        UnknownNameError: an optimiser, loss, metric or schedule that is not known here.
        SettingError: a number out of its range, or no number.
    """
    layers = _listed(hidden, "hidden")
    if not layers:
        raise SettingError(
            "hidden holds no layer, and activations act in hidden layers; give for example 64,64"
        )
    optimizer = _known(OPTIMISERS, optimizer, "optimiser")
    if learning_rates is None:
        learning_rates = default_rates(optimizer)
    rates = sorted(
        _positive(rate, "a learning rate") for rate in _listed(learning_rates, "learning_rates")
    )
    if not rates:
        raise SettingError("learning_rates is empty; give at least one, for example 0.001")
    if len(set(rates)) < len(rates):
        raise SettingError("learning_rates holds one of them twice; each must be given once")
    return Settings(
        hidden=tuple(whole(width, "a hidden layer's width", least=1) for width in layers),
        optimizer=optimizer,
        loss=_known({"auto": "auto"} | LOSSES, loss, "loss"),
        metric=_known({"auto": "auto"} | METRICS, metric, "metric"),
        schedule=_known(SCHEDULES, schedule, "learning-rate schedule"),
        clip_norm=None if clip_norm is None else _positive(clip_norm, "clip_norm"),
        epochs=whole(epochs, "epochs", least=1),
        batch_size=whole(batch_size, "batch_size", least=1),
        learning_rates=tuple(rates),
        blocks=whole(blocks, "blocks", least=1),
        seed=whole(seed, "seed", least=0),
        margin=_positive(margin, "margin"),
        race=_flag(race, "race"),
    )


def _flag(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise SettingError(f"{name} is {reprlib.repr(value)}; True or False was expected")
    return value


def whole(value: Any, name: str, *, least: int) -> int:
    """Return a whole number that is at least `least`."""
    number = _finite(value)
    if number is None or number != int(number) or number < least:
        raise SettingError(
            f"{name} is {reprlib.repr(value)}; a whole number of at least {least} was expected"
        )
    return int(value)


def _positive(value: Any, name: str) -> float:
    number = _finite(value)
    if number is None or number <= 0:
        raise SettingError(f"{name} is {reprlib.repr(value)}; a number above 0 was expected")
    return number


def _finite(value: Any) -> float | None:
    """Return the number, or None for whatever is no finite number."""
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    return number if math.isfinite(number) else None


def _listed(value: Any, name: str) -> list[Any]:
    """One number stands for a list of one."""
    if isinstance(value, str):
        raise SettingError(f"{name} is the text {value!r}; numbers were expected")
    return list(value) if isinstance(value, Iterable) else [value]


def _known(table: Any, name: Any, what: str) -> str:
    if not isinstance(name, str):
        raise SettingError(f"{what} is {name!r}; one of the names was expected: {', '.join(table)}")
    by_name(table, name, what)
    return spelled(name)
