from dataclasses import replace

import numpy as np
import pytest

from actlab.compare.scales import field_of, margin_of
from actlab.compare.study import Settings
from actlab.compare.verdict import CLEARLY, Evidence, judge

BLOCKS = 10
SETTINGS = Settings(blocks=BLOCKS)


def evidence(means, *, spread=0.001, blocks=BLOCKS, seconds=None, memory=None, **changes):
    """Candidates around these means; blocks differ much, candidates within a block little."""
    rng = np.random.default_rng(4)
    level = rng.normal(0, 0.02, blocks)
    rows = []
    for place, (label, mean) in enumerate(means.items()):
        noise = rng.normal(0, spread, blocks)
        scores = tuple((mean + level + noise - noise.mean() - level.mean()).tolist())
        rows.append(
            Evidence(
                label=label,
                trained_as=place,
                scores=scores,
                finished=True,
                step_seconds=(seconds or {}).get(label, 1e-3),
                saved_bytes=(memory or {}).get(label, 1000),
                company=(25,),
            )
        )
    return [replace(row, **changes.get(row.label, {})) for row in rows]


def verdicts(rows, judgement):
    pairs = zip(rows, judgement.each, strict=True)
    return {row.label: judged.verdict for row, judged in pairs}


def test_best_worse_equivalent_undecided(summary):
    rows = evidence({"a": 0.95, "b": 0.949, "c": 0.80})
    noise = np.tile([0.04, -0.04], BLOCKS // 2)
    loud = tuple(0.93 + noise)
    rows.append(replace(rows[0], label="d", trained_as=3, scores=loud))
    judgement = judge(rows, summary, SETTINGS)
    expected = {"a": "best", "b": "equivalent", "c": "worse", "d": "undecided"}
    assert verdicts(rows, judgement) == expected
    assert judgement.best == judgement.recommended == 0
    assert judgement.each[2].difference == pytest.approx(-0.15)
    low, high = judgement.each[2].difference_interval
    assert low < -0.15 < high < 0
    assert judgement.reasons[0] == (
        "A tie: no difference was shown between a, which has the best mean accuracy (0.95 over 10 "
        "blocks), and d. Keep the one you have, or take the one with the shortest step; a if "
        "neither matters."
    )
    text = " ".join(judgement.reasons)
    for words in ("equivalent to a (within 0.01): b", "worse than a: c"):
        assert words in text
    assert "80 % of all studies" in text
    assert "95 % sure" in text


def test_the_only_good_one_is_recommended(summary):
    judgement = judge(evidence({"a": 0.95, "b": 0.8, "c": 0.7}), summary, SETTINGS)
    assert judgement.reasons[0] == (
        "a is recommended: it has the best mean accuracy, 0.95 over 10 blocks, and every other "
        "candidate was shown to be worse."
    )


def test_errors_are_better_when_smaller(summary):
    task = replace(summary, kind="regression", metric="rmse", higher_is_better=False)
    rows = evidence({"a": 3.0, "b": 2.0, "c": 2.001})
    judgement = judge(rows, task, SETTINGS)
    assert verdicts(rows, judgement) == {"a": "worse", "b": "best", "c": "equivalent"}
    assert judgement.each[0].difference == pytest.approx(1.0)
    low, high = judgement.each[0].difference_interval
    assert 0 < low < 1.0 < high
    assert judgement.margin == pytest.approx(0.02)
    assert "0.01 of the best mean score" in judgement.margin_text
    assert "the best mean RMSE, 2 over" in judgement.reasons[0]
    assert "rmse" not in " ".join((judgement.margin_text, *judgement.reasons))


def test_a_cheaper_equivalent_is_recommended(summary):
    rows = evidence({"a": 0.95, "b": 0.949}, seconds={"b": 0.8e-3})
    judgement = judge(rows, summary, SETTINGS)
    assert (judgement.best, judgement.recommended) == (0, 1)
    assert judgement.reasons[0].startswith("b is recommended: it was shown to be equivalent to a")
    assert "0.80 times as long" in judgement.reasons[0]
    assert "noisy" in judgement.reasons[1]


def test_beside_a_cheaper_equivalent_the_undecided_are_named(summary):
    rows = evidence({"a": 0.95, "b": 0.949}, seconds={"b": 0.8e-3})
    loud = tuple(0.93 + np.tile([0.04, -0.04], BLOCKS // 2))
    rows.append(replace(rows[0], label="c", trained_as=2, scores=loud))
    reasons = judge(rows, summary, SETTINGS).reasons
    assert "Undecided: c; this study does not tell it from a." in reasons


def test_an_advantage_in_time_must_be_clear(summary):
    for factor, expected in ((CLEARLY - 0.01, 1), (CLEARLY + 0.01, 0)):
        rows = evidence({"a": 0.95, "b": 0.949}, seconds={"b": factor * 1e-3})
        assert judge(rows, summary, SETTINGS).recommended == expected


def test_a_cheap_candidate_that_is_undecided_is_not_preferred(summary):
    rows = evidence({"a": 0.95, "b": 0.945}, spread=0.02, seconds={"b": 1e-5}, memory={"b": 1})
    judgement = judge(rows, summary, SETTINGS)
    assert verdicts(rows, judgement)["b"] == "undecided"
    assert judgement.recommended == 0
    assert judgement.reasons[0].startswith("A tie: ")


def test_memory_decides_where_times_do_not(summary):
    rows = evidence({"a": 0.95, "b": 0.9495, "c": 0.949}, memory={"c": 100})
    judgement = judge(rows, summary, SETTINGS)
    assert judgement.recommended == 2
    assert "0.10 times the memory" in judgement.reasons[0]
    slow = evidence({"a": 0.95, "c": 0.949}, memory={"c": 100}, seconds={"c": 2e-3})
    assert judge(slow, summary, SETTINGS).recommended == 0


def test_of_several_cheaper_ones_the_fastest_and_then_the_leanest(summary):
    means = {"a": 0.95, "b": 0.9498, "c": 0.9496, "d": 0.9494}
    seconds = {"b": 0.8e-3, "c": 0.42e-3, "d": 0.40e-3}
    assert judge(evidence(means, seconds=seconds), summary, SETTINGS).recommended == 2
    rows = evidence(means, seconds=seconds, memory={"d": 10})
    assert judge(rows, summary, SETTINGS).recommended == 3


def test_times_from_chunks_of_another_size_are_not_compared(summary):
    rows = evidence({"a": 0.95, "b": 0.949}, seconds={"b": 1e-5}, b={"company": (5, 20)})
    assert judge(rows, summary, SETTINGS).recommended == 0


def test_a_real_difference_within_the_margin_is_equivalent(summary):
    rows = evidence({"a": 0.95, "b": 0.947}, spread=1e-5)
    judged = judge(rows, replace(summary, test_rows=10**6), SETTINGS).each[1]
    assert judged.verdict == "equivalent"
    assert "by less than the margin" in judged.reason
    assert judged.p_worse < 0.05


@pytest.mark.parametrize("blocks", [1, 2])
def test_too_few_blocks_give_no_verdict(summary, blocks):
    rows = evidence({"a": 0.95, "b": 0.1}, blocks=blocks)
    judgement = judge(rows, summary, replace(SETTINGS, blocks=blocks))
    assert set(verdicts(rows, judgement).values()) == {None}
    assert judgement.recommended is None
    assert judgement.best == 0
    assert judgement.reasons[0].startswith("No verdict: ")
    assert "at least 3 are needed" in judgement.reasons[0]
    assert judgement.showable is None


def test_a_candidate_that_failed_counts_as_worse_and_says_so(summary):
    rows = evidence({"a": 0.95, "b": 0.99, "c": 0.90})
    rows[1] = replace(rows[1], scores=(*rows[1].scores[:-1], None))
    judgement = judge(rows, summary, SETTINGS)
    assert verdicts(rows, judgement) == {"a": "best", "b": "worse", "c": "worse"}
    assert judgement.each[1].reason == (
        "It failed: no learning rate of the grid gave a finite score in 1 of 10 blocks (number 10)."
    )
    assert judgement.each[1].score is None


def test_when_all_fail_nothing_is_recommended(summary):
    rows = evidence({"a": 0.95, "b": 0.99})
    rows = [replace(row, scores=(None,) * BLOCKS) for row in rows]
    judgement = judge(rows, summary, SETTINGS)
    assert judgement.best is judgement.recommended is None
    assert judgement.reasons[0].startswith("No recommendation: every candidate failed")


def test_an_unfinished_candidate_has_no_verdict(summary):
    rows = evidence({"a": 0.95, "b": 0.99, "c": 0.5})
    rows[1] = replace(rows[1], finished=False, scores=(None,) * BLOCKS)
    judgement = judge(rows, summary, SETTINGS)
    assert verdicts(rows, judgement) == {"a": "best", "b": None, "c": "worse"}
    rows = [replace(row, finished=False) for row in rows]
    assert judge(rows, summary, SETTINGS).reasons == (
        "No recommendation: no candidate was finished.",
    )


def test_a_single_candidate_is_the_best_by_default(summary):
    judgement = judge(evidence({"a": 0.95}), summary, SETTINGS)
    assert judgement.recommended == 0
    assert judgement.each[0].verdict == "best"
    assert judgement.showable is None


def test_two_names_of_one_function_do_not_widen_the_family(summary):
    rows = evidence({"a": 0.95, "b": 0.94, "c": 0.93})
    twice = [*rows, *(replace(row, label=f"also {row.label}") for row in rows)]
    once, both = judge(rows, summary, SETTINGS), judge(twice, summary, SETTINGS)
    assert both.each[:3] == once.each
    assert both.each[3].verdict == "equivalent"
    assert both.each[3].reason == "It is the same function as the best."
    assert both.each[4] == once.each[1]


def test_scores_stay_in_the_range_of_the_metric(summary):
    rows = evidence({"a": 0.999, "b": 0.99}, spread=0.05)
    for judged in judge(rows, summary, SETTINGS).each:
        low, high = judged.score_interval
        assert low < judged.score < high <= 1.0


@pytest.mark.parametrize(
    ("metric", "expected"),
    [("accuracy", 0.01), ("balanced_accuracy", 0.01), ("r2", 0.01), ("rmse", 0.5), ("mae", 0.5)],
)
def test_the_margin_is_absolute_for_shares_and_relative_for_errors(summary, metric, expected):
    margin, text = margin_of(replace(summary, metric=metric), SETTINGS, -50.0)
    assert margin == pytest.approx(expected)
    assert text.endswith("count as equivalent.")


def test_long_lists_of_names_are_counted(summary):
    rows = evidence({"best": 0.99} | {f"w{i}": 0.5 + i / 1000 for i in range(20)})
    text = " ".join(judge(rows, summary, SETTINGS).reasons)
    assert "worse than best: w19, w18," in text
    assert "w12 and 12 more" in text


@pytest.mark.parametrize(
    ("told", "relative", "steps"),
    [
        ({"metric": "rmse"}, True, False),
        ({"metric": "accuracy"}, False, True),
        ({"metric": "bits_per_character", "metric_range": (0.0, None), "metric_relative": True},
         True, False),
        ({"metric": "hits", "metric_range": (0.0, 1.0), "metric_counted": True}, False, True),
        ({"metric": "rmse", "metric_range": (0.0, None)}, False, False),
    ],
    ids=["rmse", "accuracy", "relative", "counted", "its own word counts"],
)  # fmt: skip
def test_looks_of_a_race_and_the_verdict_use_one_scale(summary, told, relative, steps):
    task = replace(summary, **told)
    field = field_of(task, SETTINGS)
    assert field.relative == relative == ("of the best mean" in margin_of(task, SETTINGS, 3.5)[1])
    assert (field.resolution > 0) == steps
