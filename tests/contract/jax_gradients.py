"""Derivatives as JAX computes them, operation by operation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np


def _arrays(settings):
    return {name: jnp.asarray(value) for name, value in settings.items()}


def derivative(f, inputs, settings, **options):
    """The engine's own."""
    with jax.disable_jit():
        return np.asarray(f.derivative(*map(jnp.asarray, inputs), **options, **_arrays(settings)))


def first(f, inputs, settings):
    """The gradient of the sum by each input and parameter, by their names."""
    with jax.disable_jit():
        values = {
            **dict(zip(f.variables, map(jnp.asarray, inputs), strict=True)),
            **_arrays(settings),
        }

        def total(values):
            x, *gate = (values[name] for name in f.variables)
            return f(x, *gate, **{name: values[name] for name in settings}).sum()

        return {name: np.asarray(g) for name, g in jax.grad(total)(values).items()}


def second(f, x):
    """The derivative of the gradient, forward over reverse."""
    with jax.disable_jit():
        x = jnp.asarray(x)
        _, change = jax.jvp(jax.grad(lambda v: f(v).sum()), (x,), (jnp.ones_like(x),))
        return np.asarray(change)


def jacobian(f, x):
    return np.asarray(jax.jacrev(f)(jnp.asarray(x)))
