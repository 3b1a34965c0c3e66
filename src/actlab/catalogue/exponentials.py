"""Exponential-linear functions: linear above zero, a bounded tail below."""

from __future__ import annotations

from actlab.catalogue.entry import Entry, Parameter, Reference, Shipped, ships

ENTRIES = (
    Entry(
        "elu",
        "where(x > 0, x, alpha * expm1(x))",
        definition="where(x > 0, x, alpha * (exp(x) - 1))",
        parameters={"alpha": Parameter(1.0, "minus the limit at -inf")},
        aliases=("ELU", "exponential_linear_unit"),
        reference=Reference(
            "Clevert, Unterthiner, Hochreiter",
            2016,
            "Fast and accurate deep network learning by exponential linear units (ELUs)",
            arxiv="1511.07289",
        ),
        ships=ships(
            torch="torch.nn.ELU",
            keras=("keras.layers.ELU", "keras.activations.elu"),
            jax="jax.nn.elu",
            tf="tf.nn.elu",
            onnx="Elu",
        ),
    ),
    Entry(
        "celu",
        "where(x > 0, x, alpha * expm1(x / alpha))",
        definition="maximum(0, x) + minimum(0, alpha * (exp(x / alpha) - 1))",
        parameters={"alpha": Parameter(1.0, "minus the limit at -inf", positive=True)},
        aliases=("CELU",),
        reference=Reference(
            "Barron",
            2017,
            "Continuously differentiable exponential linear units",
            arxiv="1704.07483",
        ),
        ships=ships(
            torch="torch.nn.CELU",
            keras="keras.activations.celu",
            jax="jax.nn.celu",
            onnx="Celu",
        ),
    ),
    Entry(
        "selu",
        "where(x > 0, scale * x, scale * alpha * expm1(x))",
        definition="scale * where(x > 0, x, alpha * (exp(x) - 1))",
        parameters={
            "alpha": Parameter(1.6732632423543772848170429916717, "makes (0, 1) a fixed point"),
            "scale": Parameter(1.0507009873554804934193349852946, "makes (0, 1) a fixed point"),
        },
        aliases=("SELU", "scaled_exponential_linear_unit"),
        reference=Reference(
            "Klambauer, Unterthiner, Mayr, Hochreiter",
            2017,
            "Self-normalizing neural networks",
            arxiv="1706.02515",
        ),
        ships=ships(
            torch="torch.nn.SELU",
            keras="keras.activations.selu",
            jax="jax.nn.selu",
            tf="tf.nn.selu",
            onnx=Shipped(
                "Selu",
                {"alpha": 1.6732631921768188, "scale": 1.0507010221481323},
                note="the constants rounded to float32",
            ),
        ),
        note="Normalises itself only with weights of variance 1/fan_in.",
    ),
    Entry(
        "isrlu",
        "where(x > 0, x, isru(x, alpha=alpha))",
        definition="where(x > 0, x, x / sqrt(1 + alpha * x**2))",
        parameters={"alpha": Parameter(1.0, "-1/sqrt(alpha) is the limit", positive=True)},
        aliases=("ISRLU",),
        reference=Reference(
            "Carlile, Delamarter, Kinney, Marti, Whitney",
            2017,
            "Improving deep learning by inverse square root linear units (ISRLUs)",
            arxiv="1710.09967",
        ),
    ),
    Entry(
        "elish",
        "where(x > 0, x * sigmoid(x), expm1(x) * sigmoid(x))",
        definition="where(x > 0, x / (1 + exp(-x)), (exp(x) - 1) / (1 + exp(-x)))",
        aliases=("ELiSH",),
        reference=Reference(
            "Basirat, Roth",
            2018,
            "The quest for the golden activation function",
            arxiv="1808.00783",
        ),
    ),
    Entry(
        "bent_identity",
        "where(abs(x) < 1, 0.5 * (x * x / (sqrt(x * x + 1) + 1)) + x, "
        "x * (1 + sign(x) * 0.5 * sqrt(1 + 1 / (x * x))) - 0.5)",
        definition="(sqrt(x**2 + 1) - 1) / 2 + x",
        aliases=("BentIdentity",),
        reference=Reference("folklore", 2015, where="Wikipedia, Activation function"),
    ),
)
