"""`actlab.watch`: what the user holds while a network trains."""

from __future__ import annotations

import math
import sys
import warnings
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter

from actlab import _facade
from actlab.errors import ActlabError
from actlab.health.collect import Collector
from actlab.health.cure import Cure, Trial
from actlab.health.findings import Finding, Findings
from actlab.health.patient import Patient, Snapshot
from actlab.health.record import Curve, Record
from actlab.health.remedies import Remedy
from actlab.health.rules import diagnose

__all__ = ["Watch", "watch"]

Log = Callable[[dict[str, float], int], None]


class Watch:
    """What is seen of a model while it trains; made by `watch`.

    Attributes:
        record: the numbers since the training began or a remedy changed it.
        losses: the loss over all steps.
        stopped: whether a remedy asked for the end of training; the loop decides.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer | None = None,
        *,
        every: int = 1,
        window: int = 8,
        cure: Literal["ask", "apply"] | None = None,
        ask: Callable[[Finding, Remedy], bool] | None = None,
        check_after: int = 40,
        log: Log | None = None,
    ) -> None:
        _check(model, optimizer, every, window, cure)
        self.model = model
        self.optimizer = optimizer
        self.record = Record()
        self.losses = Curve()
        self.stopped = False
        self._log = log
        self._every, self._window = every, window
        self._before = 0
        self._earlier: list[Finding] = []
        self._warned = False
        self._collector = Collector(model, optimizer, self.record, every=every, window=window)
        self._collector.on_window = self._after_window
        root = self._collector.root
        start = Snapshot.of(root, optimizer) if cure else None
        self.patient = Patient(
            root, optimizer, self.record, start, start, self._rebuild, self._stop
        )
        self._cure: Cure | None = None
        if cure is not None:
            consent = (lambda *_: True) if cure == "apply" else (ask or _asked_on_terminal)
            self._cure = Cure(self, consent, check_after)

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.detach()

    def __repr__(self) -> str:
        sites = len(self.record.activations())
        return f"Watch({type(self.model).__name__}, {self.steps} steps, {sites} activations)"

    @property
    def steps(self) -> int:
        """Steps of the optimizer since the beginning (forward passes where there is none)."""
        return self._before + self.record.steps

    @property
    def trials(self) -> tuple[Trial, ...]:
        """The remedies that were tried, with the loss before and after."""
        return tuple(self._cure.log) if self._cure is not None else ()

    def detach(self) -> None:
        """Take every hook off; the model is bit for bit as it was. What was seen stays."""
        cure, self._cure = self._cure, None
        self._collector.flush()
        self._cure = cure
        if cure is not None:
            cure.finish()
        self._collector.detach()

    def loss(self, value: Any) -> None:
        """Tell the loss of this step, where it can't be seen (`value.backward()` is seen)."""
        self._collector.see_loss(torch.as_tensor(value), explicit=True)

    def validation(self, loss: float) -> None:
        """Tell the loss on data that are not trained on, for example once an epoch."""
        self.record.validation.add(self.record.steps, float(loss))

    def findings(self) -> Findings:
        """What is wrong with the network: the most serious first, causes before consequences."""
        if not self._collector.distributed:  # windows are closed by all processes together
            self._collector.flush()
        return self.diagnosed()

    def diagnosed(self) -> Findings:
        """The findings of the windows that are closed."""
        return Findings(self._with_remedies(one) for one in diagnose(self.record))

    def _with_remedies(self, finding: Finding) -> Finding:
        remedies = tuple(Remedy(name, options, self.patient) for name, options in finding.options)
        return replace(finding, remedies=remedies, since=finding.since + self._before)

    def report(self, path: str | Path) -> Path:
        """Write the report: one HTML page that needs nothing else; returns its path.

        Raises:
            ActlabError: Jinja2 is not installed.
        """
        self.findings()
        path = Path(path)
        path.write_text(_facade.load("health")(self), encoding="utf-8")
        return path

    def __str__(self) -> str:
        lines = [str(self.findings())]
        lines += [str(trial) for trial in self.trials]
        return "\n".join(lines)

    # -- at the end of a window, and after a remedy -------------------------------------------

    def _after_window(self) -> None:
        record = self.record
        known = self.losses.steps[-1] if self.losses.steps else -1
        new = bisect_right(record.loss.steps, known - self._before)
        for step, value in zip(record.loss.steps[new:], record.loss.values[new:], strict=True):
            self.losses.add(step + self._before, value)
        if record.silent and not self._warned:
            self._warned = True
            warnings.warn(
                "the model runs without its hooks: torch.compile had compiled it before "
                "actlab.watch was called, so nothing can be seen; watch it before its first call",
                stacklevel=3,
            )
        if self._log is not None:
            self._log(self.numbers(), self.steps)
        if self._cure is not None:
            self._cure.look()

    def numbers(self) -> dict[str, float]:
        """The last window as plain numbers, for a tracker."""
        found: dict[str, float] = {}
        for site in self.record.activations():
            state = self.record.states[site.name][-1]
            for key in ("dead", "saturated", "active", "gradient", "x_std"):
                found[f"{site.name}/{key}"] = getattr(state, key)
        for name, states in self.record.layer_states.items():
            found[f"{name}/update over weight"] = states[-1].ratio
        if self.record.loss.values:
            found["loss"] = self.record.loss.values[-1]
        return found

    def begin_anew(self) -> None:
        """Start a new record: what comes now is another training than what was seen so far."""
        self._before += self.record.steps
        reference = next((v for v in self.losses.values if math.isfinite(v)), math.nan)
        self.record = self.patient.record = Record(reference=reference)
        self._collector.begin_anew(self.record)

    def _rebuild(self) -> None:
        """Modules were exchanged: hook those that are there now."""
        self._collector.reattach()

    def _stop(self) -> None:
        self.stopped = True


def watch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    *,
    every: int = 1,
    window: int = 8,
    cure: Literal["ask", "apply"] | None = None,
    ask: Callable[[Finding, Remedy], bool] | None = None,
    check_after: int = 40,
    log: Log | None = None,
) -> Watch:
    """Watch a model while it trains: what its activations do to it, and what would mend it.

    Every activation is seen, as a module or as a function call, with the gradient at its output,
    the size of weights, gradients and updates of every layer, and the loss (from
    `loss.backward()`). The training itself is not changed unless a cure is asked for.

    Args:
        model: the network; watch it before `torch.compile` first runs it, and a
            DistributedDataParallel in every process, since windows are closed together.
        optimizer: that trains it; without it there is nothing on updates and learning rates.
        every: look at every so many steps; the steps between cost next to nothing.
        window: sampled steps whose statistics are taken together.
        cure: "apply" tries remedies for what is found, checks each by the loss after
            `check_after` steps and takes back what did not help; "ask" asks before each.
        ask: answers for `cure="ask"`; a question on the terminal by default.
        check_after: steps after which a remedy is judged.
        log: called as `log(numbers, step)` at the end of every window.

    Raises:
        TypeError: if the model is no torch.nn.Module or the optimizer no optimizer.
        ValueError: for steps or windows below 1, or an unknown cure.
        ActlabError: for a cure without an optimizer or by several processes, and for lazy layers.

    Example:
        >>> import actlab
        >>> _ = torch.manual_seed(0)
        >>> model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
        >>> _ = nn.init.constant_(model[0].bias, -30.0)
        >>> optimizer = torch.optim.SGD(model.parameters(), 0.1)
        >>> x = torch.randn(64, 4)
        >>> with actlab.watch(model, optimizer) as watch:
        ...     for _ in range(40):
        ...         optimizer.zero_grad()
        ...         (model(x) - x[:, :1]).square().mean().backward()
        ...         optimizer.step()
        >>> finding = watch.findings()[0]
        >>> finding.symptom, finding.layer, finding.cause
        ('dead units', '0', 'bias')
    """
    return Watch(
        model,
        optimizer,
        every=every,
        window=window,
        cure=cure,
        ask=ask,
        check_after=check_after,
        log=log,
    )


def _check(model: Any, optimizer: Any, every: Any, window: Any, cure: Any) -> None:
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is of type {type(model).__name__}; a torch.nn.Module was expected")
    if any(isinstance(p, UninitializedParameter) for p in model.parameters()):
        raise ActlabError(
            "the model has lazy layers without weights; run one batch through it, then watch it"
        )
    if optimizer is not None and not isinstance(optimizer, torch.optim.Optimizer):
        raise TypeError(
            f"optimizer is of type {type(optimizer).__name__}; a torch.optim.Optimizer was expected"
        )
    for name, value in (("every", every), ("window", window)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} is {value!r}; a whole number of at least 1 was expected")
    if cure not in {None, "ask", "apply"}:
        raise ValueError(f'cure is {cure!r}; None, "ask" or "apply" was expected')
    if cure is not None and optimizer is None:
        raise ActlabError("a cure needs the optimizer: actlab.watch(model, optimizer, cure=...)")
    if (
        cure is not None
        and type(model).__name__ == "DistributedDataParallel"
        and (torch.distributed.get_world_size() > 1)
    ):
        raise ActlabError(
            "several processes train this model, and each would judge a cure by its own loss and "
            "draw weights of its own; watch it without a cure, mend it in one process, start again"
        )


def _asked_on_terminal(finding: Finding, remedy: Remedy) -> bool:
    """Ask whoever sits at the terminal; nobody there means no."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(f"{finding}\nremedy: {remedy.text}", file=sys.stderr)
    return input("apply it? [y/N] ").strip().lower() in {"y", "yes"}
