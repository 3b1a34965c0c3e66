"""Self-gated functions: the input times a soft step of itself."""

from __future__ import annotations

from actlab.catalogue.entry import Entry, Parameter, Reference, Shipped, ships

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

ENTRIES = (
    Entry(
        "silu",
        "x * sigmoid(x)",
        definition="x / (1 + exp(-x))",
        aliases=("SiLU", "swish1", "sil", "sigmoid_linear_unit"),
        reference=Reference(
            "Elfwing, Uchibe, Doya",
            2017,
            "Sigmoid-weighted linear units for neural network function approximation in "
            "reinforcement learning",
            arxiv="1702.03118",
        ),
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
        aliases=("GELU", "gelu_erf", "gaussian_error_linear_unit"),
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
            hf="gelu",
        ),
    ),
    Entry(
        "gelu_tanh",
        "x * sigmoid(2 * sqrt(2 / pi) * (x + 0.044715 * x**3))",
        definition="0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))",
        aliases=("gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_approximate", "sielu"),
        reference=_HENDRYCKS,
        ships=ships(
            torch=Shipped("torch.nn.GELU(approximate='tanh')"),
            jax="jax.nn.gelu",
            keras="keras.ops.gelu",
            hf="gelu_new",
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
        "mish",
        "x * tanh(softplus(x))",
        definition="x * tanh(log(1 + exp(x)))",
        aliases=("Mish",),
        reference=Reference(
            "Misra",
            2019,
            "Mish: a self regularized non-monotonic activation function",
            arxiv="1908.08681",
        ),
        ships=ships(
            torch="torch.nn.Mish",
            keras="keras.activations.mish",
            jax="jax.nn.mish",
            onnx="Mish",
            hf="mish",
        ),
    ),
    Entry(
        "hard_swish",
        "x * clip((x + 3) / 6, 0, 1)",
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
        "telu",
        "x * tanh(exp(x))",
        aliases=("TeLU", "tanhexp", "TanhExp"),
        reference=Reference(
            "Liu, Di",
            2020,
            "TanhExp: a smooth activation function with high convergence speed for lightweight "
            "neural networks",
            arxiv="2003.09855",
        ),
        note="Published again as TeLU by Fernandez and Mali (2024), arXiv:2402.02790.",
    ),
    Entry(
        "golu",
        "x * exp(-exp(-x))",
        aliases=("GoLU", "expexpish", "gompertz_linear_unit"),
        reference=Reference(
            "Das, Ma, Hutter, et al.",
            2025,
            "Gompertz linear units: leveraging asymmetry for enhanced learning dynamics",
            arxiv="2502.03654",
        ),
    ),
    Entry(
        "serf",
        "x * erf(softplus(x))",
        definition="x * erf(log(1 + exp(x)))",
        aliases=("SERF",),
        reference=Reference(
            "Nag, Bhattacharyya",
            2021,
            "SERF: towards better training of deep neural networks using log-softplus error "
            "activation function",
            arxiv="2108.09598",
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
        "logish",
        "x * log1p(sigmoid(x))",
        definition="x * log(1 + 1 / (1 + exp(-x)))",
        aliases=("Logish",),
        reference=Reference(
            "Zhu, Zhang, Zhang, et al.",
            2021,
            "Logish: a new nonlinear nonmonotonic activation function for convolutional neural "
            "network",
            where="Neurocomputing 458",
        ),
    ),
    Entry(
        "smish",
        "x * tanh(log1p(sigmoid(x)))",
        definition="x * tanh(log(1 + 1 / (1 + exp(-x))))",
        aliases=("Smish",),
        reference=Reference(
            "Wang, Ren, Wang",
            2022,
            "Smish: a novel activation function for deep learning methods",
            doi="10.3390/electronics11040540",
        ),
    ),
)
