"""Layers that learn the curve itself: splines, kernels, polynomials and hinges."""

from __future__ import annotations

from actlab.catalogue.entry import Entry, LayerRule, Reference, ships

ENTRIES = (
    Entry(
        "kan_bspline",
        LayerRule(
            "y_o = sum_i (w_oi * silu(x_i) + s_oi * sum_k c_oik * B_k(x_i)), B cubic B-splines",
            r"y_o = \sum_i\left(w_{oi}\operatorname{silu}(x_i) "
            r"+ s_{oi}\sum_k c_{oik}B_k(x_i)\right)",
            "splines.BSplineKAN",
            "inputs, outputs, grid=5, order=3, low=-1.0, high=1.0",
        ),
        aliases=("KAN", "kolmogorov_arnold", "KANLinear"),
        reference=Reference(
            "Liu, Wang, Vaidya, Ruehle, Halverson, Soljačić, Hou, Tegmark",
            2024,
            "KAN: Kolmogorov-Arnold networks",
            arxiv="2404.19756",
        ),
        ships=ships(pykan="kan.KANLayer"),
        note="A function of its own on every edge, so it takes the place of a linear layer and the "
        "activation. The grid does not move with the data.",
    ),
    Entry(
        "kan_rbf",
        LayerRule(
            "y_o = sum_i sum_k c_oik * exp(-((u_i - g_k) / h)**2) + linear(silu(x)), u = norm(x)",
            r"y_o = \sum_i\sum_k c_{oik}\,e^{-\left(\frac{u_i - g_k}{h}\right)^2} "
            r"+ (W\operatorname{silu}(x) + b)_o",
            "splines.RadialBasisKAN",
            "inputs, outputs, centres=8, low=-2.0, high=2.0, normalise=True",
        ),
        aliases=("FastKAN", "rbf_kan"),
        reference=Reference(
            "Li",
            2024,
            "Kolmogorov-Arnold networks are radial basis function networks",
            arxiv="2405.06721",
        ),
        ships=ships(fastkan="fastkan.FastKANLayer"),
        note="u is x after a layer normalisation.",
    ),
    Entry(
        "kan_chebyshev",
        LayerRule(
            "y_o = sum_i sum_k c_oik * T_k(tanh(x_i))",
            r"y_o = \sum_i\sum_k c_{oik}T_k(\tanh x_i)",
            "splines.ChebyshevKAN",
            "inputs, outputs, degree=4",
        ),
        aliases=("ChebyKAN", "chebyshev_kan"),
        reference=Reference(
            "SS, AR, R, KP",
            2024,
            "Chebyshev polynomial-based Kolmogorov-Arnold networks: an efficient architecture for "
            "nonlinear function approximation",
            arxiv="2405.07200",
        ),
        ships=ships(chebykan="ChebyKANLayer"),
    ),
    Entry(
        "kaf",
        LayerRule(
            "sum_k a_k * exp(-gamma * (x - d_k)**2), d evenly spaced",
            r"\sum_k \alpha_k\,e^{-\gamma (x - d_k)^2}",
            "splines.KernelActivation",
            "channels, size=20, reach=3.0, start='tanh'",
        ),
        aliases=("KAF", "kernel_activation_function", "kafnet"),
        reference=Reference(
            "Scardapane, Van Vaerenbergh, Totaro, Uncini",
            2017,
            "Kafnets: kernel-based non-parametric activation functions for neural networks",
            arxiv="1707.04035",
        ),
        note="gamma is 1/(6 * spacing**2), and it starts as ridge regression fits the function "
        "`start`.",
    ),
    Entry(
        "linear_spline",
        LayerRule(
            "b0 + b1 * x + sum_k a_k * relu(x - t_k), t evenly spaced",
            r"b_0 + b_1 x + \sum_k a_k \max(x - \tau_k, 0)",
            "splines.LinearSpline",
            "channels, size=51, reach=4.0, start='leaky_relu'",
        ),
        aliases=("DeepSpline", "deep_spline"),
        reference=Reference(
            "Bohra, Campos, Gupta, Aziznejad, Unser",
            2020,
            "Learning activation functions in deep (spline) neural networks",
            doi="10.1109/OJSP.2020.3039379",
        ),
        note="Learned as the values at the knots; beyond the last ones the lines go on.",
    ),
    Entry(
        "apl",
        LayerRule(
            "relu(x) + sum_s a_s * relu(b_s - x)",
            r"\max(x, 0) + \sum_{s=1}^{S} a_s \max(b_s - x, 0)",
            "splines.AdaptivePiecewiseLinear",
            "channels, hinges=5",
        ),
        aliases=("APL", "adaptive_piecewise_linear"),
        reference=Reference(
            "Agostinelli, Hoffman, Sadowski, Baldi",
            2014,
            "Learning activation functions to improve deep neural networks",
            arxiv="1412.6830",
        ),
        note="a starts uniform in [-0.2, 0.2] and b normal with deviation 0.5, as in the authors' "
        "code.",
    ),
)
