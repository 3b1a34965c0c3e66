"""Claims that a comparison on tables can decide, over blocks and learning rates."""

from __future__ import annotations

from functools import cache
from itertools import groupby, pairwise
from operator import itemgetter

import numpy as np
import torch
from scipy.stats import kendalltau
from torch import nn

import actlab
from actlab.compare.study import Settings
from claims_answers import (
    FAILS,
    HOLDS,
    HOLDS_IF,
    LEVEL,
    Answer,
    counted,
    listed,
    number,
    table,
    trained,
)

CLASSES = ("digits", "breast_cancer", "wine", "iris")
QUANTITIES = ("diabetes", "friedman1", "friedman2", "friedman3")
MARGIN = 0.01
RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)


def deep(name, depth=2, width=64):
    """How a study is called on the page, its table, and its hidden layers."""
    return f"{name} ({depth} layers)", name, (width,) * depth


def resolution(runs):
    """The step in which a score moves."""
    return 1 / runs.summary.test_rows if runs.summary.kind == "classification" else 0.0


def duel(runs, first, second, studies=1):
    """Mean test scores of two, who is shown better ("" if neither), and that in words.

    The level is shared among so many studies.
    """
    scores = np.array([runs.test(first), runs.test(second)])
    found = runs.compared(scores, MARGIN, resolution(runs))
    a, b = scores.mean(axis=1)
    loser = 1 - found.best
    better = (first, second)[found.best] if found.p_worse[loser] < LEVEL / studies else ""
    same = found.p_equivalent[loser] < LEVEL
    word = f"{better} better" if better else "equivalent" if same else "undecided"
    return a, b, better, word


def leaky_alive(scale):
    rows, dead, best, chosen = [], {}, {}, []
    names = ("relu", "leaky_relu", "elu")
    grids = {"adam": (1e-3, 1e-2, 3e-2, 1e-1), "sgd": (1e-2, 1e-1, 3e-1, 1.0)}
    for optimizer, rates in grids.items():
        runs = trained(
            "digits", names, scale, hidden=(64,) * 4, optimizer=optimizer, learning_rates=rates,
            blocks=scale.pick(5, 3), epochs=scale.pick(20, 3),
        )  # fmt: skip
        for name in names:
            shares = np.array([[run.dead_share for run in block] for block in runs.all(name)])
            dead[name, optimizer] = np.nanmean(shares, axis=0)
            best[name, optimizer] = runs.validation(name).mean(axis=0)
        a, b, _, word = duel(runs, "leaky_relu", "relu")
        chosen.append(f"{optimizer}: {a:.3f} and {b:.3f}, {word}")
        for place, rate in enumerate(rates):
            row = [f"{optimizer}, {rate:g}"]
            row += [f"{dead[name, optimizer][place]:.0%}" for name in names]
            row += [number(best[name, optimizer][place]) for name in names]
            rows.append(tuple(row))
    seen = {name: _watched(name, scale) for name in ("relu", "leaky_relu")}
    most = max(dead["relu", optimizer].max() for optimizer in grids)
    leaky = max(dead["leaky_relu", optimizer].max() for optimizer in grids)
    gap = max(
        float((best["leaky_relu", o] - best["relu", o])[dead["relu", o] > 0.1].max(initial=0))
        for o in grids
    )
    return Answer(
        HOLDS if most > 0.05 and leaky == 0 else FAILS if leaky > 0.05 else HOLDS_IF,
        f"Of the ReLU units up to {most:.0%} were dead, at learning rates that are too large; of "
        f"the leaky ones {leaky:.0%} at every rate. `actlab.watch` on such a run says "
        f"{seen['relu']} of ReLU and {seen['leaky_relu']} of Leaky ReLU. Where ReLU units die it "
        f"gains up to {gap:.3f} in accuracy; each at its own rate, test accuracies are (leaky, "
        f"ReLU) {'; '.join(chosen)}.",
        f"Digits, 4 layers of 64 units, {runs.settings.blocks} blocks, {runs.settings.epochs} "
        "epochs: units with slope 0 on every validation row, and the validation accuracy, by "
        "optimiser and learning rate. The watched run: Adam at 0.1.",
        ("optimiser, rate", *(f"dead, {name}" for name in names),
         *(f"accuracy, {name}" for name in names)),
        tuple(rows),
    )  # fmt: skip


def _watched(name, scale):
    """What `actlab.watch` finds in a run at too large a learning rate."""
    settings = Settings(hidden=(64,) * 4)
    split = table("digits").split(0, settings)
    x, y = torch.from_numpy(split.train_x).float(), torch.from_numpy(split.train_y)
    torch.manual_seed(0)
    layers, activation = [], {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU}[name]
    for fan_in, fan_out in pairwise((x.shape[1], *settings.hidden, 10)):
        layers += [nn.Linear(fan_in, fan_out), activation()]
    net = nn.Sequential(*layers[:-1])
    actlab.initialise(net)
    optimizer = torch.optim.Adam(net.parameters(), 0.1)
    with actlab.watch(net, optimizer) as watch:
        for _ in range(scale.pick(200, 60)):
            rows = torch.randint(len(x), (64,))
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
            optimizer.step()
    symptoms = sorted({finding.symptom for finding in watch.findings()})
    return f"“{listed(symptoms)}”" if symptoms else "nothing"


def elu_faster(scale):
    cases = [
        deep("digits"), deep("digits", 8), deep("breast_cancer"), deep("breast_cancer", 8),
        deep("diabetes"), deep("friedman1"),
    ]  # fmt: skip
    rows, faster, slower = [], [], []
    cases = cases[: scale.pick(None, 2)]
    for label, name, hidden in cases:
        runs = trained(name, ("elu", "relu"), scale, hidden=hidden, epochs=scale.pick(40, 6),
                       learning_rates=scale.pick((3e-4, 1e-3, 3e-3, 1e-2), (3e-3,)))  # fmt: skip
        elu, relu = _epochs_needed(runs, "elu", "relu")
        early = np.array([_early_loss(runs, label_) for label_ in ("elu", "relu")])
        found = runs.compared(-early, margin=0.05)
        ratio = float(np.exp(np.mean(early[0] - early[1])))
        word = "undecided"
        if found.p_worse[1 - found.best] < LEVEL / len(cases):
            (faster, slower)[found.best].append(label)
            word = ("elu faster", "relu faster")[found.best]
        rows.append((label, f"{ratio:.2f}", f"{np.median(elu):.0f}", f"{np.median(relu):.0f}",
                     word))  # fmt: skip
    if faster and len(faster) == len(rows):
        verdict, tail = HOLDS, "in all of them"
    elif faster:
        verdict, tail = HOLDS_IF, f"in {listed(faster)}"
    else:
        verdict, tail = FAILS, "in none of them"
    also = f"; ReLU was faster in {listed(slower)}" if slower else ""
    return Answer(
        verdict,
        f"ELU is shown to learn faster than ReLU {tail}{also}. That is by epochs: a step with ELU "
        "takes longer.",
        f"{runs.settings.blocks} blocks. Loss: geometric mean of the validation loss over the "
        f"first quarter of {runs.settings.epochs} epochs, each at the learning rate where it is "
        "lowest, ELU's over ReLU's; shown by the protocol's test of its logarithm. Epochs: median "
        "number until the validation loss is within 5 % of the lowest that both reach in a block.",
        ("study", "loss, elu / relu", "epochs, elu", "epochs, relu", "shown"),
        tuple(rows),
    )


def _early_loss(runs, label):
    """Mean logarithm of the validation loss early in training, of every block, at its best rate."""
    first = max(1, runs.settings.epochs // 4)
    found = []
    for block in runs.all(label):
        with np.errstate(divide="ignore", invalid="ignore"):
            means = [np.mean(np.log(run.validation_loss[:first])) for run in block]
        found.append(np.nanmin(means))
    return np.array(found)


def _epochs_needed(runs, *labels):
    """Epochs to the loss that all of them reach, of every block; one more than all if never."""
    curves = {
        label: [[np.array(run.validation_loss) for run in block] for block in runs.all(label)]
        for label in labels
    }
    needed = {label: [] for label in labels}
    for block in range(runs.settings.blocks):
        lowest = [
            min(np.nanmin(np.append(curve, np.inf)) for curve in curves[label][block])
            for label in labels
        ]
        target = 1.05 * max(lowest)
        for label in labels:
            firsts = [
                int(np.argmax(curve <= target)) + 1
                for curve in curves[label][block]
                if (curve <= target).any()
            ]
            needed[label].append(min(firsts, default=runs.settings.epochs + 1))
    return (np.array(needed[label], float) for label in labels)


def swish_beats(scale):
    cases = [deep(name) for name in (*CLASSES, *QUANTITIES)]
    cases += [deep("digits", 6), deep("digits", 12), deep("friedman1", 6)]
    if scale.quick:
        cases = [deep("digits"), deep("friedman1")]
    rows, won = [], {"swish": [], "relu": [], "": []}
    for label, name, hidden in cases:
        rates = scale.pick((3e-4, 1e-3, 3e-3, 1e-2, 3e-2), (3e-3,))
        runs = trained(name, ("swish", "relu"), scale, hidden=hidden, learning_rates=rates)
        a, b, better, word = duel(runs, "swish", "relu", len(cases))
        won[better].append(label)
        rows.append((label, runs.summary.metric, number(a), number(b), f"{a - b:+.3f}", word))
    ahead, behind = won["swish"], won["relu"]
    verdict = (
        FAILS if not ahead else HOLDS if len(ahead) > len(rows) / 2 and not behind else HOLDS_IF
    )
    return Answer(
        verdict,
        f"Of {len(rows)} studies Swish is shown better in {counted(ahead)} and ReLU in "
        f"{counted(behind)}; in the others no difference is shown.",
        f"The protocol of `actlab compare` with both, {runs.settings.blocks} blocks, "
        f"{runs.settings.epochs} epochs, {len(rates)} learning rates; test scores at what "
        "validation chose.",
        ("study", "metric", "swish", "relu", "difference", "shown"),
        tuple(rows),
    )


def regression(scale):
    kin, others = ("relu", "leaky_relu", "elu", "gelu"), ("tanh", "sigmoid")
    rows, won = [], {"kin": [], "others": [], "": []}
    cases = [deep(name) for name in QUANTITIES]
    cases += [deep("friedman1", 6), deep("friedman2", 6)]
    cases = cases[: scale.pick(None, 2)]
    for label, name, hidden in cases:
        rates = scale.pick((3e-4, 1e-3, 3e-3, 1e-2, 3e-2), (3e-3,))
        runs = trained(name, (*kin, *others), scale, hidden=hidden, learning_rates=rates)
        scores = np.array([runs.test(label_) for label_ in runs.labels])
        found = runs.compared(scores, MARGIN)
        means, place = scores.mean(axis=1), {n: i for i, n in enumerate(runs.labels)}
        best = {"kin": max(kin, key=lambda n: means[place[n]]),
                "others": max(others, key=lambda n: means[place[n]])}  # fmt: skip
        side = "kin" if runs.labels[found.best] in kin else "others"
        rival = best["others" if side == "kin" else "kin"]
        shown = found.p_worse[place[rival]] < LEVEL / len(cases)
        won[side if shown else ""].append(label)
        word = f"{runs.labels[found.best]} better" if shown else "undecided"
        rows.append((label, best["kin"], number(means[place[best["kin"]]]), best["others"],
                     number(means[place[best["others"]]]), word))  # fmt: skip
    ahead, behind = won["kin"], won["others"]
    verdict = HOLDS if len(ahead) == len(rows) else HOLDS_IF if ahead else FAILS
    return Answer(
        verdict,
        f"Of {len(rows)} studies the best of ReLU's kin is shown better than the best of tanh and "
        f"sigmoid in {counted(ahead)}, and the other way round in {counted(behind)}.",
        "R² on test rows with each function in the hidden layers (the output is always linear), "
        f"{runs.settings.blocks} blocks, {runs.settings.epochs} epochs, {len(rates)} learning "
        f"rates. Kin: {listed(kin)}.",
        ("study", "best of the kin", "R²", "best of the others", "R²", "shown"),
        tuple(rows),
    )


EIGHT = ("relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid")


@cache
def _by_rate(label, name, hidden, optimizer, scale):  # noqa: ARG001, the label is for the page
    return trained(
        name, EIGHT, scale, hidden=hidden, optimizer=optimizer, blocks=scale.pick(6, 3),
        epochs=scale.pick(20, 3), learning_rates=scale.pick(RATES, RATES[2:7:2]),
    )  # fmt: skip


def _rate_studies(scale):
    cases = [
        (*deep("digits"), "adam"), (*deep("digits"), "sgd"), (*deep("digits", 6), "adam"),
        (*deep("diabetes"), "adam"), (*deep("friedman1"), "adam"),
    ]  # fmt: skip
    return {
        f"{label}, {optimizer}": _by_rate(label, name, hidden, optimizer, scale)
        for label, name, hidden, optimizer in cases[: scale.pick(None, 1)]
    }


def relu_rate(scale):
    """Decades of learning rates that validate nearly as well as the block's best rate."""
    rows, widths, narrower, wider = [], [], [], []
    studies = _rate_studies(scale)
    for label, runs in studies.items():
        rates = np.log10(runs.settings.learning_rates)
        step = float(np.median(np.diff(rates)))
        good = {}
        for name in EIGHT:
            scores = runs.validation(name)
            near = scores >= scores.max(axis=1, keepdims=True) - 0.02
            good[name] = step * near.sum(axis=1)
        rest = np.mean([good[name] for name in EIGHT if name != "relu"], axis=0)
        found = runs.compared([good["relu"], rest], margin=0.25, resolution=step)
        word = "undecided"
        if found.p_worse[1 - found.best] < LEVEL / len(studies):
            word = ("relu wider", "relu narrower")[found.best]
            (wider, narrower)[found.best].append(label)
        elif found.p_equivalent[1 - found.best] < LEVEL:
            word = "equivalent"
        widths.append([good[name].mean() for name in EIGHT])
        rows.append((label, *(number(value, 2) for value in widths[-1]), word))
    mean = np.mean(widths, axis=0)
    order = [EIGHT[i] for i in np.argsort(mean)]
    verdict = HOLDS if len(narrower) == len(rows) else HOLDS_IF if narrower else FAILS
    return Answer(
        verdict,
        f"ReLU's good learning rates span {mean[0]:.1f} decades, those of the other seven "
        f"{np.mean(mean[1:]):.1f} on average; the narrowest belong to {listed(order[:2])}. ReLU is "
        f"shown narrower than the others' mean in {len(narrower)} of {len(rows)} studies, wider in "
        f"{len(wider)}.",
        f"{len(runs.settings.learning_rates)} learning rates, half a decade apart, from "
        f"{runs.settings.learning_rates[0]:g} to {runs.settings.learning_rates[-1]:g}, each "
        f"activation with weights of its own gain, {runs.settings.blocks} blocks. Decades whose "
        "best validation score is within 0.02 (accuracy or R²) of the best rate's.",
        ("study", *EIGHT, "relu beside the others' mean"),
        tuple(rows),
    )


def rate_ranks(scale):
    """Rankings at fixed learning rates: how alike they are, and whether order is turned round."""
    rows, turned = [], {}
    for label, runs in _rate_studies(scale).items():
        rates = runs.settings.learning_rates
        scores = np.array([runs.validation(name) for name in EIGHT])  # (candidates, blocks, rates)
        means = scores.mean(axis=1)
        good = [r for r in range(len(rates)) if means[:, r].max() > 0.8 * means.max()]
        taus = [
            kendalltau(means[:, r], means[:, s]).statistic
            for r in good for s in good if r < s
        ]  # fmt: skip
        turned[label] = _turned(runs, scores, good)
        firsts = _grouped([(EIGHT[means[:, r].argmax()], rates[r]) for r in good])
        example = turned[label][0] if turned[label] else "none"
        rows.append((label, ", ".join(firsts), f"{np.mean(taus):+.2f} ({min(taus):+.2f})",
                     str(len(turned[label])), example))  # fmt: skip
    count = sum(bool(pairs) for pairs in turned.values())
    verdict = HOLDS if count == len(rows) else HOLDS_IF if count else FAILS
    return Answer(
        verdict,
        f"In {count} of {len(rows)} studies there are pairs of which one is shown better at one "
        "learning rate and the other at another: there a comparison at one rate is decided by "
        "the rate."
        if count
        else "No pair of functions is shown better at one rate and worse at another.",
        "The studies of the claim on ReLU's learning rate. Rates at which the best function keeps "
        "four fifths of its best score; Kendall's τ between the rankings by mean validation score "
        "at two rates, 1 for the same order, mean and lowest; pairs whose order is turned round "
        "with both differences shown (Holm over all pairs at each rate, level 5 %).",
        ("study", "best at each rate", "τ, mean (lowest)", "pairs turned", "for example"),
        tuple(rows),
    )


def _grouped(pairs):
    """Neighbours of one name become a range of rates."""
    told = []
    for name, group in groupby(pairs, key=itemgetter(0)):
        rates = [rate for _, rate in group]
        span = f"{rates[0]:g}" if len(rates) == 1 else f"{rates[0]:g} to {rates[-1]:g}"
        told.append(f"{name} ({span})")
    return told


def _turned(runs, scores, rates):
    """Pairs that are shown in opposite order at two of the rates, in words."""
    step = resolution(runs)
    better = {}
    for r in rates:
        for i in range(len(EIGHT)):
            for j in range(len(EIGHT)):
                found = runs.compared(scores[[i, j], :, r], MARGIN, step) if i < j else None
                if found is not None:
                    better[r, i, j] = (found.best, float(found.p_worse[1 - found.best]))
    pairs = len(EIGHT) * (len(EIGHT) - 1) // 2
    shown = {}
    for r in rates:
        ordered = sorted(((p, i, j, best) for (s, i, j), (best, p) in better.items() if s == r))
        for place, (p, i, j, best) in enumerate(ordered):
            if p > LEVEL / (pairs - place):
                break
            shown.setdefault((i, j), {})[r] = best
    told = []
    for (i, j), seen in sorted(shown.items()):
        if len(set(seen.values())) == 2:
            first, second = (next(r for r, b in seen.items() if b == side) for side in (0, 1))
            rate = runs.settings.learning_rates
            told.append(
                f"{EIGHT[i]} over {EIGHT[j]} at {rate[first]:g}, under it at {rate[second]:g}"
            )
    return told
