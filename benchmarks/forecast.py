"""Forecast against simulation: how fast the gradient grows through a deep random network.

Every scalar function of the catalogue, in networks of depth 50 and width 1,000 with normal
weights. Measured is the slope of the logarithm of the gradient norm against the layer, forecast
is `actlab.forecast(...)`.

The setting. Weights by the gain make variance 1 a fixed point. Where it attracts (a deviation of
the variance shrinks to 0.8 of itself or less per layer) that is the setting. Where it does not, as
for GELU or x**2, a network of finite width leaves it, up or down by chance, and no slope is
defined; there sigma_w is taken smaller, until a deviation shrinks to 0.3 of itself, and biases
fill the variance up to 1. The table says which setting a function had.

The error. |measured - forecast| / max(|forecast|, 0.05). Near the edge of chaos the slope is 0 and
a relative error has no meaning; below 0.05 per layer (a factor of 12 over 50 layers) 5 % therefore
mean 0.0025 per layer (13 % of the gradient norm over 50 layers). The slope of one network is
random: it scatters by about sqrt(kappa / width / depth), kappa = E[f'^4] / E[f'^2]^2, so it is
averaged over networks, four gradients (random errors at the last layer) in each, and the table
gives the standard error over the networks.

All functions share each network's base normal draws, so that a network is drawn once.
"""

from __future__ import annotations

import argparse
import json
import math
import time

import numpy as np

import actlab
from actlab.properties import properties
from actlab.theory import forecast
from actlab.theory.meanfield import layer

DEPTH, WIDTH = 50, 1000
GRADIENTS = 4
FLOOR = 0.05
HOLDS, STEADIED = 0.8, 0.3


def setting(f):
    """sigma_w and sigma_b at which variance 1 holds, and whether that is the gain."""
    at = layer(f, 1.0)
    if abs(at.response) <= HOLDS * at.second:
        return 1 / math.sqrt(at.second), 0.0, True
    squared = STEADIED / abs(at.response)
    return math.sqrt(squared), math.sqrt(1 - squared * at.second), False


def simulate(functions, settings, seed):
    """ln of the gradient norms in one random network, of shape (gradients, functions, layers)."""
    random = np.random.default_rng(seed)
    count = len(functions)
    sigma_w = np.array([[s[0]] for s in settings], np.float32) / math.sqrt(WIDTH)
    sigma_b = np.array([[s[1]] for s in settings], np.float32)
    first = random.standard_normal(WIDTH, np.float32)
    first *= math.sqrt(WIDTH) / np.linalg.norm(first)
    z = np.broadcast_to(first, (count, WIDTH))
    weights, slopes = [], []
    for place in range(DEPTH):
        slopes.append(np.stack([f.derivative(row) for f, row in zip(functions, z, strict=True)]))
        if place == DEPTH - 1:
            break
        weights.append(random.standard_normal((WIDTH, WIDTH), np.float32))
        signal = np.stack([f(row) for f, row in zip(functions, z, strict=True)])
        z = signal @ weights[-1].T * sigma_w + sigma_b * random.standard_normal(WIDTH, np.float32)
    delta = random.standard_normal((GRADIENTS, 1, WIDTH), np.float32) * slopes[-1]
    norms = np.empty((DEPTH, GRADIENTS, count))
    scale = np.zeros((GRADIENTS, count))
    for place in range(DEPTH - 1, -1, -1):
        # kept at length 1, so that a gradient that vanishes is no zero of float32
        size = np.linalg.norm(delta, axis=-1)
        scale += np.log(size)
        norms[place] = scale
        if place:
            delta = (delta / size[..., None]) @ weights[place - 1] * sigma_w * slopes[place - 1]
    return np.moveaxis(norms, 0, -1)


def fitted(norms):
    """The least-squares slope over the layers."""
    layers = np.arange(norms.shape[-1]) - (norms.shape[-1] - 1) / 2
    return norms @ layers / (layers @ layers)


def catalogue():
    """Name, function, whether it is smooth; without those that pass no gradient or no variance."""
    for name in actlab.names():
        f = actlab.get(name)
        if f.kind != "scalar":
            continue
        try:
            at = layer(f, 1.0)
        except ArithmeticError as error:
            print(f"left out: {error}")
            continue
        if at.slope == 0 or at.second == 0:
            print(f"left out: {name} passes no gradient")
            continue
        yield name, f, properties(f).smoothness.value >= 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer networks, under 50 seconds")
    parser.add_argument("--networks", type=int, default=0, help="how many random networks")
    options = parser.parse_args()
    started = time.perf_counter()
    rows = list(catalogue())
    functions = [f for _, f, _ in rows]
    settings = [setting(f) for f in functions]
    theory = np.array(
        [
            -forecast(f, DEPTH, sigma_w=w, sigma_b=b).rate
            for f, (w, b, _) in zip(functions, settings, strict=True)
        ]
    )
    slopes = []
    limit = options.networks or (1000 if options.quick else 40)
    while len(slopes) < limit:
        before = time.perf_counter()
        slopes.append(fitted(simulate(functions, settings, len(slopes))).mean(axis=0))
        now = time.perf_counter()
        if options.quick and len(slopes) > 1 and now - started + 1.3 * (now - before) > 45:
            break
    measured = np.mean(slopes, axis=0)
    spread = np.std(slopes, axis=0, ddof=1) / math.sqrt(len(slopes))
    errors = np.abs(measured - theory) / np.maximum(np.abs(theory), FLOOR)
    print(
        f"depth {DEPTH}, width {WIDTH}, {len(slopes)} networks, ln of the gradient norm per layer"
    )
    print(f"{'function':24}{'sigma_w':>9}{'sigma_b':>9}{'forecast':>10}{'measured':>10}"
          f"{'+-':>8}{'error':>8}  setting")  # fmt: skip
    for place in np.argsort(errors):
        name, _, smooth = rows[place]
        w, b, by_gain = settings[place]
        words = ("gain" if by_gain else "biased") + ("" if smooth else ", has a kink")
        print(f"{name:24}{w:9.4f}{b:9.4f}{theory[place]:10.4f}{measured[place]:10.4f}"
              f"{spread[place]:8.4f}{errors[place]:8.2%}  {words}")  # fmt: skip
    smooth = np.array([row[2] for row in rows])
    worst = int(np.argmax(np.where(smooth, errors, -1)))
    print(json.dumps({
        "median_slope_error": round(float(np.median(errors[smooth])), 5),
        "worst_slope_error": round(float(errors[worst]), 5),
        "worst_case": rows[worst][0],
        "smooth_functions": int(smooth.sum()),
        "worst_with_kinks": round(float(errors.max()), 5),
        "networks": len(slopes),
        "seconds": round(time.perf_counter() - started, 1),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
