"""Claims on what depth does to signal and gradient: theory, random networks, training."""

from __future__ import annotations

import math

import numpy as np

import actlab
from actlab.theory import gain
from claims_answers import (
    FAILS,
    HOLDS,
    HOLDS_IF,
    Answer,
    listed,
    number,
    power,
    trained,
    with_gain,
)

THIN = math.log(1000)
"""A gradient that is a thousand times smaller counts as vanished, as large as exploded."""
HE, LECUN, TORCH = math.sqrt(2), 1.0, math.sqrt(1 / 3)
"""Standard deviation of a weight times sqrt(fan_in): He's, LeCun's, PyTorch's nn.Linear."""


def random_network(f, sigma_w, depth, *, width=256, networks=8, inputs=None, uniform=False):
    """Means over random networks: mean and variance of the activations of every layer, and the
    logarithm of the gradient norm of the first layer over that of the last.
    """
    means, variances, ratios = [], [], []
    for seed in range(networks):
        random = np.random.default_rng(seed)
        x = random.standard_normal((64, width)) if inputs is None else inputs(random, width)
        seen, weights = [], []
        for _ in range(depth):
            draw = (
                random.uniform(-math.sqrt(3), math.sqrt(3), (width, width))
                if uniform
                else random.standard_normal((width, width))
            )
            weights.append(draw * (sigma_w / math.sqrt(width)))
            seen.append(x @ weights[-1])
            x = np.asarray(f(seen[-1]))
            if len(seen) in {1, depth}:
                means.append(x.mean())
                variances.append(x.var())
        delta = random.standard_normal(x.shape) * f.derivative(seen[-1])
        last = np.linalg.norm(delta)
        for z, weight in zip(reversed(seen[:-1]), reversed(weights), strict=False):
            delta = (delta @ weight.T) * f.derivative(z)
        with np.errstate(divide="ignore"):
            ratios.append(np.log(np.linalg.norm(delta) / last))
    pairs = np.array(means).reshape(-1, 2), np.array(variances).reshape(-1, 2)
    return pairs[0].mean(axis=0), pairs[1].mean(axis=0), float(np.mean(ratios))


def vanished_from(f, sigma_w, deepest=400):
    """Depth from which on the first layer's gradient is a thousandth of the last one's."""
    known = np.array(actlab.forecast(f, deepest, sigma_w=sigma_w, variance=sigma_w**2).gradient)
    gone = np.flatnonzero(known[0] - known < -THIN)
    return int(gone[0]) + 1 if len(gone) else None


def by_depth(candidates, depths, scale):
    """Mean accuracy on digits for each candidate and depth."""
    found = {}
    for depth in depths:
        runs = trained(
            "digits", candidates, scale, hidden=(64,) * depth, blocks=3,
            epochs=scale.pick(20, 2), learning_rates=scale.pick((3e-4, 1e-3, 3e-3, 1e-2), (3e-3,)),
        )  # fmt: skip
        for label in runs.labels:
            found[label, depth] = float(runs.test(label).mean())
    return found


def vanishing(scale):
    depths = scale.pick((2, 4, 6, 8, 12, 20, 30), (2, 8))
    setups = {
        "sigmoid, own gain": ("sigmoid", gain(actlab.get("sigmoid"))),
        "sigmoid, gain 1": ("sigmoid", 1.0),
        "tanh, own gain": ("tanh", gain(actlab.get("tanh"))),
        "tanh, gain 1": ("tanh", 1.0),
        "relu, own gain": ("relu", HE),
    }
    candidates = [with_gain(name, g, label) for label, (name, g) in setups.items()]
    accuracy = by_depth(candidates, depths, scale)
    rows, fails = [], {}
    for label, (name, g) in setups.items():
        f = actlab.get(name)
        known = actlab.forecast(f, 20, sigma_w=g, variance=g**2)
        measured = random_network(f, g, 20, networks=scale.pick(8, 2))[2]
        wrong = [d for d in depths if accuracy[label, d] < 0.5]
        fails[label] = wrong[0] if wrong else None
        gone = vanished_from(f, g)
        rows.append((
            label, f"{g:.2f}", power(known.gradient[0]), power(measured),
            "never" if gone is None else str(gone),
            *(number(accuracy[label, d], 2) for d in depths),
        ))  # fmt: skip
    own, glorot = fails["sigmoid, own gain"], fails["sigmoid, gain 1"]
    tanh = [fails["tanh, own gain"], fails["tanh, gain 1"]]
    sigmoid = [depth for depth in (own, glorot) if depth]
    from_depth = vanished_from(actlab.get("sigmoid"), setups["sigmoid, own gain"][1])
    if sigmoid and any(tanh):
        verdict = HOLDS
        told = f"tanh stopped learning from depth {min(d for d in tanh if d)} on"
    elif sigmoid:
        verdict = HOLDS_IF
        told = (
            "tanh loses a little per layer and trained at every depth tried, with its own gain "
            "and with gain 1"
        )
    else:
        verdict, told = FAILS, "tanh trained at every depth tried"
    learnt = (
        f"networks stopped learning digits at {min(sigmoid)} layers" if sigmoid else "all learnt"
    )
    return Answer(
        verdict,
        f"Sigmoid: from depth {from_depth} on the first layer's gradient is below a thousandth of "
        f"the last one's, and {learnt}; {told}.",
        "Gradient norm of layer 1 over that of layer 20, forecast and in random networks of width "
        "256; the forecast depth of a factor of 1,000; and the test accuracy on digits (chance: "
        f"0.10) of networks with layers of 64 units, {_settings(scale)}.",
        ("weights", "σ_w", "forecast", "measured", "1/1,000 from depth",
         *(f"accuracy, {d} layers" for d in depths)),
        tuple(rows),
    )  # fmt: skip


def _settings(scale):
    return (
        f"means over 3 blocks, {scale.pick(20, 2)} epochs of Adam, learning rate and epoch chosen "
        "on validation"
    )


def relu_keeps(scale):
    depth = scale.pick(30, 12)
    setups = {"He (√2)": HE, "LeCun, Glorot (1)": LECUN, "PyTorch's nn.Linear (1/√3)": TORCH}
    candidates = [with_gain("relu", g, label) for label, g in setups.items()]
    accuracy = by_depth(candidates, (depth,), scale)
    rows, growth = [], {}
    relu = actlab.get("relu")
    for label, g in setups.items():
        known = actlab.forecast(relu, depth, sigma_w=g, variance=g**2)
        growth[label] = random_network(relu, g, depth, networks=scale.pick(8, 2))[2]
        rows.append((label, power(known.gradient[0]), power(growth[label]),
                     number(accuracy[label, depth], 2)))  # fmt: skip
    kept = [label for label, value in growth.items() if abs(value) < THIN]
    verdict = HOLDS if len(kept) == len(setups) else HOLDS_IF if "He (√2)" in kept else FAILS
    worst = min(accuracy, key=accuracy.get)
    return Answer(
        verdict,
        f"With He's weights the gradient keeps its size through {depth} layers; with smaller ones "
        f"it shrinks by the same factor in every layer, as any gradient does ({worst[0]}: "
        f"accuracy {accuracy[worst]:.2f}).",
        f"As above, {depth} layers of ReLU under the three usual ways to draw weights: gradient "
        f"of layer 1 over that of layer {depth}, and accuracy on digits, {_settings(scale)}.",
        ("weights", "forecast", "measured", "accuracy"),
        tuple(rows),
    )


def elu_exploding(scale):
    depth = scale.pick(30, 12)
    rows, growth = [], {}
    functions = {name: actlab.get(name) for name in ("elu", "relu", "leaky_relu", "gelu", "tanh")}
    kinked = "elu, alpha = 0.5 (a kink at 0)"
    functions[kinked] = actlab.get("elu", alpha=0.5)
    for name, f in functions.items():
        measured = {
            times: random_network(f, times * gain(f), depth, networks=scale.pick(8, 2))[2]
            for times in (1.0, 1.5, 2.0)
        }
        growth[name] = measured[2.0]
        rows.append((name, f"{gain(f):.2f}", *(power(value) for value in measured.values())))
    verdict = FAILS if growth["elu"] > 0.5 * growth["relu"] else HOLDS
    return Answer(
        verdict,
        "With weights twice as large as they should be, ELU's gradient grows to "
        f"{power(growth['elu'])} over {depth} layers and ReLU's to {power(growth['relu'])}"
        + (
            f"; that of an ELU with a kink at 0 to {power(growth[kinked])}. What explodes is the "
            "product of the weights, which the positive side passes on whole."
            if verdict == FAILS
            else "."
        ),
        f"Gradient norm of layer 1 over that of layer {depth} in random networks of width 256, "
        "with the weights that suit the function and with 1.5 and 2 times as large ones.",
        ("activation", "gain", "× 1", "× 1.5", "× 2"),
        tuple(rows),
    )


def _shifted(random, width):
    return 3 + 5 * random.standard_normal((64, width))


def selu_normalises(scale):
    depth, selu = scale.pick(30, 20), actlab.get("selu")
    networks = scale.pick(8, 2)
    cases = {
        "normal weights of σ_w = 1 (LeCun)": (selu, LECUN, {}),
        "uniform weights of σ_w = 1": (selu, LECUN, {"uniform": True}),
        "inputs of mean 3 and deviation 5": (selu, LECUN, {"inputs": _shifted}),
        "layers of 32 units": (selu, LECUN, {"width": 32}),
        "weights of σ_w = √2 (He)": (selu, HE, {}),
        "weights of σ_w = 1/√3 (PyTorch's nn.Linear)": (selu, TORCH, {}),
        "ELU instead, σ_w = 1": (actlab.get("elu"), LECUN, {}),
        "ReLU instead, σ_w = √2": (actlab.get("relu"), HE, {}),
    }
    rows, good, bad = [], [], []
    for label, (f, sigma_w, options) in cases.items():
        mean, variance, ratio = random_network(f, sigma_w, depth, networks=networks, **options)
        normal = abs(mean[-1]) < 0.1 and 0.8 < variance[-1] < 1.25
        if f is selu:
            (good if normal else bad).append(label)
        rows.append((label, number(mean[0], 2), number(variance[0], 2), number(mean[-1], 2),
                     number(variance[-1], 2), power(ratio), "yes" if normal else "no"))  # fmt: skip
    trained_flow = actlab.flow("digits", activations="selu", depth=scale.pick(20, 6), width=100,
                               epochs=scale.pick(20, 2), learning_rates=1e-3)  # fmt: skip
    (course,) = trained_flow.courses
    before, after = course.before.percentiles[-1], course.after.percentiles[-1]
    lecun = next(iter(cases)) in good
    return Answer(
        HOLDS if not bad else HOLDS_IF if lecun else FAILS,
        f"Mean 0 and variance 1 come back in every layer with {listed(good)}; not with "
        f"{listed(bad)}. Training moves it: the 5th and the 95th percentile of the last layer "
        f"were {before[0]:.1f} and {before[-1]:.1f} before it, {after[0]:.1f} and "
        f"{after[-1]:.1f} after.",
        f"Mean and variance of the activations of layer 1 and layer {depth} in random networks of "
        "256 units, σ_w = 1 unless told; normalised means |mean| < 0.1 and a variance of 0.8 to "
        "1.25 in the last. "
        f"Training: digits, {len(course.before.variance)} layers.",
        ("weights and inputs", "mean, layer 1", "variance", f"mean, layer {depth}", "variance",
         "gradient", "normalised"),
        tuple(rows),
    )  # fmt: skip


def clipping(scale):
    depth = scale.pick(12, 8)
    candidates = [
        with_gain("relu", HE, "right weights (σ_w = √2)"),
        with_gain("relu", 1.5 * HE, "1.5 times too large"),
        with_gain("relu", 2 * HE, "twice too large"),
    ]
    rates = scale.pick((1e-3, 3e-3, 1e-2, 3e-2, 1e-1), (1e-2, 1e-1))
    rows, lost, score, size = [], {}, {}, {}
    for clip in (None, 1.0):
        runs = trained(
            "digits", candidates, scale, hidden=(64,) * depth, optimizer="sgd", clip_norm=clip,
            blocks=scale.pick(5, 3), epochs=scale.pick(20, 3), learning_rates=rates,
        )  # fmt: skip
        for label in runs.labels:
            every = [run for block in runs.all(label) for run in block]
            key = (label, clip)
            lost[key] = float(np.mean([run.diverged for run in every]))
            score[key] = runs.test(label)
            norms = [run.gradient_first for run in every if not run.diverged]
            size[key] = float(np.median(norms)) if norms else math.inf
            reached = number(score[key].mean()) if lost[key] < 1 else "none"
            told = f"{size[key]:.2g}" if norms else "none"
            rows.append((label, "no" if clip is None else f"at {clip:g}", f"{lost[key]:.0%}",
                         reached, told))  # fmt: skip
    right = score["right weights (σ_w = √2)", None]
    wrong = "twice too large"
    found = runs.compared([right, score[wrong, 1.0]], margin=0.01)
    behind = bool(found.best == 0 and found.p_worse[1] < 0.05)
    times = size[wrong, 1.0] / size["right weights (σ_w = √2)", 1.0]
    saved = lost[wrong, 1.0] < lost[wrong, None] - 0.1
    verdict = FAILS if not saved else HOLDS_IF if behind else HOLDS
    return Answer(
        verdict,
        f"Clipping bounds the step: with weights twice too large {lost[wrong, None]:.0%} of the "
        f"runs diverge without it and {lost[wrong, 1.0]:.0%} with it. "
        + (
            f"The gradients before clipping stay {times:,.0f} times those of right weights, and "
            f"the accuracy is {score[wrong, 1.0].mean():.3f} where right weights reach "
            f"{right.mean():.3f}: it keeps a network alive whose gradients always explode, and "
            "does not mend it."
            if behind
            else f"The accuracy then reached {score[wrong, 1.0].mean():.3f}, and "
            f"{right.mean():.3f} with right weights."
        ),
        f"ReLU networks of {depth} layers of 64 units on digits, SGD with momentum at "
        f"{len(rates)} learning rates, {runs.settings.blocks} blocks, with and without clipping "
        "the gradient's norm at 1. Gradient: norm of that of the first weights before clipping, "
        "median over steps and over the runs that did not diverge.",
        ("weights", "clipped", "diverged", "accuracy", "gradient"),
        tuple(rows),
    )  # fmt: skip
