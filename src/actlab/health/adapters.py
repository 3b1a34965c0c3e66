"""The watch in other people's training loops: Lightning, Hugging Face, skorch and Keras.

Each adapter only begins and ends a `Watch` where the loop makes its optimizer; the hooks do the
rest. None of these libraries is imported here: the base class of a callback is taken from a library
that is already loaded, and a loop that only asks for methods is content with that.
"""

from __future__ import annotations

import sys
from typing import Any

from actlab.errors import ActlabError
from actlab.health.findings import Findings
from actlab.health.watching import Watch

__all__ = ["hugging_face", "keras", "lightning", "skorch"]


class _Begun:
    """What every adapter offers: the watch, once training has begun."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options = options
        self.watch: Watch | None = None

    def findings(self) -> Findings:
        """What is wrong with the network; nothing before training has begun."""
        return self.watch.findings() if self.watch is not None else Findings()

    def _begin(self, model: Any, optimizer: Any) -> None:
        if self.watch is None:
            self.watch = Watch(model, optimizer, **self.options)

    def _end(self) -> None:
        if self.watch is not None:
            self.watch.detach()


def _made(name: str, module: str, base: str, methods: dict[str, Any], options: Any) -> Any:
    """A callback of a library: its own class of callbacks beside our methods."""
    loaded = sys.modules.get(module)
    parent = getattr(loaded, base, None) if loaded is not None else None
    parents = (_Begun,) if parent is None else (_Begun, parent)
    return type(name, parents, methods)(**options)


def lightning(**options: Any) -> Any:
    """A callback for `lightning.Trainer(callbacks=[...])`; options as in `actlab.watch`."""

    def on_train_start(self: Any, trainer: Any, pl_module: Any) -> None:
        self._begin(pl_module, trainer.optimizers[0] if trainer.optimizers else None)

    def on_train_end(self: Any, trainer: Any, pl_module: Any) -> None:
        del trainer, pl_module
        self._end()

    module = "lightning.pytorch" if "lightning.pytorch" in sys.modules else "pytorch_lightning"
    methods = {"on_train_start": on_train_start, "on_train_end": on_train_end}
    return _made("LightningWatch", module, "Callback", methods, options)


def hugging_face(**options: Any) -> Any:
    """A callback for `transformers.Trainer(callbacks=[...])`; options as in `actlab.watch`."""

    def on_train_begin(self: Any, args: Any, state: Any, control: Any, **given: Any) -> None:
        del args, state, control
        optimizer = given.get("optimizer")
        # accelerate wraps the optimizer; its hooks are those of the one inside
        self._begin(given["model"], getattr(optimizer, "optimizer", optimizer))

    def on_train_end(self: Any, args: Any, state: Any, control: Any, **given: Any) -> None:
        del args, state, control, given
        self._end()

    methods = {"on_train_begin": on_train_begin, "on_train_end": on_train_end}
    return _made("TrainerWatch", "transformers", "TrainerCallback", methods, options)


def skorch(**options: Any) -> Any:
    """A callback for skorch's `NeuralNet(callbacks=[...])`; options as in `actlab.watch`."""

    def on_train_begin(self: Any, net: Any, **given: Any) -> None:
        del given
        self._begin(net.module_, net.optimizer_)

    def on_train_end(self: Any, net: Any, **given: Any) -> None:
        del net, given
        self._end()

    methods = {"on_train_begin": on_train_begin, "on_train_end": on_train_end}
    return _made("SkorchWatch", "skorch.callbacks", "Callback", methods, options)


def keras(**options: Any) -> Any:
    """A callback for `model.fit(callbacks=[...])` of Keras on its PyTorch backend.

    Keras has optimizers of its own, so that updates are not seen; activations, their gradients
    and the loss are.

    Raises:
        ActlabError: if Keras runs on another backend.
    """
    loaded = sys.modules.get("keras")
    backend = loaded.backend.backend() if loaded is not None else "none"
    if backend != "torch":
        raise ActlabError(
            f"Keras runs on {backend}; import keras with KERAS_BACKEND=torch to watch it"
        )

    def on_train_begin(self: Any, logs: Any = None) -> None:
        del logs
        self._begin(self.model, None)

    def on_train_end(self: Any, logs: Any = None) -> None:
        del logs
        self._end()

    methods = {"on_train_begin": on_train_begin, "on_train_end": on_train_end}
    return _made("KerasWatch", "keras.callbacks", "Callback", methods, options)
