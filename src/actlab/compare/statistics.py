"""What the scores of a study show, and what they do not: arrays in, numbers out.

Scores have the shape (candidates, blocks), greater is better, all finite. Blocks are random
splits of the same rows, so their scores are not independent; and the candidate that the others
are held against was picked from the very same scores. Both are accounted for:

**Overlap.** The mean over J blocks of a paired difference has the variance

    s² (1/J + n_test/n_train),

where s² is the sample variance over the blocks, and n_train counts all rows that a training
learns from, those of validation included (Nadeau and Bengio 2003, Machine Learning 52, 239-281).
The mean divided by its standard error is compared with Student's t, J - 1 degrees of freedom.

**Worse.** The best mean was picked, so any candidate might have become the reference, and the
family of hypotheses is that of *all* pairs: K(K - 1)/2 two-sided tests, of which those with the
best are reported. Holm's steps (1979) keep the chance that any of them is wrong below the level
under every dependence. Hsu's comparison with the best (1984) needs K - 1 tests only, but then
what it denies a candidate is being the *only* best: of K copies of one function, which all are
best, it may call some worse far more often than the level allows. It is not enough for a verdict.

**Equivalent.** Two one-sided tests (Schuirmann 1987) of the difference from the best against the
margin, K - 1 of them, again with Holm's steps. Here the picking errs on the safe side: the best
was picked for a high score, which makes the differences from it look larger than they are.

**Interval of a difference.** Its lower end is the bound of the test of equivalence, its upper end
that of the test of being worse, each for all candidates at once; so the verdict can be read from
it (but for Holm's steps, which decide a little more than one common bound).

**A fresh run.** The best was picked for its score, which is therefore too high on average. The
same study is drawn anew, from means that are drawn together by as much as chance has driven them
apart (empirical Bayes, Efron and Morris 1975) and with the differences between blocks that were
seen; the mean error of whoever is picked there is taken off (Efron and Tibshirani 1993, An
Introduction to the Bootstrap, chapter 10). A new run on new rows of the same kind then lies around
the corrected mean with the variance

    s² (1 + 1/J + 2 n_test/n_train):

that of one run, whose rows are new, and that of the mean, whose blocks overlap.

**What choosing one may cost.** For every candidate, a bound for how far it lies below whichever
is truly best, for all at once: this is where Hsu's reasoning is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import optimize, stats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = [
    "FEWEST_BLOCKS",
    "POWER",
    "Comparison",
    "chance_to_show",
    "compare_scores",
    "fresh_run",
    "good_rates",
    "power",
    "showable",
]

FEWEST_BLOCKS: Final = 3
"""With two blocks the spread of a difference rests on one degree of freedom: a single pair of
numbers that happen to agree would decide. No verdict is given then."""

POWER: Final = 0.8
"""The share of studies in which the showable difference would be shown."""

_DRAWS: Final = 1000


@dataclass(frozen=True)
class Comparison:
    """What the scores say; one entry per candidate, in the order given."""

    best: int
    """Index of the best mean; of equal means the first."""
    mean: Array
    mean_low: Array
    mean_high: Array
    """Interval of each mean score, each for itself."""
    difference: Array
    """Mean minus the best mean, at most 0."""
    low: Array
    high: Array
    """Interval of the difference, for all candidates at once."""
    p_worse: Array
    """Adjusted p value of "not worse than the best"; 1 for the best itself."""
    p_equivalent: Array
    """Adjusted p value of "the margin or more from the best"; 0 for the best itself."""
    cost: Array
    """Bound for how far a candidate lies below the one that is truly best; at least 0."""
    showable: float
    """Smallest true difference that is declared worse with the power `POWER`."""


def compare_scores(
    scores: Array,
    *,
    overlap: float,
    margin: float,
    level: float = 0.05,
    left: float | None = None,
    resolution: float = 0.0,
) -> Comparison | None:
    """Compare candidates over blocks; None if there are fewer than `FEWEST_BLOCKS`.

    Args:
        scores: (candidates, blocks), greater is better, finite.
        overlap: n_test/n_train, what the splits have in common.
        margin: differences smaller than this count as equivalent.
        level: greatest chance of any false "worse", and of any false "equivalent".
        left: what a race has left of it for "worse" and for what choosing one may cost.
        resolution: the step in which a score moves (an accuracy on n rows: 1/n). A spread
            below what rounding to it leaves, resolution/√6, is not believed.

    Example:
        >>> import numpy as np
        >>> scores = np.array([[0.90, 0.92, 0.91, 0.93], [0.70, 0.73, 0.71, 0.72]])
        >>> found = compare_scores(scores, overlap=0.25, margin=0.01)
        >>> found.best, bool(found.p_worse[1] < 0.05)
        (0, True)
    """
    scores = np.asarray(scores, dtype=np.float64)
    count, blocks = scores.shape
    if blocks < FEWEST_BLOCKS:
        return None
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite; leave out candidates without a score")
    freedom = blocks - 1
    inflation = float(np.sqrt(1 / blocks + overlap))
    mean = scores.mean(axis=1)
    best = int(mean.argmax())
    half = stats.t.isf(level / 2, freedom) * inflation * scores.std(axis=1, ddof=1)

    differences = scores[:, None, :] - scores[None, :, :]
    spread = np.maximum(differences.std(axis=2, ddof=1), resolution / np.sqrt(6))
    same = (differences == 0).all(axis=2)  # not told apart in any block
    error = inflation * np.where(same & (resolution == 0), 0.0, spread)
    ahead = mean[:, None] - mean[None, :]  # [a, c]: by how much a is ahead of c

    others = np.flatnonzero(np.arange(count) != best)
    p_worse, p_equivalent = np.ones(count), np.zeros(count)
    p_worse[others] = _worse(ahead, error, freedom)[best, others]
    outside = _tail(margin - ahead[best, others], error[best, others], freedom)
    p_equivalent[others] = _holm(outside)

    left = level if left is None else left
    strict = stats.t.isf(left / max(1, count * (count - 1)), freedom)
    loose = stats.t.isf(level / max(1, count - 1), freedom)
    high = np.minimum(-ahead[best] + strict * error[best], np.where(p_worse <= left, 0.0, np.inf))
    low = -ahead[best] - loose * error[best]
    low[best] = high[best] = 0.0
    reach = ahead + stats.t.isf(left / max(1, count - 1), freedom) * error
    np.fill_diagonal(reach, 0.0)
    return Comparison(
        best=best,
        mean=mean,
        mean_low=mean - half,
        mean_high=mean + half,
        difference=-ahead[best],
        low=low,
        high=high,
        p_worse=p_worse,
        p_equivalent=p_equivalent,
        cost=reach.max(axis=0),
        showable=showable(error[best, others], count, freedom, left),
    )


def fresh_run(
    scores: Array,
    picked: int,
    *,
    overlap: float,
    level: float = 0.05,
    resolution: float = 0.0,
) -> tuple[float, float, float]:
    """Where one new run of the picked candidate lies: expected score, and both ends.

    Args:
        scores: (candidates, blocks) of all that might have been picked, greater is better.
        picked: the best mean, or another one that was taken for being as good.
        overlap: n_test/n_train, what the splits have in common.
        level: chance of a new run outside of the interval.
        resolution: the step in which a score moves.

    Example:
        >>> import numpy as np
        >>> same = np.random.default_rng(2).normal(0.9, 0.01, (8, 10))
        >>> best = int(same.mean(axis=1).argmax())
        >>> expected, low, high = fresh_run(same, best, overlap=0.25)
        >>> bool(low < 0.9 < high), bool(expected < same.mean(axis=1).max())
        (True, True)
    """
    count, blocks = scores.shape
    mean = scores.mean(axis=1)
    expected = float(mean[picked]) - (_flattery(scores, mean, picked, overlap) if count > 1 else 0)
    spread = max(float(scores[picked].std(ddof=1)), resolution / np.sqrt(12))
    half = stats.t.isf(level / 2, blocks - 1) * spread * np.sqrt(1 + 1 / blocks + 2 * overlap)
    return expected, expected - half, expected + half


def _flattery(scores: Array, mean: Array, picked: int, overlap: float) -> float:
    """By how much the mean of the picked candidate is too high, for having been picked."""
    count, blocks = scores.shape
    own = scores - mean[:, None]
    own -= own.mean(axis=0)  # what a block does to all alike picks nobody
    inflation = 1 / blocks + overlap
    chance = inflation * (own**2).sum() / ((count - 1) * (blocks - 1))
    seen = mean.var(ddof=1)
    truth = mean.mean() + (max(0.0, 1 - chance / seen) if seen > 0 else 0.0) * (mean - mean.mean())
    draws = np.random.default_rng(0).standard_normal((_DRAWS, blocks))
    error = draws @ own.T * np.sqrt(inflation / (blocks - 1))
    drawn = truth + error
    top = drawn.max(axis=1)
    if picked == mean.argmax():
        return float((error[drawn == top[:, None]]).mean())
    near = drawn[:, picked] >= top - (mean.max() - mean[picked])
    return float(error[near, picked].mean()) if near.any() else 0.0


def power(difference: float, error: float, candidates: int, freedom: int, level: float) -> float:
    """Chance that a candidate which is truly worse by `difference` is declared worse.

    `error` is the true standard error of the mean difference, overlap included. The others are
    taken to lie as far behind the best; those that are found on the way make Holm's steps larger.
    Where others are as good as the best, the chance is higher.
    """
    return _power(difference / error, candidates, freedom, level)


def _power(shift: float, candidates: int, freedom: int, level: float) -> float:
    """`power` for a difference in standard errors."""
    pairs, found = candidates * (candidates - 1) / 2, 0.0
    for _ in range(8):  # the share that is found and Holm's steps settle together
        critical = stats.t.isf(level / 2 / (pairs - (candidates - 2) * found), freedom)
        found = float(stats.nct.sf(critical, freedom, shift))
    return found


def showable(errors: Array, candidates: int, freedom: int, level: float) -> float:
    """Smallest true difference that is declared worse with the power `POWER`.

    For the candidate whose standard error is the median of `errors`; 0 without any. A standard
    error estimated from few blocks is too small more often than not; half of all studies reckon
    with more than the true one here, and half with less.
    """
    error = float(np.median(errors)) if len(errors) else 0.0
    if not error > 0:
        return 0.0
    error *= float(np.sqrt(freedom / stats.chi2.median(freedom)))
    return _showable_errors(candidates, freedom, level) * error


def chance_to_show(
    difference: float, showable: float, candidates: int, freedom: int, level: float = 0.05
) -> float:
    """What a study that names a showable difference says of another difference: its power.

    >>> round(chance_to_show(0.01, 0.01, candidates=3, freedom=9), 6)
    0.8
    """
    errors = difference / showable * _showable_errors(candidates, freedom, level)
    return _power(errors, candidates, freedom, level)


@cache
def _showable_errors(candidates: int, freedom: int, level: float) -> float:
    """Return the showable difference in standard errors."""
    critical = float(stats.t.isf(level / (candidates * (candidates - 1)), freedom))

    def lack(shift: float) -> float:
        return _power(shift, candidates, freedom, level) - POWER

    return float(optimize.brentq(lack, 0.0, 10.0 * critical + 10.0))


def good_rates(
    rates: Sequence[float], scores: Sequence[float | None], margin: float
) -> tuple[float, float] | None:
    """Smallest and largest learning rate around the best whose score is within the margin.

    `scores` are means over the blocks on the validation part, greater is better, None where a
    training failed. A rate counts only if all between it and the best one count.

    Example:
        >>> good_rates([1e-4, 1e-3, 1e-2, 1e-1], [0.80, 0.955, 0.96, None], margin=0.01)
        (0.001, 0.01)
    """
    known = [(rate, score) for rate, score in sorted(zip(rates, scores, strict=True))]
    finite = [score for _, score in known if score is not None]
    if not finite:
        return None
    top = max(finite)
    good = [score is not None and score >= top - margin for _, score in known]
    first = last = next(i for i, (_, score) in enumerate(known) if score == top)
    while first > 0 and good[first - 1]:
        first -= 1
    while last < len(known) - 1 and good[last + 1]:
        last += 1
    return known[first][0], known[last][0]


def _worse(ahead: Array, error: Array, freedom: int) -> Array:
    """Adjusted two-sided p value of every pair, (candidates, candidates)."""
    count = len(ahead)
    upper = np.triu_indices(count, k=1)
    adjusted = np.ones((count, count))
    adjusted[upper] = _holm(2 * _tail(np.abs(ahead[upper]), error[upper], freedom))
    return np.minimum(adjusted, adjusted.T)


def _tail(distance: Array, error: Array, freedom: int) -> Array:
    """P(T ≥ distance/error); without an error the distance itself decides."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(error > 0, distance / error, np.sign(distance) * np.inf)
    return np.asarray(stats.t.sf(np.nan_to_num(ratio, nan=0.0), freedom))


def _holm(p: Array) -> Array:
    """Holm's adjusted p values (1979): the smallest times n, the next times n - 1, never less."""
    order = np.argsort(p, kind="stable")
    steps = p[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps)) if len(p) else steps
    return adjusted
