"""What is measured of functions of whole vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from actlab.activation import Activation
from actlab.properties.facts import Fact, VectorProperties

__all__ = ["of_vectors"]


def of_vectors(activation: Activation) -> VectorProperties:
    """Statements on 200 fixed vectors of 2 to 9 entries."""
    random = np.random.default_rng(20240607)
    vectors = [random.normal(size=2 + k % 8) * 3 for k in range(200)]
    if activation.family == "channels":  # some of them work on pairs of neighbours
        vectors = [v for v in vectors if len(v) % 2 == 0]
    results = [np.asarray(activation(v)) for v in vectors]
    pairs = list(zip(vectors, results, strict=True))

    def near(a: Any, b: Any) -> bool:
        return bool(np.all(np.abs(a - b) <= 1e-9 * np.maximum(1, np.abs(b))))

    how = "200 fixed vectors"
    same = all(v.shape == r.shape for v, r in pairs)
    return VectorProperties(
        activation.name,
        sums_to_one=Fact(all(near(r.sum(), 1.0) for r in results), False, how),
        nonnegative=Fact(all(bool(np.all(r >= 0)) for r in results), False, how),
        translation_invariant=Fact(
            all(near(np.asarray(activation(v + 1.5)), r) for v, r in pairs), False, how
        ),
        order_preserving=Fact(
            same and all(bool(np.all(np.diff(r[np.argsort(v)]) >= -1e-12)) for v, r in pairs),
            False,
            how,
        ),
    )
