"""Self-gated functions: the input times a soft step of itself."""

from __future__ import annotations

from actlab.catalogue.entry import Entry, Parameter, Reference, Shipped, ships
from actlab.formula.series import arctan_defect

_HENDRYCKS = Reference(
    "Hendrycks, Gimpel", 2016, "Gaussian error linear units (GELUs)", arxiv="1606.08415"
)
_RAMACHANDRAN = Reference(
    "Ramachandran, Zoph, Le", 2017, "Searching for activation functions", arxiv="1710.05941"
)
_HOWARD = Reference(
    "Howard, Sandler, Chu, Chen, Chen, Tan, Wang, Zhu, Pang, Vasudevan, Le, Adam",
    2019,
    "Searching for MobileNetV3",
    arxiv="1905.02244",
)

_ELFWING = Reference(
    "Elfwing, Uchibe, Doya",
    2017,
    "Sigmoid-weighted linear units for neural network function approximation in reinforcement "
    "learning",
    arxiv="1702.03118",
)
_EXPANDED = Reference(
    "Huang", 2024, "Expanded gating ranges improve activation functions", arxiv="2405.20768"
)
_SURVEY = Reference(
    "Kunc, Kléma",
    2024,
    "Three decades of activations: a comprehensive survey of 400 activation functions for neural "
    "networks",
    arxiv="2402.09092",
)

# far out arctan(x) = ±pi/2 - arctan(1/x): the plain product loses the digits of its slope there
_ARCTAN = f"(1 - (1 / x)**2 * ({arctan_defect('(1 / x)**2')})) / pi"

ENTRIES = (
    Entry(
        "silu",
        "x * sigmoid(x)",
        definition="x / (1 + exp(-x))",
        aliases=("SiLU", "swish1", "sil", "sigmoid_linear_unit"),
        reference=_ELFWING,
        ships=ships(
            torch="torch.nn.SiLU",
            keras="keras.activations.silu",
            jax="jax.nn.silu",
            tf="tf.nn.silu",
            hf="silu",
        ),
        note="Not monotone: it falls to -0.278 at x = -1.278. First in Hendrycks, Gimpel (2016).",
    ),
    Entry(
        "swish",
        "x * sigmoid(beta * x)",
        definition="x / (1 + exp(-beta * x))",
        parameters={"beta": Parameter(1.0, "sharpness of the gate, learned in the paper")},
        aliases=("Swish", "swish_beta", "acon_a"),
        reference=_RAMACHANDRAN,
        ships=ships(
            jax="jax.nn.swish",
            keras="keras.activations.swish",
            tf="tf.nn.swish",
            onnx="Swish",
            hf="swish",
        ),
    ),
    Entry(
        "gelu",
        "x * normcdf(x)",
        definition="x * (1 + erf(x / sqrt(2))) / 2",
        aliases=("GELU", "gelu_erf", "gelu_python", "gaussian_error_linear_unit"),
        reference=_HENDRYCKS,
        ships=ships(
            torch="torch.nn.GELU",
            keras=(
                "keras.activations.gelu",
                Shipped("keras.ops.gelu", function="gelu_tanh"),
            ),
            jax=Shipped("jax.nn.gelu", function="gelu_tanh", note="approximate=True by default"),
            flax=Shipped("flax.linen.gelu", function="gelu_tanh"),
            tf="tf.nn.gelu",
            onnx="Gelu",
            hf=("gelu", "gelu_python"),
        ),
    ),
    Entry(
        "gelu_tanh",
        "x * sigmoid(2 * sqrt(2 / pi) * (x + 0.044715 * x**3))",
        definition="0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))",
        aliases=(
            "gelu_new",
            "gelu_pytorch_tanh",
            "gelu_python_tanh",
            "gelu_fast",
            "gelu_accurate",
            "gelu_approximate",
            "sielu",
        ),
        reference=_HENDRYCKS,
        ships=ships(
            torch=Shipped("torch.nn.GELU(approximate='tanh')"),
            jax="jax.nn.gelu",
            keras="keras.ops.gelu",
            flax="flax.linen.gelu",
            hf=("gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast", "gelu_accurate"),
        ),
    ),
    Entry(
        "quick_gelu",
        "x * sigmoid(1.702 * x)",
        definition="x / (1 + exp(-1.702 * x))",
        aliases=("QuickGELU", "gelu_sigmoid"),
        reference=_HENDRYCKS,
        ships=ships(hf="quick_gelu", timm="timm quick_gelu"),
    ),
    Entry(
        "hard_swish",
        "where(x <= -3, 0, where(x >= 3, x, x * (x + 3) / 6))",
        definition="x * minimum(maximum(x + 3, 0), 6) / 6",
        aliases=("Hardswish", "hard_silu", "h_swish"),
        reference=_HOWARD,
        ships=ships(
            torch="torch.nn.Hardswish",
            keras="keras.activations.hard_silu",
            jax="jax.nn.hard_silu",
            onnx="HardSwish",
        ),
    ),
    Entry(
        "lisht",
        "x * tanh(x)",
        aliases=("LiSHT",),
        reference=Reference(
            "Roy, Manna, Dubey, Chaudhuri",
            2019,
            "LiSHT: non-parametric linearly scaled hyperbolic tangent activation function for "
            "neural networks",
            arxiv="1901.05894",
        ),
    ),
    Entry(
        "e_swish",
        "beta * x * sigmoid(x)",
        definition="beta * x / (1 + exp(-x))",
        parameters={"beta": Parameter(1.75, "slope far to the right; the paper has 1.25 to 1.75")},
        aliases=("ESwish",),
        reference=Reference(
            "Alcaide",
            2018,
            "E-swish: adjusting activations to different network depths",
            arxiv="1801.07145",
        ),
    ),
    Entry(
        "dsilu",
        "sigmoid(x) * (1 + x * sigmoid(-x))",
        definition="(1 + x * (1 - 1 / (1 + exp(-x)))) / (1 + exp(-x))",
        aliases=("dSiLU",),
        reference=_ELFWING,
        note="The derivative of SiLU, used as a function of its own.",
    ),
    Entry(
        "b_silu",
        # two odd and even parts that vanish at 0 by themselves
        "x * sigmoid(x) + 0.5 * alpha * tanh(0.5 * x)",
        definition="(x + alpha) / (1 + exp(-x)) - alpha / 2",
        parameters={"alpha": Parameter(1.67, "minus twice the limit at -inf")},
        aliases=("BSiLU",),
        reference=Reference(
            "Horuz, Kasenbacher, Higuchi, Kairat, Stoltz, Pesl, Moser, Linse, Martinetz, Otte",
            2025,
            "The resurrection of the ReLU",
            arxiv="2505.22074",
        ),
    ),
    Entry(
        "clipped_gelu",
        # gelu(10) is 10 to 23 digits, so the choice is made by x, which no rounding moves
        "where(x > 10, 10, gelu(x))",
        definition="clip(x * (1 + erf(x / sqrt(2))) / 2, -10, 10)",
        aliases=("gelu_10", "ClippedGELU"),
        reference=Reference(
            "Wu, Judd, Zhang, Isaev, Micikevicius",
            2020,
            "Integer quantization for deep learning inference: principles and empirical evaluation",
            arxiv="2004.09602",
        ),
        ships=ships(hf="gelu_10"),
    ),
    Entry(
        "sgelu",
        "alpha * x * erf(x / sqrt(2))",
        parameters={"alpha": Parameter(1.0, "slope far out")},
        aliases=("SGELU", "symmetrical_gelu"),
        reference=Reference(
            "Yu, Su",
            2019,
            "Symmetrical Gaussian error linear units (SGELUs)",
            arxiv="1911.03925",
        ),
    ),
    Entry(
        "hard_mish",
        "where(x <= -2, 0, where(x >= 0, x, 0.5 * x * (x + 2)))",
        definition="x / 2 * clip(x + 2, 0, 2)",
        aliases=("HardMish", "h_mish"),
        reference=Reference(
            "Misra",
            2019,
            "Mish: a self regularized non-monotonic activation function",
            arxiv="1908.08681",
        ),
        ships=ships(timm="timm HardMish"),
        note="From the author's repository H-Mish.",
    ),
    Entry(
        "lalu",
        "where(x >= 0, x * (1 - 0.5 * exp(-x)), 0.5 * x * exp(x))",
        aliases=("LaLU", "laplace_linear_unit"),
        reference=_SURVEY,
        note="The gate is the distribution function of Laplace's law.",
    ),
    Entry(
        "calu",
        f"where(abs(x) > 4, maximum(x, 0) - {_ARCTAN}, "
        "where(x < -1, x * arctan(-1 / x) / pi, x * (arctan(x) / pi + 0.5)))",
        definition="x * (arctan(x) / pi + 0.5)",
        aliases=("CaLU", "atlu", "ATLU", "cauchy_linear_unit"),
        reference=_EXPANDED,
        note="The gate is the distribution function of Cauchy's law; the limit at -inf is -1/pi.",
    ),
    Entry(
        "xatlu",
        "(1 + 2 * alpha) * calu(x) - alpha * x",
        definition="x * ((arctan(x) / pi + 0.5) * (1 + 2 * alpha) - alpha)",
        parameters={"alpha": Parameter(0.0, "how far the gate leaves [0, 1], learned")},
        aliases=("xATLU",),
        reference=_EXPANDED,
    ),
    Entry(
        "xgelu",
        "x * ((1 + 2 * alpha) * normcdf(x) - alpha)",
        definition="x * ((1 + erf(x / sqrt(2))) / 2 * (1 + 2 * alpha) - alpha)",
        parameters={"alpha": Parameter(0.0, "how far the gate leaves [0, 1], learned")},
        aliases=("xGELU",),
        reference=_EXPANDED,
    ),
    Entry(
        "xsilu",
        "x * ((1 + 2 * alpha) * sigmoid(x) - alpha)",
        definition="x * ((1 + 2 * alpha) / (1 + exp(-x)) - alpha)",
        parameters={"alpha": Parameter(0.0, "how far the gate leaves [0, 1], learned")},
        aliases=("xSiLU",),
        reference=_EXPANDED,
    ),
    Entry(
        "suish",
        "where(x > 0, x, x * exp(x))",
        definition="maximum(x, x * exp(-abs(x)))",
        aliases=("Suish",),
        reference=_SURVEY,
    ),
    Entry(
        "eanaf",
        "where(x > 0, x / (1 + 2 * exp(-x)), x * exp(x) / (exp(x) + 2))",
        definition="x * exp(x) / (exp(x) + 2)",
        aliases=("EANAF",),
        reference=_SURVEY,
    ),
)
