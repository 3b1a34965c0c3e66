import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from actlab.compare.statistics import (
    FEWEST_BLOCKS,
    chance_to_show,
    compare_scores,
    fresh_run,
    good_rates,
    power,
    showable,
)

OVERLAP = 0.25


def overlapping(rng, candidates, blocks, spread=0.01):
    """Scores of copies: blocks correlated by 0.2, so that the mean varies by s²(1/J + 0.25)."""
    common = rng.standard_normal((candidates, 1)) * np.sqrt(0.2)
    return spread * (common + rng.standard_normal((candidates, blocks)) * np.sqrt(0.8))


def share_of_wrong(studies, draw, judge):
    rng = np.random.default_rng(7)
    return np.mean([judge(draw(rng)) for _ in range(studies)])


def any_worse(scores, level=0.05, **options):
    found = compare_scores(scores, overlap=OVERLAP, margin=0.01, **options)
    return bool((np.delete(found.p_worse, found.best) <= level).any())


# 400 studies at a true rate of 0.05 show more than 0.083 in one case of a thousand.
TOO_OFTEN = stats.binom.isf(0.001, 400, 0.05) / 400


@pytest.mark.parametrize(("candidates", "blocks"), [(2, 5), (8, 5), (12, 10)])
def test_copies_are_seldom_called_worse(candidates, blocks):
    assert (
        share_of_wrong(400, lambda rng: overlapping(rng, candidates, blocks), any_worse)
        <= TOO_OFTEN
    )


def test_the_simulation_sees_a_correction_for_too_few_comparisons():
    """Hsu's K - 1 comparisons would call one of eight copies worse far too often."""

    def uncorrected(scores):
        found = compare_scores(scores, overlap=OVERLAP, margin=0.01)
        differences = scores[found.best] - np.delete(scores, found.best, axis=0)
        error = differences.std(axis=1, ddof=1) * np.sqrt(1 / scores.shape[1] + OVERLAP)
        p = stats.t.sf(differences.mean(axis=1) / error, scores.shape[1] - 1)
        return bool((p * 7 <= 0.05).any())

    assert share_of_wrong(400, lambda rng: overlapping(rng, 8, 5), uncorrected) > TOO_OFTEN


def test_the_simulation_sees_a_missing_correction_for_the_overlap():
    def blind(scores):
        found = compare_scores(scores, overlap=0.0, margin=0.01)
        return bool((np.delete(found.p_worse, found.best) <= 0.05).any())

    assert share_of_wrong(400, lambda rng: overlapping(rng, 8, 20), blind) > TOO_OFTEN


def test_coarse_scores_are_not_believed_to_be_exact():
    """Accuracies on 20 rows agree by chance in all of three blocks."""

    def draw(rng):
        return rng.binomial(20, 0.9, (12, 3)) / 20

    assert share_of_wrong(400, draw, lambda s: any_worse(s, resolution=1 / 20)) <= TOO_OFTEN
    assert share_of_wrong(400, draw, any_worse) > TOO_OFTEN


def test_what_lies_the_margin_below_is_seldom_called_equivalent():
    margin = 0.03
    truth = np.array([[0.0]] + [[-margin]] * 5)

    def wrong(noise):
        found = compare_scores(truth + noise, overlap=OVERLAP, margin=margin)
        gap = truth[found.best] - truth[:, 0]
        return bool(((found.p_equivalent <= 0.05) & (gap >= margin)).any())

    assert share_of_wrong(400, lambda rng: overlapping(rng, 6, 6), wrong) <= TOO_OFTEN


def test_intervals_and_costs_cover_the_truth():
    truth = np.array([0.0, -0.002, -0.01, -0.05])

    def wrong_side(side):
        def wrong(noise):
            found = compare_scores(truth[:, None] + noise, overlap=OVERLAP, margin=0.01)
            gap = truth - truth[found.best]
            return {
                "low": (found.low > gap + 1e-15).any(),
                "high": (found.high < gap - 1e-15).any(),
                "cost": (found.cost < truth.max() - truth).any(),
            }[side]

        return wrong

    for side in ("low", "high", "cost"):
        rate = share_of_wrong(400, lambda rng: overlapping(rng, 4, 6), wrong_side(side))
        assert rate <= TOO_OFTEN, side


def test_two_candidates_are_the_corrected_t_test():
    rng = np.random.default_rng(1)
    scores = rng.standard_normal((2, 8)) + np.array([[0.5], [0.0]])
    found = compare_scores(scores, overlap=0.3, margin=0.5)
    difference = scores[found.best] - scores[1 - found.best]
    t = difference.mean() / (difference.std(ddof=1) * np.sqrt(1 / 8 + 0.3))
    assert found.p_worse[1 - found.best] == pytest.approx(2 * stats.t.sf(t, 7), rel=1e-12)


def test_holm_steps_reject_more_than_one_bound_would():
    """Two pairs that are clear leave a larger share of the level to the third."""
    rng = np.random.default_rng(3)
    noise = 0.01 * rng.standard_normal((3, 12))
    scores = np.array([[1.0], [0.97], [0.0]]) + noise
    found = compare_scores(scores, overlap=OVERLAP, margin=1e-4)
    difference = scores[0] - scores[1]
    t = difference.mean() / (difference.std(ddof=1) * np.sqrt(1 / 12 + OVERLAP))
    # The third step of three: its p value is not multiplied.
    assert found.p_worse[1] == pytest.approx(2 * stats.t.sf(t, 11), rel=1e-12)
    assert found.high[1] <= 0


def test_too_few_blocks_give_nothing():
    assert compare_scores(np.ones((3, FEWEST_BLOCKS - 1)), overlap=0.25, margin=0.01) is None


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="finite"):
        compare_scores(np.array([[1.0, 2, 3], [1, np.nan, 3]]), overlap=0.25, margin=0.01)


def test_equal_scores_are_equivalent_and_constant_gaps_are_worse():
    base = np.array([0.5, 0.7, 0.6])
    found = compare_scores(np.array([base, base, base - 0.25]), overlap=0.25, margin=0.01)
    assert found.best == 0
    assert list(found.p_equivalent <= 0.05) == [True, True, False]
    assert list(found.p_worse <= 0.05) == [False, False, True]
    assert found.difference[1] == found.low[1] == found.high[1] == 0.0


def test_pairing_sees_what_an_unpaired_test_does_not():
    rng = np.random.default_rng(5)
    blocks = rng.normal(0, 0.2, 10)
    scores = np.array([blocks + 0.02, blocks]) + rng.normal(0, 0.002, (2, 10))
    found = compare_scores(scores, overlap=OVERLAP, margin=0.001)
    assert found.p_worse[1] <= 0.001
    assert stats.ttest_ind(*scores).pvalue > 0.5


def test_a_study_shows_the_difference_it_names_as_often_as_it_says():
    # Within a study, blocks that are correlated by 0.2 spread with √0.8 of their deviation.
    error = 0.01 * np.sqrt(2 * 0.8) * np.sqrt(1 / 6 + OVERLAP)
    doubt = np.sqrt(5 / stats.chi2.median(5))  # half of all studies estimate a smaller error
    difference = showable(np.array([error / doubt]), 2, 5, 0.05)
    assert power(difference, error, 2, 5, 0.05) == pytest.approx(0.8, abs=1e-9)
    rng = np.random.default_rng(11)
    truth = np.array([[0.0], [-difference]])
    hits, named = 0, []
    for _ in range(600):
        found = compare_scores(truth + overlapping(rng, 2, 6), overlap=OVERLAP, margin=0.01)
        hits += found.p_worse[1] <= 0.05 and found.best == 0
        named.append(found.showable)
    # Four standard deviations of a share of 600.
    assert hits / 600 == pytest.approx(0.8, abs=4 * np.sqrt(0.8 * 0.2 / 600))
    below = np.mean(np.array(named) < difference)
    assert below == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / 600))
    assert chance_to_show(difference, difference, 2, 5) == pytest.approx(0.8, abs=1e-9)


@pytest.mark.parametrize("size", [1.0, 2.0, 3.0])
def test_differences_of_many_are_found_in_the_share_that_is_said(size):
    """Holm's later steps are part of what is said: without them it is 7 points too little."""
    rng = np.random.default_rng(12)
    gap = size * 0.01 * np.sqrt(2 * 0.8)
    truth = -gap * (np.arange(3) > 0)[:, None]
    found, said = [], []
    for _ in range(500):
        known = compare_scores(truth + overlapping(rng, 3, 10), overlap=OVERLAP, margin=1e-9)
        found.append((known.p_worse[1:] <= 0.05).mean())
        said.append(chance_to_show(gap, known.showable, 3, 9))
    assert np.mean(found) == pytest.approx(np.median(said), abs=0.05)


def coverage(shift, spread, studies=400, corrected=True):
    rng = np.random.default_rng(13)
    hits = 0
    for _ in range(studies):
        means = shift + spread * rng.standard_normal(len(shift))
        scores = means[:, None] + overlapping(rng, len(shift), 10) / 0.01
        best = int(scores.mean(axis=1).argmax())
        expected, low, high = fresh_run(scores, best, overlap=OVERLAP)
        move = 0.0 if corrected else scores[best].mean() - expected
        hits += low + move <= means[best] + rng.standard_normal() <= high + move
    return hits / studies


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_a_new_run_lies_in_its_interval(spread):
    # Three points, and two standard deviations of a share of 400.
    assert coverage(np.zeros(12), spread) == pytest.approx(0.95, abs=0.03 + 0.022)
    assert coverage(np.r_[np.zeros(8), np.full(4, -8.0)], spread) == pytest.approx(0.95, abs=0.052)


def test_without_the_correction_a_new_run_disappoints():
    rng = np.random.default_rng(14)
    gaps = []
    for _ in range(100):
        scores = overlapping(rng, 12, 10)
        best = int(scores.mean(axis=1).argmax())
        gaps.append([scores.mean(axis=1)[best], fresh_run(scores, best, overlap=OVERLAP)[0]])
    picked, expected = np.mean(gaps, axis=0)
    assert picked > 0.008  # the truth is 0
    assert abs(expected) < 0.002


def test_one_candidate_alone_is_not_corrected():
    scores = np.array([[0.90, 0.92, 0.91, 0.93]])
    expected, low, high = fresh_run(scores, 0, overlap=OVERLAP)
    assert expected == pytest.approx(0.915, abs=1e-12)
    assert low < expected < high


@given(
    st.integers(2, 6).flatmap(
        lambda k: st.lists(
            st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4), min_size=k, max_size=k
        )
    ),
    st.floats(1e-6, 10),
)
def test_no_input_makes_a_number_that_is_none(rows, margin):
    found = compare_scores(np.array(rows), overlap=OVERLAP, margin=margin, resolution=0.0)
    arrays = (found.mean_low, found.mean_high, found.low, found.high, found.cost)
    assert all(np.isfinite(values).all() for values in arrays)
    assert np.isfinite(found.showable)
    for p in (found.p_worse, found.p_equivalent):
        assert ((p >= 0) & (p <= 1)).all()
    assert (found.low <= found.difference).all()
    assert (found.difference <= found.high).all()
    assert (found.cost >= 0).all()


@given(st.permutations(range(4)))
def test_the_order_of_the_candidates_changes_nothing(order):
    scores = overlapping(np.random.default_rng(2), 4, 6)
    found = compare_scores(scores, overlap=OVERLAP, margin=0.01)
    other = compare_scores(scores[order], overlap=OVERLAP, margin=0.01)
    assert order[other.best] == found.best
    assert list(other.p_worse) == list(found.p_worse[order])
    assert list(other.cost) == list(found.cost[order])


def test_good_rates():
    rates = [1e-4, 1e-3, 1e-2, 1e-1, 1.0]
    assert good_rates(rates, [0.1, 0.95, 0.96, 0.955, None], 0.01) == (1e-3, 1e-1)
    assert good_rates(rates, [0.1, 0.2, 0.3, 0.4, 0.9], 0.01) == (1.0, 1.0)
    # A hole ends the range; what lies beyond it is luck.
    assert good_rates(rates, [0.96, 0.5, 0.96, 0.955, 0.1], 0.01) == (1e-4, 1e-4)
    assert good_rates(rates, [None] * 5, 0.01) is None
    # The order in which the grid is given does not matter.
    assert good_rates(rates[::-1], [None, 0.955, 0.96, 0.95, 0.1], 0.01) == (1e-3, 1e-1)
