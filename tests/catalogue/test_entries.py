"""What an entry says of itself: names, parameters, sources and who ships it."""

from __future__ import annotations

import re

import pytest

import actlab
from actlab.catalogue import entry_of, families
from actlab.errors import UnknownNameError

NAMES = actlab.names()
AMBIGUOUS = {
    "SReLU": {"s_shaped_relu", "shifted_relu"},
    "CReLU": {"concatenated_relu", "complex_relu"},
    "FReLU": {"flexible_relu", "funnel_relu"},
    "BReLU": {"bipolar_relu", "clipped_relu"},
}
NO_PAPER = {
    "bent_identity", "exponential", "gudermannian", "log_cosh", "log_sigmoid", "log_softmax",
    "rectified_tanh", "relu2glu",
}  # fmt: skip
"""Classical functions and folklore; the note of each says so."""

HUGGING_FACE = {
    "gelu": "gelu", "gelu_10": "clipped_gelu", "gelu_fast": "gelu_tanh", "gelu_new": "gelu_tanh",
    "gelu_python": "gelu", "gelu_pytorch_tanh": "gelu_tanh", "gelu_accurate": "gelu_tanh",
    "gelu_python_tanh": "gelu_tanh", "laplace": "laplace_mega", "leaky_relu": "leaky_relu",
    "linear": "identity", "mish": "mish", "quick_gelu": "quick_gelu", "relu": "relu",
    "relu2": "squared_relu", "relu6": "relu6", "sigmoid": "sigmoid", "silu": "silu",
    "swish": "swish", "tanh": "tanh", "prelu": "prelu", "xielu": "xielu",
}  # fmt: skip
KERAS = {
    "celu": "celu", "elu": "elu", "exponential": "exponential", "gelu": "gelu", "glu": "glu",
    "hard_shrink": "hard_shrink", "hard_sigmoid": "hard_sigmoid", "hard_silu": "hard_swish",
    "hard_swish": "hard_swish", "hard_tanh": "hard_tanh", "leaky_relu": "leaky_relu",
    "linear": "identity", "log_sigmoid": "log_sigmoid", "log_softmax": "log_softmax",
    "mish": "mish", "relu": "relu", "relu6": "relu6", "selu": "selu", "sigmoid": "sigmoid",
    "silu": "silu", "softmax": "softmax", "soft_shrink": "soft_shrink", "softplus": "softplus",
    "softsign": "softsign", "sparse_plus": "sparse_plus", "sparse_sigmoid": "sparse_sigmoid",
    "squareplus": "squareplus", "swish": "swish", "tanh": "tanh", "tanh_shrink": "tanh_shrink",
    "threshold": "threshold", "sparsemax": "sparsemax",
}  # fmt: skip
TORCH = {
    "Identity": "identity", "ReLU": "relu", "LeakyReLU": "leaky_relu", "PReLU": "prelu",
    "RReLU": "rrelu", "ReLU6": "relu6", "Threshold": "threshold", "ELU": "elu", "SELU": "selu",
    "CELU": "celu", "SiLU": "silu", "GELU": "gelu", "Mish": "mish", "Sigmoid": "sigmoid",
    "Hardsigmoid": "hard_sigmoid", "Tanh": "tanh", "Hardtanh": "hard_tanh",
    "Softplus": "softplus", "Softsign": "softsign", "LogSigmoid": "log_sigmoid",
    "Hardswish": "hard_swish", "Hardshrink": "hard_shrink", "Softshrink": "soft_shrink",
    "Tanhshrink": "tanh_shrink", "Softmax": "softmax", "Softmin": "softmin",
    "LogSoftmax": "log_softmax", "GLU": "glu", "Softmax2d": "softmax",
    "gumbel_softmax": "gumbel_softmax",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_entry_parses_and_its_names_lead_to_it(name):
    f = actlab.get(name)
    assert f.name == name
    for alias in f.aliases:
        if alias in AMBIGUOUS:
            continue
        assert actlab.get(alias).name == name, alias


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_name_that_the_literature_uses_twice_says_which_there_are(name):
    with pytest.raises(UnknownNameError) as refused:
        actlab.get(name)
    assert all(each in str(refused.value) for each in AMBIGUOUS[name])
    assert all(name in actlab.get(each).aliases for each in AMBIGUOUS[name])


@pytest.mark.parametrize("name", NAMES)
def test_source_is_named(name):
    f = actlab.get(name)
    if name in NO_PAPER:
        assert f.reference is None
        assert f.note
        return
    source = f.reference
    assert source.authors
    assert 1940 <= source.year <= 2026
    assert source.arxiv or source.doi or source.where, "where is it published?"
    assert source.title or source.where
    if source.arxiv:
        digits = re.fullmatch(r"(\d\d)(0[1-9]|1[0-2])\.(\d{4,5})", source.arxiv)
        assert digits, source.arxiv
        # the number has five digits since 2015; a paper may be printed a few years later
        assert (len(digits[3]) == 5) == (int(digits[1]) >= 15)
        assert 2000 + int(digits[1]) - source.year in range(-4, 2), "number and year disagree"
    if source.doi:
        assert re.fullmatch(r"10\.\d{4,5}/\S+", source.doi)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_explained(name):
    f = actlab.get(name)
    assert all(spec.meaning for spec in f.specs.values())
    assert all(isinstance(spec.default, float) for spec in f.specs.values())


@pytest.mark.parametrize("name", NAMES)
def test_every_framework_that_ships_it_can_be_asked(name):
    f = actlab.get(name)
    for framework, ways in f.shipped.items():
        for way in ways:
            like = way.path if way.path.startswith(f"{framework}.") else framework
            other = actlab.get(name, like=like)
            assert other.name == (way.function or ways[0].function or name)
            if like == way.path:
                assert {k: other.parameters[k] for k in way.parameters} == dict(way.parameters)


def test_frameworks_disagree_where_they_do():
    assert actlab.get("gelu", like="jax").name == "gelu_tanh"
    assert actlab.get("gelu", like="keras.ops").name == "gelu_tanh"
    assert actlab.get("gelu", like="keras").name == "gelu"
    assert actlab.get("leaky_relu", like="keras.layers").parameters["negative_slope"] == 0.3
    assert actlab.get("leaky_relu", like="keras.activations").parameters["negative_slope"] == 0.2
    assert actlab.get("leaky_relu", like="tf").parameters["negative_slope"] == 0.2
    assert actlab.get("leaky_relu", like="torch").parameters["negative_slope"] == 0.01
    assert actlab.get("hard_sigmoid", like="onnx").parameters["alpha"] == 0.2
    assert actlab.get("prelu", like="torch").parameters["weight"] == 0.25
    assert actlab.get("prelu", like="keras").parameters["weight"] == 0.0


@pytest.mark.parametrize(
    ("theirs", "ours"), [*HUGGING_FACE.items(), *KERAS.items(), *TORCH.items()]
)
def test_names_of_other_libraries(theirs, ours):
    assert actlab.get(theirs).name == ours


def test_swish_is_silu_at_its_default_and_takes_beta():
    assert actlab.get("swish") == actlab.get("silu") == actlab.define("x * sigmoid(x)")
    assert actlab.get("swish", beta=2.0) != actlab.get("silu")
    assert actlab.get("quick_gelu") == actlab.get("swish", beta=1.702)


def test_functions_that_are_special_cases_of_others():
    assert actlab.get("acon_c") == actlab.get("silu")
    assert actlab.get("smelu", beta=1.0)(0.3) == actlab.get("sparse_plus")(0.3)
    x = [-3.0, -0.5, -0.2, 0.0, 0.5, 0.7]
    shrink = actlab.get("shrink")
    assert list(shrink(x)) == list(actlab.get("hard_shrink")(x))
    soft = actlab.get("shrink", bias=0.5)
    assert list(soft(x)) == list(actlab.get("soft_shrink")(x))


def test_catalogue_is_broad():
    assert len(NAMES) >= 220
    assert all(len(actlab.names(family)) for family in families())
    assert all(entry_of(name).name == name for name in NAMES)
