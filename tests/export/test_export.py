"""Names, comments, options and errors of exported source."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

import actlab
from actlab.cli import app
from actlab.errors import ActlabError
from actlab.export import TARGETS
from actlab.export.names import RESERVED, identifier, one_line, parameter_names
from export.cases import run

HOSTILE = [
    "*/ #include </etc/passwd> /*",
    "a\nimport os\n",
    "a\r\u2028alert(1)//\u2029\x0b\x85b",
    'quote " and \' and """ and `',
    "ends in a backslash \\",
    "coding: utf-7",
    "??/",
    "</script><script>alert(1)</script>",
    "\u202eright to left\u202c",
    "%\\end{document}",
    "{braces} and {0} and %s",
    "double",
    "if",
    "i",
    "erf",
    "lambda",
    "np",
    "torch",
    "map",
    "float",
    "Array",
    "activation_sigmoid",
    "2fast",
    "",
    "Ünïcödé αβ",
    "名",
]
FORMULA = "x * sigmoid(lambd * x) + normcdf(dtype * x) + erf(double) + beta_é"
NUMBERS = {"lambd": 1.5, "dtype": 0.5, "double": -2.0, "beta_é": 0.25}


def sources(target):
    for name in HOSTILE:
        yield name, actlab.define(FORMULA, name=name, **NUMBERS).export(target)


def expected(x):
    return float(actlab.define(FORMULA, **NUMBERS)(x))


def test_unknown_target():
    with pytest.raises(ActlabError, match="numpy, torch, jax, keras, c, javascript, latex"):
        actlab.get("gelu").export("fortran")
    with pytest.raises(ActlabError, match="None"):
        actlab.get("gelu").export(None)


@pytest.mark.parametrize("target", ["numpy", "torch", "jax", "keras"])
def test_names_stay_in_their_place_in_python(target):
    for name, source in sources(target):
        tree = ast.parse(source)
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        assert imported <= {"numpy", "torch", "jax", "jax.numpy", "keras", "ops"}, name
        assert not re.search(r"coding[=:]", "".join(source.splitlines()[:2])), name
        functions = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
        assert all(f.isascii() for f in functions), name


@pytest.mark.parametrize("target", ["numpy", "torch"])
def test_hostile_names_run_in_python(target):
    for name, source in sources(target):
        scope = {}
        exec(compile(source, name, "exec"), scope)  # noqa: S102
        functions = [v for k, v in scope.items() if callable(v) and not k.startswith("_")]
        value = next(f for f in functions if getattr(f, "__doc__", "") == "The value.")
        assert float(value(0.75)) == pytest.approx(expected(0.75), rel=1e-6), name


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc")
def test_names_stay_in_their_place_in_c(tmp_path):
    paths = []
    for k, (_, source) in enumerate(sources("c")):
        assert source.count("*/") == source.count("/*")
        assert [x for x in source.splitlines() if x.startswith("#inc")] == ["#include <math.h>"]
        paths.append(tmp_path / f"{k}.c")
        paths[-1].write_text(source, encoding="utf-8")
    flags = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only"]
    run("gcc", *flags, *paths)


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_names_stay_in_their_place_in_javascript(tmp_path):
    lines = []
    for k, (name, source) in enumerate(sources("javascript")):
        (tmp_path / f"{k}.mjs").write_text(source, encoding="utf-8")
        assert "</" not in source
        function = identifier(name, RESERVED["javascript"])
        lines.append(f'import * as m{k} from "./{k}.mjs"; out.push(m{k}.{function}(0.75));')
    script = tmp_path / "all.mjs"
    script.write_text(
        "const out = [];\n" + "\n".join(lines) + "\nconsole.log(JSON.stringify(out));"
    )
    done = run("node", script)
    assert json.loads(done.stdout) == pytest.approx([expected(0.75)] * len(HOSTILE), rel=1e-14)


def test_names_stay_in_their_place_in_latex():
    for _, source in sources("latex"):
        comment, _, rest = source.partition("\\begin{align*}")
        assert all(line.startswith("%") for line in comment.splitlines())
        assert rest.count("{") == rest.count("}")


def test_comments_hold_one_line():
    for name in HOSTILE:
        line = one_line(name)
        assert line.isprintable()
        assert len(line.splitlines()) <= 1
        assert not re.search(r"\*/|/\*|</|<!|\?\?|\\$", line)


def test_parameters_keep_their_names_where_they_can():
    assert parameter_names(["alpha", "if", "v3", "é"], {"if"}) == {
        "alpha": "alpha", "if": "if_", "v3": "v3_", "é": "e",
    }  # fmt: skip
    assert len(set(parameter_names(["é", "e", "è"], set()).values())) == 3


def test_reserved_words_are_complete():
    import torch

    from actlab.export.torch import RESERVED as OF_MODULES

    assert {n for n in dir(torch.nn.Module) if not n.startswith("_")} <= OF_MODULES


@pytest.mark.parametrize("target", TARGETS)
def test_header_says_what_it_is(target):
    source = actlab.get("elu").export(target)
    assert "elu" in source
    assert "Clevert" in source
    assert "alpha = 1.0" in source
    assert "actlab" not in source


@pytest.mark.parametrize("target", [t for t in TARGETS if t != "latex"])
def test_without_derivative(target):
    source = actlab.get("gelu").export(target, derivative=False)
    assert "derivative" not in source
    assert "normpdf" not in source


def test_constant_parts_and_constant_choices_are_numbers():
    f = actlab.define("where(1 > 0, x, 2) * tanh(0.5) + x * 0 * sin(2)", name="f")
    for target in TARGETS:
        if target != "latex":
            assert "sin(" not in f.export(target).replace(str(f.formula), "")
    scope = {}
    exec(f.export("torch"), scope)  # noqa: S102
    assert float(scope["f"](2.0)) == pytest.approx(2 * np.tanh(0.5), rel=1e-6)


def test_parameters_are_arguments():
    scope = {}
    exec(actlab.get("leaky_relu", negative_slope=0.25).export("numpy"), scope)  # noqa: S102
    f = scope["leaky_relu"]
    assert f([-2.0, 4.0]).tolist() == [-0.5, 4.0]
    assert f([-2.0, 4.0], negative_slope=0.5).tolist() == [-1.0, 4.0]
    assert f(np.float32([-2.0])).dtype == np.float32
    assert f(np.array([-2, 3])).tolist() == [-0.5, 3.0]


def test_torch_source_under_transforms():
    import torch

    scope = {"__name__": "source"}
    exec(actlab.get("swish", beta=1.5).export("torch"), scope)  # noqa: S102
    f, df = scope["swish"], scope["swish_derivative"]
    x = torch.linspace(-3, 3, 7, dtype=torch.float64)
    slopes = torch.func.vmap(torch.func.grad(f))(x)
    torch.testing.assert_close(slopes, df(x), rtol=0, atol=0)
    beta = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(f, (x.clone().requires_grad_(), beta))
    assert torch.autograd.gradgradcheck(f, (x.clone().requires_grad_(), beta))
    half = f(x.to(torch.bfloat16))
    assert half.dtype == torch.bfloat16
    layer = scope["Swish"]()
    layer.beta = torch.nn.Parameter(torch.tensor(2.0))
    layer(torch.ones(3)).sum().backward()
    assert layer.beta.grad is not None


def test_jax_source_under_transforms():
    import jax

    scope = {}
    exec(actlab.get("swish", beta=1.5).export("jax"), scope)  # noqa: S102
    f, df = scope["swish"], scope["swish_derivative"]
    x = jax.numpy.linspace(-3, 3, 7)
    slopes = jax.jit(jax.vmap(jax.grad(f)))(x)
    np.testing.assert_allclose(slopes, df(x), rtol=1e-6)
    by_beta = jax.grad(f, argnums=1)(1.0, 0.7)
    assert float(by_beta) == pytest.approx(
        float(actlab.get("swish", beta=0.7).derivative(1.0, wrt="beta"))
    )
    assert np.isfinite(jax.grad(f)(-np.inf))
    assert f(x.astype("bfloat16")).dtype == "bfloat16"


@pytest.mark.parametrize("name", ["gelu", "silu", "mish", "softplus", "tanh"])
def test_second_derivatives_of_keras_source(name):
    """Through a tf.function, at 0 too, where a framework's `abs` has no slope."""
    tf = pytest.importorskip("tensorflow")
    scope = {}
    exec(actlab.get(name).export("keras").replace('"activations"', f'"two_{name}"'), scope)  # noqa: S102

    @tf.function
    def second(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = scope[name](x)
            slope = inner.gradient(y, x)
        return outer.gradient(slope, x)

    x = np.linspace(-4, 4, 17)
    expected = actlab.get(name).derivative(x, order=2)
    np.testing.assert_allclose(second(tf.constant(x)), expected, rtol=1e-13, atol=1e-15)


KERAS = """
import sys; sys.path.insert(0, {folder!r})
if {backend!r} == "torch":
    sys.modules["tensorflow"] = None  # which Keras would import beside it
import keras, numpy as np, source
inputs = keras.Input((4,))
hidden = source.Swish(beta=1.5)(inputs)
model = keras.Model(inputs, keras.layers.Dense(2, activation=source.swish)(source.swish(hidden)))
x = np.linspace(-3, 3, 8, dtype="float32").reshape(2, 4)
model.save({folder!r} + "/model.keras")
again = keras.saving.load_model({folder!r} + "/model.keras")
np.testing.assert_array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))
assert again.layers[1].get_config()["beta"] == 1.5
model.compile("sgd", "mse"); model.fit(x, np.zeros((2, 2)), verbose=0)
assert "actlab" not in sys.modules
"""


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_keras_source_saves_and_trains(tmp_path, backend):
    (tmp_path / "source.py").write_text(actlab.get("swish").export("keras"), encoding="utf-8")
    env = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    script = KERAS.format(folder=str(tmp_path), backend=backend)
    run(sys.executable, "-c", script, env=env)


def test_command_line(tmp_path):
    invoke = CliRunner().invoke
    shown = invoke(app, ["export", "gelu", "--to", "js"])
    assert shown.exit_code == 0
    assert shown.stdout == actlab.get("gelu").export("javascript")
    file = tmp_path / "f.c"
    written = invoke(
        app, ["export", "x * tanh(exp(b * x)); b=1.5", "--to", "c", "--out", str(file)]
    )
    assert written.exit_code == 0
    assert written.stdout == ""
    assert "_B_DEFAULT 1.5" in file.read_text()
    wrong = invoke(app, ["export", "gelu", "--to", "fortran"])
    assert wrong.exit_code == 1
    assert "the targets are numpy, torch" in wrong.stderr
    assert invoke(app, ["export", "gelu"]).exit_code == 2
