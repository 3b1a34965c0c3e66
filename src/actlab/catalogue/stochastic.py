"""Functions that draw at random in training and do not in evaluation."""

from __future__ import annotations

from actlab.catalogue.entry import Entry, Parameter, Random, Reference

_MADDISON = Reference(
    "Maddison, Mnih, Teh",
    2016,
    "The concrete distribution: a continuous relaxation of discrete random variables",
    arxiv="1611.00712",
)

ENTRIES = (
    Entry(
        "noisy_relu",
        "maximum(x, 0)",
        training="maximum(x + noise * sqrt(sigmoid(x)), 0)",
        random={"noise": Random(law="normal")},
        aliases=("NReLU", "NoisyReLU"),
        reference=Reference(
            "Nair, Hinton",
            2010,
            "Rectified linear units improve restricted Boltzmann machines",
            where="ICML",
        ),
        note="The noise has the variance sigmoid(x).",
    ),
    Entry(
        "probact",
        "maximum(x, 0)",
        training="maximum(x, 0) + sigma * noise",
        parameters={"sigma": Parameter(1.0, "size of the noise, fixed or learned")},
        random={"noise": Random(law="normal")},
        aliases=("ProbAct", "probabilistic_activation"),
        reference=Reference(
            "Shridhar, Lee, Hayashi, Mehta, Iwana, Kang, Uchida, Ahmed, Dengel",
            2019,
            "ProbAct: a probabilistic activation function for deep neural networks",
            arxiv="1905.10761",
        ),
    ),
    Entry(
        "binary_concrete",
        "sigmoid((x + noise) / temperature)",
        parameters={"temperature": Parameter(2 / 3, "0 would be a step", positive=True)},
        random={"noise": Random(law="logistic")},
        aliases=("BinaryConcrete", "gumbel_sigmoid", "relaxed_bernoulli"),
        reference=_MADDISON,
        note="A relaxed coin with the log odds x; without the noise it is a steeper sigmoid.",
    ),
    Entry(
        "hard_concrete",
        # without cancellation near the end where it vanishes
        "where(x <= log(-gamma / zeta), 0, where(x >= log((1 - gamma) / (zeta - 1)), 1, "
        "-zeta * sigmoid(x) * expm1(log(-gamma / zeta) - x)))",
        definition="clip(sigmoid(x) * (zeta - gamma) + gamma, 0, 1)",
        training="clip(sigmoid((x + noise) / beta) * (zeta - gamma) + gamma, 0, 1)",
        parameters={
            "beta": Parameter(2 / 3, "temperature in training", positive=True),
            "gamma": Parameter(-0.1, "lower end before clipping", below=0.0),
            "zeta": Parameter(1.1, "upper end before clipping", above=1.0),
        },
        random={"noise": Random(law="logistic")},
        aliases=("HardConcrete",),
        reference=Reference(
            "Louizos, Welling, Kingma",
            2017,
            "Learning sparse neural networks through L0 regularization",
            arxiv="1712.01312",
        ),
        note="A gate that is often exactly 0 or 1. In evaluation it has no temperature.",
    ),
)
