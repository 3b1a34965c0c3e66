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
from torch._compile import _disable_dynamo
from torch.overrides import TorchFunctionMode, _pop_mode, _push_mode
from torch.utils.hooks import RemovableHandle

from actlab.activation import Activation
from actlab.health.identify import SUSPECTS, activation_of, calls, losses
from actlab.health.record import INPUT, OUTPUT, Layer, Record, Site
from actlab.health.sampling import few, first_tensor, norms, rows_of, views
from actlab.health.window import Window

__all__ = ["Collector", "unwrapped", "without_mode"]

Tensor = torch.Tensor

_ALONE: Final = torch._C.DisableTorchFunction
"""Hooks work without function modes, their own and the user's."""
_RECURRENT: Final = (nn.RNNBase, nn.RNNCellBase)


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
        self._distributed = type(model).__name__ == "DistributedDataParallel"
        self._handles: list[RemovableHandle] = []
        self._mode = _Calls(self)
        self._mode_is_on = False
        self._on = False
        self._forwards = 0
        self._inside = 0
        self._source = ""
        self._fired = 0
        self._compiled = False
        self._fresh = True
        self._counts: dict[str, int] = {}
        self._names: dict[tuple[str, str, int], str] = {}
        self._scale: Tensor | None = None
        self._before: Tensor | None = None
        self._explicit_loss = False
        self._views: list[Tensor] | None = None
        self._places: list[int] | None = None
        self._parameters = self._own_parameters()
        self._window = Window()
        record.every = every
        self._attach()

    # -- attaching and detaching ------------------------------------------------------------

    def _attach(self) -> None:
        root, add = self.root, self._handles.append
        add(root.register_forward_pre_hook(_Hook(self._begin), with_kwargs=True, prepend=True))
        for path, module in root.named_modules():
            activation = activation_of(module)
            if activation is not None:
                enter, leave = self._activation_hooks(path, module, activation)
                add(module.register_forward_pre_hook(_Hook(enter)))
                add(module.register_forward_hook(_Hook(leave)))
            elif any(p is not None for p in module._parameters.values()):
                self.record.layers[path] = self._layer(path, module)
                add(module.register_forward_hook(_Hook(self._layer_hook(path, module))))
        add(root.register_forward_hook(_Hook(self._end), always_call=True))
        if self.optimizer is not None:
            self.record.optimiser = type(self.optimizer).__name__
            add(self.optimizer.register_step_pre_hook(_Hook(self._before_step)))
            add(self.optimizer.register_step_post_hook(_Hook(self._after_step)))

    def detach(self) -> None:
        """Take every hook off; the model is as it was."""
        self._close_mode()
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._on = False
        self._before = None
        self._fresh = True

    def reattach(self) -> None:
        """Hook the modules that are there now."""
        self.detach()
        self._parameters = self._own_parameters()
        self._places = None
        self.record.layers.clear()
        self._attach()

    def begin_anew(self, record: Record) -> None:
        """Fill another record from now on."""
        record.every = self._every
        self.record, self._window = record, Window()
        self._names, self._forwards = {}, 0
        self.reattach()

    def _own_parameters(self) -> list[tuple[str, str, nn.Parameter]]:
        """Layer, name and parameter of every weight of the model, each once."""
        seen: set[int] = set()
        found = []
        for path, module in self.root.named_modules():
            for name, parameter in module._parameters.items():
                if parameter is not None and id(parameter) not in seen:
                    seen.add(id(parameter))
                    found.append((path, name, parameter))
        return found

    def _layer(self, path: str, module: nn.Module) -> Layer:
        own = [p for p in module._parameters.values() if p is not None]
        known = None
        if self.optimizer is not None:
            held = {id(p) for group in self.optimizer.param_groups for p in group["params"]}
            known = any(id(p) in held for p in own)
        matrices = sorted((p for p in own if p.dim() > 1), key=lambda p: -p.numel())
        return Layer(
            path,
            type(module).__name__,
            matrices[0][0].numel() if matrices and not isinstance(module, nn.Embedding) else 0,
            any(p.requires_grad for p in own),
            known,
            isinstance(module, _RECURRENT),
            sum(p.numel() for p in own),
        )

    # -- forward ----------------------------------------------------------------------------

    def _begin(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        self._begin_pass(module, args, kwargs, torch.compiler.is_compiling())

    @_disable_dynamo  # torch.compile leaves what looks at values alone, here and below
    def _begin_pass(self, module: nn.Module, args: Any, kwargs: Any, compiled: bool) -> None:
        if torch._C._current_graph_task_id() != -1:
            return  # a checkpoint that computes the model again
        self._close_mode()
        if not (module.training and torch.is_grad_enabled()):
            self._on = False
            return
        with _ALONE():
            if self._fresh or self.optimizer is None:
                self._on = self.record.steps % self._every == 0
                self._fresh = False
                self._scale = None
            elif self._on:
                self._was_it_skipped()
            given = first_tensor([*args, *kwargs.values()])
            if not self._on:
                if given is not None:
                    total = given.detach().sum(dtype=torch.float32)
                    self._window.flag(self.record.steps, "data", INPUT, total)
                return
            self._forwards += 1
            self._fired = self._inside = 0
            self._source = ""
            self._counts = {}
            self._explicit_loss = False
            if given is not None:
                self._see_end(INPUT, given, "data")
            self._compiled = compiled
            if not compiled:
                self._open_mode()

    def _was_it_skipped(self) -> None:
        """The last forward pass led to no step: gradients are summed up, or it was left out."""
        if self._window.waits() and all(p.grad is None for _, _, p in self._parameters):
            if self._scale is not None:
                self.record.skipped += 1
            self._window.drop_backward()

    @_disable_dynamo
    def _end(self, module: nn.Module, args: Any, output: Any) -> None:
        del args
        if torch._C._current_graph_task_id() != -1 or not module.training:
            return
        result = first_tensor(output if not hasattr(output, "to_tuple") else output.to_tuple())
        if result is None:
            return
        with _ALONE():
            if not self._on:
                if not self._fresh:
                    flagged = result.detach().sum(dtype=torch.float32)
                    self._window.flag(self.record.steps, "forward", OUTPUT, flagged)
                return
            if self._fired == 0 and self.record.layers:
                self.record.silent = True
            self._see_end(OUTPUT, result, "forward")
            self._open_mode()
            if self.optimizer is None:
                self._finish_step()

    def _see_end(self, name: str, tensor: Tensor, phase: str) -> None:
        """The model's input or output."""
        total = tensor.detach().sum(dtype=torch.float32)
        self._window.flag(self.record.steps, phase, name, total, self._source)
        if name == OUTPUT:
            self._watch_gradient(name, tensor)
        elif self._window.samples:
            return  # data hardly change within a window
        axis = -1 if tensor.dim() < 4 else 1
        rows = rows_of(tensor, axis, self.record.sampled)
        if name not in self.record.sites:
            self.record.sites[name] = Site(name, None, self._source, rows.shape[1])
        if rows.shape[1] == self.record.sites[name].units:
            self._window.add(self.record.sites[name], rows, rows)

    def _layer_hook(self, path: str, module: nn.Module) -> Callable[..., None]:
        recurrent = _function_of_recurrent(module)

        def leave(_: nn.Module, args: Any, output: Any) -> None:
            del args
            if self._on:
                self._see_layer(path, recurrent, output)

        return leave

    @_disable_dynamo
    def _see_layer(self, path: str, recurrent: Activation | None, output: Any) -> None:
        if torch._C._current_graph_task_id() != -1:
            return
        self._fired += 1
        self._source = path
        self.record.ran.add(path)
        if not self._looks("layer:" + path):
            return
        with _ALONE():
            result = first_tensor(output)
            if result is None:
                return
            if self.record.layers[path].fan_in:  # a normalisation passes on what came before
                total = result.detach().sum(dtype=torch.float32)
                self._window.flag(
                    self.record.steps, "forward", path, total, path, dtype=str(result.dtype)
                )
            if recurrent is not None:
                self._see(path, recurrent, _inverse(recurrent, result), result)
            elif self.record.layers[path].recurrent:
                self._see(path, None, result, result)

    def _looks(self, key: str) -> bool:
        """Whether this call of a place is looked at: the 1st, 2nd, 4th, 8th ... of a pass."""
        count = self._counts.get(key, 0) + 1
        self._counts[key] = count
        return count & (count - 1) == 0

    def _activation_hooks(
        self, path: str, module: nn.Module, activation: Activation
    ) -> tuple[Callable[..., None], Callable[..., None]]:
        in_place = bool(getattr(module, "inplace", False))
        kept: list[Tensor] = []

        def enter(_: nn.Module, args: Any) -> None:
            if self._on:
                self._inside += 1
                if in_place:
                    self._keep_rows(args, kept)

        def leave(_: nn.Module, args: Any, output: Any) -> None:
            if self._on:
                self._inside = max(0, self._inside - 1)
                self._see_activation(path, activation, args, output, kept)

        return enter, leave

    @_disable_dynamo
    def _keep_rows(self, args: Any, kept: list[Tensor]) -> None:
        given = first_tensor(args)
        if given is not None and given.dim() and torch._C._current_graph_task_id() == -1:
            with _ALONE():
                kept[:] = [rows_of(given, self._axis(given), self.record.sampled)]

    @_disable_dynamo
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

    def call(
        self, name: str, activation: Activation, given: Tensor, function: Callable[[], Any]
    ) -> Any:
        """A function call that applies an activation: see its input, run it, see its result."""
        watched = (
            self._on
            and not self._inside
            and activation.kind == "scalar"
            and torch.is_grad_enabled()
            and given.is_floating_point()
            and given.dim() > 0
            and torch._C._current_graph_task_id() == -1
        )
        if not watched:
            return function()
        self._fired += 1
        rows = rows_of(given, self._axis(given), self.record.sampled)
        result = function()
        if isinstance(result, torch.Tensor) and result.shape == given.shape:
            self._see(f"{name} after {self._source or INPUT}", activation, rows, result)
        return result

    def operation(self, name: str, result: Any) -> Any:
        """The result of an operation that can leave the finite numbers."""
        if self._on and isinstance(result, torch.Tensor) and result.is_floating_point():
            total = result.detach().sum(dtype=torch.float32)
            self._window.flag(
                self.record.steps,
                "forward",
                f"{name} after {self._source or INPUT}",
                total,
                self._source,
                operation=name,
                dtype=str(result.dtype),
            )
            if result.requires_grad:
                self._watch_gradient(f"{name} after {self._source or INPUT}", result, name)
        return result

    def _axis(self, tensor: Tensor) -> int:
        if tensor.dim() < 3:
            return -1
        layer = self.record.layers.get(self._source)
        if layer is not None and ("Conv" in layer.kind or "BatchNorm" in layer.kind):
            return 1
        return 1 if tensor.dim() > 3 and layer is None else -1

    def _see(
        self, place: str, activation: Activation | None, given: Tensor, result: Tensor
    ) -> None:
        """An activation's input (or rows of it) and its output."""
        key = (place, self._source, int(result.shape[self._axis(result)]))
        name = self._names.get(key)
        if name is None:
            name = place
            if place in self._names.values():
                name = f"{place} after {self._source}"
            while name in self._names.values():
                name += "'"
            self._names[key] = name
        if not self._looks("site:" + name):
            return
        axis, turn = self._axis(result), self.record.sampled
        y = rows_of(result, axis, turn)
        # rows taken before an in-place function have their final shape already
        x = given if given.dim() == 2 and given.shape == y.shape else rows_of(given, axis, turn)
        if name not in self.record.sites:
            self.record.sites[name] = Site(name, activation, self._source, y.shape[1])
        site = self.record.sites[name]
        self._window.add(site, x, y)
        self._watch_gradient(name, result)

    # -- backward ---------------------------------------------------------------------------

    def _watch_gradient(self, name: str, tensor: Tensor, operation: str = "") -> None:
        if not tensor.requires_grad:
            return
        step, source = self.record.steps, self._source
        me = weakref.ref(self)

        def seen(gradient: Tensor) -> None:
            collector = me()
            if collector is None or not collector._on:
                return
            with _ALONE():
                norm = torch.linalg.vector_norm(gradient.detach(), dtype=torch.float32)
                if collector._scale is not None:
                    norm = norm / collector._scale.to(norm.device)
                collector._window.gradient(step, name, norm, source, operation)

        tensor.register_hook(seen)  # type: ignore[no-untyped-call]

    def start_backward(self, loss: Tensor, made: dict[int, tuple[Tensor, Tensor | None]]) -> None:
        """The tensor that a backward pass starts from, and what loss and scale it was made of."""
        self._was_it_skipped()
        scale = None
        while id(loss) in made:
            loss, factor = made[id(loss)]
            scale = factor if factor is not None else scale
        self._scale = scale
        if not self._explicit_loss:
            self.see_loss(loss)

    def see_loss(self, loss: Tensor, *, explicit: bool = False) -> None:
        """The loss of this step."""
        if self._on and loss.numel() == 1:
            self._explicit_loss |= explicit
            value = loss.detach().reshape(()).to(torch.float32, copy=True)
            self._window.loss(self.record.steps, value, self._source)

    def use(self, name: str, given: Tensor, target: Tensor) -> None:
        """What a loss function was given."""
        if self._on and isinstance(given, torch.Tensor) and isinstance(target, torch.Tensor):
            self._window.use(name, given.detach(), target.detach())

    # -- the optimizer's step ---------------------------------------------------------------

    def _before_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        del optimizer, args, kwargs
        self._close_mode()
        if self._fresh and self._forwards == 0 and self.record.steps > 0:
            self.record.silent = True
        if not self._on or self._fresh:
            return
        with _ALONE(), torch.no_grad():
            window, step = self._window, self.record.steps
            reached = [(at, p.grad) for at, (_, _, p) in enumerate(self._parameters)
                       if p.grad is not None]  # fmt: skip
            if reached:
                grads = [grad for _, grad in reached if grad is not None]
                some = few(grads) if window.samples == 0 else None
                window.gradients(
                    step,
                    [at for at, _ in reached],
                    norms(grads),
                    some,
                    scaled=self._scale is not None,
                )
            self._before = self._some_weights()

    def _some_weights(self) -> Tensor:
        """Some numbers of every weight, through views that last as long as its memory does."""
        places = [p.data_ptr() for _, _, p in self._parameters]
        if places != self._places:
            self._views = views([p for _, _, p in self._parameters])
            self._places = places if self._views is not None else None
        if self._views is None:
            return few([p for _, _, p in self._parameters])
        return torch.cat(self._views)

    def _after_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        del args, kwargs
        if self._on and self._before is not None:
            with _ALONE(), torch.no_grad():
                after = self._some_weights()
                self._window.step(self.record.steps, self._before, after)
                self._window.rates.append(
                    (self.record.steps, float(optimizer.param_groups[0]["lr"]))
                )
            self._before = None
        self._finish_step()

    def _finish_step(self) -> None:
        sampled = self._on
        self.record.steps += 1
        self._fresh = True
        if sampled and self.optimizer is not None:
            self._on = False
        if sampled:
            self.record.sampled += 1
            self._window.samples += 1
            if self._window.samples >= self._window_length or self.record.sampled == 1:
                # without an optimizer this step's backward pass is still to come
                self.flush()

    def flush(self) -> None:
        """Close the window: everything that waits on the device becomes numbers in the record."""
        self._close_mode()
        window, self._window = self._window, Window(self._window.memory)
        with _ALONE(), torch.no_grad():
            window.close(self.record, self._parameters, distributed=self._distributed)
        if self.on_window is not None:
            self.on_window()

    def _open_mode(self) -> None:
        if not self._mode_is_on:
            _push_mode(self._mode)  # type: ignore[no-untyped-call]
            self._mode_is_on = True

    def _close_mode(self) -> None:
        """Take our function mode off the stack, wherever it is in it."""
        if not self._mode_is_on:
            return
        self._mode_is_on = False
        without_mode(self._mode)
        self._mode.forget()


class _Hook:
    """A hook that stays with the model it was made for: copies of the model have idle ones."""

    def __init__(self, function: Callable[..., None]) -> None:
        self._function = function

    def __call__(self, *args: Any) -> None:
        self._function(*args)

    def __reduce__(self) -> tuple[type[_Hook], tuple[Callable[..., None]]]:
        return _Hook, (_idle,)  # for copy.deepcopy and pickle alike


def _idle(*_: Any) -> None:
    """Does nothing."""


class _Calls(TorchFunctionMode):
    """Sees the calls of PyTorch's functions in a sampled step, until its backward pass is done."""

    def __init__(self, collector: Collector) -> None:
        self._collector = weakref.ref(collector)
        self._activations = calls()
        self._losses = losses()
        self._made: dict[int, tuple[Tensor, Tensor | None]] = {}

    def forget(self) -> None:
        self._made = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        collector = self._collector()
        if collector is None:
            return func(*args, **kwargs)
        make = self._activations.get(func)
        if make is not None and args and isinstance(args[0], torch.Tensor):
            activation = make(*args, **kwargs)
            if activation is not None:
                name = activation.name
                return collector.call(name, activation, args[0], lambda: func(*args, **kwargs))
        if func in self._losses:
            if len(args) > 1:
                collector.use(self._losses[func], args[0], args[1])
            return func(*args, **kwargs)
        if func is _BACKWARD:
            collector.start_backward(args[0], self._made)
            self.forget()
            return func(*args, **kwargs)
        result = func(*args, **kwargs)
        if func in _PRODUCTS and isinstance(result, torch.Tensor) and result.dim() == 0:
            self._note_product(func, args, result)
        if func in SUSPECTS and isinstance(result, torch.Tensor):
            return collector.operation(SUSPECTS[func], result)
        return result

    def _note_product(self, func: Any, args: Any, result: Tensor) -> None:
        """Remember that a scalar is another one times a number: a loss and its scale."""
        base, factor = args[0], args[1]
        if not isinstance(base, torch.Tensor) or not base.requires_grad:
            return
        if isinstance(factor, torch.Tensor):
            if factor.requires_grad or func not in _TIMES:
                return
            self._made[id(result)] = (base, factor)
        else:
            self._made[id(result)] = (base, None)


_BACKWARD: Final[Any] = torch.Tensor.backward
_TIMES: Final = {torch.Tensor.mul, torch.mul, torch.Tensor.__mul__, torch.Tensor.__rmul__}
_PRODUCTS: Final = _TIMES | {torch.Tensor.div, torch.div, torch.Tensor.__truediv__}


def without_mode(mode: TorchFunctionMode) -> None:
    """Take a function mode off the stack, wherever it is in it."""
    above = []
    while torch._C._len_torch_function_stack() > 0:
        top = _pop_mode()  # type: ignore[no-untyped-call]
        if top is mode:
            break
        above.append(top)
    for one in reversed(above):
        _push_mode(one)  # type: ignore[no-untyped-call]


def unwrapped(model: nn.Module) -> nn.Module:
    """The user's own module inside what torch.compile or a parallel wrapper made of it."""
    while True:
        if hasattr(model, "_orig_mod"):
            model = model.get_submodule("_orig_mod")
        elif type(model).__name__ in {"DataParallel", "DistributedDataParallel"}:
            model = model.get_submodule("module")
        else:
            return model


def _function_of_recurrent(module: nn.Module) -> Activation | None:
    if type(module) in {nn.RNN, nn.RNNCell}:
        from actlab.catalogue import get

        return get(str(module.nonlinearity))
    return None


def _inverse(activation: Activation, result: Tensor) -> Tensor:
    """The inputs of a recurrent layer's function, which only shows its outputs."""
    if activation.name == "tanh":
        return result.detach().float().clamp(-1 + 1e-7, 1 - 1e-7).atanh()
    return result.detach()
