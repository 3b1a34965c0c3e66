"""Functions with several parameters that the network learns, per layer or per channel."""

from __future__ import annotations

from actlab.catalogue.entry import Entry, Parameter, Reference, Shipped, ships

_ACON = Reference(
    "Ma, Zhang, Liu, Sun",
    2021,
    "Activate or not: learning customized activation",
    arxiv="2009.04759",
)
_PISHCHIK = Reference(
    "Pishchik",
    2023,
    "Trainable activations for image classification",
    doi="10.20944/preprints202301.0463.v1",
)

# the quotient of degrees 5 and 4 that is closest to a leaky ReLU on [-3, 3], as the authors' code
# has it
_PAU_TOP = (
    0.029792778657264946, 0.6183735264987601, 2.323309062531321, 3.051936237265109,
    1.4854203263828845, 0.2510244961111299,
)  # fmt: skip
_PAU_BOTTOM = (
    -1.1419548357285474, 4.393159974992486, 0.8714712309957245, 0.34719662339598834,
)  # fmt: skip
_PAU = {f"a{i}": Parameter(value, f"numerator, x**{i}") for i, value in enumerate(_PAU_TOP)}
_PAU |= {f"b{i}": Parameter(value, f"bottom, x**{i}") for i, value in enumerate(_PAU_BOTTOM, 1)}


def _horner(names: list[str], of: str) -> str:
    """A polynomial with these coefficients, lowest power first."""
    text = names[-1]
    for name in names[-2::-1]:
        text = f"({name} + {of} * {text})"
    return text


def _rational(constant: str, lowest: int, *, absolute: bool) -> tuple[str, str]:
    """The stable and the plain form of a quotient of degrees 5 and 4.

    Outside [-1, 1] it is computed in powers of 1/x, since x**5 overflows where the quotient is
    moderate.
    """
    tops, bottoms = [f"a{i}" for i in range(6)], [f"b{i}" for i in range(lowest, 5)]
    wrap = "abs({})" if absolute else "({})"
    inner = wrap.format(_horner(bottoms, "x"))
    if lowest:  # the sign of x is taken from x itself, since the product may vanish
        inner = f"{wrap.format('x')} * {inner}"
    ends = bottoms[::-1] if lowest == 0 else [*bottoms[::-1], "0"]
    outer = wrap.format(_horner(ends, "1 / x"))
    inside = f"{_horner(tops, 'x')} / ({constant} + {inner})"
    outside = f"x * ({_horner(tops[::-1], '1 / x')} / ({constant} * (1 / x)**4 + {outer}))"
    plain = " + ".join(f"a{i} * x**{i}" for i in range(6)).replace(" * x**0", "")
    below = " + ".join(f"b{i} * x**{i}" for i in range(lowest, 5)).replace(" * x**0", "")
    return (
        f"where(abs(x) < 1, {inside}, {outside})",
        f"({plain}) / ({constant} + {wrap.format(below)})",
    )


def _coefficients(top: tuple[float, ...], bottom: tuple[float, ...]) -> dict[str, Parameter]:
    first = 5 - len(bottom)
    table = {f"a{i}": Parameter(value, f"numerator, x**{i}") for i, value in enumerate(top)}
    return table | {
        f"b{i}": Parameter(value, f"denominator, x**{i}") for i, value in enumerate(bottom, first)
    }


_DELFOSSE = Reference(
    "Delfosse, Schramowski, Mundt, Molina, Kersting",
    2021,
    "Adaptive rational activations to boost deep reinforcement learning",
    arxiv="2102.09407",
)
_RATIONAL_B, _PLAIN_B = _rational("1", 1, absolute=True)
_RATIONAL_C, _PLAIN_C = _rational("0.1", 0, absolute=True)
_RATIONAL_N, _PLAIN_N = _rational("1", 1, absolute=False)
# leaky ReLUs on [-3, 3], as the library rational_activations has them
_B = _coefficients(
    (0.03355815733452378, 0.5050059186781659, 1.6534697310952233, 2.0100501552600014,
     0.9319195586484518, 0.15242646398275836),
    (4.812831860534153e-05, 3.9802479055059194, 1.5837587665720168e-05, 0.30183382839661377),
)  # fmt: skip
_C = _coefficients(
    (0.863943144302673, 13.001131096231564, 42.56763919941753, 51.74757697869782,
     23.99165145314087, 3.924120833060723),
    (25.644974747512343, -0.0013495866374991824, 102.47308203485366, -0.0017931970367811253,
     7.77090005615082),
)  # fmt: skip
_N = _coefficients(
    (0.0335582132067107, 0.505003740582471, 1.653458603975765, 2.010035526870634,
     0.9319123754639458, 0.1524253263766341),
    (2.9474567624015346e-05, 3.9802415438832024, 5.162142903703752e-06, 0.3018331889980995),
)  # fmt: skip

ENTRIES = (
    Entry(
        "pelu",
        "where(x >= 0, alpha / beta * x, alpha * expm1(x / beta))",
        definition="where(x >= 0, alpha / beta * x, alpha * (exp(x / beta) - 1))",
        parameters={
            "alpha": Parameter(1.0, "minus the limit at -inf", positive=True),
            "beta": Parameter(1.0, "scale of the exponential", positive=True),
        },
        aliases=("PELU", "parametric_elu"),
        reference=Reference(
            "Trottier, Giguère, Chaib-draa",
            2016,
            "Parametric exponential linear unit for deep convolutional neural networks",
            arxiv="1605.09332",
        ),
    ),
    Entry(
        "mpelu",
        "where(x > 0, x, alpha * expm1(beta * x))",
        definition="where(x > 0, x, alpha * (exp(beta * x) - 1))",
        parameters={
            "alpha": Parameter(1.0, "minus the limit at -inf"),
            "beta": Parameter(1.0, "rate of the exponential", positive=True),
        },
        aliases=("MPELU", "multiple_parametric_elu"),
        reference=Reference(
            "Li, Fan, Li, Wu, Ming",
            2016,
            "Improving deep neural network with multiple parametric exponential linear units",
            arxiv="1606.00305",
        ),
    ),
    Entry(
        "s_shaped_relu",
        "where(x >= t_right, t_right + a_right * (x - t_right), "
        "where(x <= t_left, t_left + a_left * (x - t_left), x))",
        parameters={
            "t_left": Parameter(0.0, "where the left line ends"),
            "a_left": Parameter(0.2, "slope of the left line"),
            "t_right": Parameter(1.0, "where the right line begins"),
            "a_right": Parameter(1.0, "slope of the right line"),
        },
        aliases=("SReLU",),
        reference=Reference(
            "Jin, Xu, Feng, Wei, Xiong, Yan",
            2015,
            "Deep learning with S-shaped rectified linear activation units",
            arxiv="1512.07030",
        ),
        note="The paper freezes it as a leaky ReLU first and takes t_right from the data.",
    ),
    Entry(
        "flexible_relu",
        "maximum(x, 0) + b",
        parameters={"b": Parameter(0.0, "shift of the output, learned")},
        aliases=("FReLU",),
        reference=Reference(
            "Qiu, Xu, Cai",
            2017,
            "FReLU: flexible rectified linear units for improving convolutional neural networks",
            arxiv="1706.08098",
        ),
        note="Not the funnel ReLU, which takes the maximum with a convolution.",
    ),
    Entry(
        "shilu",
        "alpha * maximum(x, 0) + beta",
        parameters={
            "alpha": Parameter(1.0, "slope above zero"),
            "beta": Parameter(0.0, "shift of the output"),
        },
        aliases=("ShiLU", "shifted_rectified_linear_unit"),
        reference=_PISHCHIK,
    ),
    Entry(
        "dual_parametric_relu",
        "where(x >= 0, alpha * x, beta * x)",
        parameters={
            "alpha": Parameter(1.0, "slope above zero"),
            "beta": Parameter(0.01, "slope below zero"),
        },
        aliases=("DPReLU", "dprelu"),
        reference=Reference(
            "Balaji, Kavya, Sebastian",
            2019,
            "Learn-able parameter guided activation functions",
            arxiv="1912.10752",
        ),
    ),
    Entry(
        "acon_b",
        "(1 - p) * x * sigmoid(beta * (1 - p) * x) + p * x",
        definition="(1 - p) * x / (1 + exp(-beta * (1 - p) * x)) + p * x",
        parameters={
            "p": Parameter(0.25, "slope far below zero"),
            "beta": Parameter(1.0, "sharpness of the switch"),
        },
        aliases=("AconB",),
        reference=_ACON,
        note="The smooth maximum of x and p*x. ACON-A is swish.",
    ),
    Entry(
        "acon_c",
        "(p1 - p2) * x * sigmoid(beta * (p1 - p2) * x) + p2 * x",
        definition="(p1 - p2) * x / (1 + exp(-beta * (p1 - p2) * x)) + p2 * x",
        parameters={
            "p1": Parameter(1.0, "slope far above zero; the authors draw it from N(0, 1)"),
            "p2": Parameter(0.0, "slope far below zero; the authors draw it from N(0, 1)"),
            "beta": Parameter(1.0, "sharpness of the switch"),
        },
        aliases=("AconC", "acon"),
        reference=_ACON,
        note="The smooth maximum of p1*x and p2*x; at these defaults SiLU.",
    ),
    Entry(
        "polyrelu",
        "a0 + maximum(x, 0) * (a1 + maximum(x, 0) * (a2 + maximum(x, 0) * a3))",
        definition="a0 + a1 * maximum(x, 0) + a2 * maximum(x, 0)**2 + a3 * maximum(x, 0)**3",
        parameters={
            "a0": Parameter(0.0, "constant"),
            "a1": Parameter(1 / 3, "first power"),
            "a2": Parameter(1 / 3, "second power"),
            "a3": Parameter(1 / 3, "third power"),
        },
        aliases=("PolyReLU", "polynomial_relu"),
        reference=Reference(
            "Zhuo, Wang, Zeng, Li, Zhou, Ma",
            2024,
            "Polynomial composition activations: unleashing the dynamics of large language models",
            arxiv="2411.03884",
        ),
    ),
    Entry(
        "pau",
        # in powers of 1/x outside [-1, 1]: x**5 overflows where the quotient is moderate
        "where(abs(x) < 1, "
        "(a0 + x * (a1 + x * (a2 + x * (a3 + x * (a4 + x * a5))))) "
        "/ (1 + abs(x) * (abs(b1) + abs(x) * (abs(b2) + abs(x) * (abs(b3) + abs(x * b4))))), "
        "x * (a5 + 1 / x * (a4 + 1 / x * (a3 + 1 / x * (a2 + 1 / x * (a1 + 1 / x * a0))))) "
        "/ (abs(b4) + abs(1 / x) * (abs(b3) + abs(1 / x) * (abs(b2) + abs(1 / x) "
        "* (abs(b1) + abs(1 / x))))))",
        definition="(a0 + a1 * x + a2 * x**2 + a3 * x**3 + a4 * x**4 + a5 * x**5) "
        "/ (1 + abs(b1 * x) + abs(b2 * x**2) + abs(b3 * x**3) + abs(b4 * x**4))",
        parameters=_PAU,
        aliases=("PAU", "pade_activation_unit", "rational", "rational_a"),
        reference=Reference(
            "Molina, Schramowski, Kersting",
            2019,
            "Padé activation units: end-to-end learning of flexible activation functions in deep "
            "networks",
            arxiv="1907.06732",
        ),
        ships=ships(rational_activations=Shipped("Rational", note="version A, leaky_relu")),
        note="Starts as a leaky ReLU on [-3, 3]; outside it grows linearly. The safe form. "
        "Far out the second derivative of rational functions is what larger terms leave over and "
        "loses digits.",
    ),
    Entry(
        "rational_b",
        _RATIONAL_B,
        definition=_PLAIN_B,
        parameters=_B,
        reference=_DELFOSSE,
        ships=ships(rational_activations=Shipped("Rational", note="version B, leaky_relu")),
        note="Starts as a leaky ReLU on [-3, 3]. One absolute value keeps the bottom above 0.",
    ),
    Entry(
        "rational_c",
        _RATIONAL_C,
        definition=_PLAIN_C,
        parameters=_C,
        reference=_DELFOSSE,
        ships=ships(rational_activations=Shipped("Rational", note="version C, leaky_relu")),
        note="As rational_b, with a constant of its own at the bottom.",
    ),
    Entry(
        "rational_n",
        _RATIONAL_N,
        definition=_PLAIN_N,
        parameters=_N,
        reference=_DELFOSSE,
        ships=ships(rational_activations=Shipped("Rational", note="version N, leaky_relu")),
        note="Without an absolute value: it may get poles when it is learned.",
    ),
    Entry(
        "rational_relu",
        "where(abs(x) < 1, (a0 + x * (a1 + x * (a2 + x * a3))) / (b0 + x * (b1 + x * b2)), "
        "x * ((a3 + 1 / x * (a2 + 1 / x * (a1 + 1 / x * a0))) / (b2 + 1 / x * (b1 + 1 / x * b0))))",
        definition="(a0 + a1 * x + a2 * x**2 + a3 * x**3) / (b0 + b1 * x + b2 * x**2)",
        parameters={
            "a0": Parameter(0.0218, "numerator, x**0"),
            "a1": Parameter(0.5, "numerator, x**1"),
            "a2": Parameter(1.5957, "numerator, x**2"),
            "a3": Parameter(1.1915, "numerator, x**3"),
            "b0": Parameter(1.0, "denominator, x**0"),
            "b1": Parameter(0.0, "denominator, x**1"),
            "b2": Parameter(2.383, "denominator, x**2"),
        },
        aliases=("rational_32",),
        reference=Reference(
            "Boullé, Nakatsukasa, Townsend", 2020, "Rational neural networks", arxiv="2004.01902"
        ),
        note="Starts as the quotient of degrees 3 and 2 that is closest to ReLU on [-1, 1]. "
        "Far out its second derivative loses digits, as that of pau.",
    ),
)
