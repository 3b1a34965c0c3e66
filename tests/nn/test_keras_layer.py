"""The Keras layer: on each backend in a process of its own, and its details on TensorFlow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import actlab
from actlab.errors import UnknownNameError

needs_keras = pytest.mark.skipif(
    find_spec("keras") is None or find_spec("tensorflow") is None,
    reason="keras or tensorflow is not installed; pip install 'actlab[dev]' has both",
)
# Keras itself makes arrays of its variables in a way that NumPy 2 deprecates
quiet = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def report_of(backend, folder):
    """What keras_backend.py found on a backend; here, where it is the backend of this process."""
    import keras

    if keras.backend.backend() == backend:
        from nn.keras_backend import report_on_this

        return report_on_this(folder)
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("keras_backend.py")), str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@quiet
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_training_and_saving_on_each_backend(backend, tmp_path):
    if find_spec("keras") is None or find_spec(backend) is None:
        pytest.skip(f"keras or {backend} is not installed; pip install 'actlab[dev]' has both")
    report = report_of(backend, tmp_path)
    assert report["backend"] == backend
    assert report["losses"][-1] < 0.5 * report["losses"][0]
    assert report["beta_moved"]
    assert report["beta_shape"] == [16]
    assert report["saved"] == 0.0
    assert report["functional"] == 0.0
    assert report["formula"] == "x * tanh(exp(beta * x))"
    assert report["layers"] < 1e-6  # the largest value is 5: about an ULP of it
    assert report["variable"] < 1e-6


@needs_keras
class TestLayer:
    """On the backend of this process, which is TensorFlow."""

    @pytest.fixture(autouse=True)
    def _on_tensorflow(self):
        import keras

        if keras.backend.backend() != "tensorflow":
            pytest.skip("these tests are for Keras on TensorFlow")

    def test_learned_parameters_are_weights(self):
        layer = actlab.keras_layer("leaky_relu", learnable=True, channels=3)
        (weight,) = layer.trainable_weights
        assert (weight.name, tuple(weight.shape)) == ("negative_slope", (3,))
        weight.assign([0.1, 0.2, 0.5])
        np.testing.assert_allclose(layer(-np.ones((2, 3), np.float32))[0], [-0.1, -0.2, -0.5])
        with pytest.raises(ValueError, match="3 channels, counted along the last dimension"):
            layer(np.ones((3, 2), np.float32))

    def test_a_positive_parameter_stays_positive_and_can_come_back(self):
        import tensorflow as tf

        layer = actlab.keras_layer("softplus", learnable=True)
        layer.beta.assign(-3.0)
        with tf.GradientTape() as tape:
            y = layer(np.ones(4, np.float32))
        assert np.isfinite(y).all()
        gradient = tape.gradient(y, layer.beta.value)
        assert np.isfinite(gradient)
        assert float(gradient) != 0

    def test_a_parameter_stays_above_its_bound(self):
        layer = actlab.keras_layer("entmax", learnable=True)
        layer.alpha.assign(0.5)
        y = layer(np.array([[1.0, 2.0, 1.5]], np.float32)).numpy()
        just_above = actlab.get("entmax", alpha=1 + 0.5e-4)([[1.0, 2.0, 1.5]])
        np.testing.assert_allclose(y, just_above, rtol=1e-3)  # 1/(alpha - 1) is 20,000 in float32

    def test_masks_pass_through(self):
        import keras

        embedded = keras.layers.Embedding(5, 4, mask_zero=True)(np.array([[1, 2, 0]]))
        result = actlab.keras_layer("silu")(embedded)
        np.testing.assert_array_equal(
            keras.src.backend.get_keras_mask(result), [[True, True, False]]
        )

    @pytest.mark.parametrize("policy", ["float16", "bfloat16", "mixed_bfloat16", "float64"])
    def test_dtype_policies(self, policy):
        layer = actlab.keras_layer("leaky_relu", learnable=True, dtype=policy)
        dtype = policy.removeprefix("mixed_")
        assert layer(np.ones((2, 3), np.float32)).dtype == dtype
        assert layer.negative_slope.dtype == ("float32" if "mixed" in policy else dtype)

    def test_random_parameters_are_drawn_in_training(self):
        layer = actlab.keras_layer("rrelu", seed=7)
        x = -np.ones((40, 50), np.float32)
        drawn = -np.asarray(layer(x, training=True))
        assert len(np.unique(drawn)) > 1000
        assert 1 / 8 <= drawn.min() < 0.13
        assert 0.32 < drawn.max() <= 1 / 3 + 1e-6
        np.testing.assert_allclose(layer(x), -11 / 48, rtol=1e-6)
        again = actlab.keras_layer("rrelu", seed=7)
        np.testing.assert_array_equal(again(x, training=True), -drawn)

    def test_axes_and_shapes(self):
        x = np.linspace(-2, 2, 24, dtype=np.float32).reshape(2, 4, 3)
        np.testing.assert_allclose(
            actlab.keras_layer("softmax", axis=1)(x).numpy().sum(axis=1), 1, rtol=1e-6
        )
        assert actlab.keras_layer("swiglu", axis=1)(x).shape == (2, 2, 3)
        assert actlab.keras_layer("swiglu", axis=1).compute_output_shape((None, 4, 3)) == (
            None, 2, 3,
        )  # fmt: skip

    @quiet
    def test_a_file_holds_the_numbers(self, tmp_path):
        import keras

        layer = actlab.keras_layer(
            actlab.get("elu", alpha=0.7), learnable="alpha", name="first", dtype="float32"
        )
        layer.alpha.assign(0.9)
        model = keras.Sequential([keras.Input((3,)), layer, actlab.keras_layer("softmax", axis=-1)])
        model.save(tmp_path / "model.keras")
        again = keras.models.load_model(tmp_path / "model.keras")
        assert again.layers[0].name == "first"
        assert again.layers[0].activation == actlab.get("elu", alpha=0.7)
        assert float(again.layers[0].alpha) == pytest.approx(0.9)
        assert again.layers[1].axis == -1
        x = np.array([[-1.0, 0.0, 2.0]], np.float32)
        np.testing.assert_array_equal(again(x), model(x))

    def test_bad_requests(self):
        with pytest.raises(UnknownNameError, match="no parameter 'beta' that could be learned"):
            actlab.keras_layer("leaky_relu", learnable="beta")
        with pytest.raises(TypeError, match="takes no axis"):
            actlab.keras_layer("relu", axis=1)
        with pytest.raises(ValueError, match="give learnable=True"):
            actlab.keras_layer("leaky_relu", channels=3)
        with pytest.raises(UnknownNameError, match="did you mean"):
            actlab.keras_layer("gelo")
        name = actlab.define("x * units", units=1.0)
        actlab.keras_layer(name, learnable=True)
        with pytest.raises(ValueError, match="rename it in the formula"):
            actlab.keras_layer(actlab.define("x * trainable", trainable=1.0), learnable=True)


def without(missing, script):
    """The lines that a script prints where some modules are not installed."""
    block = (
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name in {missing!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "import actlab\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", block + script], capture_output=True, text=True, check=False,
        timeout=120, env={**os.environ, "KERAS_BACKEND": "tensorflow"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


REFUSED = "try:\n    actlab.keras_layer\nexcept actlab.ActlabError as error:\n    print(error)"


def test_without_keras_one_sentence_says_what_to_install():
    missing = ("keras", "tensorflow", "jax", "torch")
    value, message = without(missing, f"print(actlab.gelu(0.5))\n{REFUSED}")
    assert float(value) == actlab.gelu(0.5)
    assert message == (
        "a Keras layer needs Keras, which is not installed; pip install 'actlab[keras]'"
    )


@needs_keras
def test_without_the_backend_one_sentence_names_it():
    (message,) = without(("tensorflow",), REFUSED)
    assert message.startswith("Keras is set to a backend that is not installed: there is no tensor")
    assert "KERAS_BACKEND" in message


@needs_keras
def test_a_keras_layer_needs_no_pytorch():
    shape, name = without(
        ("torch",),
        "import numpy\nprint(actlab.keras_layer('gelu')(numpy.zeros((1, 2))).shape)\n"
        "try:\n    actlab.swap\nexcept ModuleNotFoundError as error:\n    print(error.name)",
    )
    assert (shape, name) == ("(1, 2)", "torch")
