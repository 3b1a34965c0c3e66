"""The optimizer's step: the gradients that it gets, and the weights before and after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from actlab.health.parameters import Parameters
from actlab.health.sampling import few, norms, views
from actlab.health.states import Gradients
from actlab.health.window import Window

__all__ = ["StepReader", "when_gradients_are_there"]


class StepReader:
    """Reads the parameters of a model around a step."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self._before: Any = None
        self._after: Any = None
        self._versions: list[int] = []
        self._views: list[Any] | None = None
        self._places: list[int] | None = None

    def no_gradients(self) -> bool:
        """Whether no parameter has a gradient."""
        return all(p.grad is None for p in self.parameters.tensors)

    def before(self, window: Window, step: int, *, scaled: bool) -> None:
        """Gradients, as the optimizer gets them, and weights."""
        grads = {at: p.grad for at, p in enumerate(self.parameters.tensors) if p.grad is not None}
        if grads:
            every = list(grads.values())
            some = few(every) if window.samples == 0 else None
            window.gradients(Gradients(step, list(grads), norms(every), some), scaled=scaled)
        if self.parameters.tensors:
            same = self._after is not None and self._versions == self._now()
            self._before = self._after if same else self._some_weights()

    def after(self, window: Window, step: int, rate: float) -> None:
        """Weights once more, and the learning rate."""
        if self._before is not None:
            self._after = self._some_weights()
            self._versions = self._now()
            window.step(step, self._before, self._after, rate)
            self._before = None

    def _now(self) -> list[int]:
        """Tells whether weights were written to since the last step."""
        return [p._version for p in self.parameters.tensors]

    def _some_weights(self) -> Any:
        """Some numbers of every weight, through views that last as long as its memory does.

        NumPy puts them together in a third of the time.
        """
        places = [p.data_ptr() for p in self.parameters.tensors]
        if places != self._places:
            self._views = views(self.parameters.tensors)
            self._places = places if self._views is not None else None
        if self._views is None:
            return few(self.parameters.tensors)
        return np.concatenate(self._views)


def when_gradients_are_there(
    args: Any, kwargs: Any, read: Callable[[], None]
) -> tuple[Any, Any] | None:
    """Call `read` now, or where a closure makes the gradients, when it has done so once.

    Returns the arguments of the step as they have to be then; None if they stay.
    """
    given = len(args) > 1
    closure = args[1] if given else kwargs.get("closure")
    if closure is None:
        read()
        return None
    done = False

    def watched() -> Any:
        nonlocal done
        loss = closure()
        if not done:
            done = True
            read()
        return loss

    if given:
        return (args[0], watched, *args[2:]), kwargs
    return args, {**kwargs, "closure": watched}
