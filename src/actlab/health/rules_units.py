"""Rules on units and weights: dead, saturated, badly initialised, alike, constant, off centre."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from actlab.health.evidence import Evidence
from actlab.health.findings import Finding
from actlab.health.record import INPUT, OUTPUT, Site
from actlab.health.thresholds import limit

__all__ = ["bad_scale", "constant_output", "constant_weights", "dead_units", "not_centred",
           "saturation"]  # fmt: skip


def dead_units(seen: Evidence) -> Iterator[Finding]:
    """Units that were never active over a window, so that they can't learn again."""
    for site in seen.record.activations():
        state = seen.last(site)
        share = state.kept if math.isfinite(state.kept) else state.dead
        least = limit("dead_units")
        if math.isnan(state.kept):  # a few rows say little of single units
            share, least = min(s.dead for s in seen.record.states[site.name][-2:]), 0.9
        if not share >= least:
            continue
        name = seen.feeding(site)
        cause, layer, options = _why_at_end(seen, site)
        whole = share >= limit("dead_layer")
        yield Finding(
            "dead units",
            layer,
            cause,
            "severe" if seen.stuck and whole else "warning" if whole or not seen.learns
            else "note",
            seen.since(site, lambda s: s.dead >= 0.5),
            {"dead": share, "active rows": state.active, "mean over deviation": state.x_offset,
             "dead at the start": seen.first(site).dead},
            f"{share:.0%} of the {site.units} units before {_said(site)} were never active over "
            f"the last windows; {seen.first(site).dead:.0%} were dead in the first step.",
            _advice(cause, name or f"the layer before {site.name}"),
            site=site.name,
            rule="dead_units",
            options=options,
        )  # fmt: skip


def _said(site: Site) -> str:
    assert site.activation is not None  # noqa: S101  (activations() gives only those)
    return f"{site.activation.name} ({site.name})"


def _why_at_end(seen: Evidence, site: Site) -> tuple[str, str, tuple[Any, ...]]:
    """Why the inputs of an activation all lie at one end: cause, layer and remedies."""
    name = seen.feeding(site)
    first = seen.first(site)
    renew = ("reinitialise", {"layers": tuple(dict.fromkeys((name, site.layer)))})
    swap = ("swap", {"sites": (site.name,), "new": "leaky_relu"})
    if first.dead >= limit("dead_at_first") or first.saturated >= limit("dead_at_first"):
        bias = seen.layer(site.layer)
        if bias is not None and math.isfinite(bias.bias) and first.x_mean * bias.bias > 0 and (
            abs(bias.bias) >= limit("bias_part") * abs(first.x_mean)
        ) and abs(bias.bias) > limit("offset") * min(first.x_std, 1.0):  # fmt: skip
            return "bias", name, (renew, swap)
        if first.x_std == 0 and first.x_mean == 0:
            return "initialisation", name, (renew,)
        given = seen.input
        if given is not None and abs(given.x_offset) > limit("input_offset"):
            return "data not scaled", INPUT, (("scale_input", {}),)
        return "initialisation", name, (renew, swap)
    if seen.hot_steps:
        return "learning rate too high", name, (
            ("lower_rate", {}), ("lower_rate", {"factor": 0.1}), swap)  # fmt: skip
    return "", name, (renew, ("lower_rate", {"factor": 0.1}), swap)


def _advice(cause: str, layer: str) -> tuple[str, ...]:
    return {
        "bias": (f"initialise {layer} anew with bias 0",),
        "initialisation": (f"initialise {layer} anew with the activation's gain",),
        "data not scaled": ("scale every input to mean 0 and standard deviation 1",),
        "learning rate too high": ("lower the learning rate and begin again",
                                   "use an activation with a slope on both sides"),
    }.get(cause, (f"initialise {layer} anew", "lower the learning rate",
                  "use an activation with a slope on both sides"))  # fmt: skip


def saturation(seen: Evidence) -> Iterator[Finding]:
    """Units at the flat ends of a function that has two, such as a sigmoid."""
    found = []
    for site in seen.record.activations():
        state = seen.last(site)
        if site.regions is not None and site.regions.squashes and _full(state):
            found.append((site, state))
    if not found:
        return
    squashing = [
        s for s in seen.record.activations() if s.regions is not None and s.regions.squashes
    ]
    at_first = [s for s, _ in found if _full(seen.first(s))]
    large = [s for s in at_first if seen.sigma(s) > limit("gain_large")]
    if large and len(found) > 1 and len(large) >= 0.5 * len(found):
        layers = tuple(seen.feeding(s) for s in large)
        yield _saturated(
            seen, large[0], seen.last(large[0]), "initialisation",
            layers[0] if len(large) == 1 else "",
            (("reinitialise", {"layers": layers}),),
            many=len(found) >= 0.5 * len(squashing),
        )  # fmt: skip
        return
    for site, state in found:
        cause, layer = "", seen.feeding(site)
        options: tuple[Any, ...] = ()
        if site in at_first:
            cause, layer, options = _why_at_end(seen, site)
            if seen.sigma(site) > limit("gain_large"):
                cause = "initialisation"
            cause = cause or "initialisation"
        elif seen.hot_steps:
            cause, options = "learning rate too high", (("lower_rate", {}),)
        yield _saturated(
            seen, site, state, cause, layer,
            options
            or (("reinitialise", {"layers": (layer,)}), ("normalise", {"layers": (layer,)})),
            many=len(found) >= 0.5 * len(squashing) and len(squashing) > 1,
        )  # fmt: skip


def _full(state: Any) -> bool:
    units, rows = limit("saturated_units"), limit("saturated_rows")
    return bool(state.saturated >= units or state.tail_rows >= rows)


def _saturated(
    seen: Evidence,
    site: Site,
    state: Any,
    cause: str,
    layer: str,
    options: tuple[Any, ...],
    *,
    many: bool,
) -> Finding:
    stands = state.kept >= limit("dead_units") or state.spread < 1e-3
    severity = "severe" if seen.stuck else "warning"
    if seen.learns and not stands and not (many and state.tail_rows >= limit("saturated_rows")):
        severity = "note"
    assert site.regions is not None  # noqa: S101  (only such sites come here)
    return Finding(
        "saturation",
        layer,
        cause,
        severity,
        seen.since(site, _full),
        {"saturated units": state.saturated, "rows in a flat tail": state.tail_rows,
         "weights over gain": seen.sigma(site)},
        f"{state.tail_rows:.0%} of the inputs of {_said(site)} lie below {site.regions.left:.3g} "
        f"or above {site.regions.right:.3g}, where its slope is at most a twentieth of the usual "
        f"one; {state.saturated:.0%} of its {site.units} units are there nine rows in ten.",
        ("initialise anew with the activation's gain", "put a normalisation before it"),
        site=site.name,
        rule="saturation",
        options=options,
    )  # fmt: skip


def bad_scale(seen: Evidence) -> Iterator[Finding]:
    """Weights so small at the start that the signal dies out within a few layers."""
    small = [
        s for s in seen.record.activations()
        if seen.sigma(s) < limit("gain_small") and not seen.normalised(s)
        and seen.first(s).x_std > 0
    ]  # fmt: skip
    sites = [s for s in seen.record.activations() if seen.first(s).x_std > 0]
    if len(small) < 2 or len(small) < 0.5 * len(sites):
        return
    decay = math.log10(seen.first(small[-1]).x_std / seen.first(small[0]).x_std)
    decay /= len(small) - 1
    if decay > limit("signal_decay"):
        return
    layers = tuple(seen.feeding(s) for s in small)
    ratio = seen.sigma(small[0])
    yield Finding(
        "vanishing signal and gradient",
        "",
        "initialisation",
        "severe" if seen.stuck else "warning",
        0,
        {"weights over gain": ratio, "log10 of the signal per layer": decay},
        f"The weights of {len(layers)} layers begin at about {ratio:.2g} of the gain that keeps "
        f"the signal; its size changes by a factor {10**decay:.2g} from layer to layer.",
        ("initialise anew with the activation's gain",),
        rule="bad_scale",
        options=(("reinitialise", {"layers": layers}),),
    )


def constant_weights(seen: Evidence) -> Iterator[Finding]:
    """Matrices whose entries are all equal and stay so: nothing tells the units apart."""
    names = []
    for name, layer in seen.record.layers.items():
        states = seen.record.layer_states.get(name)
        if not states or not layer.fan_in or not layer.trainable or layer.optimised is False:
            continue
        if states[0].deviation == 0 and states[-1].deviation == 0 and len(states) > 1:
            names.append(name)
    copies = [
        s for s in seen.record.activations()
        if s.units > 1 and seen.first(s).y_rms > 0 and seen.first(s).alike < limit("alike")
        and seen.last(s).alike < limit("alike") and seen.last(s).spread > 0
    ]  # fmt: skip
    if not names and not copies:
        return
    layers = tuple(dict.fromkeys([*names, *(seen.feeding(s) for s in copies)]))
    yield Finding(
        "constant weights",
        layers[0],
        "initialisation",
        "severe" if seen.stuck or seen.early else "warning",
        0,
        {"layers": float(len(layers))},
        f"All weights of {', '.join(layers)} began equal and have not parted: the units compute "
        "the same, and none gets a gradient of its own.",
        ("initialise anew with random weights and the activation's gain",),
        rule="constant_weights",
        options=(("reinitialise", {"layers": layers}),),
    )


def constant_output(seen: Evidence) -> Iterator[Finding]:
    """The output is the same for every input."""
    output = seen.output
    if len(output) < 3 or seen.early or seen.learns:
        return
    last = output[-1]
    if not (last.spread < limit("constant_output") and last.rows > 8 and last.y_rms > 0):
        return
    broken = next(
        (s for s in seen.record.activations() if seen.last(s).spread < limit("constant_output")),
        None,
    )
    layer = seen.feeding(broken) if broken is not None else seen.record.sites[OUTPUT].layer
    yield Finding(
        "constant output",
        layer,
        "",
        "severe" if seen.stuck else "warning",
        output[-1].first_step,
        {"variance over rows": last.spread},
        f"The output hardly depends on the input: its variance over the rows is {last.spread:.1g} "
        f"of its mean square; it is lost at {layer or 'its beginning'}.",
        (
            f"initialise {layer or 'the first layer'} anew",
            "put a normalisation before the activations",
        ),
        site=broken.name if broken is not None else OUTPUT,
        rule="constant_output",
        options=(("reinitialise", {"layers": (layer,)}),),
    )


def not_centred(seen: Evidence) -> Iterator[Finding]:
    """Activations all of one sign: a note, since many sound networks have them."""
    sites = []
    for site in seen.record.activations():
        state = seen.last(site)
        if abs(state.y_centre) > limit("centred") and state.spread < 0.05:
            sites.append((site, state))
    if sites:
        site, state = max(sites, key=lambda pair: abs(pair[1].y_centre))
        yield Finding(
            "activations not centred",
            seen.feeding(site),
            "",
            "note",
            state.first_step,
            {"mean over root mean square": state.y_centre, "activations": float(len(sites))},
            f"The outputs of {_said(site)} have a mean of {state.y_centre:.2f} of their root mean "
            f"square; {len(sites)} activations are off centre.",
            ("put a normalisation before it, or use an activation with mean near 0",),
            site=site.name,
            rule="not_centred",
        )
