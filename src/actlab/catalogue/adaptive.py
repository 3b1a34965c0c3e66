"""Layers with weights of their own that shape the function, or that look at the data for it."""

from __future__ import annotations

from actlab.catalogue.entry import Entry, LayerRule, Reference, ships

ENTRIES = (
    Entry(
        "funnel_relu",
        LayerRule(
            "maximum(x, T(x)), T a depthwise convolution",
            r"\max(x, T(x))",
            "channels.FunnelReLU",
            "channels, kernel_size=3",
        ),
        aliases=("FReLU", "FunnelReLU", "funnel_activation"),
        reference=Reference(
            "Ma, Zhang, Sun", 2020, "Funnel activation for visual recognition", arxiv="2007.11824"
        ),
        note="For images. Not the flexible ReLU, which is also called FReLU.",
    ),
    Entry(
        "dynamic_relu",
        LayerRule(
            "max_k(a_k(x) * x_c + b_k(x)), the a and b from the mean of x",
            r"\max_{k}\left(a_c^k(x)\,x_c + b_c^k(x)\right)",
            "channels.DynamicReLU",
            "channels, pieces=2, reduction=4, shared=False",
        ),
        aliases=("DynamicReLU", "DyReLU", "DY-ReLU"),
        reference=Reference(
            "Chen, Dai, Liu, Chen, Yuan, Liu", 2020, "Dynamic ReLU", arxiv="2003.10027"
        ),
        note="shared=True is the paper's DY-ReLU-A, with one function for all channels; otherwise "
        "it is DY-ReLU-B.",
    ),
    Entry(
        "meta_acon",
        LayerRule(
            "acon_c with beta = sigmoid(W2 * (W1 * mean(x)))",
            r"(p_1 - p_2)\,x\,\sigma(\beta(x)\,(p_1 - p_2)\,x) + p_2\,x,\quad "
            r"\beta(x) = \sigma(W_2 W_1 \bar x)",
            "channels.MetaAcon",
            "channels, reduction=16, normalise=True",
        ),
        aliases=("MetaAconC", "Meta-ACON"),
        reference=Reference(
            "Ma, Zhang, Liu, Sun",
            2021,
            "Activate or not: learning customized activation",
            arxiv="2009.04759",
        ),
        note="As in the authors' code a batch normalisation follows each of the two maps.",
    ),
    Entry(
        "dice",
        LayerRule(
            "p * x + (1 - p) * alpha * x, p = sigmoid((x - mean) / sqrt(variance + epsilon))",
            r"p(x)\,x + (1 - p(x))\,\alpha\,x,\quad "
            r"p(x) = \sigma\left(\frac{x - \mathrm{E}[x]}"
            r"{\sqrt{\mathrm{Var}[x] + \epsilon}}\right)",
            "channels.Dice",
            "channels, epsilon=1e-08, momentum=0.1",
        ),
        aliases=("Dice", "data_adaptive_activation"),
        reference=Reference(
            "Zhou, Song, Zhu, Fan, Zhu, Ma, Yan, Jin, Li, Gai",
            2018,
            "Deep interest network for click-through rate prediction",
            arxiv="1706.06978",
        ),
        note="Mean and variance are those of the batch in training, and running ones afterwards.",
    ),
    Entry(
        "group_rational",
        LayerRule(
            "P_g(x) / (1 + |Q_g(x)|), of degrees 5 and 4, one for each group of channels",
            r"\frac{a_0 + a_1 x + \dots + a_5 x^5}{1 + |b_1 x + \dots + b_4 x^4|}",
            "mixtures.GroupRational",
            "channels, groups=8, start='swish', axis=-1",
        ),
        aliases=("GR-KAN", "group_rational_kan", "KAT_Group"),
        reference=Reference(
            "Yang, Wang", 2024, "Kolmogorov-Arnold transformer", arxiv="2409.10594"
        ),
        ships=ships(kat_rational="kat_rational.KAT_Group"),
        note="Starts as the identity, as GELU or as Swish.",
    ),
    Entry(
        "lincomb",
        LayerRule(
            "sum_i w_i * f_i(x)",
            r"\sum_i w_i f_i(x)",
            "mixtures.LinearCombination",
            "functions, channels=None",
        ),
        aliases=("LinComb", "linear_combination"),
        reference=Reference(
            "Pishchik",
            2023,
            "Trainable activations for image classification",
            doi="10.20944/preprints202301.0463.v1",
        ),
        note="The functions are a choice of the user; each weight starts at 1/n.",
    ),
    Entry(
        "taaf",
        LayerRule(
            "alpha * f(beta * x + gamma) + delta",
            r"\alpha\,f(\beta x + \gamma) + \delta",
            "mixtures.TransformativeAdaptive",
            "function='tanh', channels=None",
        ),
        aliases=("TAAF", "transformative_adaptive_activation"),
        reference=Reference(
            "Kunc, Kléma",
            2021,
            "On transformative adaptive activation functions in neural networks for gene "
            "expression inference",
            doi="10.1371/journal.pone.0243915",
        ),
        note="Starts as the function itself.",
    ),
)
