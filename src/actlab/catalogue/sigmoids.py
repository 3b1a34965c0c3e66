"""Bounded and sigmoid-like functions."""

from __future__ import annotations

from actlab.catalogue.entry import Entry, Parameter, Reference, Shipped, ships

_HOWARD = Reference(
    "Howard, Sandler, Chu, Chen, Chen, Tan, Wang, Zhu, Pang, Vasudevan, Le, Adam",
    2019,
    "Searching for MobileNetV3",
    arxiv="1905.02244",
)
_CARLILE = Reference(
    "Carlile, Delamarter, Kinney, Marti, Whitney",
    2017,
    "Improving deep learning by inverse square root linear units (ISRLUs)",
    arxiv="1710.09967",
)

ENTRIES = (
    Entry(
        "sigmoid",
        "sigmoid(x)",
        definition="1 / (1 + exp(-x))",
        aliases=("Sigmoid", "logistic"),
        reference=Reference("Verhulst", 1845, "the logistic function", where="classical"),
        ships=ships(
            torch="torch.nn.Sigmoid",
            keras="keras.activations.sigmoid",
            jax="jax.nn.sigmoid",
            tf="tf.nn.sigmoid",
            onnx="Sigmoid",
            hf="sigmoid",
        ),
    ),
    Entry(
        "tanh",
        "tanh(x)",
        definition="(exp(x) - exp(-x)) / (exp(x) + exp(-x))",
        aliases=("Tanh", "hyperbolic_tangent"),
        reference=Reference(
            "LeCun, Bottou, Orr, Müller", 1998, "Efficient BackProp", doi="10.1007/3-540-49430-8_2"
        ),
        ships=ships(
            torch="torch.nn.Tanh",
            keras="keras.activations.tanh",
            jax="jax.nn.tanh",
            tf="tf.nn.tanh",
            onnx="Tanh",
            hf="tanh",
        ),
    ),
    Entry(
        "hard_sigmoid",
        "clip((x + 3) / 6, 0, 1)",
        definition="clip(x / 6 + 0.5, 0, 1)",
        aliases=("Hardsigmoid",),
        reference=_HOWARD,
        ships=ships(
            torch="torch.nn.Hardsigmoid",
            keras="keras.activations.hard_sigmoid",
            jax="jax.nn.hard_sigmoid",
            onnx=Shipped("HardSigmoid", function="hard_sigmoid_onnx"),
        ),
    ),
    Entry(
        "hard_sigmoid_onnx",
        "clip(alpha * x + beta, 0, 1)",
        parameters={"alpha": Parameter(0.2, "slope"), "beta": Parameter(0.5, "value at 0")},
        aliases=("hard_sigmoid_keras2", "hard_sigmoid_theano"),
        reference=Reference("ONNX", 2017, "HardSigmoid", where="ONNX operator set 6"),
        ships=ships(onnx="HardSigmoid"),
        note="The slope of Theano and Keras 2, which PyTorch, JAX and Keras 3 have left.",
    ),
    Entry(
        "hard_tanh",
        "clip(x, min_val, max_val)",
        parameters={
            "min_val": Parameter(-1.0, "lower end"),
            "max_val": Parameter(1.0, "upper end"),
        },
        aliases=("Hardtanh",),
        reference=Reference(
            "Collobert",
            2004,
            "Large scale machine learning",
            where="PhD thesis, Université Paris VI",
        ),
        ships=ships(
            torch="torch.nn.Hardtanh",
            keras="keras.activations.hard_tanh",
            jax="jax.nn.hard_tanh",
        ),
    ),
    Entry(
        "softsign",
        "where(abs(x) < 1, x / (1 + abs(x)), sign(x) / (1 + 1 / abs(x)))",
        definition="x / (1 + abs(x))",
        aliases=("Softsign", "soft_sign"),
        reference=Reference(
            "Elliott",
            1993,
            "A better activation function for artificial neural networks",
            where="technical report, University of Maryland",
        ),
        ships=ships(
            torch="torch.nn.Softsign",
            keras="keras.activations.softsign",
            jax="jax.nn.soft_sign",
            tf="tf.nn.softsign",
            onnx="Softsign",
        ),
    ),
    Entry(
        "log_sigmoid",
        "log_sigmoid(x)",
        definition="-log(1 + exp(-x))",
        aliases=("LogSigmoid",),
        reference=Reference("classical", 1958, "logarithm of the logistic function"),
        ships=ships(
            torch="torch.nn.LogSigmoid",
            keras="keras.activations.log_sigmoid",
            jax="jax.nn.log_sigmoid",
            tf="tf.math.log_sigmoid",
        ),
    ),
    Entry(
        "isru",
        "where(abs(x) < 1, x / sqrt(1 + alpha * x * x), sign(x) / sqrt(alpha + 1 / (x * x)))",
        definition="x / sqrt(1 + alpha * x**2)",
        parameters={"alpha": Parameter(1.0, "1/sqrt(alpha) is the bound", positive=True)},
        aliases=("ISRU", "algebraic_sigmoid"),
        reference=_CARLILE,
    ),
    Entry(
        "erf",
        "erf(x)",
        aliases=("error_function",),
        reference=Reference("classical", 1871, "the error function (Glaisher)"),
    ),
    Entry(
        "arctan",
        "arctan(x)",
        aliases=("atan", "ArcTan"),
        reference=Reference("classical", 1671, "the inverse tangent"),
    ),
    Entry(
        "penalized_tanh",
        "where(x > 0, tanh(x), a * tanh(x))",
        parameters={"a": Parameter(0.25, "factor below zero")},
        aliases=("PenalizedTanh", "leaky_tanh"),
        reference=Reference(
            "Xu, Huang, Li", 2016, "Revise saturated activation functions", arxiv="1602.05980"
        ),
    ),
    Entry(
        "gaussian",
        "exp(-x * x)",
        definition="exp(-x**2)",
        aliases=("Gaussian", "rbf"),
        reference=Reference(
            "Ramasinghe, Lucey",
            2022,
            "Beyond periodicity: towards a unifying framework for activations in coordinate-MLPs",
            arxiv="2111.15135",
        ),
    ),
)
