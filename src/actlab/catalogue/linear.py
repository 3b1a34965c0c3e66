"""The identity and what it is compared with."""

from __future__ import annotations

from actlab.catalogue.entry import Entry, Reference, ships

ENTRIES = (
    Entry(
        "identity",
        "x",
        aliases=("linear", "Identity", "none"),
        reference=Reference(
            "Widrow, Hoff",
            1960,
            "Adaptive switching circuits",
            where="IRE WESCON Convention Record",
        ),
        ships=ships(
            torch="torch.nn.Identity",
            keras="keras.activations.linear",
            jax="jax.nn.identity",
            hf="linear",
        ),
        note="Layers without another activation between them compute one linear map.",
    ),
)
