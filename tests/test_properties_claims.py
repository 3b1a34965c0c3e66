"""Statements that are often repeated: each verdict must follow from the facts."""

from __future__ import annotations

import dataclasses

import pytest

import actlab
from actlab.errors import UnknownNameError
from actlab.properties import claims, properties
from actlab.properties.claims import CLAIMS, Claim, _judged

ROWS = {f"{name}: {claim.statement}": (claim, name) for claim in CLAIMS for name in claim.functions}


def wrong(claim: Claim, name: str) -> bool:
    """Whether the recorded verdict is not that of the facts."""
    return _judged(claim, actlab.get(name)).true != claim.true


@pytest.mark.parametrize("row", ROWS)
def test_the_verdict_follows_from_the_facts(row: str) -> None:
    claim, name = ROWS[row]
    assert not wrong(claim, name)


def test_a_wrong_verdict_would_be_seen() -> None:
    monotone = next(c for c in CLAIMS if c.statement == "is monotone")
    assert wrong(dataclasses.replace(monotone, true=True), "silu")
    assert wrong(monotone, "relu")  # of which the statement is true
    assert wrong(next(c for c in CLAIMS if "1-Lipschitz" in c.statement), "tanh")


# worked out by hand or from the papers, not by the package
FACTS = {
    "silu is monotone": ("-1.27846", True),  # W(1/e) + 1
    "gelu is 1-Lipschitz": ("1.1289", True),  # Phi(sqrt 2) + sqrt 2 phi(sqrt 2)
    "hard_swish is 1-Lipschitz": ("1.5", True),
    "elu is zero-centred": ("0.160521", False),
    "gelu_tanh equals gelu within 0.0001 everywhere": ("0.000473", False),
    "selu is smooth everywhere, including at x = 0": ("no continuous derivatives", True),
    "elu has no derivative at x = 0": ("both sides have the slope 1", True),
    "softsign has the derivative 1 - f(x)^2": ("slope is 0.25", False),
}


@pytest.mark.parametrize("sentence", FACTS)
def test_the_answer_says_what_is_the_case(sentence: str) -> None:
    text, proved = FACTS[sentence]
    (verdict,) = [v for v in claims(sentence.partition(" ")[0]) if str(v).startswith(sentence)]
    assert not verdict.true
    assert text in verdict.answer
    assert verdict.proved == proved


def test_a_statement_that_holds_is_called_true() -> None:
    (verdict,) = [v for v in claims("selu") if v.true]
    assert "arXiv:1706.02515" in verdict.said


def test_names_are_those_of_scalar_functions() -> None:
    for claim in CLAIMS:
        assert all(actlab.get(name).name == name for name in claim.functions)
        assert all(actlab.get(name).kind == "scalar" for name in claim.functions)


def test_others_have_none() -> None:
    assert claims("relu") == []
    assert claims("swiglu") == []
    assert claims(actlab.define("x", name="silu")) == []  # of that name only
    with pytest.raises(UnknownNameError, match="did you mean"):
        claims("sillu")


def test_other_numbers_have_their_own_verdict() -> None:
    # with alpha = 2 the slopes at 0 are 2 and 1, and there is indeed no derivative
    (verdict,) = [v for v in claims(actlab.get("elu", alpha=2)) if "no derivative" in v.statement]
    assert verdict.true


# -- gated pairs --------------------------------------------------------------------------------


def test_a_pair_is_known_by_its_gate() -> None:
    known = properties(actlab.get("swiglu"))
    assert known.linear.value
    assert known.gate.range == properties(actlab.get("silu")).range
    assert known.second_moment.value == pytest.approx(0.355775, rel=1e-5)
    lines = dict(known.lines())
    assert lines["linear in x"] == "yes  (proved)"
    assert lines["gate: monotone"] == "no  (proved)"


@pytest.mark.parametrize("text", ["tanh(x) * sigmoid(gate)", "(x + 1) * gate", "max(x, gate)"])
def test_a_pair_that_is_not_linear_has_no_gate_of_its_own(text: str) -> None:
    known = properties(actlab.define(text))
    assert not known.linear.value
    assert known.gate is None
    assert dict(known.lines())["linear in x"] == "no  (proved)"


def test_a_pair_whose_moment_is_infinite_says_so() -> None:
    known = properties(actlab.define("x * exp(gate * gate)"))
    assert known.second_moment.value is None
    assert "infinite" in dict(known.lines())["second moment"]
