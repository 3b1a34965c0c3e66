"""Remedies: changes to a model and its optimizer, each of which can be undone.

A remedy that lives in a hook (clipping, scaled inputs, a clamped logarithm) stays after the watch
is detached, since the trained weights rely on it; `undo` takes it off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from actlab.health.patient import Patient, Snapshot, Undo
from actlab.health.remedies_forward import (
    clamp_log,
    float32,
    logarithm_of_output,
    normalise,
    scale_input,
    swap,
    swap_all,
)
from actlab.health.remedies_steps import (
    clip,
    lower_rate,
    raise_rate,
    roll_back,
    schedule,
    skip_bad_steps,
    stop,
    warmup,
)
from actlab.health.remedies_weights import reinitialise, train

__all__ = ["ACTIONS", "Remedy"]

ACTIONS: Final[dict[str, Callable[..., Undo]]] = {
    action.__name__: action
    for action in (
        reinitialise, swap, swap_all, normalise, train, roll_back, stop, lower_rate, raise_rate,
        clip, skip_bad_steps, warmup, schedule, scale_input, logarithm_of_output, float32,
        clamp_log,
    )
}  # fmt: skip
"""Every remedy by name."""


@dataclass(frozen=True)
class Remedy:
    """One change that can be made and undone.

    Attributes:
        name: of the action.
        text: what it does, in a sentence.
        arguments: which layers, which numbers.
    """

    name: str
    arguments: Mapping[str, Any]
    patient: Patient = field(repr=False, compare=False)

    @property
    def text(self) -> str:
        """What it does."""
        summary = (ACTIONS[self.name].__doc__ or "").split("\n")[0].rstrip(".")
        shown = ", ".join(f"{k} {_shown(v)}" for k, v in self.arguments.items())
        return f"{summary} ({shown})" if shown else summary

    def apply(self) -> Undo:
        """Make the change; returns the function that undoes it, weights included.

        Raises:
            ActlabError: if it can't be made on this model; nothing was changed then.
        """
        patient = self.patient
        before = Snapshot.of(patient.model, patient.optimizer)
        undo = ACTIONS[self.name](patient, **self.arguments)

        def take_back() -> None:
            undo()
            before.restore(patient.model, patient.optimizer)

        return take_back


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value[:4])) + (" ..." if len(value) > 4 else "")
    return f"{value:g}" if isinstance(value, float) else str(value)
