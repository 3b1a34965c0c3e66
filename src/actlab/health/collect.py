"""Hooks that take samples of a model while it trains.

A sampled step looks at every activation, module or function call, at every layer with weights,
at the loss and at the optimizer's step. What is seen is reduced at once to a few rows (`sampling`)
and to sums on the model's own device; nothing waits for the device until a window is full. In
the steps between, only the model's input and output are summed, so that the first number that is
not finite is still found.

Gradients come from tensor hooks taken inside the forward hooks: full backward hooks would break
in-place operations.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from actlab.activation import Activation
from actlab.health.function_mode import CallMode
from actlab.health.hooks import Hook, uncompiled, vectorised
from actlab.health.identify import activation_of
from actlab.health.parameters import Parameters
from actlab.health.record import INPUT, OUTPUT, Record, Site
from actlab.health.sampling import Number, first_tensor, norm, number, rows_of, total, unscaled
from actlab.health.sites import Sites
from actlab.health.steps import StepReader, when_gradients_are_there
from actlab.health.structure import function_of_recurrent, inverse, layer_of, unwrapped
from actlab.health.sums import Sums
from actlab.health.window import Window

__all__ = ["Collector"]

Tensor = torch.Tensor

_ALONE: Final = torch._C.DisableTorchFunction
"""Hooks work without function modes, their own and the user's."""


class Collector:
    """The hooks on one model and one optimizer; `detach` takes every one of them off again."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer | None,
        record: Record,
        *,
        every: int,
        window: int,
    ) -> None:
        self.root = unwrapped(model)
        self.record = record
        self.optimizer = optimizer
        self.on_window: Callable[[], None] | None = None
        self._every = every
        self._window_length = window
        self.distributed = type(model).__name__ == "DistributedDataParallel"
        self._handles: list[RemovableHandle] = []
        self._mode = CallMode(self)
        self._on = self._looking = self._explicit_loss = False
        self._forwards = self._inside = self._fired = 0
        self._source, self._fresh = "", True
        self._sites = Sites(record)
        self._scale: Number | None = None
        self._sums = Sums()
        self._reader = StepReader(Parameters(self.root))
        self._window = Window()
        record.every = every
        self._attach()

    # -- attaching and detaching ------------------------------------------------------------

    def _attach(self) -> None:
        root, add = self.root, self._handles.append
        add(root.register_forward_pre_hook(Hook(self._begin), with_kwargs=True, prepend=True))
        for path, module in root.named_modules():
            activation = activation_of(module)
            if activation is not None:
                enter, leave = self._activation_hooks(path, module, activation)
                add(module.register_forward_pre_hook(Hook(enter)))
                add(module.register_forward_hook(Hook(leave)))
            elif (layer := layer_of(path, module, self.optimizer)) is not None:
                self.record.layers[path] = layer
                add(module.register_forward_hook(Hook(self._layer_hook(path, module))))
        add(root.register_forward_hook(Hook(self._end), always_call=True))
        if self.optimizer is not None:
            self.record.optimiser = type(self.optimizer).__name__
            add(self.optimizer.register_step_pre_hook(Hook(self._before_step)))
            add(self.optimizer.register_step_post_hook(Hook(self._after_step)))

    def detach(self) -> None:
        """Take every hook off; the model is as it was."""
        self._mode.close()
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._on = self._looking = False
        self._fresh = True

    def reattach(self) -> None:
        """Hook the modules that are there now."""
        self.detach()
        self._reader = StepReader(Parameters(self.root))
        self.record.layers.clear()
        self._attach()

    def begin_anew(self, record: Record) -> None:
        """Fill another record from now on."""
        record.every = self._every
        self.record, self._window = record, Window()
        self._sites, self._forwards = Sites(record), 0
        self.reattach()

    # -- forward ----------------------------------------------------------------------------

    def _begin(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        self._begin_pass(module, args, kwargs, torch.compiler.is_compiling())

    @uncompiled
    def _begin_pass(self, module: nn.Module, args: Any, kwargs: Any, compiled: bool) -> None:
        if torch._C._current_graph_task_id() != -1:
            return  # a checkpoint that computes the model again
        self._mode.close()
        if not (module.training and torch.is_grad_enabled()) or vectorised():
            self._on = self._looking = False
            return
        with _ALONE():
            if self._fresh or self.optimizer is None:
                self._on = self.record.steps % self._every == 0
                self._fresh = False
                self._scale = None
            elif self._on:
                self._was_it_skipped()
            given = first_tensor((*args, *kwargs.values()) if kwargs else args)
            if not self._on:
                self._looking = False
                if given is not None:
                    self._flag_input(self._sums.of_input(given))
                return
            self._looking = self._sites.begin_pass()
            self._forwards += 1
            self._fired = self._inside = 0
            self._source, self._explicit_loss = "", False
            if given is not None:
                self._see_end(INPUT, given, "data")
            if not compiled:
                self._mode.open()

    def _was_it_skipped(self) -> None:
        """The last forward pass led to no step: gradients are summed up, or it was left out."""
        if self._window.waits() and self._reader.no_gradients():
            if self._scale is not None:
                self.record.skipped += 1
            self._window.drop_backward()

    @uncompiled
    def _end(self, module: nn.Module, _args: Any, output: Any) -> None:
        if torch._C._current_graph_task_id() != -1 or not module.training or vectorised():
            return
        result = first_tensor(output)
        if result is None:
            self._sums.forget()
            return
        with _ALONE():
            if not self._on:
                self._flag_input(self._sums.kept_input())
                if not self._fresh:
                    self._window.flag(self.record.steps, "forward", OUTPUT, total(result))
                return
            if self._fired == 0 and self.record.layers:
                self.record.silent = True
            self._see_end(OUTPUT, result, "forward")
            self._sums.forget()
            self._mode.open()
            if self.optimizer is None:
                self._finish_step()

    def _flag_input(self, found: Number | None) -> None:
        if found is not None:
            self._window.flag(self.record.steps, "data", INPUT, found)

    def _see_end(self, name: str, tensor: Tensor, phase: str) -> None:
        """The model's input or output."""
        self._flag(phase, name, tensor)
        if name == OUTPUT:
            self._watch_gradient(name, tensor)
        if not self._looking or (name == INPUT and name in self._window):
            return  # data hardly change within a window
        rows = rows_of(tensor, -1 if tensor.dim() < 4 else 1, self._sites.turn)
        if name not in self.record.sites:
            self.record.sites[name] = Site(name, None, self._source, rows.shape[1])
        if rows.shape[1] == self.record.sites[name].units:
            self._window.add(self.record.sites[name], rows, rows)

    def _layer_hook(self, path: str, module: nn.Module) -> Callable[..., None]:
        recurrent, key = function_of_recurrent(module), "layer:" + path

        def leave(_: nn.Module, _args: Any, output: Any) -> None:
            if self._on or self._fresh:
                self._see_layer(path, key, recurrent, output)

        return leave

    @uncompiled
    def _see_layer(self, path: str, key: str, recurrent: Activation | None, output: Any) -> None:
        if torch._C._current_graph_task_id() != -1:
            return
        if self._fresh:  # parts of the model are called, and not the model
            self._begin_pass(self.root, (), {}, False)
        if not self._on:
            return
        self._fired += 1
        self._source = path
        self.record.ran.add(path)
        if not self._sites.looks(key):
            return
        with _ALONE():
            result = first_tensor(output)
            if result is None:
                return
            if self.record.layers[path].fan_in:  # a normalisation passes on what came before
                self._flag("forward", path, result)
            if self._looking and self.record.layers[path].recurrent:
                given = result if recurrent is None else inverse(recurrent, result)
                self._see(path, recurrent, given, result)

    def _activation_hooks(
        self, path: str, module: nn.Module, activation: Activation
    ) -> tuple[Callable[..., None], Callable[..., None]]:
        in_place = bool(getattr(module, "inplace", False))
        # PyTorch's own make one call, which a mode would only slow down
        known = type(module).__module__.startswith("torch.nn.")
        kept: list[Tensor] = []

        def enter(_: nn.Module, args: Any) -> None:
            if self._looking:
                self._inside += 1
                if in_place:
                    self._keep_rows(args, kept)
            if known:
                self._mode.rest()

        def leave(_: nn.Module, args: Any, output: Any) -> None:
            if known:
                self._mode.resume()
            if self._looking:
                self._inside = max(0, self._inside - 1)
                self._see_activation(path, activation, args, output, kept)

        return enter, leave

    @uncompiled
    def _keep_rows(self, args: Any, kept: list[Tensor]) -> None:
        given = first_tensor(args)
        if given is not None and given.dim() and torch._C._current_graph_task_id() == -1:
            with _ALONE():
                kept[:] = [self._sites.rows(given, self._source)]

    @uncompiled
    def _see_activation(
        self, path: str, activation: Activation, args: Any, output: Any, kept: list[Tensor]
    ) -> None:
        self._fired += 1
        rows = kept.pop() if kept else None
        if activation.kind != "scalar" or torch._C._current_graph_task_id() != -1 or self._inside:
            return
        with _ALONE():
            result = first_tensor(output)
            given = rows if rows is not None else first_tensor(args)
            if result is not None and given is not None and result.dim():
                self._see(path, activation, given, result)

    @property
    def looks_at_calls(self) -> bool:
        """Whether functions are to be looked at: not inside of a layer."""
        return self._looking and not self._inside

    def call(self, activation: Activation, given: Tensor, function: Callable[[], Any]) -> Any:
        """A function call that applies an activation: see its input, run it, see its result."""
        if activation.kind != "scalar":
            return function()
        self._fired += 1
        rows = self._sites.rows(given, self._source)
        result = function()
        if isinstance(result, torch.Tensor) and result.shape == given.shape:
            self._see(f"{activation.name} after {self._source or INPUT}", activation, rows, result)
        return result

    def operation(self, name: str, result: Tensor) -> None:
        """The result of an operation that can leave the finite numbers."""
        if self._on and result.is_floating_point():
            place = f"{name} after {self._source or INPUT}"
            self._flag("forward", place, result, operation=name)
            self._watch_gradient(place, result, name)

    def _flag(self, phase: str, place: str, result: Tensor, *, operation: str = "") -> None:
        """A tensor of the forward pass that has to be finite."""
        self._window.flag(
            self.record.steps, phase, place, self._sums.of(result), self._source,
            operation=operation, dtype=result.dtype,
        )  # fmt: skip

    def _see(
        self, place: str, activation: Activation | None, given: Tensor, result: Tensor
    ) -> None:
        """An activation's input (or rows of it) and its output."""
        sample = self._sites.sample(place, self._source, activation, given, result)
        if sample is not None:
            self._window.add(*sample)
            self._watch_gradient(sample[0].name, result)

    # -- backward ---------------------------------------------------------------------------

    def _watch_gradient(self, name: str, tensor: Tensor, operation: str = "") -> None:
        if not tensor.requires_grad:
            return
        step, source, me = self.record.steps, self._source, weakref.ref(self)

        def seen(gradient: Tensor) -> None:
            collector = me()
            if collector is None or not collector._on:
                return
            with _ALONE():
                size = norm(gradient)
                if collector._scale is not None:
                    size = unscaled(size, collector._scale)
                collector._window.gradient(step, name, size, source, operation)

        tensor.register_hook(seen)  # type: ignore[no-untyped-call]

    def start_backward(self, loss: Tensor, scale: Tensor | None) -> None:
        """A backward pass begins from this loss, multiplied by this scale."""
        self._was_it_skipped()
        self._scale = None if scale is None else number(scale)
        if not self._explicit_loss:
            self.see_loss(loss)

    def see_loss(self, loss: Tensor, *, explicit: bool = False) -> None:
        """The loss of this step."""
        if self._on and loss.numel() == 1:
            self._explicit_loss |= explicit
            value = loss.detach() if loss.is_cpu else loss.detach().to(torch.float32, copy=True)
            self._window.loss(self.record.steps, number(value), self._source)

    def use(self, name: str, given: Tensor, target: Tensor) -> None:
        """What a loss function was given."""
        if self._on and isinstance(given, torch.Tensor) and isinstance(target, torch.Tensor):
            self._window.use(name, given, target)

    # -- the optimizer's step ---------------------------------------------------------------

    def _before_step(self, _: Any, args: Any, kwargs: Any) -> Any:
        return when_gradients_are_there(args, kwargs, self._read_gradients)

    def _read_gradients(self) -> None:
        self._mode.close()
        if self._fresh and self._forwards == 0 and self.record.steps > 0:
            self.record.silent = True
        if not self._on or self._fresh:
            return
        with _ALONE():
            self._reader.before(self._window, self.record.steps, scaled=self._scale is not None)

    def _after_step(self, optimizer: Any, *_: Any) -> None:
        if self._on and not self._fresh:
            with _ALONE():
                rate = float(optimizer.param_groups[0]["lr"])
                self._reader.after(self._window, self.record.steps, rate)
        self._finish_step()

    def _finish_step(self) -> None:
        self.record.steps += 1
        self._fresh = True
        self._sums.forget()
        sampled = self._on
        if self.optimizer is not None:
            self._on = self._looking = False
        if sampled:
            self.record.sampled += 1
            self._window.samples += 1
            if self._window.samples >= self._window_length or self.record.sampled == 1:
                # without an optimizer this step's backward pass is still to come
                self.flush()

    def flush(self) -> None:
        """Close the window: everything that waits on the device becomes numbers in the record."""
        self._mode.close()
        window, self._window = self._window, Window(self._window.memory)
        with _ALONE(), torch.no_grad():
            window.close(self.record, self._reader.parameters, distributed=self.distributed)
        if self.on_window is not None:
            self.on_window()
