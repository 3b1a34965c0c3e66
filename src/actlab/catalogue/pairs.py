"""Gated pairs: one half of the features opens or closes the other."""

from __future__ import annotations

from actlab.catalogue.entry import Entry, Reference, ships

_SHAZEER = Reference("Shazeer", 2020, "GLU variants improve transformer", arxiv="2002.05202")

ENTRIES = (
    Entry(
        "glu",
        "x * sigmoid(gate)",
        aliases=("GLU", "gated_linear_unit"),
        reference=Reference(
            "Dauphin, Fan, Auli, Grangier",
            2017,
            "Language modeling with gated convolutional networks",
            arxiv="1612.08083",
        ),
        ships=ships(torch="torch.nn.GLU", keras="keras.activations.glu", jax="jax.nn.glu"),
        note="With one input the second half along the axis is the gate, as in PyTorch.",
    ),
    Entry(
        "reglu",
        "x * relu(gate)",
        aliases=("ReGLU",),
        reference=_SHAZEER,
    ),
    Entry(
        "geglu",
        "x * gelu(gate)",
        aliases=("GEGLU",),
        reference=_SHAZEER,
        note="Some libraries gate on the first half, or with the tanh form of GELU.",
    ),
    Entry(
        "swiglu",
        "x * silu(gate)",
        aliases=("SwiGLU",),
        reference=_SHAZEER,
        note="Some libraries gate on the first half, or interleave the two.",
    ),
)
