"""Exponential-linear functions: linear above zero, a bounded tail below."""

from __future__ import annotations

from actlab.catalogue.entry import Entry, Parameter, Reference, Shipped, ships

_BASIRAT = Reference(
    "Basirat, Roth",
    2018,
    "The quest for the golden activation function",
    arxiv="1808.00783",
)
_ZHU = Reference(
    "Zhu, Min, Wang, Zou, Chen",
    2021,
    "PFLU and FPFLU: two novel non-monotonic activation functions in convolutional neural networks",
    doi="10.1016/j.neucom.2020.11.068",
)

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
        reference=_BASIRAT,
    ),
    Entry(
        "bent_identity",
        "where(abs(x) < 1, 0.5 * (x * x / (sqrt(x * x + 1) + 1)) + x, "
        "x * (1 + sign(x) * 0.5 * sqrt(1 + 1 / (x * x))) - 0.5)",
        definition="(sqrt(x**2 + 1) - 1) / 2 + x",
        aliases=("BentIdentity",),
        note="Folklore; known from Wikipedia's list of activation functions. Far out its second "
        "derivative, of size 1/|x|**3, is what larger terms leave over and loses digits.",
    ),
    Entry(
        "exponential",
        "exp(x)",
        aliases=("exp",),
        ships=ships(
            keras="keras.activations.exponential",
            torch="torch.exp",
            jax="jax.numpy.exp",
            tf="tf.math.exp",
            onnx="Exp",
        ),
        note="An output activation: rates and scales that must be positive.",
    ),
    Entry(
        "hard_elish",
        "where(x >= 0, x * sparse_sigmoid(x), expm1(x) * sparse_sigmoid(x))",
        definition="where(x >= 0, x * clip((x + 1) / 2, 0, 1), "
        "(exp(x) - 1) * clip((x + 1) / 2, 0, 1))",
        aliases=("HardELiSH",),
        reference=_BASIRAT,
    ),
    Entry(
        "soft_exponential",
        # the limit at alpha = 0 carries its slope by alpha, so that learning can leave it
        "where(alpha == 0, x + alpha * (1 + 0.5 * x * x), where(alpha > 0, "
        "expm1(alpha * x) / alpha + alpha, -log1p(-alpha * (x + alpha)) / alpha))",
        definition="where(alpha == 0, x, where(alpha > 0, (exp(alpha * x) - 1) / alpha + alpha, "
        "-log(1 - alpha * (x + alpha)) / alpha))",
        parameters={"alpha": Parameter(0.0, "from logarithm (-1) to exponential (1), learned")},
        aliases=("SoftExponential",),
        reference=Reference(
            "Godfrey, Gashler",
            2015,
            "A continuum among logarithmic, linear, and exponential functions, and its potential "
            "to improve generalization in neural networks",
            arxiv="1602.01321",
        ),
        note="The identity at its default. With alpha < 0 it needs x > 1/alpha - alpha.",
    ),
    Entry(
        "flatten_t_swish",
        "where(x <= 0, 0, x * sigmoid(x)) + t",
        definition="maximum(x, 0) / (1 + exp(-x)) + t",
        parameters={"t": Parameter(-0.2, "value below zero")},
        aliases=("FTS", "FlattenTSwish"),
        reference=Reference(
            "Chieng, Wahid, Ong, Perla",
            2018,
            "Flatten-T Swish: a thresholded ReLU-Swish-like activation function for deep learning",
            arxiv="1812.06247",
        ),
    ),
    Entry(
        "pflu",
        # far out in powers of 1/x: x * x overflows, and below zero 1 + x/sqrt(1 + x*x) cancels
        "where(abs(x) < 1, 0.5 * x * (1 + x / sqrt(1 + x * x)), where(x > 0, "
        "0.5 * x * (1 + 1 / sqrt(1 + (1 / x)**2)), "
        "0.5 * (1 / x) / (sqrt(1 + (1 / x)**2) * (1 + sqrt(1 + (1 / x)**2)))))",
        definition="x / 2 * (1 + x / sqrt(1 + x**2))",
        aliases=("PFLU", "power_function_linear_unit"),
        reference=_ZHU,
    ),
    Entry(
        "fpflu",
        "where(x >= 0, x, 2 * pflu(x))",
        definition="where(x >= 0, x, x + x**2 / sqrt(1 + x**2))",
        aliases=("FPFLU", "faster_power_function_linear_unit"),
        reference=_ZHU,
    ),
    Entry(
        "xielu",
        "where(x > 0, alpha_p * x * x + beta * x, alpha_n * expm1(x) + (beta - alpha_n) * x)",
        definition="where(x > 0, alpha_p * x**2 + beta * x, "
        "alpha_n * (exp(x) - 1) - alpha_n * x + beta * x)",
        parameters={
            "alpha_p": Parameter(0.8, "curvature above zero, learned as a softplus", positive=True),
            "alpha_n": Parameter(0.8, "curvature below zero, learned as beta + softplus"),
            "beta": Parameter(0.5, "slope at 0"),
        },
        aliases=("xIELU", "XIELU"),
        reference=Reference(
            "Huang, Schlag",
            2024,
            "Deriving activation functions using integration",
            arxiv="2411.13010",
        ),
        ships=ships(hf=Shipped("xielu", note="holds x below -1e-6 in the exponential")),
    ),
)
