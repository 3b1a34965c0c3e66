"""Pointwise functions that stand in for a normalisation layer."""

from __future__ import annotations

from actlab.catalogue.entry import Entry, Parameter, Reference, ships

ENTRIES = (
    Entry(
        "dyt",
        "gamma * tanh(alpha * x) + beta",
        parameters={
            "alpha": Parameter(0.5, "slope inside, learned"),
            "gamma": Parameter(1.0, "scale per channel, learned"),
            "beta": Parameter(0.0, "shift per channel, learned"),
        },
        aliases=("DyT", "dynamic_tanh"),
        reference=Reference(
            "Zhu, Chen, He, LeCun, Liu",
            2025,
            "Transformers without normalization",
            arxiv="2503.10622",
        ),
        ships=ships(liger="LigerDyT"),
    ),
    Entry(
        "derf",
        "gamma * erf(alpha * x + s) + beta",
        parameters={
            "alpha": Parameter(0.5, "slope inside, learned"),
            "s": Parameter(0.0, "shift inside, learned"),
            "gamma": Parameter(1.0, "scale per channel, learned"),
            "beta": Parameter(0.0, "shift per channel, learned"),
        },
        aliases=("Derf", "dynamic_erf"),
        reference=Reference(
            "Chen, Lu, Zhu, Sun, Liu",
            2025,
            "Stronger normalization-free transformers",
            arxiv="2512.10938",
        ),
        note="The starting values are those of the authors' code.",
    ),
)
