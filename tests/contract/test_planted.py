"""The contract can fail: each fault, planted in a copy of an entry, is caught."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import actlab
from actlab.accuracy import Measured, bound_for, ledger
from actlab.engines import cpu
from actlab.formula import PRIMITIVES, calculus, parse
from contract import checks
from contract.engines import ENGINES, NumpyEngine, TorchEngine


@pytest.fixture
def wrong_slope():
    """A vocabulary whose `tanh` has the derivative 1 - tanh, as a slip of the pen would."""
    row = PRIMITIVES["tanh"]
    PRIMITIVES["tanh"] = replace(row, derivative="(1 - tanh(a)) * da")
    calculus.differentiate.cache_clear()
    calculus._template.cache_clear()
    yield
    PRIMITIVES["tanh"] = row
    calculus.differentiate.cache_clear()
    calculus._template.cache_clear()


def copy_of(name, text, definition=None):
    f = actlab.get(name)
    parsed = parse(text, parameters=tuple(f.parameters))
    kept = f.definition if definition is None else parse(definition)
    return replace(f, formula=parsed, definition=kept)


def test_wrong_derivative_in_the_vocabulary(wrong_slope):
    f = actlab.define("x * tanh(x) + 0.125")
    with pytest.raises(AssertionError, match="the values say"):
        checks.check_slopes(f)


def test_wrong_derivative_in_an_engine():
    class Wrong(NumpyEngine):
        def run(self, f, *inputs, order=0, **options):
            result = super().run(f, *inputs, order=order, **options)
            return result * (1 + 2.0**-10) if order == 1 else result

    f = actlab.get("tanh")
    checks.check_accuracy(f, Wrong(), "float64", 0)
    with pytest.raises(AssertionError, match="ULP at"):
        checks.check_accuracy(f, Wrong(), "float64", 1)


def test_wrong_backward_pass():
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.sigmoid(x)

        @staticmethod
        def backward(ctx, gradient):
            (x,) = ctx.saved_tensors
            return gradient * torch.sigmoid(x) * 0.75

    x = torch.linspace(-2, 2, 5, dtype=torch.float64, requires_grad=True)
    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        torch.autograd.gradcheck(Wrong.apply, (x,))


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_one_plus_erf(engine):
    wrong = copy_of("gelu", "x * 0.5 * (1 + erf(x / sqrt(2)))")
    checks.check_definition(wrong)  # the mathematics is right, and the floating point is not
    for dtype in ("float32", "float64"):
        with (
            pytest.raises(AssertionError, match="ULP at"),
            cpu.kernels_from(math.inf),  # which see that digits are lost, and carry more
        ):
            checks.check_accuracy(wrong, engine, dtype)


def test_exp_minus_one():
    wrong = copy_of("elu", "where(x > 0, x, alpha * (exp(x) - 1))")
    with pytest.raises(AssertionError, match="ULP at"):
        checks.check_accuracy(wrong, ENGINES["numpy"], "float64")


@pytest.mark.parametrize("base", [NumpyEngine, TorchEngine])
def test_swallowed_nan(base):
    class Swallows(base):
        def run(self, f, *inputs, order=0, **options):
            result = super().run(f, *inputs, order=order, **options)
            if isinstance(result, torch.Tensor):
                return torch.where(result > 0, result, torch.zeros_like(result))
            return np.where(result > 0, result, np.zeros_like(result))

    f = actlab.get("relu")
    checks.check_nan(f, base(), "float32")
    with pytest.raises(AssertionError, match="NaN as x"):
        checks.check_nan(f, Swallows(), "float32")


def test_flipped_kink():
    wrong = copy_of("leaky_relu", "where(x >= 0, x, negative_slope * x)")
    with pytest.raises(AssertionError, match=r"order 1, at 0\.0"):
        checks.check_definition(wrong)


def test_flipped_kink_in_an_engine():
    class Flipped(TorchEngine):
        def run(self, f, *inputs, order=0, **options):
            result = super().run(f, *inputs, order=order, **options)
            return torch.where(inputs[0] == 0, 1.0, result) if order == 1 else result

    with pytest.raises(AssertionError, match=r"order 1, torch float32, at 0\.0"):
        checks.check_ends(actlab.get("relu"), Flipped(), "float32")


def test_nan_at_infinity_and_lost_sign():
    class Naive(NumpyEngine):
        def run(self, f, x, order=0, **options):
            with np.errstate(all="ignore"):
                return x * (1 / (1 + np.exp(-x)))

    class Unsigned(NumpyEngine):
        def run(self, f, *inputs, order=0, **options):
            return super().run(f, *inputs, order=order, **options) + 0.0

    f = actlab.get("silu")
    with pytest.raises(AssertionError, match="at -inf: nan"):
        checks.check_ends(f, Naive(), "float64")
    with pytest.raises(AssertionError, match=r"at -0\.0: 0\.0, but nearby"):
        checks.check_ends(f, Unsigned(), "float64")


def test_wrong_dtype_and_shape():
    class Widens(NumpyEngine):
        def run(self, f, *inputs, order=0, **options):
            return super().run(f, *inputs, order=order, **options).astype(np.float64)

    class Flattens(NumpyEngine):
        def run(self, f, *inputs, order=0, **options):
            return super().run(f, *inputs, order=order, **options).ravel()

    for engine in (Widens(), Flattens()):
        with pytest.raises(AssertionError):
            checks.check_layouts(actlab.get("relu"), engine, "float32")


def test_a_second_saved_tensor_is_counted():
    x = torch.linspace(-2, 2, 5, requires_grad=True)
    assert checks.saved_tensors(lambda v: v.exp() * v.tanh() * v, x) > 1
    assert checks.saved_tensors(torch.tanh, x) == 1


def measured(error):
    return Measured("relu", "numpy", "float64", 1, "x", error, (1.0,), 1.0, 1.0, 100, True, ())


def book():
    return {"functions": {"relu": {"numpy": {"float64": {"1": 2.0}}}}, "default": {}}


def test_a_bound_falls_and_does_not_rise():
    bounds = book()
    assert ledger.record([measured(1.0)], bounds) == []
    assert bound_for("relu", "numpy", "float64", 1, ledger=bounds) == 1.2
    (refused,) = ledger.record([measured(3.0)], bounds)
    assert "its bound is 1.2" in refused
    assert bound_for("relu", "numpy", "float64", 1, ledger=bounds) == 1.2
    assert ledger.record([measured(3.0)], bounds, allow_rise=True) == []
    assert bound_for("relu", "numpy", "float64", 1, ledger=bounds) == 3.4


@pytest.mark.parametrize("error", [math.inf, 3e7])
def test_a_gross_error_is_never_a_bound(error):
    bounds = {"functions": {}, "default": {"numpy": {"float64": {"1": 8}}}}
    for allow_rise in (False, True):
        (refused,) = ledger.record([measured(error)], bounds, allow_rise=allow_rise)
        assert "its bound is" in refused
    assert bound_for("relu", "numpy", "float64", 1, ledger=bounds) == 8.0


def test_a_bound_of_a_second_derivative_is_as_measured():
    bounds = {"functions": {}, "default": {}}
    second = replace(measured(3e7), order=2)
    assert ledger.record([second], bounds) == []
    assert bound_for("relu", "numpy", "float64", 2, ledger=bounds) > 3e7
    assert ledger.record([replace(second, max_ulp=math.inf)], bounds)


def test_a_bound_far_above_the_error_is_loose():
    assert ledger.is_loose(4.0, 1.0)
    assert not ledger.is_loose(3.0, 1.0)
    for error in (0.0, 0.1, 0.5, 1.0, 7.0, 180.0, 1.69e7):
        bound = float(ledger.rounded_up(error))
        assert error < bound
        assert not ledger.is_loose(bound, error)


def test_the_ledger_file_reads_back():
    import json

    assert json.loads(ledger.text_of(ledger.load())) == ledger.load()
