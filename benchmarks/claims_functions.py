"""Claims on what a function is."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

import actlab
from claims_answers import FAILS, HOLDS, Answer


def silu_monotone(scale):  # noqa: ARG001, every claim is called alike
    rows, falls = [], {}
    for name in ("silu", "gelu", "mish", "hard_swish", "telu", "softplus", "elu"):
        f = actlab.get(name)
        known = f.properties().monotone
        lowest = minimize_scalar(f, bounds=(-4, 1), method="bounded", options={"xatol": 1e-10})
        inner = -3.9 < lowest.x < 0.9
        falls[name] = inner
        slope = float(f.derivative(-2.0))
        rows.append(
            (
                name,
                str(known.value),
                "proved" if known.proved else "measured",
                f"{slope:+.4f}",
                f"{f(lowest.x):.4f} at {lowest.x:.4f}" if inner else "none",
            )
        )
    x = "-1.278464542761074"
    exact = actlab.get("silu").exact(x, digits=20)
    return Answer(
        FAILS if falls["silu"] else HOLDS,
        f"SiLU falls until x = -1.2785, where it is {float(exact):.6f}, and rises from there; so "
        "do GELU, Mish and hard swish. Softplus and ELU rise everywhere.",
        "`actlab.get(name).properties().monotone`, the slope at -2, and the minimum.",
        ("activation", "monotone", "known by", "slope at -2", "minimum"),
        tuple(rows),
    )


def softmax_outliers(scale):
    random = np.random.default_rng(0)
    draws = random.standard_normal((scale.pick(200, 20), 100))
    heights = (0.0, 3.0, 5.0, 10.0)
    rows, share = [], {}
    for name in ("softmax", "softmax1", "entmax15", "sparsemax", "taylor_softmax"):
        f = actlab.get(name)
        found = []
        for height in heights:
            logits = draws.copy()
            logits[:, 0] = height
            out = np.array([f(row) for row in logits])
            found.append(float(out[:, 0].mean()))
        share[name] = found
        rows.append((name, *(f"{value:.1%}" for value in found)))
    soft = share["softmax"]
    return Answer(
        HOLDS if soft[-1] > 0.9 else FAILS,
        f"One logit of 10 among 100 of N(0, 1) takes {soft[-1]:.1%} of the weight, one of 5 "
        f"{soft[2]:.0%}: a difference of logits is a ratio of e to it. Sparsemax goes further "
        f"({share['sparsemax'][2]:.0%} at 5). With a quadratic in place of the exponential (Taylor "
        f"softmax) the outlier of 10 takes {share['taylor_softmax'][-1]:.0%}.",
        f"100 logits from N(0, 1), one of them replaced; its mean share over {len(draws)} draws.",
        ("function", *(f"outlier at {height:g}" for height in heights)),
        tuple(rows),
    )
