"""Rules on numbers themselves: not finite, not scaled, and an output that contradicts the loss."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from actlab.health.evidence import Evidence
from actlab.health.findings import Finding
from actlab.health.record import INPUT, OUTPUT
from actlab.health.thresholds import limit

__all__ = ["contradicting_output", "data_not_scaled", "not_finite"]

_LOGS = frozenset({"log", "log2", "log10"})
_DIVISIONS = frozenset({"div", "reciprocal", "rsqrt"})


def not_finite(seen: Evidence) -> Iterator[Finding]:
    """The first NaN or infinity: data, forward, loss, backward, gradient or weights."""
    event = seen.record.event
    if event is None:
        return
    where = {"data": "the data", "forward": f"the forward pass, at {event.place}",
             "loss": "the loss", "backward": f"the backward pass, at {event.place}",
             "gradient": f"the gradient of {event.place}",
             "weights": "the optimizer's step"}[event.phase]  # fmt: skip
    cause, layer, advice, options = _origin(seen)
    between = "" if event.between == 1 else f" (seen every {event.between} steps)"
    yield Finding(
        "non-finite values",
        layer,
        cause,
        "severe",
        event.step,
        {"step": event.step, "largest before": event.largest},
        f"The first number that is not finite appears in {where}, in step {event.step}{between}.",
        advice,
        site=event.place,
        rule="not_finite",
        options=options,
    )


def _origin(seen: Evidence) -> tuple[str, str, tuple[str, ...], tuple[Any, ...]]:
    event = seen.record.event
    assert event is not None  # noqa: S101  (the caller looked)
    back: tuple[str, dict[str, Any]] = ("skip_bad_steps", {})
    if event.phase == "data":
        return (
            "bad batch",
            INPUT,
            ("look at the data of that step, and leave steps out whose gradient is not finite",),
            (back,),
        )
    if event.operation in _LOGS:
        return (
            "log of zero",
            event.layer,
            (f"keep the argument of {event.operation} away from 0 (clamp_min(1e-7)), or use a "
             "loss that works on logits",),
            (("clamp_log", {}), back),
        )  # fmt: skip
    if event.operation in _DIVISIONS:
        return (
            "division by zero",
            event.layer,
            ("add a small number to the divisor",),
            (back, ("lower_rate", {"factor": 0.1})),
        )
    if "16" in event.dtype:
        return (
            "overflow in half precision",
            event.layer or event.place,
            ("compute in float32 or bfloat16 there", "put a normalisation before it"),
            (("float32", {}), ("normalise", {"layers": (event.layer,)})),
        )
    if _data_is_wild(seen):
        return "data not scaled", INPUT, _SCALE, (("scale_input", {}),)
    if seen.hot_steps or seen.peak > limit("loss_peak") or not seen.record.loss.values:
        return "learning rate too high", "", _LOWER, _LOWER_OPTIONS
    if event.phase == "forward" and event.step == 0:
        return (
            "overflow",
            event.layer or event.place,
            ("initialise the layer anew",),
            (("reinitialise", {"layers": (event.layer,)}),),
        )
    return "learning rate too high", "", _LOWER, _LOWER_OPTIONS


_LOWER = ("lower the learning rate tenfold, from the last good state", "clip the gradients")
_LOWER_OPTIONS: tuple[Any, ...] = (
    ("lower_rate", {}),
    ("lower_rate", {"factor": 0.01}),
    ("lower_rate", {"factor": 0.001}),
    ("clip", {"norm": 1.0}),
)
_SCALE = ("scale every input to mean 0 and standard deviation 1",)


def _data_is_wild(seen: Evidence) -> bool:
    given = seen.input
    if given is None or not math.isfinite(given.y_rms):
        return False
    return given.y_rms > limit("input_size") or abs(given.x_offset) > limit("input_offset")


def data_not_scaled(seen: Evidence) -> Iterator[Finding]:
    """Inputs far from mean 0 and standard deviation 1."""
    given = seen.input
    if given is None or not _data_is_wild(seen):
        return
    first = next(iter(seen.record.activations()), None)
    if first is not None and seen.normalised(first) and seen.learns:
        return  # the first normalisation scales them
    moved = seen.peak > limit("loss_peak") or seen.hot_steps
    harmed = (
        moved
        or not seen.learns
        or any(seen.last(site).kept >= limit("dead_units") for site in seen.record.activations())
    )
    large_loss = bool(seen.record.loss.values) and seen.record.loss.values[0] > limit("input_size")
    yield Finding(
        "data not scaled",
        INPUT,
        "data not scaled",
        "severe" if seen.stuck else "warning" if harmed or large_loss else "note",
        0,
        {"root mean square": given.y_rms, "mean over deviation": given.x_offset},
        f"The model's input has a root mean square of {given.y_rms:.3g} and a mean of "
        f"{given.x_offset:.2g} standard deviations.",
        _SCALE,
        site=INPUT,
        rule="data_not_scaled",
        options=(("scale_input", {}),),
    )


def contradicting_output(seen: Evidence) -> Iterator[Finding]:
    """An output activation that the loss does not expect, or that can't reach the targets."""
    for name, use in seen.record.uses.items():
        bounded = use.lowest >= 0 and use.highest <= 1 + 1e-6
        if name == "cross_entropy" and bounded and use.row_sum_error < 1e-3:
            yield Finding(
                "output contradicts the loss",
                OUTPUT,
                "softmax before cross-entropy",
                "severe" if seen.stuck else "warning",
                0,
                {"largest distance of a row's sum from 1": use.row_sum_error},
                "Cross-entropy is given probabilities; it applies softmax itself, so that the "
                "loss can't come near 0 and gradients are small.",
                ("give cross-entropy the output before softmax",),
                site=OUTPUT,
                rule="contradicting_output",
                options=(("logarithm_of_output", {}),),
            )
        if name == "nll_loss" and bounded and use.row_sum_error < 1e-3:
            yield Finding(
                "output contradicts the loss",
                OUTPUT,
                "nll_loss without a logarithm",
                "warning",
                0,
                {"largest distance of a row's sum from 1": use.row_sum_error},
                "nll_loss expects logarithms of probabilities and is given probabilities.",
                ("use log_softmax, or cross_entropy on the output before softmax",),
                site=OUTPUT,
                rule="contradicting_output",
                options=(("logarithm_of_output", {}),),
            )
        if name in {"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"}:
            yield from _unreachable_targets(seen, use)


def _unreachable_targets(seen: Evidence, use: Any) -> Iterator[Finding]:
    output = seen.record.sites.get(OUTPUT)
    last = [s for s in seen.record.activations() if output and s.layer == output.layer]
    if not last or last[-1].activation is None:
        return
    activation = last[-1].activation
    low, high = _range(activation)
    room = 0.02 * max(use.target_highest - use.target_lowest, 1e-12)
    if use.target_lowest < low - room or use.target_highest > high + room:
        yield Finding(
            "output contradicts the targets",
            last[-1].layer,
            f"{activation.name} on the output",
            "severe" if seen.stuck else "warning",
            0,
            {"lowest output": low, "highest output": high,
             "lowest target": use.target_lowest, "highest target": use.target_highest},
            f"The output is {activation.name}, between {low:.3g} and {high:.3g}; targets lie "
            f"between {use.target_lowest:.3g} and {use.target_highest:.3g}.",
            ("leave the output without an activation",),
            site=last[-1].name,
            rule="contradicting_output",
            options=(("swap", {"sites": (last[-1].name,), "new": "identity"}),),
        )  # fmt: skip
    elif last[-1].regions is not None and last[-1].regions.squashes and use.name == "mse_loss":
        yield Finding(
            "output suits another loss",
            last[-1].layer,
            f"{activation.name} with mean squared error",
            "note",
            0,
            {},
            "Where the output saturates, the gradient of the squared error vanishes although "
            "the output may be wrong.",
            ("use cross-entropy on the output before the activation",),
            site=last[-1].name,
            rule="contradicting_output",
        )


def _range(activation: Any) -> tuple[float, float]:
    x = np.concatenate([np.linspace(-40, 40, 4001), [-1e6, 1e6]])
    with np.errstate(all="ignore"):
        y = np.asarray(activation(x), dtype=float)
    y = y[np.isfinite(y)]
    return float(y.min()), float(y.max())
