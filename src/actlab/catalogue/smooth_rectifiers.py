"""Smooth approximations of the rectifier."""

from __future__ import annotations

from actlab.catalogue.entry import Entry, Parameter, Reference, Shipped, ships

ENTRIES = (
    Entry(
        "softplus",
        "softplus(beta * x) / beta",
        definition="log(1 + exp(beta * x)) / beta",
        parameters={"beta": Parameter(1.0, "sharpness", positive=True)},
        aliases=("Softplus", "smooth_relu"),
        reference=Reference(
            "Dugas, Bengio, Bélisle, Nadeau, Garcia",
            2001,
            "Incorporating second-order functional knowledge for better option pricing",
            where="NIPS",
        ),
        ships=ships(
            torch=Shipped("torch.nn.Softplus", note="returns x itself where beta*x > 20"),
            keras="keras.activations.softplus",
            jax="jax.nn.softplus",
            tf="tf.nn.softplus",
            onnx="Softplus",
        ),
    ),
    Entry(
        "squareplus",
        # the root without overflow, and below zero the conjugate, which does not cancel
        "where(abs(x) < 1, "
        "where(x > 0, 0.5 * (x + sqrt(x * x + b)), 0.5 * b / (sqrt(x * x + b) - x)), "
        "where(x > 0, 0.5 * (x + x * sqrt(1 + b / (x * x))), "
        "-0.5 * (b / x) / (1 + sqrt(1 + b / (x * x)))))",
        definition="(x + sqrt(x**2 + b)) / 2",
        parameters={"b": Parameter(4.0, "sets the width of the bend", positive=True)},
        aliases=("Squareplus",),
        reference=Reference(
            "Barron", 2021, "Squareplus: a softplus-like algebraic rectifier", arxiv="2112.11687"
        ),
        ships=ships(keras="keras.activations.squareplus", jax="jax.nn.squareplus"),
    ),
)
