"""Derivatives as TensorFlow's tapes compute them."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def _arrays(settings):
    return {name: tf.constant(value) for name, value in settings.items()}


def derivative(f, inputs, settings, **options):
    """The engine's own."""
    return np.asarray(f.derivative(*map(tf.constant, inputs), **options, **_arrays(settings)))


def first(f, inputs, settings):
    """The gradient of the sum by each input and parameter, by their names."""
    values = {**dict(zip(f.variables, map(tf.constant, inputs), strict=True)), **_arrays(settings)}
    with tf.GradientTape() as tape:
        tape.watch(values)
        x, *gate = (values[name] for name in f.variables)
        result = f(x, *gate, **{name: values[name] for name in settings})
    found = tape.gradient(result, values, unconnected_gradients="zero")
    return {name: np.asarray(gradient) for name, gradient in found.items()}


def second(f, x):
    """The gradient of the gradient."""
    x = tf.constant(x)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            result = f(x)
        slope = inner.gradient(result, x, unconnected_gradients="zero")
    return np.asarray(outer.gradient(slope, x, unconnected_gradients="zero"))


def jacobian(f, x):
    x = tf.constant(x)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        result = f(x)
    # without pfor, which would compile a function for each
    return np.asarray(tape.jacobian(result, x, experimental_use_pfor=False))
