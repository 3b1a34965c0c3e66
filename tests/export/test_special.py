"""The special functions that exports bring along, over their whole range."""

from __future__ import annotations

import json
import shutil

import mpmath
import numpy as np
import pytest

import actlab
from actlab.accuracy import error_in_ulp
from export.cases import run

EXACT = {
    "erf(x)": mpmath.erf,
    "erfc(x)": mpmath.erfc,
    "normcdf(x)": lambda x: mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "normpdf(x)": lambda x: mpmath.exp(-x * x / 2) / mpmath.sqrt(2 * mpmath.pi),
    "sigmoid(x)": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus(x)": lambda x: mpmath.log1p(mpmath.exp(x)),
    "sech(x)": mpmath.sech,
    "tanh_shrink(x)": lambda x: x - mpmath.tanh(x),
}
# two roundings of an exponential and four of the quotient and products around it
BOUND = 6.0


def points():
    random = np.random.default_rng(50)
    spread = np.concatenate(
        [
            np.linspace(-37.5, 26.5, 600) + 1e-3,  # down to the end of normal numbers
            random.uniform(-1.2, 1.2, 200),
            np.exp2(random.uniform(-60, 0, 60)) * random.choice([-1.0, 1.0], 60),
        ]
    )
    return np.concatenate([spread, np.nextafter([0.5, 1.0, -0.5, -1.0], 0), [0.5, 1, -0.5, -1]])


def check(formula, computed):
    with mpmath.workdps(90):
        exact = np.array([EXACT[formula](mpmath.mpf(float(x))) for x in points()], object)
    errors = error_in_ulp(np.asarray(computed, np.float64), exact, "float64")
    normal = np.array([abs(value) > 1e-307 for value in exact])
    worst = int(np.argmax(errors * normal))
    assert errors[worst] <= BOUND, (formula, points()[worst], errors[worst])


def test_numpy():
    for formula in EXACT:
        scope = {}
        exec(actlab.define(formula, name="f").export("numpy"), scope)  # noqa: S102
        check(formula, scope["f"](points()))
        ends = scope["f"](np.array([np.inf, -np.inf, np.nan]))
        assert not np.isnan(ends[:2]).any() or formula == "tanh_shrink(x)"
        assert np.isnan(ends[2])


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_javascript(tmp_path):
    lines = [f"const x = {json.dumps(points().tolist())}; const out = [];"]
    for place, formula in enumerate(EXACT):
        source = actlab.define(formula, name="f").export("javascript")
        (tmp_path / f"{place}.mjs").write_text(source, encoding="utf-8")
        lines.append(f'out.push(x.map((await import("./{place}.mjs")).f));')
    lines.append("console.log(JSON.stringify(out));")
    script = tmp_path / "all.mjs"
    script.write_text("\n".join(lines), encoding="utf-8")
    found = json.loads(run("node", str(script)).stdout)
    for formula, computed in zip(EXACT, found, strict=True):
        check(formula, computed)


def test_only_the_helpers_that_are_used_are_printed():
    for target, helper in (("javascript", "_mills"), ("numpy", "_mills"), ("c", "_mills")):
        assert helper not in actlab.get("silu").export(target)
        assert helper in actlab.get("gelu").export(target)
