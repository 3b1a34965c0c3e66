"""The adapter in a real Keras, in a process of its own since the backend is fixed at import."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
import sys
sys.modules["tensorflow"] = None  # which Keras would import beside PyTorch
import keras, numpy as np
from actlab.health import adapters
layers = keras.layers
model = keras.Sequential([
    layers.Input((8,)),
    layers.Dense(16, activation="relu", bias_initializer=keras.initializers.Constant(-30.0)),
    layers.Dense(2, activation="softmax"),
])
model.compile("sgd", "sparse_categorical_crossentropy")
x = np.random.default_rng(0).normal(size=(128, 8)).astype("float32")
callback = adapters.keras()
model.fit(x, (x[:, 0] > 0).astype(int), epochs=10, verbose=0, callbacks=[callback])
print(callback.findings()[0].symptom)
"""


@pytest.mark.slow
def test_keras():
    pytest.importorskip("keras")
    environment = {**os.environ, "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == "dead units", done.stderr
