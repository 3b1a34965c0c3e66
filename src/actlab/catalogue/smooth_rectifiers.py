"""Smooth approximations of the rectifier and of the modulus."""

from __future__ import annotations

from actlab.catalogue.entry import Entry, Parameter, Reference, Shipped, ships

_BISWAS = Reference(
    "Biswas, Kumar, Banerjee, Pandey",
    2021,
    "SMU: smooth activation function for deep networks using smoothing maximum technique",
    arxiv="2111.04682",
)
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
        "where(x * x < b, "
        "where(x > 0, 0.5 * (x + sqrt(x * x + b)), 0.5 * b / (sqrt(x * x + b) - x)), "
        "where(x > 0, x * (0.5 + 0.5 * sqrt(1 + b / (x * x))), "
        "-0.5 * (b / x) / (1 + sqrt(1 + b / (x * x)))))",
        definition="(x + sqrt(x**2 + b)) / 2",
        parameters={"b": Parameter(4.0, "sets the width of the bend", positive=True)},
        aliases=("Squareplus",),
        reference=Reference(
            "Barron", 2021, "Squareplus: a softplus-like algebraic rectifier", arxiv="2112.11687"
        ),
        ships=ships(keras="keras.activations.squareplus", jax="jax.nn.squareplus"),
    ),
    Entry(
        "sparse_plus",
        "where(x <= -1, 0, where(x >= 1, x, 0.25 * (x + 1)**2))",
        aliases=("sparseplus",),
        reference=Reference(
            "Blondel, Martins, Niculae",
            2019,
            "Learning with Fenchel-Young losses",
            arxiv="1901.02324",
        ),
        ships=ships(keras="keras.activations.sparse_plus", jax="jax.nn.sparse_plus"),
        note="The sparse twin of softplus; SmeLU with beta = 1.",
    ),
    Entry(
        "smelu",
        "where(x <= -beta, 0, where(x >= beta, x, (x + beta)**2 / (4 * beta)))",
        parameters={"beta": Parameter(2.0, "half width of the bend", positive=True)},
        aliases=("SmeLU", "smooth_relu_unit"),
        reference=Reference(
            "Shamir, Lin",
            2022,
            "Real world large scale recommendation systems reproducibility and smooth activations",
            arxiv="2202.06499",
        ),
    ),
    Entry(
        "smu",
        "alpha * x + 0.5 * (1 - alpha) * x * erfc(-mu * (1 - alpha) * x)",
        definition="((1 + alpha) * x + (1 - alpha) * x * erf(mu * (1 - alpha) * x)) / 2",
        parameters={
            "alpha": Parameter(0.25, "slope far below zero"),
            "mu": Parameter(1e6, "sharpness, learned", positive=True),
        },
        aliases=("SMU", "smooth_maximum_unit"),
        reference=_BISWAS,
    ),
    Entry(
        "smu1",
        "alpha * x + squareplus((1 - alpha) * x, b=mu * mu)",
        definition="((1 + alpha) * x + sqrt(((1 - alpha) * x)**2 + mu**2)) / 2",
        parameters={
            "alpha": Parameter(0.25, "slope far below zero"),
            "mu": Parameter(4.352665993287951e-9, "width of the bend, learned", positive=True),
        },
        aliases=("SMU1",),
        reference=_BISWAS,
    ),
    Entry(
        "sqrt_softplus",
        # far below zero softplus underflows long before its root: there its first terms are used
        "where(x < -40, exp(0.5 * x) * sqrt(1 - exp(x) * (0.5 - exp(x) / 3)), sqrt(softplus(x)))",
        definition="sqrt(log(1 + exp(x)))",
        aliases=("sqrtsoftplus",),
        reference=Reference("DeepSeek-AI", 2026, "DeepSeek-V4", where="technical report"),
        ships=ships(hf="sqrtsoftplus"),
        note="Scores the experts of a router.",
    ),
    Entry(
        "log_cosh",
        "where(abs(x) < 1, log1p(2 * sinh(0.5 * x)**2), abs(x) - log(2) + log1p(exp(-2 * abs(x))))",
        definition="log(cosh(x))",
        aliases=("logcosh",),
        note="Folklore: the antiderivative of tanh.",
    ),
)
