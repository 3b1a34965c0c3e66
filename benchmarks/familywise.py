"""How often the verdict is wrong when the truth is known: simulated studies.

    python benchmarks/familywise.py [--quick]

Every scenario draws scores of candidates whose true means are known, asks `compare_scores`, and
counts: `worse`, the share of studies in which any candidate that is as good as the best was called
worse; `equivalent`, the share in which any candidate that lies exactly the margin below the best
was called equivalent; `interval`, the share in which any end of an interval of a difference from
the picked best was wrong; `cost`, the share in which the bound for the cost was wrong for any
candidate; `power`, how often a candidate that is worse by the showable difference was called so.
The first two may not exceed 0.05. Blocks overlap: the mean of a difference has the variance
s² (1/J + 0.25), the true one of the scenario "overlap"; in the others the blocks are independent,
and the test is on the safe side.
"""

from __future__ import annotations

import argparse
import json

import numpy as np

from actlab.compare.statistics import compare_scores

OVERLAP = 0.25
LEVEL = 0.05
SPREAD = 0.01


def overlapping(rng, candidates, blocks):
    """Blocks with the correlation 0.2 that splits with a fifth of the rows for the test have."""
    common = rng.standard_normal((candidates, 1)) * np.sqrt(0.2)
    return common + rng.standard_normal((candidates, blocks)) * np.sqrt(0.8)


def independent(rng, candidates, blocks):
    return rng.standard_normal((candidates, blocks))


def uneven(rng, candidates, blocks):
    """Half of the candidates spread ten times as much; overlapping blocks."""
    scale = np.where(np.arange(candidates) % 2, 1.0, 0.1)[:, None]
    return overlapping(rng, candidates, blocks) * scale


def related(rng, candidates, blocks):
    """Pairs of near twins; overlapping blocks."""
    family = np.repeat(overlapping(rng, -(-candidates // 2), blocks), 2, axis=0)[:candidates]
    return 0.95 * family + 0.3 * overlapping(rng, candidates, blocks)


def heavy(rng, candidates, blocks):
    """Heavy tails: Student's t with three degrees of freedom, independent blocks."""
    return rng.standard_t(3, (candidates, blocks)) / np.sqrt(3)


def counted(rng, candidates, blocks):
    """Accuracies on 40 rows, so coarse that ties abound; independent blocks."""
    hits = rng.binomial(40, 0.95, (candidates, blocks))
    return (hits / 40 - 0.95) / SPREAD


SCENARIOS = {
    "overlap": overlapping,
    "independent": independent,
    "uneven": uneven,
    "related": related,
    "heavy": heavy,
    "counted": counted,
}


def study(draw, rng, candidates, blocks, margin):
    """Which kinds of errors one study made: worse, equivalent, interval, cost; and the power."""
    resolution = 1 / 40 if draw is counted else 0.0
    options = {"overlap": OVERLAP, "level": LEVEL, "resolution": resolution}
    noise = SPREAD * draw(rng, candidates, blocks)
    found = compare_scores(noise, margin=margin, **options)
    others = np.arange(candidates) != found.best
    worse = bool((found.p_worse[others] <= LEVEL).any())
    interval = bool(((found.low > 0) | (found.high < 0))[others].any())
    cost = bool((found.cost < 0).any())
    # All but the first lie the margin below it: none of them is equivalent.
    truth = np.where(np.arange(candidates) == 0, 0.0, -margin)
    shifted = compare_scores(noise + truth[:, None], margin=margin, **options)
    wrong = (shifted.p_equivalent <= LEVEL) & (truth[shifted.best] - truth >= margin)
    interval |= bool(
        (
            (shifted.low > truth - truth[shifted.best] + 1e-12)
            | (shifted.high < truth - truth[shifted.best] - 1e-12)
        ).any()
    )
    cost |= bool((shifted.cost < -truth - 1e-12).any())
    return worse, bool(wrong.any()), interval, cost


def measured_power(draw, rng, candidates, blocks, studies):
    """Share of calls "worse" for candidates that are so by what the typical study names."""
    named = [
        compare_scores(
            SPREAD * draw(rng, candidates, blocks), overlap=OVERLAP, margin=0.01
        ).showable
        for _ in range(200)
    ]
    truth = np.full((candidates, 1), -np.median(named))
    truth[0] = 0.0
    called = 0.0
    for _ in range(studies):
        scores = truth + SPREAD * draw(rng, candidates, blocks)
        found = compare_scores(scores, overlap=OVERLAP, margin=0.01)
        called += (found.p_worse[1:] <= LEVEL).mean() if found.best == 0 else 0.0
    return called / studies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    studies = 300 if parser.parse_args().quick else 4000
    rng = np.random.default_rng(20240601)
    worst = {"worse": 0.0, "equivalent": 0.0}
    print(f"{studies} studies each")
    print("scenario     candidates blocks   worse  equivalent  interval  cost")
    for name, draw in SCENARIOS.items():
        for candidates, blocks in ((2, 5), (4, 3), (8, 5), (12, 10)):
            rows = [study(draw, rng, candidates, blocks, 4 * SPREAD) for _ in range(studies)]
            shares = np.mean(rows, axis=0)
            worst["worse"] = max(worst["worse"], shares[0])
            worst["equivalent"] = max(worst["equivalent"], shares[1])
            print(
                f"{name:12} {candidates:10d} {blocks:6d}   {shares[0]:5.3f}  {shares[1]:10.3f}"
                f"  {shares[2]:8.3f}  {shares[3]:5.3f}"
            )
    powers = {}
    for candidates, blocks in ((2, 5), (8, 10)):
        powers[candidates] = measured_power(overlapping, rng, candidates, blocks, studies)
        print(
            f"power at the showable difference, {candidates} candidates: {powers[candidates]:.3f}"
        )
    figures = {f"worst_false_{key}": round(float(value), 4) for key, value in worst.items()}
    print(json.dumps(figures | {f"power_{key}": round(value, 4) for key, value in powers.items()}))


if __name__ == "__main__":
    main()
