"""Compiled kernels: right for every layout, number of threads, process and cache."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import warnings

import numpy as np
import pytest
import torch

import actlab
from actlab.engines import cpu
from actlab.engines.cpu import store
from actlab.formula import differentiate, parse

ROWS, COLUMNS = 60, 48  # enough elements for a kernel, few enough to look at


@pytest.fixture(scope="module")
def numbers():
    return np.random.default_rng(3).normal(scale=4, size=(ROWS, COLUMNS))


LAYOUTS = {
    "contiguous": lambda x: x,
    "transposed": lambda x: x.T,
    "every other": lambda x: x[:, ::2],
    "part of each row": lambda x: x[:, 5:41],
    "one row for all": lambda x: np.broadcast_to(x[:1], (ROWS, COLUMNS)),
    "one column for all": lambda x: np.broadcast_to(x[:, :1], (ROWS, COLUMNS)),
    "backwards": lambda x: x[::-1, ::-1],
    "three axes": lambda x: x.reshape(6, 10, COLUMNS).transpose(1, 0, 2),
}


def stepwise(f, *inputs, **options):
    """The same by NumPy's operations in float64."""
    with cpu.kernels_from(float("inf")):
        wide = [np.asarray(x, np.float64) for x in inputs]
        order = options.pop("order", 0)
        return f.derivative(*wide, order=order, **options) if order else f(*wide, **options)


def in_ulp(computed, exact):
    """The largest distance in units of float32."""
    unit = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    return float(np.max(np.abs(np.asarray(computed, np.float64) - exact) / unit))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["mish", "relu", "snake", "sigmoid"])
def test_every_layout(name, layout, numbers):
    f = actlab.get(name)
    x = LAYOUTS[layout](numbers.astype(np.float32))
    most = 2 if name == "sigmoid" else 0.51
    with cpu.kernels_from(0):
        from_numpy = f(x)
        from_torch = f(torch.from_numpy(np.array(x)))
    assert from_numpy.shape == x.shape
    assert in_ulp(from_numpy, stepwise(f, x)) <= most
    assert np.array_equal(from_torch.numpy(), from_numpy)


@pytest.mark.parametrize("layout", [k for k in LAYOUTS if k != "backwards"])
def test_a_tensor_keeps_its_order_in_memory_and_its_gradient_is_right(layout, numbers):
    f = actlab.get("mish")
    base = torch.from_numpy(numbers.astype(np.float32))
    as_numpy = LAYOUTS[layout](np.arange(base.numel()).reshape(base.shape))
    strides = [step // as_numpy.itemsize for step in as_numpy.strides]
    x = base.as_strided(as_numpy.shape, strides, int(as_numpy.flat[0])).detach()
    x.requires_grad_()
    above = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    (slope,) = torch.autograd.grad(f(x), x, above)
    assert f(x).stride() == torch.empty_like(x).stride()
    exact = stepwise(f, x.detach().numpy(), order=1) * above.double().numpy()
    assert slope.double().numpy() == pytest.approx(exact, rel=1e-6, abs=1e-8)


def test_in_place(numbers):
    address = cpu.address_of(cpu.Spec((parse("x * tanh(softplus(x))"),), ("x",), "float32"))
    x = numbers.astype(np.float32)
    expected = np.empty_like(x)
    cpu.run_flat(address, x.size, (x.ctypes.data, 0, expected.ctypes.data, 0))
    cpu.run_flat(address, x.size, (x.ctypes.data, 0, x.ctypes.data, 0))
    assert np.array_equal(x, expected)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_number_of_threads_changes_no_bit(threads):
    random = np.random.default_rng(5)
    x = torch.from_numpy(random.normal(size=(7, 5, 4001)).astype(np.float32))
    above = torch.from_numpy(random.normal(size=x.shape).astype(np.float32))
    f = actlab.get("swish")

    def run():
        leaf = x.clone().requires_grad_()
        one, each = (torch.full(s, 1.3, requires_grad=True) for s in ((), (5, 1)))
        y = f(leaf, beta=one) + f(leaf, beta=each)
        y.backward(above)
        return y.detach(), leaf.grad, one.grad, each.grad

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = run()
        torch.set_num_threads(threads)
        for mine, theirs in zip(run(), alone, strict=True):
            assert torch.equal(mine, theirs)
    finally:
        torch.set_num_threads(before)


def test_gradients_by_parameters_are_sums_in_float64():
    random = np.random.default_rng(6)
    x = torch.from_numpy(random.normal(size=(8, 6, 700)).astype(np.float32))
    above = torch.from_numpy(random.normal(size=x.shape).astype(np.float32))
    f = actlab.get("swish")
    for shape in ((), (6, 1), (700,), (8, 1, 1)):
        beta = torch.from_numpy(random.uniform(0.5, 2, shape).astype(np.float32))
        beta.requires_grad_()
        f(x, beta=beta).backward(above)
        wide = beta.detach().double().requires_grad_()
        (x.double() * torch.sigmoid(x.double() * wide)).backward(above.double())
        # what is left is float32's rounding of each product, where the sum runs over an array
        assert beta.grad.double().numpy() == pytest.approx(wide.grad.numpy(), rel=1e-5, abs=1e-4)


def test_sines_far_out_go_to_the_library():
    x = np.full(2000, 0.5, np.float32)
    x[::3], x[1] = 3e7, np.inf
    y = actlab.get("snake")(x)
    exact = stepwise(actlab.get("snake"), x)
    assert np.isnan(y[1])
    assert in_ulp(np.delete(y, 1), np.delete(exact, 1)) <= 0.51


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "relu6", "hard_tanh", "hard_shrink"])
def test_choices_are_made_in_float32_and_agree_with_pytorch(name):
    f = actlab.get(name)
    spec = cpu.Spec((f.bound,), ("x",), "float32")
    assert spec.arithmetic == "plain"
    x = torch.linspace(-8, 8, 4001)
    theirs = {
        "relu": torch.relu,
        "leaky_relu": torch.nn.functional.leaky_relu,
        "relu6": torch.nn.functional.relu6,
        "hard_tanh": torch.nn.functional.hardtanh,
        "hard_shrink": torch.nn.functional.hardshrink,
    }[name]
    assert torch.equal(f(x), theirs(x))


def test_arithmetic_is_wide_where_one_rounding_is_not_enough():
    def arithmetic(text):
        return cpu.Spec((parse(text),), ("x",), "float32").arithmetic

    assert arithmetic("maximum(x, 0)") == "plain"
    assert arithmetic("maximum(x, 0) + 1") == "mixed"
    assert arithmetic("0.1 * (0.3 * x)") == "mixed"
    assert arithmetic("x * sigmoid(x)") == "single"
    assert arithmetic("1 + x * sigmoid(x)") == "mixed"


def test_what_a_kernel_can_not_follow_is_composed(numbers):
    f = actlab.get("mish")
    x = torch.from_numpy(numbers)
    slopes = f.derivative(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # PyTorch's own, on import
        from torch.fx.experimental.proxy_tensor import make_fx

        mapped = torch.func.vmap(torch.func.vmap(torch.func.grad(f)))(x)
        _, tangent = torch.func.jvp(f, (x,), (torch.ones_like(x),))
        traced = make_fx(f)(x)
    assert torch.allclose(mapped, slopes, rtol=1e-13, atol=1e-14)
    assert torch.allclose(tangent, slopes, rtol=1e-13, atol=1e-14)
    assert torch.allclose(traced(x), f(x), rtol=1e-13)


def test_second_derivatives_follow(numbers):
    f = actlab.get("mish")
    x = torch.from_numpy(numbers).requires_grad_()
    (first,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    exact = stepwise(f, numbers, order=2)
    assert second.numpy() == pytest.approx(exact, rel=1e-11, abs=1e-13)


# -- softmax -----------------------------------------------------------------------------------


@pytest.mark.parametrize("log", [False, True], ids=["softmax", "log_softmax"])
@pytest.mark.parametrize("columns", [1, 10, 63, 64, 65, 1024, 1025, 3000])
def test_softmax_of_rows_of_any_length(columns, log):
    f = actlab.get("log_softmax" if log else "softmax")
    theirs = torch.log_softmax if log else torch.softmax
    rows = max(3, 2000 // columns)
    x = torch.randn(rows, columns, generator=torch.Generator().manual_seed(columns)) * 4
    x[0, 0] = 200.0
    above = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    narrow, wide = x.clone().requires_grad_(), x.double().requires_grad_()
    y, exact = f(narrow), theirs(wide, -1)
    y.backward(above)
    exact.backward(above.double())
    normal = exact.detach().abs() > 1e-37
    assert torch.allclose(y.double()[normal], exact[normal], rtol=1.3e-7, atol=0)
    size = float(wide.grad.abs().max())
    assert torch.allclose(narrow.grad.double(), wide.grad, rtol=1e-6, atol=2e-6 * size)


@pytest.mark.parametrize("log", [False, True], ids=["softmax", "log_softmax"])
@pytest.mark.parametrize("shape", [(5, 9, 64), (3, 40, 65), (2, 700, 1), (1, 3, 2000), (300, 20)])
def test_softmax_of_rows_that_lie_apart(shape, log):
    f = actlab.get("log_softmax" if log else "softmax")
    theirs = torch.log_softmax if log else torch.softmax
    axis = len(shape) - 2
    x = torch.randn(shape, generator=torch.Generator().manual_seed(shape[0])) * 4
    x.view(-1)[0] = 200.0
    above = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    narrow, wide = x.clone().requires_grad_(), x.double().requires_grad_()
    y, exact = f(narrow, axis=axis), theirs(wide, axis)
    assert y.is_contiguous()
    y.backward(above)
    exact.backward(above.double())
    normal = exact.detach().abs() > 1e-37
    assert torch.allclose(y.double()[normal], exact[normal], rtol=1.3e-7, atol=0)
    size = float(wide.grad.abs().max())
    assert torch.allclose(narrow.grad.double(), wide.grad, rtol=1e-6, atol=2e-6 * size)


def test_softmax_along_another_axis_and_with_a_nan():
    x = np.random.default_rng(2).normal(size=(30, 4, 20))
    f = actlab.get("softmax")
    moved = np.moveaxis(f(np.moveaxis(x, 1, -1).copy()), -1, 1)
    assert f(x, axis=1) == pytest.approx(moved, rel=1e-15)
    x[3, 2, 5] = np.nan
    y = f(x, axis=1)
    assert np.isnan(y[3, :, 5]).all()
    assert np.isnan(y).sum() == 4


# -- processes, threads and the cache ------------------------------------------------------------


def script(text, tmp_path, **environment):
    """Run a program in a fresh process with a cache of its own; returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text)],
        env={**os.environ, "ACTLAB_CACHE": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines(), done.stderr


FIRST = """
    import sys, time
    import numpy as np, actlab
    f, x = actlab.get("telu"), np.linspace(-5, 5, 5000, dtype="f4")
    import sympy, scipy.special  # noqa
    begin = time.process_time()
    y = f(x)
    print(time.process_time() - begin, "numba" in sys.modules, y.sum())
"""


def test_code_is_kept_and_a_new_process_needs_no_numba(tmp_path):
    (first,), _ = script(FIRST, tmp_path)
    (second,), _ = script(FIRST, tmp_path)
    assert first.split()[1:] == ["True", second.split()[2]]
    assert second.split()[1] == "False"
    # what is asked for is 0.2 s of an idle machine
    assert float(second.split()[0]) < 0.4
    assert len(list(tmp_path.rglob("*.o"))) == 1


def test_a_damaged_file_is_compiled_anew(tmp_path):
    (first,), _ = script(FIRST, tmp_path)
    (kept,) = tmp_path.rglob("*.o")
    whole = kept.read_bytes()
    kept.write_bytes(whole[: len(whole) // 2])
    (second,), _ = script(FIRST, tmp_path)
    assert second.split()[1:] == first.split()[1:]
    assert kept.read_bytes()[:32] != whole[: len(whole) // 2][-32:]
    assert len(kept.read_bytes()) > len(whole) // 2


def test_a_folder_that_can_not_be_written(tmp_path):
    taken = tmp_path / "file"
    taken.write_text("not a folder")
    (line,), said = script(FIRST, taken)
    right = stepwise(actlab.get("telu"), np.linspace(-5, 5, 5000, dtype="f4")).sum()
    assert float(line.split()[2]) == pytest.approx(float(right), rel=1e-4)
    assert said.count("RuntimeWarning") == 1
    assert "ACTLAB_CACHE" in said


def test_without_numba_the_library_serves_with_one_warning(tmp_path):
    text = """
        import sys
        sys.modules["llvmlite"] = sys.modules["numba"] = None
        import numpy as np, torch, actlab
        x = np.linspace(-30, 30, 5000)
        f = actlab.get("gelu")
        leaf = torch.tensor(x, dtype=torch.float32, requires_grad=True)
        f(leaf).sum().backward()
        actlab.get("mish")(x)
        print(float(np.abs(f(x) - f(leaf).detach().numpy()).max()) < 1e-6)
        print(float(np.abs(f.derivative(x) - leaf.grad.numpy()).max()) < 1e-6)
    """
    lines, said = script(text, tmp_path)
    assert lines == ["True", "True"]
    assert said.count("RuntimeWarning") == 1


def test_two_processes_that_compile_at_once(tmp_path):
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(FIRST)],
            env={**os.environ, "ACTLAB_CACHE": str(tmp_path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [program.communicate()[0].split() for program in programs]
    assert [program.returncode for program in programs] == [0, 0]
    assert said[0][2] == said[1][2]
    assert len(list(tmp_path.rglob("*.o"))) == 1
    assert not list(tmp_path.rglob("*.part"))


def test_many_python_threads_at_once(numbers):
    f = actlab.define("x * tanh(softplus(1.5 * x)) + 0.25 * x")
    x = np.tile(numbers.astype(np.float32), (40, 1))
    expected = stepwise(f, x)
    wrong = []

    def work():
        for _ in range(20):
            if in_ulp(f(x), expected) > 0.51:
                wrong.append(1)  # noqa: PERF401

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


FORKED = """
    import os, warnings
    import numpy as np, torch, actlab
    warnings.simplefilter("ignore")
    f = actlab.get("mish")
    x = torch.from_numpy(np.linspace(-5, 5, 1 << 17, dtype="f4"))
    torch.set_num_threads(2)
    expected = f(x).numpy()
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(f(x).numpy(), expected) else 3)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

LOADED = """
    import warnings
    import numpy as np, torch, actlab
    warnings.simplefilter("ignore")
    f = actlab.get("mish")

    class Rows(torch.utils.data.Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, place):
            return f(np.linspace(-5, place, 1 << 16, dtype="f4"))

    expected = np.stack([Rows()[place] for place in range(4)])
    (batch,) = torch.utils.data.DataLoader(Rows(), batch_size=4, num_workers=2)
    print(np.array_equal(batch.numpy(), expected))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system can't fork a process")
@pytest.mark.parametrize(("text", "said"), [(FORKED, "0"), (LOADED, "True")], ids=["fork", "load"])
def test_processes_forked_after_a_kernel_ran(text, said, tmp_path):
    # Only kernels run before the fork: operations of PyTorch may hang in a forked child.
    lines, _ = script(text, tmp_path, OMP_NUM_THREADS="2")
    assert lines == [said]


def test_a_key_changes_with_all_that_code_depends_on(monkeypatch):
    spec = cpu.Spec((parse("x * x"),), ("x",), "float32")
    before = store._file_of(spec)
    assert store._file_of(cpu.Spec((parse("x * x"),), ("x",), "float64")) != before
    assert store._file_of(cpu.Spec((differentiate(parse("x * x")),), ("x",), "float32")) != before
    monkeypatch.setattr(store, "_circumstances", lambda: b"another processor")
    assert store._file_of(spec) != before


# -- which way -----------------------------------------------------------------------------------


def test_explain_says_what_happens():
    big = np.zeros(5000, np.float32)
    assert actlab.explain("gelu", big).path == "kernel"
    assert actlab.explain("gelu", big[:1023]).path == "steps"
    assert actlab.explain("gelu", torch.zeros(5000, device="meta")).path == "composed"
    assert "1 element is fewer than the 1024" in str(actlab.explain("gelu", [1.0]))
    actlab.get("gelu")(big)
    assert actlab.explain("gelu", big).compiled


# -- out= --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [7, 5000])
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_a_result_goes_where_it_is_wanted(library, size):
    x = np.linspace(-9, 9, size, dtype=np.float32)
    if library == "torch":
        x = torch.from_numpy(x)
    wanted, slope = actlab.gelu(x), actlab.gelu.derivative(x)
    out = x * 0
    assert actlab.gelu(x, out=out) is out
    assert bool((out == wanted).all())
    actlab.gelu.derivative(x, out=out)
    assert bool((out == slope).all())
    assert actlab.gelu(x, out=x) is x  # in place
    assert bool((x == wanted).all())


def test_an_output_that_overlaps_the_input_gets_what_the_input_was():
    memory = np.linspace(-9, 9, 5001)
    wanted = actlab.tanh(memory[:-1])
    actlab.tanh(memory[:-1], out=memory[1:])
    assert np.array_equal(memory[1:], wanted)


def test_pairs_parameters_and_strides_fill_an_output_too():
    x, gate = np.random.default_rng(0).normal(size=(2, 3000))
    out = np.empty_like(x)
    assert np.array_equal(actlab.swiglu(x, gate, out=out), actlab.swiglu(x, gate))
    actlab.leaky_relu(x, negative_slope=gate, out=out)
    assert np.array_equal(out, actlab.leaky_relu(x, negative_slope=gate))
    wide = np.zeros((3000, 2))
    actlab.silu(x, out=wide[:, 1])
    assert np.array_equal(wide[:, 1], actlab.silu(x))
    assert not wide[:, 0].any()


def test_an_output_that_can_not_serve_is_refused_in_a_sentence():
    x = np.zeros(4)
    with pytest.raises(ValueError, match=r"out has the shape \(3,\) and the result \(4,\)"):
        actlab.relu(x, out=np.empty(3))
    with pytest.raises(TypeError, match="a NumPy array"):
        actlab.relu(x, out=[0, 0, 0, 0])
    with pytest.raises(TypeError, match="no record for gradients"):
        actlab.relu(torch.zeros(4, requires_grad=True), out=torch.empty(4))
    fixed = np.zeros(4)
    fixed.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        actlab.relu(x, out=fixed)


def test_the_library_keeps_what_it_does_exactly_and_at_once():
    x = torch.randn(5000)
    assert actlab.explain("relu", x).path == "own"
    assert actlab.explain("relu", x.numpy()).path == "kernel"
    # the same values, but the gradient is a surrogate's
    assert actlab.explain("sugar_relu", x).path == "kernel"
