"""Self-gated functions whose gate is composed: a squashing function of an exponential or a log."""

from __future__ import annotations

from actlab.catalogue.entry import Entry, Parameter, Reference, ships

_MISRA = Reference(
    "Misra", 2019, "Mish: a self regularized non-monotonic activation function", arxiv="1908.08681"
)
_SURVEY = Reference(
    "Kunc, Kléma",
    2024,
    "Three decades of activations: a comprehensive survey of 400 activation functions for neural "
    "networks",
    arxiv="2402.09092",
)

ENTRIES = (
    Entry(
        "mish",
        "x * tanh(softplus(x))",
        definition="x * tanh(log(1 + exp(x)))",
        aliases=("Mish",),
        reference=_MISRA,
        ships=ships(
            torch="torch.nn.Mish",
            keras="keras.activations.mish",
            jax="jax.nn.mish",
            onnx="Mish",
            hf="mish",
        ),
    ),
    Entry(
        "beta_mish",
        "x * tanh(beta * softplus(x))",
        definition="x * tanh(log((1 + exp(x))**beta))",
        parameters={"beta": Parameter(1.5, "sharpness of the gate", positive=True)},
        aliases=("BetaMish",),
        reference=_MISRA,
        note="From the author's repository Beta-Mish.",
    ),
    Entry(
        "mila",
        "x * tanh(softplus(x + beta))",
        definition="x * tanh(log(1 + exp(x + beta)))",
        parameters={"beta": Parameter(-0.25, "shift of the gate")},
        aliases=("Mila",),
        reference=_MISRA,
        note="From the author's repository Mila.",
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
        "golu",
        "x * exp(-exp(-x))",
        aliases=("GoLU", "expexpish", "gompertz_linear_unit"),
        reference=Reference(
            "Das, Safari, Adriaensen, Hutter",
            2025,
            "Gompertz linear units: leveraging asymmetry for enhanced learning dynamics",
            arxiv="2502.03654",
        ),
    ),
    Entry(
        "loglogish",
        "-x * expm1(-exp(x))",
        definition="x * (1 - exp(-exp(x)))",
        aliases=("LogLogish",),
        reference=_SURVEY,
    ),
    Entry(
        "gish",
        "x * log1p(-expm1(-exp(x)))",
        definition="x * log(2 - exp(-exp(x)))",
        aliases=("Gish",),
        reference=Reference(
            "Kaytan, Aydilek, Yeroğlu",
            2023,
            "Gish: a novel activation function for image classification",
            doi="10.1007/s00521-023-09035-5",
        ),
    ),
    Entry(
        "logish",
        "x * log1p(sigmoid(x))",
        definition="x * log(1 + 1 / (1 + exp(-x)))",
        aliases=("Logish",),
        reference=Reference(
            "Zhu, Zeng, Liu, Zhang",
            2021,
            "Logish: a new nonlinear nonmonotonic activation function for convolutional neural "
            "network",
            doi="10.1016/j.neucom.2021.06.067",
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
    Entry(
        "phish",
        "x * tanh(gelu(x))",
        definition="x * tanh(x * (1 + erf(x / sqrt(2))) / 2)",
        aliases=("Phish",),
        reference=Reference(
            "Naveen",
            2022,
            "Phish: a novel hyper-optimizable activation function",
            doi="10.36227/techrxiv.17283824",
        ),
    ),
    Entry(
        "sinsig",
        "where(x > 0, x * cos(0.5 * pi * sigmoid(-x)), x * sin(0.5 * pi * sigmoid(x)))",
        definition="x * sin(pi / 2 / (1 + exp(-x)))",
        aliases=("SinSig",),
        reference=_SURVEY,
    ),
    Entry(
        "swat",
        "x * sigmoid(arctan(x))",
        definition="x / (1 + exp(-arctan(x)))",
        aliases=("SwAT",),
        reference=_SURVEY,
        note="Far out its second derivative, of size 1/|x|**3, is what larger terms leave over and "
        "loses digits.",
    ),
    Entry(
        "double_silu",
        "x * sigmoid(x * sigmoid(x))",
        definition="x / (1 + exp(-x / (1 + exp(-x))))",
        aliases=("DoubleSiLU",),
        reference=_SURVEY,
    ),
    Entry(
        "colu",
        "where(x > 0, x / (1 - x * exp(-(x + exp(x)))), "
        "x * exp(x + exp(x)) / (exp(x + exp(x)) - x))",
        definition="x / (1 - x * exp(-(x + exp(x))))",
        aliases=("CoLU", "collapsing_linear_unit"),
        reference=Reference(
            "Vagerwal",
            2021,
            "Deeper learning with CoLU activation",
            arxiv="2112.12078",
        ),
    ),
)
