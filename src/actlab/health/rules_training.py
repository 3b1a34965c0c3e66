"""Rules on the course of training: rates, gradients through depth, frozen layers, overfitting."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from actlab.health.evidence import Evidence, gain_of
from actlab.health.findings import Finding
from actlab.health.record import OUTPUT, Site
from actlab.health.thresholds import limit

__all__ = [
    "expected_rate",
    "exploding_gradient",
    "frozen_layers",
    "no_schedule",
    "not_observed",
    "overfitting",
    "rate_too_high",
    "rate_too_low",
    "vanishing_gradient",
]  # fmt: skip


def rate_too_high(seen: Evidence) -> Iterator[Finding]:
    """Steps so long that the loss rises, or that units die."""
    if not seen.hot_steps:
        return
    rose = seen.peak > limit("loss_peak")
    died = any(seen.last(s).kept >= limit("dead_units") for s in seen.record.activations())
    if seen.learns and not rose and not died:
        return
    yield Finding(
        "learning rate too high",
        "",
        "learning rate too high",
        "severe" if seen.stuck else "warning",
        0,
        {"update over weight": seen.hot, "largest loss over the first": seen.peak},
        f"In the first steps weights changed by {seen.hot:.2g} of their size at a time (about "
        f"0.001 to 0.03 is usual); the loss rose to {seen.peak:.3g} times the first.",
        ("lower the learning rate and begin again", "warm up", "clip the gradients"),
        rule="rate_too_high",
        options=(
            ("lower_rate", {}),
            ("lower_rate", {"factor": 0.01}),
            ("lower_rate", {"factor": 0.001}),
            ("warmup", {}),
        ),
    )


def rate_too_low(seen: Evidence) -> Iterator[Finding]:
    """Steps so short that nothing happens."""
    if seen.early or not seen.stuck or seen.record.event is not None:
        return
    if not seen.pace < limit("update_low") or seen.peak > limit("loss_peak"):
        return
    yield Finding(
        "learning rate too low",
        "",
        "learning rate too low",
        "severe",
        0,
        {"update over weight": seen.pace, "part of the loss gone": seen.gone},
        f"No layer changes by more than {seen.pace:.1g} of its size in a step, and the loss has "
        f"come down by {max(seen.gone, 0.0):.1%}.",
        ("raise the learning rate",),
        rule="rate_too_low",
        options=(("raise_rate", {}), ("raise_rate", {"factor": 10.0})),
    )


def _gradients(seen: Evidence) -> list[tuple[Site, float]]:
    """Gradient norm at every activation over the first windows, in order of the forward pass."""
    found = []
    for site in seen.record.activations():
        values = [s.gradient for s in seen.record.states[site.name][:4]]
        known = [v for v in values if math.isfinite(v)]
        if known:
            found.append((site, float(np.median(known))))
    return found


def vanishing_gradient(seen: Evidence) -> Iterator[Finding]:
    """Gradients that fade towards the first layers faster than they should."""
    all_gradients = _gradients(seen)
    gradients = [(site, value) for site, value in all_gradients if value > 0]
    if len(gradients) < 3 or len(gradients) < len(all_gradients):
        return
    first, last = gradients[0][1], gradients[-1][1]
    log = math.log10(first / last)
    rate = log / (len(gradients) - 1)
    expected = expected_rate([site for site, _ in gradients])
    if log > limit("gradient_decay") or rate > limit("gradient_decay_rate"):
        return
    # would it vanish even at the right gain?
    by_depth = expected * (len(gradients) - 1) < limit("vanishing_forecast")
    cause = "activation and depth" if by_depth else "initialisation"
    layers = tuple(dict.fromkeys(seen.feeding(site) for site, _ in gradients))
    sites = tuple(site.name for site, _ in gradients)
    again: tuple[Any, ...] = (("reinitialise", {"layers": layers}),)
    other: tuple[Any, ...] = (
        ("swap_all", {"sites": sites, "layers": layers, "new": "relu"}),
        ("swap_all", {"sites": sites, "layers": layers, "new": "selu"}),
        ("normalise", {"layers": layers}),
    )
    yield Finding(
        "vanishing gradient",
        "",
        cause,
        seen.severity(),
        0,
        {"log10 of first over last": log, "log10 per layer": rate,
         "forecast per layer with the right gain": expected},
        f"The gradient at {gradients[0][0].name} is 10^{log:.1f} of that at "
        f"{gradients[-1][0].name}: a factor {10**rate:.2g} per layer, where theory forecasts "
        f"{10**expected:.2g} for this activation with the right gain.",
        ("exchange the activation for relu and initialise with its gain",
         "put a normalisation before the activations") if by_depth
        else ("initialise anew with the activation's gain",),
        site=gradients[0][0].name,
        rule="vanishing_gradient",
        options=other if by_depth else again + other,
    )  # fmt: skip


def expected_rate(sites: list[Site]) -> float:
    """log10 of the gradient norm per layer that theory forecasts with the right gain."""
    from actlab.theory import forecast

    rates = []
    for activation in {s.activation for s in sites if s.activation is not None}:
        try:
            rates.append(forecast(activation, 12, sigma_w=gain_of(activation)).rate)
        except (ArithmeticError, TypeError, ValueError):
            continue
    finite = [r for r in rates if math.isfinite(r)]
    return min(0.0, float(np.mean(finite)) / math.log(10)) if finite else 0.0


def exploding_gradient(seen: Evidence) -> Iterator[Finding]:
    """Gradients that grow from the output towards the first layers."""
    states = seen.output
    if not states or not states[0].gradient > 0:
        return
    at_output = states[0].gradient
    worst, most = "", 0.0
    for name, layer in seen.record.layers.items():
        state = seen.layer(name)
        if layer.fan_in and state is not None and state.weight > 0:
            # relative to the weights and the loss's own gradient, so that no unit matters
            size = state.gradient / at_output
            if math.isfinite(size) and size > most:
                worst, most = name, size
    if not most > 10 ** limit("gradient_growth"):
        return
    recurrent = [n for n, one in seen.record.layers.items() if one.recurrent]
    steep = [s for s in seen.record.activations() if seen.sigma(s) > limit("gain_large")]
    cause, place = "initialisation", worst
    if recurrent:
        cause, place = "recurrence", worst if worst in recurrent else recurrent[-1]
    elif steep:
        place = seen.feeding(steep[0])
    yield Finding(
        "exploding gradient",
        place,
        cause,
        "severe" if seen.stuck else "warning",
        0,
        {"gradient over that at the output": most},
        f"In the first step the gradient of {worst} is {most:.3g} times that at the output.",
        ("initialise anew (recurrent weights orthogonal)", "clip the gradients"),
        site=place,
        rule="exploding_gradient",
        options=(("reinitialise", {"layers": (place,)}), ("clip", {"norm": 1.0})),
    )


def frozen_layers(seen: Evidence) -> Iterator[Finding]:
    """Layers that no step changes while others learn."""
    layers = seen.record.layers
    used = [n for n, one in layers.items() if n in seen.record.layer_states]
    reached_later = {name: any(s.reached for s in seen.record.layer_states[name]) for name in used}
    frozen = {
        name: _why_frozen(seen, name, reached_later[name])
        for name in used
        if name in seen.record.ran
    }
    frozen = {name: why for name, why in frozen.items() if why}
    ran = [n for n in used if n in seen.record.ran]
    if not frozen or len(frozen) == len(ran):
        return
    names = list(frozen)
    prefix = ran[: len(names)] == names
    chosen = prefix and len(names) >= 0.5 * len(ran)
    detached = [n for n in names if frozen[n] == "no gradient reaches it"]
    yield Finding(
        "frozen layer",
        names[-1] if detached else names[0],
        "frozen",
        "note" if chosen and not detached else "warning",
        0,
        {"layers": float(len(names))},
        "; ".join(f"{name}: {why}" for name, why in frozen.items())
        + (" (as in fine-tuning)." if chosen and not detached else "."),
        ("give its parameters to the optimizer and let them ask for a gradient",),
        rule="frozen_layers",
        options=(("train", {"layers": tuple(names)}),),
    )


def _why_frozen(seen: Evidence, name: str, reached: bool) -> str:
    layer = seen.record.layers[name]
    if not layer.trainable:
        return "its parameters ask for no gradient"
    if layer.optimised is False:
        return "its parameters are not in the optimizer"
    if not reached and seen.record.layer_states[name]:
        return "no gradient reaches it"
    return ""


def overfitting(seen: Evidence) -> Iterator[Finding]:
    """A validation loss that rises while the training loss falls."""
    curve = seen.record.validation
    if len(curve) < 4:
        return
    values = curve.array()
    best = int(np.argmin(values))
    rise = (float(np.median(values[-2:])) - float(values[best])) / max(abs(values[best]), 1e-12)
    if rise < limit("overfit") or best > len(values) - 3:
        return
    step = curve.steps[best]
    yield Finding(
        "overfitting",
        "",
        "overfitting",
        "warning",
        step,
        {"rise": rise, "lowest": float(values[best]), "evaluation": best + 1.0},
        f"The validation loss was lowest at step {step} (evaluation {best + 1}) and has risen by "
        f"{rise:.0%} since: early stopping would have ended there.",
        (f"stop at step {step} and go back to that state", "regularise, or use more data"),
        rule="overfitting",
        options=(("stop", {}),),
    )


def no_schedule(seen: Evidence) -> Iterator[Finding]:
    """A loss that only wanders, at a constant learning rate."""
    losses, rates = seen.record.loss.array(), seen.record.rate.array()
    if len(losses) < 200 or len(rates) < 2 or not seen.learns:
        return
    if float(rates.max()) > 1.001 * float(rates.min()) or not np.isfinite(losses).all():
        return
    third = len(losses) // 3
    middle, end = np.median(losses[third:-third]), np.median(losses[-third:])
    wander = float(np.median(np.abs(np.diff(losses[-third:])))) / max(abs(float(end)), 1e-12)
    if end < 0.97 * middle or wander < limit("wander"):
        return
    yield Finding(
        "schedule missing",
        "",
        "constant learning rate",
        "note",
        seen.record.loss.steps[-third],
        {"change from step to step": wander},
        f"The loss has stopped falling and changes by {wander:.0%} from step to step at a "
        "constant learning rate.",
        ("let the learning rate fall: cosine, exponential, in steps, or on a plateau",),
        rule="no_schedule",
        options=(("schedule", {"kind": "cosine"}),),
    )


def not_observed(seen: Evidence) -> Iterator[Finding]:
    """The model ran, but none of the hooks did."""
    if seen.record.silent:
        yield Finding(
            "not observed",
            "",
            "compiled before it was watched",
            "warning",
            0,
            {},
            "The model ran without calling its hooks: torch.compile had compiled it before it "
            "was watched, so nothing can be said about it.",
            ("call actlab.watch before the compiled model's first call",),
            site=OUTPUT,
            rule="not_observed",
        )
