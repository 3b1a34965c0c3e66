"""Periodic and oscillating functions."""

from __future__ import annotations

from actlab.catalogue.entry import Entry, Parameter, Reference, Shipped, ships

ENTRIES = (
    Entry(
        "sin",
        "sin(omega * x)",
        parameters={"omega": Parameter(1.0, "frequency; SIREN's first layer has 30")},
        aliases=("sine", "siren"),
        reference=Reference(
            "Sitzmann, Martel, Bergman, Lindell, Wetzstein",
            2020,
            "Implicit neural representations with periodic activation functions",
            arxiv="2006.09661",
        ),
    ),
    Entry(
        "snake",
        "x + sin(alpha * x)**2 / alpha",
        parameters={"alpha": Parameter(1.0, "frequency, learned in the paper", positive=True)},
        aliases=("Snake",),
        reference=Reference(
            "Ziyin, Hartwig, Ueda",
            2020,
            "Neural networks fail to learn periodic functions and how to fix it",
            arxiv="2006.08195",
        ),
        ships=ships(hf=Shipped("DAC Snake1d", note="adds 1e-9 to alpha")),
    ),
    Entry(
        "gcu",
        "x * cos(x)",
        aliases=("GCU", "growing_cosine_unit"),
        reference=Reference(
            "Noel, Arunkumar, Trivedi, Dutta",
            2021,
            "Growing cosine unit: a novel oscillatory activation function that can speedup "
            "training and reduce parameters in convolutional neural networks",
            arxiv="2108.12943",
        ),
    ),
)
