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

_LECUN = Reference(
    "LeCun, Bottou, Orr, Müller", 1998, "Efficient BackProp", doi="10.1007/3-540-49430-8_2"
)
_ELLIOTT = Reference(
    "Elliott",
    1993,
    "A better activation function for artificial neural networks",
    where="technical report ISR TR 93-8, University of Maryland",
)

ENTRIES = (
    Entry(
        "sigmoid",
        "sigmoid(x)",
        definition="1 / (1 + exp(-x))",
        aliases=("Sigmoid", "logistic"),
        reference=Reference(
            "Rumelhart, Hinton, Williams",
            1986,
            "Learning representations by back-propagating errors",
            doi="10.1038/323533a0",
        ),
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
        reference=_LECUN,
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
        "where(x <= -3, 0, where(x >= 3, 1, (x + 3) / 6))",
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
        # compared where it stops, so that no rounding moves the kinks
        "where(x <= -(beta / alpha), 0, "
        "where(x >= (1 - beta) / alpha, 1, alpha * (x + beta / alpha)))",
        definition="clip(alpha * x + beta, 0, 1)",
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
        reference=_ELLIOTT,
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
        ships=ships(
            torch="torch.nn.LogSigmoid",
            keras="keras.activations.log_sigmoid",
            jax="jax.nn.log_sigmoid",
            tf="tf.math.log_sigmoid",
        ),
        note="Classical: the log-likelihood of a logistic unit.",
    ),
    Entry(
        "isru",
        "where(alpha * x * x < 1, x / sqrt(1 + alpha * x * x), sign(x) / sqrt(alpha + (1 / x)**2))",
        definition="x / sqrt(1 + alpha * x**2)",
        parameters={"alpha": Parameter(1.0, "1/sqrt(alpha) is the bound", positive=True)},
        aliases=("ISRU", "algebraic_sigmoid"),
        reference=_CARLILE,
    ),
    Entry(
        "erf",
        "erf(x)",
        aliases=("error_function",),
        reference=Reference("Williams", 1996, "Computing with infinite networks", where="NIPS 9"),
        ships=ships(torch="torch.erf", jax="jax.scipy.special.erf", tf="tf.math.erf", onnx="Erf"),
    ),
    Entry(
        "arctan",
        "arctan(x)",
        aliases=("atan", "ArcTan"),
        reference=Reference(
            "Kamruzzaman, Aziz",
            2002,
            "A note on activation function in multilayer feedforward learning",
            doi="10.1109/IJCNN.2002.1005526",
        ),
        ships=ships(torch="torch.arctan", jax="jax.numpy.arctan", tf="tf.math.atan", onnx="Atan"),
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
    Entry(
        "sparse_sigmoid",
        "where(x <= -1, 0, where(x >= 1, 1, 0.5 * (x + 1)))",
        definition="clip((x + 1) / 2, 0, 1)",
        aliases=("hard_sigmoid_binaryconnect",),
        reference=Reference(
            "Blondel, Martins, Niculae",
            2019,
            "Learning with Fenchel-Young losses",
            arxiv="1901.02324",
        ),
        ships=ships(keras="keras.activations.sparse_sigmoid", jax="jax.nn.sparse_sigmoid"),
        note="The hard sigmoid of BinaryConnect (Courbariaux, Bengio, David 2015).",
    ),
    Entry(
        "lecun_tanh",
        "a * tanh(b * x)",
        parameters={
            "a": Parameter(1.7159, "bound"),
            "b": Parameter(2 / 3, "slope; f(1) is 1 with both defaults"),
        },
        aliases=("scaled_tanh", "stanh", "LeCunTanh"),
        reference=_LECUN,
    ),
    Entry(
        "soft_cap",
        "cap * tanh(x / cap)",
        parameters={"cap": Parameter(30.0, "bound", positive=True)},
        aliases=("softcap", "logit_soft_cap"),
        reference=Reference(
            "Gemma Team",
            2024,
            "Gemma 2: improving open language models at a practical size",
            arxiv="2408.00118",
        ),
        ships=ships(hf=Shipped("Gemma 2 final_logit_softcapping", note="50 for attention logits")),
    ),
    Entry(
        "elliott",
        "where(x > 0, 1 - 0.5 / (1 + x), 0.5 / (1 - x))",
        definition="x / (2 * (1 + abs(x))) + 0.5",
        aliases=("Elliott", "elliott_sigmoid"),
        reference=_ELLIOTT,
    ),
    Entry(
        "scaled_softsign",
        "where(abs(x) < beta, alpha * x / (beta + abs(x)), alpha * sign(x) / (1 + beta / abs(x)))",
        definition="alpha * x / (beta + abs(x))",
        parameters={
            "alpha": Parameter(1.0, "bound, learned"),
            "beta": Parameter(1.0, "where half of the bound is reached, learned", positive=True),
        },
        aliases=("ScaledSoftSign",),
        reference=Reference(
            "Pishchik",
            2023,
            "Trainable activations for image classification",
            doi="10.20944/preprints202301.0463.v1",
        ),
    ),
    Entry(
        "gudermannian",
        "2 * arctan(tanh(0.5 * x))",
        definition="2 * arctan(tanh(x / 2))",
        aliases=("gd",),
        note="Classical: it links the circular and the hyperbolic functions.",
    ),
    Entry(
        "sqnl",
        "where(abs(x) < 1, x * (1 - 0.25 * abs(x)), "
        "sign(x) * (1 - (1 - 0.5 * minimum(abs(x), 2))**2))",
        definition="where(x > 2, 1, where(x >= 0, x - x**2 / 4, "
        "where(x >= -2, x + x**2 / 4, where(x < -2, -1, x))))",
        aliases=("SQNL", "square_nonlinearity"),
        reference=Reference(
            "Wuraola, Patel",
            2018,
            "SQNL: a new computationally efficient activation function",
            doi="10.1109/IJCNN.2018.8489043",
        ),
    ),
    Entry(
        "rectified_tanh",
        "tanh(maximum(x, 0))",
        definition="maximum(tanh(x), 0)",
        aliases=("rectanh", "retanh"),
        note="Folklore: a rectifier that saturates.",
    ),
    Entry(
        "gompertz",
        "exp(-exp(-x))",
        aliases=("gumbel_cdf", "loglog", "gompertz_gate"),
        reference=Reference(
            "Das, Safari, Adriaensen, Hutter",
            2025,
            "Gompertz linear units: leveraging asymmetry for enhanced learning dynamics",
            arxiv="2502.03654",
        ),
        note="The gate of GoLU, and the distribution function of Gumbel's law.",
    ),
    Entry(
        "laplace_mega",
        "0.5 * erfc((mu - x) / (sigma * sqrt(2)))",
        definition="(1 + erf((x - mu) / (sigma * sqrt(2)))) / 2",
        parameters={
            "mu": Parameter(0.707107, "sqrt(1/2): where the square of ReLU is one half"),
            "sigma": Parameter(0.282095, "sqrt(1/(4 pi))", positive=True),
        },
        aliases=("laplace", "LaplaceActivation"),
        reference=Reference(
            "Ma, Zhou, Kong, He, Gui, Neubig, May, Zettlemoyer",
            2022,
            "Mega: moving average equipped gated attention",
            arxiv="2209.10655",
        ),
        ships=ships(hf="laplace"),
        note="A smooth stand-in for squared ReLU in attention, named after Laplace there.",
    ),
    Entry(
        "heaviside",
        "where(x < 0, 0, 1)",
        aliases=("step", "binary_step", "unit_step"),
        reference=Reference(
            "McCulloch, Pitts",
            1943,
            "A logical calculus of the ideas immanent in nervous activity",
            doi="10.1007/BF02478259",
        ),
        note="The value at 0 is 1; the derivative is 0 everywhere, so no gradient passes.",
    ),
    Entry(
        "sign",
        "sign(x)",
        aliases=("signum", "bipolar_step"),
        reference=Reference(
            "Courbariaux, Hubara, Soudry, El-Yaniv, Bengio",
            2016,
            "Binarized neural networks",
            arxiv="1602.02830",
        ),
        ships=ships(torch="torch.sign", jax="jax.numpy.sign", tf="tf.math.sign", onnx="Sign"),
        note="The derivative is 0 everywhere; networks train it with a substitute.",
    ),
)
