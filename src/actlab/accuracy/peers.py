"""The same functions as the frameworks ship them, measured by the same code."""

from __future__ import annotations

import ast
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from actlab.accuracy.measure import Subject

if TYPE_CHECKING:
    from actlab.activation import Activation

__all__ = ["peer", "shipped_by"]


def peer(activation: Activation, framework: str, order: int = 0) -> Subject | None:
    """The first scalar function that a framework ships for an activation, to be measured.

    Args:
        activation: a catalogued scalar function with the numbers to use.
        framework: "torch" or "jax".
        order: order of the derivative, by the framework's own differentiation.

    Returns:
        Something for `measure`, or None where the framework is not installed, ships no such
        function, or ships it under other numbers.
    """
    found = shipped_by(activation, framework)
    if found is None:
        return None
    path, function = found
    run: Any = _torch(function, order) if framework == "torch" else _jax(function, order)
    run.__name__ = path
    subject: Subject = run
    return subject


def shipped_by(activation: Activation, framework: str) -> tuple[str, Any] | None:
    """Name and function of what a framework ships for an activation with the same numbers."""
    if framework not in {"torch", "jax"} or find_spec(framework) is None:
        return None
    usual = {name: spec.default for name, spec in activation.specs.items()}
    for shipped in activation.shipped.get(framework, ()):
        if shipped.function or {**usual, **shipped.parameters} != dict(activation.parameters):
            continue
        function = _find(shipped.path)
        if function is not None:
            return shipped.path, function
    return None


def _find(path: str) -> Any:
    """`torch.nn.GELU(approximate='tanh')` as something to call with an array."""
    try:
        tree = ast.parse(path, mode="eval").body
        keywords: dict[str, Any] = {}
        if isinstance(tree, ast.Call):
            keywords = {str(k.arg): ast.literal_eval(k.value) for k in tree.keywords}
            tree = tree.func
        module, _, name = ast.unparse(tree).rpartition(".")
        found = getattr(import_module(module), name)
    except (SyntaxError, ValueError, ImportError, AttributeError):
        return None
    if isinstance(found, type):
        try:
            return found(**keywords).eval()
        except TypeError:  # it has no defaults of its own
            return None
    return (lambda x: found(x, **keywords)) if keywords else found


def _torch(function: Any, order: int) -> Any:
    def run(x: Any, *, dtype: str) -> Any:
        import torch

        value = torch.from_numpy(np.ascontiguousarray(x)).to(getattr(torch, dtype))
        value.requires_grad_(order > 0)
        result = function(value)
        for left in range(order, 0, -1):
            if not result.requires_grad:
                return np.zeros(x.shape)
            (result,) = torch.autograd.grad(result.sum(), value, create_graph=left > 1)
        return result.detach().double().numpy()

    return run


def _jax(function: Any, order: int) -> Any:
    def run(x: Any, *, dtype: str) -> Any:
        import jax

        derived = function
        for _ in range(order):
            derived = jax.grad(derived)
        values = jax.numpy.asarray(x, dtype)
        return np.asarray(jax.vmap(derived)(values) if order else derived(values), np.float64)

    return run
