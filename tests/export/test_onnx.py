"""Modules through torch.onnx.export into ONNX Runtime, held against the exact value."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from actlab.formula import PRIMITIVES
from export.cases import bound, case, run, worst

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("onnxruntime") is None or find_spec("onnxscript") is None,
        reason="there is no ONNX Runtime",
    ),
]

SCALARS = (
    "arctan", "bent_identity", "colu", "elu", "erf", "gaussian",
    "gelu", "gelu_tanh", "hard_sigmoid", "hard_swish", "hard_tanh", "leaky_relu", "log_sigmoid",
    "lisht", "logish", "mish", "nlrelu", "relu", "relu6", "selu", "sigmoid",
    "silu", "sinc", "sinlu", "snake", "soft_exponential", "soft_shrink", "softplus", "softsign",
    "squared_relu", "swish", "tanh", "tanh_shrink", "telu", "threshold", "xielu",
)  # fmt: skip
"""Every family, every tail, and between them every word that needs a stable form."""

SCRIPT = Path(__file__).parent / "run_onnx.py"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("onnx")
    pairs = ("swiglu", "glu")
    inputs = {name: np.stack(case(name).inputs) for name in (*SCALARS, *pairs)}
    np.savez(folder / "inputs.npz", **inputs)
    run(sys.executable, str(SCRIPT), str(folder), ",".join(SCALARS), ",".join(pairs))
    with np.load(folder / "results.npz") as file:
        return dict(file)


def test_numbers_are_those_of_the_formula(results):
    failures = []
    for name in (*SCALARS, "swiglu", "glu"):
        error, place = worst(case(name), "", results[name], "float32")
        if not error <= bound(name, "float32", ""):
            at = [float(values[place]) for values in case(name).inputs]
            exactly = case(name).exact[""].floats()[place]
            failures.append(f"{name}: {error:.3g} ULP at {at}: {results[name][place]}, {exactly}")
    assert not failures, "\n".join(failures)


def test_tails(results):
    x = case("log_sigmoid").inputs[0]
    assert results["log_sigmoid"][x == -300.0].tolist() == [-300.0]
    assert results["log_sigmoid"][x == 40.0] == pytest.approx(-np.exp(-40.0), rel=1e-6)
    assert results["log_sigmoid"][x == -np.inf].tolist() == [-np.inf]
    assert np.isnan(results["gelu"][np.isnan(x)]).all()


def test_the_batch_may_have_any_size(results):
    assert results["batches"].tolist() == [1, 3, 56]


def test_vectors_learned_parameters_and_half_precision(results):
    np.testing.assert_allclose(results["softmax"].sum(axis=-1), 1, rtol=1e-6)
    # -ln(1 + exp(-45) + ...), which a sum that starts at 1 would lose
    assert results["log_softmax"][0] == pytest.approx(-7.411868405872549e-20, rel=1e-5)
    np.testing.assert_array_equal(results["learned"], [-0.5, 1.0, -1.5, 2.0])
    assert results["half"].dtype == np.float16


def test_layers_with_weights_of_their_own_keep_their_tails(results):
    # dice starts as x * sigmoid(x), at a variance of 1 + 1e-8; ONNX's Sigmoid(-88) is 0
    expected = [-x * np.exp(-x) / (1 + np.exp(-x)) for x in (1.0, 2.0, -50.0, 88.0)]
    np.testing.assert_allclose(results["dice"][0], expected, rtol=2e-5)


def test_every_word_has_an_operation():
    from actlab.engines.torch_onnx import TABLE

    assert set(TABLE) == set(PRIMITIVES)
