"""Functions whose gradient is on purpose not their derivative.

`f(x)` is the formula; `f.derivative(x)`, and every framework's backward pass, is `backward`. The
inputs of the spiking functions are membrane potentials less the threshold, and at the threshold
they spike, as in spikingjelly; snnTorch and Larq's SteHeaviside wait until it is passed.
"""

from __future__ import annotations

from actlab.catalogue.entry import Entry, Parameter, Reference, Shipped, ships

_STEP = "where(x < 0, 0, 1)"
_SIGN = "where(x < 0, -1, 1)"

_BENGIO = Reference(
    "Bengio, Léonard, Courville",
    2013,
    "Estimating or propagating gradients through stochastic neurons for conditional computation",
    arxiv="1308.3432",
)
_WU = Reference(
    "Wu, Deng, Li, Zhu, Shi",
    2018,
    "Spatio-temporal backpropagation for training high-performance spiking neural networks",
    arxiv="1706.02609",
)
_ZENKE = Reference(
    "Zenke, Ganguli",
    2018,
    "SuperSpike: supervised learning in multilayer spiking neural networks",
    arxiv="1705.11146",
)
_HORUZ = Reference(
    "Horuz, Kasenbacher, Higuchi, Kairat, Stoltz, Pesl, Moser, Linse, Martinetz, Otte",
    2025,
    "The resurrection of the ReLU",
    arxiv="2505.22074",
)

ENTRIES = (
    # -- signs, as in binary networks ------------------------------------------------------------
    Entry(
        "ste_sign",
        _SIGN,
        backward="where(abs(x) <= clip_value, 1, 0)",
        parameters={"clip_value": Parameter(1.0, "beyond it no gradient passes", positive=True)},
        aliases=("SteSign", "straight_through_sign", "binary_sign"),
        reference=Reference(
            "Courbariaux, Hubara, Soudry, El-Yaniv, Bengio",
            2016,
            "Binarized neural networks",
            arxiv="1602.02830",
        ),
        ships=ships(larq="larq.quantizers.SteSign"),
        note="The value at 0 is 1. The gradient is that of hard_tanh, the estimator of Bengio, "
        "Léonard, Courville (2013).",
    ),
    Entry(
        "approx_sign",
        _SIGN,
        backward="where(abs(x) <= 1, 2 - 2 * abs(x), 0)",
        aliases=("ApproxSign",),
        reference=Reference(
            "Liu, Wu, Luo, Yang, Liu, Cheng",
            2018,
            "Bi-Real net: enhancing the performance of 1-bit CNNs with improved representational "
            "capability and advanced training algorithm",
            arxiv="1808.00278",
        ),
        ships=ships(larq="larq.quantizers.ApproxSign"),
        note="The gradient is that of two parabolas that join -1 and 1.",
    ),
    Entry(
        "swish_sign",
        _SIGN,
        backward="0.5 * beta * sech(0.5 * beta * x)**2 * (2 - beta * x * tanh(0.5 * beta * x))",
        parameters={"beta": Parameter(5.0, "how closely the gradient follows the sign's")},
        aliases=("SwishSign", "SignSwish"),
        reference=Reference(
            "Darabi, Belbahri, Courbariaux, Nia",
            2018,
            "Regularized binary network training",
            arxiv="1812.11800",
        ),
        ships=ships(larq="larq.quantizers.SwishSign"),
        note="The gradient is that of 2*sigmoid(b*x)*(1 + b*x*(1 - sigmoid(b*x))) - 1.",
    ),
    # -- steps -----------------------------------------------------------------------------------
    Entry(
        "ste_heaviside",
        _STEP,
        backward="where(abs(x) <= clip_value, 1, 0)",
        parameters={"clip_value": Parameter(1.0, "beyond it no gradient passes", positive=True)},
        aliases=("SteHeaviside",),
        reference=_BENGIO,
        ships=ships(larq="larq.quantizers.SteHeaviside"),
    ),
    Entry(
        "straight_through_step",
        _STEP,
        backward="1",
        aliases=("straight_through_estimator", "STE"),
        reference=_BENGIO,
        ships=ships(snntorch="snntorch.surrogate.straight_through_estimator"),
        note="The gradient passes as if the step were the identity.",
    ),
    Entry(
        "atan_spike",
        _STEP,
        backward="0.5 * alpha / (1 + (0.5 * pi * alpha * x)**2)",
        parameters={"alpha": Parameter(2.0, "twice the gradient at 0", positive=True)},
        aliases=("surrogate_atan", "arctan_spike", "surrogate_spike"),
        reference=Reference(
            "Fang, Yu, Chen, Masquelier, Huang, Tian",
            2021,
            "Incorporating learnable membrane time constant to enhance learning of spiking neural "
            "networks",
            arxiv="2007.05785",
        ),
        ships=ships(
            spikingjelly="spikingjelly.activation_based.surrogate.ATan",
            snntorch="snntorch.surrogate.atan",
        ),
    ),
    Entry(
        "fast_sigmoid_spike",
        _STEP,
        backward="1 / (1 + slope * abs(x))**2",
        parameters={"slope": Parameter(25.0, "how narrow the gradient is", positive=True)},
        aliases=("surrogate_fast_sigmoid", "superspike"),
        reference=_ZENKE,
        ships=ships(
            snntorch="snntorch.surrogate.fast_sigmoid",
            spikingjelly=Shipped(
                "spikingjelly.activation_based.surrogate.SuperSpike",
                {"slope": 1.0},
                note="a factor alpha = 1 scales the gradient instead",
            ),
        ),
        note="The paper's slope belongs to potentials in mV; 25 is snnTorch's for its own units.",
    ),
    Entry(
        "soft_sign_spike",
        _STEP,
        backward="0.5 * alpha / (1 + alpha * abs(x))**2",
        parameters={"alpha": Parameter(2.0, "twice the gradient at 0", positive=True)},
        aliases=("surrogate_soft_sign",),
        reference=_ZENKE,
        ships=ships(spikingjelly="spikingjelly.activation_based.surrogate.SoftSign"),
        note="The fast sigmoid's gradient with the area 1, as spikingjelly has it.",
    ),
    Entry(
        "sigmoid_spike",
        _STEP,
        backward="alpha * sigmoid(alpha * x) * sigmoid(-alpha * x)",
        parameters={"alpha": Parameter(4.0, "four times the gradient at 0", positive=True)},
        aliases=("surrogate_sigmoid",),
        reference=_WU,
        ships=ships(
            spikingjelly="spikingjelly.activation_based.surrogate.Sigmoid",
            snntorch=Shipped("snntorch.surrogate.sigmoid", {"alpha": 25.0}),
        ),
    ),
    Entry(
        "gaussian_spike",
        _STEP,
        backward="alpha / sqrt(pi) * exp(-(alpha * x)**2)",
        parameters={"alpha": Parameter(2.0, "1/(sqrt(2)*width) of the Gaussian", positive=True)},
        aliases=("surrogate_gaussian", "erf_spike"),
        reference=_WU,
        ships=ships(spikingjelly="spikingjelly.activation_based.surrogate.Erf"),
        note="The gradient is a normal density.",
    ),
    Entry(
        "rectangular_spike",
        _STEP,
        backward="where(abs(x) < 0.5 * width, 1 / width, 0)",
        parameters={"width": Parameter(1.0, "of the window around the threshold", positive=True)},
        aliases=("surrogate_rectangular", "boxcar_spike"),
        reference=_WU,
    ),
    Entry(
        "triangular_spike",
        _STEP,
        backward="maximum(alpha - alpha**2 * abs(x), 0)",
        parameters={"alpha": Parameter(1.0, "the gradient at 0", positive=True)},
        aliases=("surrogate_triangular", "piecewise_quadratic_spike"),
        reference=Reference(
            "Esser, Merolla, Arthur, Cassidy, Appuswamy, Andreopoulos, Berg, McKinstry, Melano, "
            "Barch, di Nolfo, Datta, Amir, Taba, Flickner, Modha",
            2016,
            "Convolutional networks for fast, energy-efficient neuromorphic computing",
            arxiv="1603.08270",
        ),
        ships=ships(spikingjelly="spikingjelly.activation_based.surrogate.PiecewiseQuadratic"),
    ),
    Entry(
        "dampened_triangular_spike",
        _STEP,
        backward="gamma * maximum(1 - abs(x), 0)",
        parameters={"gamma": Parameter(0.3, "the gradient at 0", positive=True)},
        aliases=("lsnn_spike",),
        reference=Reference(
            "Bellec, Salaj, Subramoney, Legenstein, Maass",
            2018,
            "Long short-term memory and learning-to-learn in networks of spiking neurons",
            arxiv="1803.09574",
        ),
        note="Dampened, so that gradients don't explode through time.",
    ),
    Entry(
        "exponential_spike",
        _STEP,
        backward="0.5 * alpha * exp(-alpha * abs(x))",
        parameters={"alpha": Parameter(1.0, "twice the gradient at 0", positive=True)},
        aliases=("surrogate_exponential", "slayer_spike", "piecewise_exponential_spike"),
        reference=Reference(
            "Shrestha, Orchard",
            2018,
            "SLAYER: spike layer error reassignment in time",
            arxiv="1810.08646",
        ),
        ships=ships(spikingjelly="spikingjelly.activation_based.surrogate.PiecewiseExp"),
    ),
    Entry(
        "piecewise_leaky_spike",
        _STEP,
        backward="where(abs(x) < w, 0.5 / w, c)",
        parameters={
            "w": Parameter(1.0, "half the width of the window", positive=True),
            "c": Parameter(0.01, "the gradient outside of it"),
        },
        aliases=("surrogate_piecewise_leaky_relu",),
        reference=_WU,
        ships=ships(spikingjelly="spikingjelly.activation_based.surrogate.PiecewiseLeakyReLU"),
        note="The rectangular window with a small gradient outside, as spikingjelly has it.",
    ),
    Entry(
        "leaky_spike",
        _STEP,
        backward="where(x > 0, 1, slope)",
        parameters={"slope": Parameter(0.1, "the gradient below the threshold")},
        aliases=("leaky_spike_operator", "surrogate_leaky_relu"),
        reference=Reference(
            "Eshraghian, Ward, Neftci, Wang, Lenz, Dwivedi, Bennamoun, Jeong, Lu",
            2021,
            "Training spiking neural networks using lessons from deep learning",
            arxiv="2109.12894",
        ),
        ships=ships(snntorch="snntorch.surrogate.LeakySpikeOperator"),
        note="The gradient is that of a leaky ReLU.",
    ),
    Entry(
        "multi_gaussian_spike",
        _STEP,
        backward="gamma * ((1 + h) * normpdf(x / sigma) / sigma "
        "- h * normpdf((x - sigma) / (s * sigma)) / (s * sigma) "
        "- h * normpdf((x + sigma) / (s * sigma)) / (s * sigma))",
        parameters={
            "sigma": Parameter(0.5, "width of the middle one", positive=True),
            "h": Parameter(0.15, "height of the other two"),
            "s": Parameter(6.0, "how much wider the other two are", positive=True),
            "gamma": Parameter(0.5, "scale of the gradient", positive=True),
        },
        aliases=("surrogate_multi_gaussian", "MultiGaussian"),
        reference=Reference(
            "Yin, Corradi, Bohté",
            2021,
            "Accurate and efficient time-domain classification with adaptive spiking recurrent "
            "neural networks",
            arxiv="2103.12593",
        ),
        ships=ships(sinabs="sinabs.activation.MultiGaussian"),
        note="The gradient is negative far from the threshold.",
    ),
    # -- rectifiers that let a gradient pass where they are 0 ------------------------------------
    Entry(
        "sugar_relu",
        "maximum(x, 0)",
        backward="sigmoid(x) + (x + alpha) * sigmoid(x) * sigmoid(-x)",
        parameters={"alpha": Parameter(1.67, "of b_silu, whose derivative the gradient is")},
        aliases=("SUGAR", "sugar_bsilu"),
        reference=_HORUZ,
        note="A ReLU with the gradient of b_silu, so that no unit dies.",
    ),
    Entry(
        "helu",
        "maximum(x, 0)",
        backward="where(x > -alpha, 1, 0)",
        parameters={"alpha": Parameter(0.05, "how far below 0 the gradient still passes")},
        aliases=("HeLU", "hysteresis_relu"),
        reference=Reference(
            "Kimhi, Kashani, Mendelson, Baskin",
            2024,
            "Hysteresis activation function for efficient inference",
            arxiv="2411.10573",
        ),
        note="A ReLU. The paper chooses alpha for each task; this default is ours.",
    ),
)
