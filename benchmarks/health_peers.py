"""Published thresholds of other tools as rules over actlab's statistics, and two tools as they are.

The tools are no dependency: `pip install torchmortem==0.1.1 torch-audit==0.3.0`. Each of their runs
is a process of its own with a limit of time, `python benchmarks/health_peers.py TOOL KIND PLACE`,
so that one that crashes or hangs costs itself only; it counts as a run without a finding.

Every tool is granted the detection of numbers that are not finite. Where a tool asks for something
that the statistics hold only in a coarser form, the form is said.
"""

from __future__ import annotations

import math
import subprocess
import sys

import health_cases as cases


def _layers(record):
    """Layers with a matrix in order, with their windows."""
    return [
        (layer, record.layer_states[name])
        for name, layer in record.layers.items()
        if layer.fan_in and name in record.layer_states
    ]


def _relus(record):
    return [s for s in record.activations() if s.activation.name == "relu"]


def sagemaker(record):
    """Dead: units active on less than 1 % of inputs (here: on none) are over half of a ReLU layer.
    Vanishing: mean |g| of a layer below 1e-7 (here: its root mean square)."""
    dead = any(s.dead > 0.5 for r in _relus(record) for s in record.states[r.name])
    small = any(
        s.gradient / math.sqrt(layer.parameters) < 1e-7
        for layer, states in _layers(record) for s in states
    )  # fmt: skip
    return dead or small or record.event is not None


def autotrainer(record):
    """Vanishing: first over last gradient < 1e-3 and first < 1e-4; exploding: a gradient > 70;
    dying ReLU: 70 % of a layer's gradients are zero."""
    layers = _layers(record)
    found = record.event is not None
    for windows in zip(*(states for _, states in layers), strict=False):
        first, last = windows[0].gradient, windows[-1].gradient
        found |= last > 0 and first / last < 1e-3 and first < 1e-4
        found |= any(w.gradient > 70 for w in windows)
        found |= bool(_relus(record)) and any(w.zero_gradients >= 0.7 for w in windows)
    return found


def deepchecker(record):
    """Dead: 95th percentile of a unit's outputs < 1e-5 (here: never active), saturation over 0.85
    (here: nine rows in ten in a flat tail); both in over half of a layer's units."""
    return record.event is not None or any(
        s.dead > 0.5 or s.saturated > 0.5
        for a in record.activations() if a.activation.name == "relu" or a.regions.squashes
        for s in record.states[a.name]
        if a.activation.name != "relu" or s.dead > 0.5
    )  # fmt: skip


RULES = {"SageMaker Debugger": sagemaker, "AUTOTRAINER": autotrainer, "TheDeepChecker": deepchecker}


def torchmortem(run, steps):
    """Whether the tool itself finds anything above its lowest severity."""
    from torchmortem import Autopsy

    with Autopsy(run.model, optimizer=run.optimizer) as autopsy:
        run.train(steps, after=lambda loss: autopsy.step(loss=loss))
    found = autopsy.get_report().findings
    return any(str(getattr(f.severity, "name", f.severity)).upper() != "INFO" for f in found)


def torch_audit(run, steps):
    """The same; its checks of style (dimensions, formats) are left out."""
    from torch_audit import autopatch

    auditor = autopatch(
        run.model, optimizer=run.optimizer, every_n_steps=1, reporters=[],
        run_static=False, run_init=True,
    )  # fmt: skip
    run.train(steps)
    found = auditor.finish(report=False).findings
    auditor.unpatch()
    return any(f.severity.name != "INFO" for f in found)


TOOLS = {"torchmortem": torchmortem, "torch-audit": torch_audit}
LIMIT = 120
"""Seconds that one run may take; the slowest takes some twenty."""


def in_own_process(tool, kind, place, shift):
    """What a tool says of one run: "finds", "silent", "no time", or why it crashed."""
    words = [sys.executable, __file__, tool, kind, str(place), str(shift)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return "no time"
    if done.returncode:
        return (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
    return done.stdout.split()[-1]


def main(tool, kind, place, shift):
    cases.quiet()
    chosen = (
        cases.sick_cases(12, int(shift)) if kind == "sick" else cases.healthy_cases(150, int(shift))
    )
    found = TOOLS[tool](cases.Run(chosen[int(place)]), cases.STEPS)
    print("finds" if found else "silent")


if __name__ == "__main__":
    main(*sys.argv[1:])
