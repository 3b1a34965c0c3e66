"""benchmarks/claims.py and docs/claims.md: every claim measured, told, and found again."""

from __future__ import annotations

import json
import math
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import actlab
from actlab.compare.statistics import compare_scores

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture(scope="module")
def claims():
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import claims

        yield claims
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def quick(claims):
    """The claims that need no training, measured."""
    scale = claims.Scale(quick=True)
    names = {"silu_monotone", "softmax_outliers", "elu_prevents_exploding"}
    return {c.name: claims.measured(c, scale) for c in claims.CLAIMS if c.name in names}


def test_the_page_has_every_claim_with_a_verdict(claims) -> None:
    text = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
    for claim in claims.CLAIMS:
        assert f"## {claim.text}\n" in text
        assert f'<a id="{claim.name}"></a>' in text
        section = text.split(f"## {claim.text}\n")[1].split("\n## ")[0]
        told = re.search(r"\*\*Verdict: (holds|holds if|does not hold)\.\*\* \S", section)
        assert told, claim.name
        assert f"| [{claim.text}](#{claim.name}) | {told[1]} |" in text


def test_tables_of_the_page_are_whole() -> None:
    lines = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8").splitlines()
    widths: list[int] = []
    for line in lines:
        if not line.startswith("|"):
            widths = []
            continue
        widths.append(len(re.findall(r"(?<!\\)\|", line)))
        assert widths[-1] == widths[0], line


def test_names_and_texts_are_different_and_the_list_is_complete(claims) -> None:
    assert len({claim.name for claim in claims.CLAIMS}) == len(claims.CLAIMS) >= 17
    assert len({claim.text for claim in claims.CLAIMS}) == len(claims.CLAIMS)


def test_what_needs_no_training(quick) -> None:
    silu = quick["silu_monotone"]
    assert silu["verdict"] == "does not hold"
    assert "-0.278465" in silu["sentence"]
    rows = {row[0]: row for row in silu["rows"]}
    assert rows["softplus"][-1] == "none"
    outliers = {row[0]: row for row in quick["softmax_outliers"]["rows"]}
    # e^10 against 99 numbers whose exponential has the mean e^0.5
    expected = math.exp(10) / (math.exp(10) + 99 * math.exp(0.5))
    assert float(outliers["softmax"][-1].rstrip("%")) / 100 == pytest.approx(expected, abs=2e-3)
    assert quick["elu_prevents_exploding"]["verdict"] == "does not hold"


def test_the_page_of_some_answers(claims, quick) -> None:
    answer = next(iter(quick.values()))
    planted = {**answer, "rows": [["a | b", *answer["rows"][0][1:]]]}
    text = claims.page({**quick, "silu_monotone": planted})
    assert "3 of 17 claims" in text
    assert "a \\| b" in text
    assert text.count("**Verdict:") == 3
    assert "with `--quick`, which shows little" in text


def test_a_run_that_was_stopped_goes_on(claims, tmp_path, monkeypatch, capsys) -> None:
    calls = []

    def measure(name):
        def claim(scale):
            calls.append(name)
            return claims.functions.Answer("holds", "So it is.", "By counting.", ("n",), (("1",),))

        return claim

    two = tuple(claims.Claim(name, f"{name}?", "nobody", measure(name)) for name in "ab")
    monkeypatch.setattr(claims, "CLAIMS", two)
    keep, page = tmp_path / "kept.json", tmp_path / "claims.md"
    words = ["claims.py", "--cores", "1", "--keep", str(keep), "--page", str(page)]
    monkeypatch.setattr(sys, "argv", [*words, "--only", "a"])
    claims.main()
    monkeypatch.setattr(sys, "argv", words)
    claims.main()
    assert calls == ["a", "b"]  # a was found
    last = capsys.readouterr().out.splitlines()[-1]
    assert json.loads(last) == {"a": "holds", "b": "holds"}
    assert "## b?" in page.read_text(encoding="utf-8")
    monkeypatch.setattr(sys, "argv", [*words, "--quick"])
    claims.main()
    assert calls == ["a", "b"]  # what was measured in full is not replaced


def test_random_networks_follow_the_forecast(claims) -> None:
    for name, sigma_w in (("sigmoid", 1.85), ("relu", 1.0)):
        f = actlab.get(name)
        known = actlab.forecast(f, 10, sigma_w=sigma_w, variance=sigma_w**2, width=128)
        measured = claims.signal.random_network(f, sigma_w, 10, width=128, networks=4)[2]
        # four times the scatter of the mean of four networks
        assert abs(measured - known.gradient[0]) < 2 * known.scatter[0]


def test_the_depth_of_a_thousandth(claims) -> None:
    # ReLU with weights of gain 1 loses ln(2)/2 a layer, exactly
    depth = math.floor(math.log(1000) / (math.log(2) / 2)) + 2
    assert claims.signal.vanished_from(actlab.get("relu"), 1.0) == depth
    assert claims.signal.vanished_from(actlab.get("relu"), math.sqrt(2)) is None


def run_with(losses):
    return SimpleNamespace(validation_loss=tuple(losses))


def test_epochs_to_what_both_reach(claims) -> None:
    curves = {
        "fast": [[run_with([1.0, 0.5, 0.2]), run_with([math.nan] * 3)]],
        "slow": [[run_with([1.0, 0.8, 0.5]), run_with([2.0, 2.0, 2.0])]],
    }
    runs = SimpleNamespace(settings=SimpleNamespace(blocks=1, epochs=3), all=curves.get)
    fast, slow = claims.tables._epochs_needed(runs, "fast", "slow")
    assert (fast[0], slow[0]) == (2, 3)  # 1.05 times 0.5, the higher of the two lowest losses


def test_pairs_turned_round_are_seen_and_noise_is_not(claims) -> None:
    random = np.random.default_rng(0)
    names = claims.tables.EIGHT
    runs = SimpleNamespace(
        settings=SimpleNamespace(learning_rates=(0.1, 0.2)),
        summary=SimpleNamespace(kind="regression", test_rows=100),
        compared=lambda scores, margin, step: compare_scores(
            np.asarray(scores), overlap=0.25, margin=margin, resolution=step
        ),
    )
    noise = 0.01 * random.standard_normal((len(names), 8, 2))
    assert claims.tables._turned(runs, 0.5 + noise, [0, 1]) == []
    planted = 0.5 + noise
    planted[0, :, 0] += 0.3
    planted[0, :, 1] -= 0.3
    told = claims.tables._turned(runs, planted, [0, 1])
    assert len(told) == len(names) - 1
    assert told[0] == f"{names[0]} over {names[1]} at 0.1, under it at 0.2"


def test_costs_are_compared_in_pairs(claims) -> None:
    short, long, ratio = claims.cost.pairs(
        lambda: sum(range(20_000)), lambda: sum(range(80_000)), rounds=9
    )
    assert short < long
    assert 3 < ratio < 5
