"""The contract over the whole registry, for every engine and dtype."""

from __future__ import annotations

import mpmath
import pytest
import torch

import actlab
from contract import checks
from contract.engines import ENGINES

KINDS = {kind: [n for n in actlab.names() if actlab.get(n).kind == kind] for kind in checks.ORDERS}
NAMES = sorted(name for names in KINDS.values() for name in names)
"""Functions of real numbers; complex ones and layers have tests of their own."""
FORMULAS = KINDS["scalar"] + KINDS["gated"]
RUNS = [(engine, dtype) for engine in ENGINES.values() for dtype in engine.dtypes]
on_engines = pytest.mark.parametrize(
    ("engine", "dtype"), RUNS, ids=[f"{e.name}-{d}" for e, d in RUNS]
)


@pytest.mark.parametrize("name", FORMULAS)
def test_definition_equals_formula(name):
    checks.check_definition(actlab.get(name))


@pytest.mark.parametrize("name", FORMULAS)
def test_derivatives_are_those_of_the_value(name):
    checks.check_slopes(actlab.get(name))


@pytest.mark.parametrize("name", NAMES)
@on_engines
def test_shape_and_dtype_are_kept(name, engine, dtype):
    checks.check_layouts(actlab.get(name), engine, dtype)


@pytest.mark.parametrize("name", FORMULAS)
@on_engines
def test_single_numbers(name, engine, dtype):
    checks.check_single_numbers(actlab.get(name), engine, dtype)


@pytest.mark.parametrize("name", KINDS["gated"])
@on_engines
def test_gated_pairs(name, engine, dtype):
    checks.check_pairs(actlab.get(name), engine, dtype)


@pytest.mark.parametrize("name", NAMES)
@on_engines
def test_nan_in_nan_out(name, engine, dtype):
    checks.check_nan(actlab.get(name), engine, dtype)


@pytest.mark.parametrize("name", KINDS["scalar"])
@on_engines
def test_zeros_and_infinities(name, engine, dtype):
    checks.check_ends(actlab.get(name), engine, dtype)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_integers(name, engine):
    checks.check_integers(actlab.get(name), engine)


@pytest.mark.parametrize("name", NAMES)
def test_gradients(name):
    checks.check_gradients(actlab.get(name))


@pytest.mark.parametrize("name", KINDS["scalar"])
def test_backward_is_the_derivative(name):
    checks.check_autograd_is_derivative(actlab.get(name))


# torch.func.jvp itself calls the deprecated torch.jit.script
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", KINDS["scalar"])
def test_functional_transforms(name):
    checks.check_functional(actlab.get(name))


@pytest.mark.parametrize("name", NAMES)
def test_autocast(name):
    checks.check_autocast(actlab.get(name))


@pytest.mark.parametrize("name", FORMULAS)
def test_saved_tensors(name):
    checks.check_saved(actlab.get(name))


@pytest.mark.parametrize("name", NAMES)
def test_gradients_of_parameters(name):
    checks.check_parameter_gradients(actlab.get(name))


@pytest.mark.parametrize("name", KINDS["scalar"])
def test_exact_engine_agrees_with_float64(name):
    f = actlab.get(name)
    for x in (0.3, -1.7, 2.9):
        for order in (0, 1, 2):
            few, many = (f.exact(x, order=order, digits=d) for d in (20, 60))
            with mpmath.workdps(60):
                assert abs(few - many) <= abs(many) * mpmath.mpf(10) ** -19
            # 1e-9: only that it is the same function; the ledger has the digits
            assert float(f.derivative(x, order=order)) == pytest.approx(float(many), rel=1e-9)


COMPILED = ["relu", "leaky_relu", "elu", "silu", "gelu", "mish", "softplus", "hard_swish", "snake"]


# Dynamo itself instantiates the class of a custom function that it traces
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_compiles_without_a_graph_break():
    functions = [actlab.get(name) for name in COMPILED]
    pair, vector = actlab.get("swiglu"), actlab.get("softmax")

    def total(x):
        return (sum(f(x) for f in functions) + pair(x, 2 * x) + vector(x)).sum()

    torch._dynamo.reset()
    # aot_eager traces forward and backward like the default, and needs no C++ compiler
    compiled = torch.compile(total, fullgraph=True, backend="aot_eager")
    slopes = []
    for function in (total, compiled):
        x = torch.linspace(-3.1, 3.3, 16, requires_grad=True)
        function(x).backward()
        slopes.append(x.grad)
    torch.testing.assert_close(*slopes, rtol=1e-5, atol=1e-6)
