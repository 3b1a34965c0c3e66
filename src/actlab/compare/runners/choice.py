"""Which runner: by the words of the user, or by the size of the study."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from actlab.compare.checking import whole
from actlab.compare.runners.local import InProcess, Processes
from actlab.compare.runners.on_dask import Dask
from actlab.compare.runners.on_ray import Ray
from actlab.errors import SettingError

if TYPE_CHECKING:
    from actlab.compare.protocol import Plan
    from actlab.compare.runners.contract import Runner

__all__ = ["chosen_runner", "runner_for", "workers_for"]

_LONG: Final = 5e11
"""Operations that take a core about ten seconds; a worker is ready after three."""

_CLUSTERS: Final[dict[str, type[Dask | Ray]]] = {"dask": Dask, "ray": Ray}

_EXPECTED: Final = (
    "processes:N, dask://HOST:PORT, dask://local, ray://HOST:PORT, ray://auto or ray://local"
)


def chosen_runner(runner: Any = None, workers: int | None = None) -> Runner | None:
    """Return the runner that the user asked for; None if the study may choose.

    Args:
        runner: "processes:4", "dask://10.0.0.1:8786", "dask://local", "ray://10.0.0.1:6379",
            "ray://auto", "ray://local", or an object with a method `run` as in `contract`.
        workers: how many, for what is started on this machine.

    Raises:
        SettingError: words that name no runner, or a number of workers where it has no place.

    Example:
        >>> chosen_runner("processes:4").workers
        4
    """
    if workers is not None:
        workers = whole(workers, "workers", least=1)
    if runner is None:
        return None if workers is None else runner_for(workers)
    if not isinstance(runner, str):
        if callable(getattr(runner, "run", None)):
            _without_workers(workers, "a runner of your own")
            own: Runner = runner
            return own
        raise SettingError(f"runner is of type {type(runner).__name__}; expected was {_EXPECTED}")
    scheme, marks, address = runner.partition("://")
    if marks and scheme in _CLUSTERS and address:
        if address != "local":
            _without_workers(workers, f"the cluster at {address}")
        return _CLUSTERS[scheme](address, workers)
    name, colon, number = runner.partition(":")
    if name == "processes" and not marks:
        if colon:
            _without_workers(workers, f"runner={runner!r}")
            workers = whole(_number(number), "the number of processes", least=1)
        return Processes(workers or _cores())
    raise SettingError(f"runner is {runner!r}; expected was {_EXPECTED}")


def runner_for(workers: int) -> Runner:
    """Return the runner for so many workers."""
    return InProcess() if workers == 1 else Processes(workers)


def workers_for(plan: Plan) -> int:
    """One worker per core where the training takes clearly longer than starting them, else one."""
    task, settings = plan.task, plan.settings
    outputs = len(task.classes) if task.kind == "classification" else 1
    widths = (task.features, *settings.hidden, outputs)
    weights = sum(fan_in * fan_out for fan_in, fan_out in pairwise(widths))
    steps = plan.runs * settings.epochs * task.train_rows
    if 6 * weights * steps < _LONG:  # forward, and twice as much back
        return 1
    return min(_cores(), len(plan.chunks))


def _cores() -> int:
    from joblib import cpu_count

    return int(cpu_count())


def _without_workers(workers: int | None, what: str) -> None:
    if workers is not None:
        raise SettingError(
            f"workers is {workers} and {what} says already how many there are; leave workers away"
        )


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return text
