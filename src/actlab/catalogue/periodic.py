"""Periodic and oscillating functions."""

from __future__ import annotations

from actlab.catalogue.entry import Entry, Parameter, Reference, Shipped, ships
from actlab.formula.series import sinc_series

_NOEL = Reference(
    "Noel, Bharadwaj, Muthiah-Nakarajan, Dutta, Amali",
    2021,
    "Biologically inspired oscillating activation functions can bridge the performance gap between "
    "biological and artificial neurons",
    arxiv="2111.04020",
)
_EGER = Reference(
    "Eger, Youssef, Gurevych",
    2018,
    "Is it time to swish? Comparing deep learning activation functions across NLP tasks",
    arxiv="1901.02671",
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
        "sin",
        "sin(omega * x)",
        parameters={"omega": Parameter(1.0, "frequency")},
        aliases=("sine",),
        reference=Reference(
            "Sopena, Romero, Alquézar",
            1999,
            "Neural networks with periodic and monotonic activation functions: a comparative study "
            "in classification problems",
            doi="10.1049/cp:19991129",
        ),
    ),
    Entry(
        "siren",
        "sin(omega * x)",
        parameters={"omega": Parameter(30.0, "frequency of the first layer")},
        aliases=("SIREN",),
        reference=Reference(
            "Sitzmann, Martel, Bergman, Lindell, Wetzstein",
            2020,
            "Implicit neural representations with periodic activation functions",
            arxiv="2006.09661",
        ),
    ),
    Entry(
        "snake",
        "x + sin(alpha * x)**2 / alpha",
        parameters={"alpha": Parameter(1.0, "frequency, learned in the paper", positive=True)},
        aliases=("Snake",),
        reference=Reference(
            "Ziyin, Hartwig, Ueda",
            2020,
            "Neural networks fail to learn periodic functions and how to fix it",
            arxiv="2006.08195",
        ),
        ships=ships(hf=Shipped("DAC Snake1d", note="adds 1e-9 to alpha")),
    ),
    Entry(
        "gcu",
        "x * cos(x)",
        aliases=("GCU", "growing_cosine_unit"),
        reference=Reference(
            "Noel, Arunkumar, Trivedi, Dutta",
            2021,
            "Growing cosine unit: a novel oscillatory activation function that can speedup "
            "training and reduce parameters in convolutional neural networks",
            arxiv="2108.12943",
        ),
    ),
    Entry(
        "snake_beta",
        "x + sin(alpha * x)**2 / beta",
        parameters={
            "alpha": Parameter(1.0, "frequency, learned as a logarithm", positive=True),
            "beta": Parameter(
                1.0, "inverse size of the ripple, learned as a logarithm", positive=True
            ),
        },
        aliases=("SnakeBeta",),
        reference=Reference(
            "Lee, Ping, Ginsburg, Catanzaro, Yoon",
            2022,
            "BigVGAN: a universal neural vocoder with large-scale training",
            arxiv="2206.04658",
        ),
        ships=ships(hf=Shipped("Qwen2.5-Omni SnakeBeta", note="adds 1e-9 to beta")),
    ),
    Entry(
        "asu",
        "x * sin(x)",
        aliases=("ASU", "amplifying_sine_unit"),
        reference=Reference(
            "Ul Rahman, Makhdoom, Lu",
            2023,
            "Amplifying sine unit: an oscillatory activation function for deep neural networks to "
            "recover nonlinear oscillations efficiently",
            arxiv="2304.09759",
        ),
    ),
    Entry(
        "ncu",
        "x * (1 - x) * (1 + x)",
        definition="x - x**3",
        aliases=("NCU", "non_monotonic_cubic_unit"),
        reference=_NOEL,
    ),
    Entry(
        "ssu",
        f"where(abs(x - pi) < 1, pi * {sinc_series('(x - pi)**2')}, -pi * sin(x) / (x - pi))",
        definition="where(x == pi, pi, pi * sin(x - pi) / (x - pi))",
        aliases=("SSU", "shifted_sinc_unit"),
        reference=_NOEL,
        note="With sinc(t) = sin(t)/t, which gives f(0) = 0 and f'(0) = 1.",
    ),
    Entry(
        "dsu",
        f"where(abs(abs(x) - pi) < 1, "
        f"sign(x) * pi * pi / (abs(x) + pi) * {sinc_series('(abs(x) - pi)**2')}, "
        "pi * pi * sin(x) / ((pi - x) * (pi + x)))",
        definition="pi / 2 * (sin(x - pi) / (x - pi) - sin(x + pi) / (x + pi))",
        aliases=("DSU", "decaying_sine_unit"),
        reference=_NOEL,
        note="With sinc(t) = sin(t)/t, which gives f(0) = 0 and f'(0) = 1.",
    ),
    Entry(
        "sinc",
        f"where(abs(x) < 1, {sinc_series('x * x')}, sin(x) / x)",
        definition="where(x == 0, 1, sin(x) / x)",
        aliases=("unnormalised_sinc", "unnormalized_sinc"),
        reference=Reference(
            "Saratchandran, Ramasinghe, Shevchenko, Long, Lucey",
            2024,
            "A sampling theory perspective on activations for implicit neural representations",
            arxiv="2402.05427",
        ),
        note="sin(x)/x; torch.sinc and numpy.sinc are sin(pi x)/(pi x).",
    ),
    Entry(
        "cosid",
        "cos(x) - x",
        aliases=("Cosid",),
        reference=_EGER,
    ),
    Entry(
        "minsin",
        "where(x > 0, sin(x), x)",
        definition="minimum(x, sin(x))",
        aliases=("MinSin",),
        reference=_EGER,
    ),
    Entry(
        "sinlu",
        "(x + a * sin(b * x)) * sigmoid(x)",
        definition="(x + a * sin(b * x)) / (1 + exp(-x))",
        parameters={
            "a": Parameter(1.0, "size of the ripple, learned"),
            "b": Parameter(1.0, "frequency of the ripple, learned"),
        },
        aliases=("SinLU",),
        reference=Reference(
            "Paul, Bandyopadhyay, Yoon, Geem, Sarkar",
            2022,
            "SinLU: sinu-sigmoidal linear unit",
            doi="10.3390/math10030337",
        ),
    ),
    Entry(
        "coslu",
        "(x + a * cos(b * x)) * sigmoid(x)",
        definition="(x + a * cos(b * x)) / (1 + exp(-x))",
        parameters={
            "a": Parameter(1.0, "size of the ripple, learned"),
            "b": Parameter(1.0, "frequency of the ripple, learned"),
        },
        aliases=("CosLU",),
        reference=Reference(
            "Pishchik",
            2023,
            "Trainable activations for image classification",
            doi="10.20944/preprints202301.0463.v1",
        ),
    ),
    Entry(
        "vlu",
        "maximum(x, 0) + a * sin(b * x)",
        parameters={
            "a": Parameter(1.0, "size of the ripple"),
            "b": Parameter(1.0, "frequency of the ripple"),
        },
        aliases=("VLU", "variational_linear_unit"),
        reference=_SURVEY,
    ),
    Entry(
        "sine_relu",
        "where(x > 0, x, epsilon * (sin(x) - cos(x)))",
        parameters={"epsilon": Parameter(0.0025, "size of the wave below zero")},
        aliases=("SineReLU",),
        reference=Reference("Rodrigues", 2018, "SineReLU", where="blog article"),
        note="It jumps by epsilon at 0.",
    ),
    Entry(
        "hosc",
        "tanh(beta * sin(x))",
        parameters={"beta": Parameter(1.0, "sharpness; the paper's tasks differ in it")},
        aliases=("HOSC", "hyperbolic_oscillation"),
        reference=Reference(
            "Serrano, Szymkowiak, Musialski",
            2024,
            "HOSC: a periodic activation function for preserving sharp features in implicit neural "
            "representations",
            arxiv="2401.10967",
        ),
    ),
    Entry(
        "finer",
        "sin(omega * (abs(x) + 1) * x)",
        parameters={"omega": Parameter(30.0, "frequency at 0")},
        aliases=("FINER",),
        reference=Reference(
            "Liu, Zhu, Zhang, Fu, Deng, Ma, Guo, Cao",
            2023,
            "FINER: flexible spectral-bias tuning in implicit neural representation by "
            "variable-periodic activation functions",
            arxiv="2312.02434",
        ),
    ),
)
