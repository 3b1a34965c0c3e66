"""What a Keras user does with the layer, on the backend of this process.

Run by test_keras_layer.py in a process of its own for each backend but the one that the tests
have, as Keras has one for good; prints one line of JSON there.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

if os.environ.get("KERAS_BACKEND") in {"jax", "torch"}:
    # as where it is not installed: Keras would import it to ask what it knows
    sys.modules["tensorflow"] = None  # type: ignore[assignment]

import keras
import numpy as np

import actlab


def report_on_this(folder: Path) -> dict[str, Any]:
    """Build, train, save and load."""
    random = np.random.default_rng(0)
    x = random.normal(size=(256, 6)).astype(np.float32)
    y = (x[:, :1] * 2 + np.tanh(x[:, 1:2])).astype(np.float32)
    own = actlab.define("x * tanh(exp(beta * x))", name="mine", beta=1.0)

    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(16),
            actlab.keras_layer("gelu"),
            keras.layers.Dense(16),
            actlab.keras_layer(own, learnable=True, channels=16),
            actlab.keras_layer("rrelu", seed=3),
            keras.layers.Dense(16),
            actlab.keras_layer("swiglu"),
            actlab.keras_layer("linear_spline"),
            actlab.keras_layer("dice"),
            actlab.keras_layer("kan_bspline", outputs=1),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse")
    history = model.fit(x, y, epochs=4, batch_size=32, verbose=0).history["loss"]

    model.save(folder / "model.keras")
    again = keras.models.load_model(folder / "model.keras")

    inputs = keras.Input((6,))
    functional = keras.Model(
        inputs, keras.layers.Dense(2)(actlab.silu(keras.layers.Dense(4)(inputs)))
    )
    functional.save(folder / "functional.keras")
    functional_again = keras.models.load_model(folder / "functional.keras")

    points = np.linspace(-5, 5, 21, dtype=np.float32)
    layers = {name: np.asarray(keras.ops.convert_to_numpy(actlab.keras_layer(name)(points)))
              for name in ("relu", "mish", "telu", "softplus")}  # fmt: skip
    worst = max(
        float(np.max(np.abs(value - np.asarray(actlab.get(name)(points)))))
        for name, value in layers.items()
    )
    variable = keras.Variable(points)
    from_variable = keras.ops.convert_to_numpy(actlab.gelu(variable))
    beta = keras.ops.convert_to_numpy(model.layers[3].beta)
    return {
        "backend": keras.backend.backend(),
        "losses": [float(loss) for loss in history],
        "beta_moved": bool((beta != 1.0).all()),
        "beta_shape": list(beta.shape),
        "saved": float(np.max(np.abs(again.predict(x, verbose=0) - model.predict(x, verbose=0)))),
        "formula": str(again.layers[3].activation.formula),
        "functional": float(
            np.max(
                np.abs(functional_again.predict(x, verbose=0) - functional.predict(x, verbose=0))
            )
        ),
        "layers": worst,
        "variable": float(np.max(np.abs(from_variable - actlab.gelu(points)))),
    }


if __name__ == "__main__":
    print(json.dumps(report_on_this(Path(sys.argv[1]))))
