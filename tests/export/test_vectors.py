"""Functions of vectors, exported and run."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import cache

import mpmath
import numpy as np
import pytest

import actlab
from actlab.accuracy import error_in_ulp
from export.cases import run

VECTORS = [name for name in actlab.names() if actlab.get(name).kind == "vector"]
ROWS = np.array(
    [
        [0.3, -1.2, 2.5, 0.7, -0.4, 1.1],
        [3.0, 3.5, -40.0, 2.25, -700.0, 1.0],
        [1e-6, 2e-6, -3e-6, 0.5, 0.25, -0.125],
        [900.0, 899.3, 898.5, -900.0, 0.1, 1.5],
        [-8.0, -9.0, -7.5, -30.0, -12.0, -8.5],
    ]
)
DIRECTION = np.array([0.5, -1.0, 0.25, 2.0, -0.75, 1.5])


def exports(name, target):
    try:
        return actlab.get(name).export(target)
    except TypeError:
        return None


def of(target):
    found = {name: exports(name, target) for name in VECTORS}
    found = {name: source for name, source in found.items() if source}
    assert {"softmax", "log_softmax", "softmin", "taylor_softmax", "softmax1"} <= set(found)
    return found


@cache
def exact_values(name, row):
    return actlab.get(name).exact(row, digits=40)


@cache
def exact_slopes(name, row):
    """Along `DIRECTION`."""
    f = actlab.get(name)
    with mpmath.workdps(60):
        step = mpmath.mpf(10) ** -20
        after, before = (
            f.exact([mpmath.mpf(v) + s * d for v, d in zip(row, DIRECTION, strict=True)], digits=50)
            for s in (step, -step)
        )
        return np.array([float((a - b) / (2 * step)) for a, b in zip(after, before, strict=True)])


def check(name, row, values, slopes):
    """Sums of six terms and what multiplies them: a few ULP each, relative to what was summed."""
    row = tuple(row.tolist())
    exact = exact_values(name, row)
    assert np.max(error_in_ulp(np.asarray(values), exact, "float64")) < 64, (name, row)
    if slopes is None:
        return
    exact = exact_slopes(name, row)
    # the terms of a Jacobian times a vector cancel, and each of them has been rounded
    terms = np.max(np.abs(DIRECTION)) * np.max(np.abs(np.array(values, float)))
    room = 64 * np.finfo(float).eps * max(np.max(np.abs(exact)), terms)
    np.testing.assert_allclose(np.asarray(slopes, float), exact, rtol=0, atol=room, err_msg=name)


@pytest.mark.parametrize("target", ["numpy", "torch", "jax"])
def test_python(target):
    if target == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
    try:
        for name, source in of(target).items():
            scope = {}
            exec(source, scope)  # noqa: S102
            slope = scope.get(f"{name}_derivative")
            for row in ROWS:
                slopes = None if slope is None else np.asarray(slope(row, DIRECTION))
                check(name, row, np.asarray(scope[name](row)), slopes)
            columns = np.asarray(scope[name](ROWS.T, axis=0))
            np.testing.assert_array_equal(columns.T, np.asarray(scope[name](ROWS)), name)
    finally:
        if target == "jax":
            jax.config.update("jax_enable_x64", False)


def test_frameworks_differentiate_what_was_exported():
    import torch

    scope = {}
    exec(actlab.get("log_softmax").export("torch"), scope)  # noqa: S102
    x = torch.tensor(ROWS[0], requires_grad=True)
    assert torch.autograd.gradcheck(scope["log_softmax"], (x,))
    jacobian = torch.func.jacrev(scope["log_softmax"])(x)
    slopes = scope["log_softmax_derivative"](x, DIRECTION)
    torch.testing.assert_close(jacobian @ torch.tensor(DIRECTION), slopes)
    layer = scope["LogSoftmax"](axis=0)
    torch.testing.assert_close(layer(x), scope["log_softmax"](x))


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_javascript(tmp_path):
    lines = ["const out = {}; const rows = " + json.dumps(ROWS.tolist()) + ";"]
    names = of("javascript")
    for name, source in names.items():
        (tmp_path / f"{name}.mjs").write_text(source, encoding="utf-8")
        slope = f"m.{name}_derivative ? m.{name}_derivative(r, {DIRECTION.tolist()}) : null"
        lines.append(
            f'{{ const m = await import("./{name}.mjs"); '
            f'out["{name}"] = rows.map((r) => [m.{name}(r), {slope}]); }}'
        )
    lines.append("console.log(JSON.stringify(out).replaceAll('null', '\"-\"'));")
    script = tmp_path / "all.mjs"
    script.write_text("\n".join(lines), encoding="utf-8")
    found = json.loads(run("node", str(script)).stdout)
    for name in names:
        for row, (values, slopes) in zip(ROWS, found[name], strict=True):
            check(name, row, values, None if slopes == "-" else slopes)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc")
def test_c(tmp_path):
    names = of("c")
    jobs = []
    for name, source in names.items():
        f = actlab.get(name)
        numbers = "".join(f", {name}_{p}_DEFAULT".upper() for p in f.parameters)
        jobs.append(f"{name}(6, rows[k], out{numbers}); fwrite(out, sizeof(double), 6, stdout);")
        jobs.append(
            f"{name}_derivative(6, rows[k], direction, out{numbers});"
            if f"{name}_derivative(" in source
            else ""
        )
        jobs.append("fwrite(out, sizeof(double), 6, stdout);")
        jobs.append(f"{name}f(6, narrow, small{numbers});")
    rows = ", ".join("{" + ", ".join(map(repr, row)) + "}" for row in ROWS.tolist())
    main = (
        f"\n#include <stdio.h>\nint main(void) {{ const double rows[5][6] = {{{rows}}};\n"
        f"const double direction[6] = {{{', '.join(map(repr, DIRECTION.tolist()))}}};\n"
        "const float narrow[6] = {1, 2, 3, 4, 5, 6}; float small[6]; double out[6];\n"
        "for (int k = 0; k < 5; k++) {\n" + "\n".join(jobs) + "\n}\nreturn 0; }\n"
    )
    path = tmp_path / "all.c"
    path.write_text("".join(names.values()) + main, encoding="utf-8")
    program = tmp_path / "all"
    flags = ("-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-Wconversion", "-O1")
    run("gcc", *flags, str(path), "-o", str(program), "-lm")
    done = subprocess.run([program], capture_output=True, check=True)
    found = np.frombuffer(done.stdout).reshape(len(ROWS), len(names), 2, 6)
    for place, name in enumerate(names):
        for k, row in enumerate(ROWS):
            has_slope = f"{name}_derivative(" in names[name]
            check(name, row, found[k, place, 0], found[k, place, 1] if has_slope else None)


def test_latex_and_keras_sources():
    for name, source in of("keras").items():
        assert "register_keras_serializable" in source, name
    assert all(r"\begin{align*}" in source for source in of("latex").values())


@pytest.mark.parametrize("target", ["numpy", "c", "javascript"])
def test_what_cannot_be_written_says_so(target):
    for name in actlab.names():
        f = actlab.get(name)
        if f.kind in {"complex", "layer"} or (f.kind == "vector" and not exports(name, target)):
            with pytest.raises(TypeError, match=name) as caught:
                f.export(target)
            assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(TypeError, match="memory of its own"):
        actlab.get("sparsemax").export("c")
