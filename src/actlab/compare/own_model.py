"""A study of the user's own network, on the user's own data.

`OwnModel` is the `Problem` that `actlab.compare(model=build, data=loaders)` makes of them. All that
can be wrong is looked for before any training, on the first batch.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn

from actlab.catalogue import resolve, split_list
from actlab.compare.batching import batches_of, rows_of
from actlab.compare.builder import checked_build, name_of, refuse_unready
from actlab.compare.code_digest import digest_of, own_classes, structure_of
from actlab.compare.draws import SCORING, TRAINING, WEIGHTS, Draws
from actlab.compare.finding import find
from actlab.compare.own_data import (
    OwnData,
    batches,
    inputs_of,
    joined_of,
    rows_in,
    target_of,
    tensors_in,
)
from actlab.compare.own_scores import Measure, OwnLoss, loss_of, metric_of
from actlab.compare.sites import Site
from actlab.compare.study import Settings, TaskSummary
from actlab.errors import ActlabError, DataError, SettingError

if TYPE_CHECKING:
    from actlab.activation import Activation
    from actlab.compare.exchange import Found
    from actlab.compare.problem import Part, Parts, Score, Step

__all__ = ["OwnModel"]

_SAME: Final = 1e-5
"""How far outputs may lie apart, relative to the largest, when activations are exchanged for
themselves: another order of operations rounds differently."""


class OwnModel:
    """The user's network as a problem.

    Args:
        build: a function (or a class) that gives the network, the same one at every call but for
            the weights it draws.
        data: see `OwnData`.
        loss: a name, a module, or a function of (output, target).
        metric: a name, or a function of (outputs, targets) of a whole part.
        higher_is_better: of a metric that is a function.
        step: a whole training step: (model, batch, optimizer) -> loss.
        replace: names of the activations that are exchanged; by default all hidden ones.
        batch_size: for arrays; loaders have their own, and another one beside them is refused.
        seed: of the study.
        name: what the study is called; that of the function by default.

    Raises:
        ActlabError: whatever would fail in training, found on the first batch.
    """

    kind = "own model"
    defaults: Mapping[str, Any] = {"epochs": 10}
    candidates = None

    def __init__(
        self,
        build: Any,
        data: Any,
        *,
        loss: Any = None,
        metric: Any = None,
        higher_is_better: bool | None = None,
        step: Any = None,
        replace: Any = None,
        batch_size: int | None = None,
        seed: int = 0,
        name: str | None = None,
    ) -> None:
        self._build = checked_build(build)
        self.name = name or name_of(build)
        self.step: Step | None = _checked_step(step)
        self._data = OwnData(data)
        self._greater = higher_is_better
        self._functions = [one for one in (self._build, loss, metric, step) if callable(one)]
        with Draws(seed, 0, SCORING).used():
            self._look(loss, metric, replace, Settings(seed=seed))
        if batch_size is not None and self._rows not in {None, batch_size}:
            raise SettingError(
                f"batch_size is {batch_size} and the loaders give {self._rows} rows at once; "
                "leave it away"
            )

    def _look(self, loss: Any, metric: Any, replace: Any, settings: Settings) -> None:
        """Look at the first batch and at the network, and refuse what can not be trained."""
        seed = settings.seed
        batch = self._first_batch(settings)
        self._rows = None if self._data.arrays_in(settings) else rows_of(batch)
        model = self._fresh(seed)
        self._check_repeatable(model, seed)
        try:
            found = find(model, lambda m: self._called(m, batch))
        except Exception as error:
            raise ActlabError(self._failed(error)) from error
        self._exchange = found.narrowed(_names(replace))
        self._ends_in = next((f.activation.name for f in found.found if f.place == "output"), None)
        with torch.no_grad():
            output = self._called(model.eval(), batch)
        target = target_of(batch)
        self._loss: OwnLoss = loss_of(loss, output, target, self._ends_in)
        self._measure: Measure = metric_of(
            metric, self._greater, self._loss, output, target, self._ends_in
        )
        self._check_exchange(seed, batch)
        self._check_numbers(seed, batch, settings)
        code = digest_of(*self._functions, *own_classes(model))
        chosen = [(f.path, f.way, f.name) for f in self._exchange.chosen]
        words = [
            structure_of(self._fresh(seed)),
            self._data.fingerprint(settings),
            code,
            repr((chosen, self._greater)),
        ]
        self._fingerprint = hashlib.sha256("\n".join(words).encode()).hexdigest()

    # --- what a problem says ------------------------------------------------------------------

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the data, the network with its draws, and the code of what the user gave."""
        return self._fingerprint

    def settled(self, settings: Settings) -> Settings:
        """Return the settings as this problem has them."""
        return replace(
            settings,
            hidden=(),
            loss=self._loss.name,
            metric=self._measure.score.name,
            batch_size=self._rows or settings.batch_size,
        )

    def score(self, settings: Settings) -> Score:
        """What is compared."""
        del settings
        return self._measure.score

    def check(self, activation: Activation) -> None:
        """Refuse a candidate of another kind than what it would replace."""
        kinds = {_kind(found.activation) for found in self._exchange.chosen}
        if {_kind(activation)} != kinds:
            names = ", ".join(sorted({f.activation.name for f in self._exchange.chosen}))
            raise SettingError(
                f"{activation.name} is a {activation.kind} function and can not stand in the place "
                f"of {names}; compare functions of the same kind, or say with replace= what is to "
                "be exchanged"
            )

    def summary(self, settings: Settings) -> TaskSummary:
        """What the answer needs to know of data and network."""
        parts = self.parts(0, settings)
        with Draws(settings.seed, 0, SCORING).used():
            rows = [rows_in(part) for part in (parts.train, parts.validation, parts.test)]
            first = next(iter(batches(parts.train)))
        score = self.score(settings)
        return TaskSummary(
            name=self.name,
            kind=self.kind,
            target=None,
            rows=sum(rows),
            features=max(1, sum(t[0].numel() for t in tensors_in(inputs_of(first)) if t.dim())),
            classes=(),
            metric=score.name,
            higher_is_better=score.greater_is_better,
            train_rows=rows[0],
            validation_rows=rows[1],
            test_rows=rows[2],
            notes=(*self._data.notes, *self._exchange.notes()),
            fingerprint=self.fingerprint,
        )

    def parts(self, block: int, settings: Settings) -> Parts:
        """The data of one block."""
        return self._data.parts(block, settings)

    def network(self, activation: Activation, settings: Settings) -> nn.Module:
        """The user's network with the candidate in the place of its activations."""
        del settings
        on_numbers = _kind(activation) == "scalar"

        def site(found: Found, _: Any) -> Site:
            return Site(activation) if on_numbers else Site(activation, axis=found.axis)

        return self._exchange.apply(self._made(), site)

    def loss(self, model: nn.Module, batch: Any, settings: Settings) -> Tensor:
        """The loss of a batch."""
        del settings
        loss = self._loss(self._called(model, batch), target_of(batch))
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            raise SettingError(
                f"the loss is {_shown(loss)}; a tensor with one number was expected, such as the "
                "mean over the batch"
            )
        return loss.reshape(())

    def measure(self, model: nn.Module, part: Part, settings: Settings) -> tuple[float, float]:
        """The metric and the mean loss on a whole part."""
        del settings
        outputs: list[Any] = []
        targets: list[Any] = []
        total, rows = 0.0, 0
        for batch in batches(part):
            output, target = self._called(model, batch), target_of(batch)
            own = rows_of(batch)
            total += own * _number(self._loss(output, target))
            rows += own
            outputs.append(output)
            targets.append(target)
        loss = total / rows if rows else math.nan
        if self._measure.function is None:
            return loss, loss
        together, goal = joined_of(outputs), joined_of(targets)
        if isinstance(together, Tensor) and not bool(torch.isfinite(together).all()):
            return math.nan, loss
        return self._measure(together, goal), loss

    # --- the user's code ----------------------------------------------------------------------

    def _made(self) -> nn.Module:
        try:
            model = self._build()
        except ActlabError:
            raise
        except Exception as error:
            raise ActlabError(f"{self.name}() failed: {type(error).__name__}: {error}") from error
        if not isinstance(model, nn.Module):
            raise ActlabError(f"{self.name}() gave {_shown(model)}; a torch.nn.Module was expected")
        refuse_unready(self.name, model)
        return model

    def _fresh(self, seed: int) -> nn.Module:
        with Draws(seed, 0, WEIGHTS).used():
            return self._made().train()

    def _called(self, model: nn.Module, batch: Any) -> Any:
        return model(*inputs_of(batch))

    def _first_batch(self, settings: Settings) -> Any:
        parts = self._data.parts(0, settings)
        batch = next(batches_of(parts.train, settings, 0, 0), None)
        if batch is None:
            raise DataError("the training part gives no batch; every part needs some rows")
        for name, part in (("validation", parts.validation), ("test", parts.test)):
            if next(batches(part), None) is None:
                raise DataError(f"the {name} part gives no batch; every part needs some rows")
        if self.step is None and not (isinstance(batch, list | tuple) and len(batch)):
            raise DataError(
                f"a batch is {_shown(batch)}; a tuple of inputs and a target was expected, or "
                "step=, a function that trains on such a batch"
            )
        return batch

    # --- what could be wrong ------------------------------------------------------------------

    def _check_repeatable(self, model: nn.Module, seed: int) -> None:
        again = self._fresh(seed)
        if again is model:
            raise ActlabError(
                f"{self.name}() gave the same object twice; it must build a new network each time"
            )
        if structure_of(again) != structure_of(model):
            raise ActlabError(
                f"{self.name}() gave another network at the second call, with the same random "
                "numbers; it must build the same one each time"
            )

    def _check_exchange(self, seed: int, batch: Any) -> None:
        """Exchanged for themselves, the activations must leave the output as it is."""
        model = self._fresh(seed)
        twin = self._exchange.apply(self._fresh(seed), lambda _, same: _Itself(same))
        for training in (True, False):
            both = []
            for network in (model, twin):
                with Draws(seed, 0, TRAINING).used(), torch.no_grad():
                    try:
                        both.append(self._called(network.train(training), batch))
                    except Exception as error:
                        raise ActlabError(self._failed(error)) from error
            if not _alike(*both):
                names = ", ".join(sorted({f.activation.name for f in self._exchange.chosen}))
                raise ActlabError(
                    f"exchanging {names} in {self.name} for layers of the same function changes "
                    "the output; make each activation a layer whose result is used, without "
                    "inplace=True, or say with replace= which can be exchanged"
                )

    def _check_numbers(self, seed: int, batch: Any, settings: Settings) -> None:
        model = self._fresh(seed)
        with Draws(seed, 0, TRAINING).used(), torch.enable_grad():
            try:
                loss = self.loss(model, batch, settings)
            except ActlabError:
                raise
            except Exception as error:
                raise ActlabError(self._failed(error)) from error
        if not bool(torch.isfinite(loss)):
            raise DataError(
                f"the loss of the first batch is {loss.item()}; look at the data (missing or "
                "infinite numbers?) and at the loss"
            )
        if self.step is None and not loss.requires_grad:
            raise SettingError(
                "the loss has no gradient; compute it from the model's output with tensors, "
                "without detach() or item()"
            )
        parts = self._data.parts(0, settings)
        with Draws(seed, 0, SCORING).used(), torch.no_grad():
            try:
                self.measure(model.eval(), parts.validation, settings)
            except ActlabError:
                raise
            except Exception as error:
                raise ActlabError(
                    f"scoring {self.name} failed: {type(error).__name__}: {error}"
                ) from error

    def _failed(self, error: Exception) -> str:
        return f"{self.name} failed on the first batch: {type(error).__name__}: {error}"


# --- candidates in their places -------------------------------------------------------------------


class _Itself(nn.Module):
    """What stands in a place already, on a copy of its input."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        """Apply it."""
        return self.function(x.clone())


def _kind(activation: Activation) -> str:
    """What can stand in each other's place; a layer of one number with weights counts as scalar."""
    return "scalar" if activation.kind == "layer" else activation.kind


def _names(given: Any) -> list[str] | None:
    if given is None:
        return None
    entries = split_list(given) if isinstance(given, str) else given
    if not isinstance(entries, list | tuple | set):
        entries = [entries]
    return [(resolve(entry) if isinstance(entry, str) else entry).name for entry in entries]


# --- comparing and naming -------------------------------------------------------------------------


def _checked_step(step: Any) -> Any:
    if step is not None and not callable(step):
        raise SettingError(
            f"step is of type {type(step).__name__}; a function of (model, batch, optimizer) that "
            "returns the loss was expected"
        )
    return step


def _alike(one: Any, other: Any) -> bool:
    pairs = list(zip(tensors_in(one), tensors_in(other), strict=True))
    for a, b in pairs:
        if a.shape != b.shape:
            return False
        one_, other_ = a.detach().double(), b.detach().double()
        largest = float(one_[one_.isfinite()].abs().max()) if one_.isfinite().any() else 0.0
        if not torch.allclose(one_, other_, rtol=0, atol=_SAME * largest, equal_nan=True):
            return False
    return True


def _number(loss: Any) -> float:
    return float(loss.detach() if isinstance(loss, Tensor) else loss)


def _shown(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    kind = type(value).__name__
    return f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"
