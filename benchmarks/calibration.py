"""Can the verdicts be trusted: what they say, held against what is known to be true.

    python benchmarks/calibration.py [--quick] [--data DIR] [--workers N] [--only PART] [--keep DIR]

copies    One function under eight names, each with draws of its own for weights and batches, so
          that the copies differ by chance alone: the share of studies that call any of them worse
          (`false_worse`), and in which a race drops any (`false_dropped`); both at most 0.05.
planted   Differences of 0.5, 1, 2 and 3 standard deviations are planted in ledgers; the share that
          is found, against what the study's own power statement predicts (`power_error`: the
          largest disagreement; at most 0.05).
regret    Real tables: how far the recommendation's score on rows that the study never saw lies
          below the best candidate's, in percent of that (`regret`; at most 0.5 on average), beside
          always ReLU (`regret_relu`) and always GELU (`regret_gelu`). The best is picked by other
          rows than those that measure; against the one picked by them all, after the fact, it is
          `regret_highest` (see `calibration_tables`).
fresh     The interval printed for a new run of the recommendation holds it in 95 ± 3 % of all
          studies (`coverage`; `coverage_lowest` and `coverage_highest` over the scenarios;
          `coverage_real` on the rows of the tables that the studies never saw).
pairing   One candidate is better by little in every block, and the blocks differ by much: the share
          of studies that see it (`paired`), and what an unpaired test sees (`unpaired`).

Tables: scikit-learn's, and those in --data (`../shared/data` beside the repository).
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from scipy import stats

from actlab.compare.candidates import candidates_for
from actlab.compare.conclusion import conclude
from actlab.compare.environment import environment
from actlab.compare.ledger import Ledger
from actlab.compare.protocol import Plan, PlannedCandidate, PlannedChunk, summarise
from actlab.compare.racing import drops_at, looks, spent
from actlab.compare.scales import field_of
from actlab.compare.statistics import chance_to_show
from actlab.compare.study import Chunk, Run, Settings, TaskSummary
from actlab.compare.task import load
from actlab.compare.trainer import train_chunk
from actlab.compare.verdict import Evidence, judge
from calibration_tables import regrets, tables

LEVEL = 0.05
OVERLAP = 0.25
RHO = OVERLAP / (1 + OVERLAP)
"""Correlation of blocks that overlap so: what makes Nadeau and Bengio's variance the true one."""
PLANTED = (0.5, 1.0, 2.0, 3.0)
SUMMARY = TaskSummary(
    name="planted", kind="regression", target="y", rows=500, features=8, classes=(), metric="r2",
    higher_is_better=True, train_rows=300, validation_rows=100, test_rows=100, notes=(),
    fingerprint="0" * 64,
)  # fmt: skip


# --- ledgers of made scores -------------------------------------------------------------------


def planned_study(summary, settings, candidates):
    """A plan with one chunk per candidate; the names stand for different functions."""
    rows = tuple(
        PlannedCandidate(label=f"candidate {i}", signature=f"x * {i}", gain=1.0, family=None,
                         trained_as=i)
        for i in range(candidates)
    )  # fmt: skip
    chunks = tuple(
        PlannedChunk(Chunk(i, tuple((i, block) for block in range(settings.blocks))), f"chunk {i}")
        for i in range(candidates)
    )
    return Plan(summary, rows, settings, chunks)


def answer(plan, runs):
    """The answer of a study whose ledger holds these runs, by candidate."""
    with Ledger.open() as ledger:
        ledger.register(plan)
        for planned, own in zip(plan.chunks, runs, strict=True):
            ledger.record(plan, planned, own, seconds=1.0, environment=environment())
        return conclude(plan, ledger)


def made_run(candidate, block, rate, score):
    return Run(
        candidate=candidate, learning_rate=rate, block=block, train_loss=(1.0,),
        validation_loss=(1.0,), validation_score=(0.5,), chosen_epoch=1, test_score=score,
        test_loss=1.0, dead_share=0.0, saturated_share=0.0, gradient_first=1.0, gradient_last=1.0,
        diverged=False, step_seconds=1e-4, saved_bytes=1024,
    )  # fmt: skip


PLAIN = Settings(learning_rates=(0.01,), epochs=1, metric="r2", loss="mse", margin=1e-9)


def answer_of_scores(scores):
    """Scores (candidates, blocks) of R² on made data, through a ledger to the answer."""
    candidates, blocks = scores.shape
    plan = planned_study(SUMMARY, replace(PLAIN, blocks=blocks), candidates)
    runs = [
        [made_run(f"candidate {i}", b, 0.01, float(scores[i, b])) for b in range(blocks)]
        for i in range(candidates)
    ]
    return answer(plan, runs)


def judged(scores, settings=PLAIN, seconds=None):
    """What an answer is made of, from the scores alone: thousands of studies in a minute."""
    blocks = scores.shape[1]
    seconds = np.full(len(scores), 1e-4) if seconds is None else seconds
    evidence = [
        Evidence(f"candidate {i}", i, tuple(row), True, float(seconds[i]), 1024, (blocks,))
        for i, row in enumerate(scores.tolist())
    ]
    return judge(evidence, SUMMARY, replace(settings, blocks=blocks))


def verdicts_of(scores, through_ledger):
    """Verdict of every candidate and the showable difference; in a sample through a ledger too."""
    found = judged(scores)
    verdicts = [row.verdict for row in found.each]
    if through_ledger:
        rows = {row.label: row.verdict for row in answer_of_scores(scores).rows}
        assert [rows[f"candidate {i}"] for i in range(len(scores))] == verdicts
    return verdicts, found.showable


def noise(rng, candidates, blocks):
    """Scores of overlapping blocks: variance 1, correlation `RHO` between the blocks."""
    common = rng.standard_normal((candidates, 1)) * np.sqrt(RHO)
    return common + rng.standard_normal((candidates, blocks)) * np.sqrt(1 - RHO)


# --- (a) copies -------------------------------------------------------------------------------


class Copies:
    """A task whose block `copy * blocks + b` has the rows of block b, and draws of its own."""

    def __init__(self, task, blocks):
        self.task, self.blocks = task, blocks

    def __getattr__(self, name):
        return getattr(self.task, name)

    def split(self, block, settings):
        return replace(self.task.split(block % self.blocks, settings), block=block)


def copies(studies, count=8):
    """Shares of studies that call a copy worse, and that drop one in a race."""
    settings = Settings(
        hidden=(16,), epochs=10, batch_size=32, learning_rates=(3e-3, 1e-2, 3e-2), blocks=10
    )
    data = [load(name) for name in ("wine", "iris", "diabetes", "breast_cancer")]
    functions = [candidates_for(name)[0] for name in ("relu", "tanh", "gelu")]
    worse = dropped = 0
    for study in range(studies):
        task, function = data[study % len(data)], functions[study % len(functions)]
        own = replace(settings, seed=1000 + study)
        blocks = own.blocks
        chunk = Chunk(0, tuple((0, place) for place in range(count * blocks)))
        runs = train_chunk(Copies(task, blocks), [function], chunk, own)
        by_copy = [
            [
                replace(run, candidate=f"candidate {i}", block=run.block % blocks)
                for run in runs
                if run.block // blocks == i
            ]
            for i in range(count)
        ]
        summary = summarise(task, own)
        known = replace(own, metric=summary.metric, loss="auto")
        found = answer(planned_study(summary, known, count), by_copy)
        worse += any(row.verdict == "worse" for row in found.rows)
        scores = {int(row.label.split()[1]): list(row.scores) for row in found.rows}
        dropped += race_drops(scores, field_of(summary, known), blocks, found.task.higher_is_better)
    return worse / studies, dropped / studies


def race_drops(scores, field, blocks, higher):
    """Whether a race over these scores drops anybody before its end."""
    known = 0.0
    for end in looks(blocks)[:-1]:
        now = spent(LEVEL, end, blocks)
        seen = {i: row[:end] for i, row in scores.items()}
        if drops_at(seen, field, level=now - known, sign=1.0 if higher else -1.0):
            return True
        known = now
    return False


# --- (b) planted differences ------------------------------------------------------------------


def planted(studies, rng):
    """Found and predicted share of every planted difference; 2, 5 and 8 candidates.

    The prediction is that of the typical study: half of them say more, and half less.
    """
    table = []
    for count, blocks in ((2, 10), (5, 10), (8, 20)):
        for size in PLANTED:
            # A paired difference of two candidates has the deviation √(2 (1 - ρ)) over blocks.
            gap = size * np.sqrt(2 * (1 - RHO))
            truth = np.where(np.arange(count) == 0, 0.0, -gap)[:, None]
            found, predicted = [], []
            for study in range(studies):
                scores = truth + noise(rng, count, blocks)
                verdicts, named = verdicts_of(scores, through_ledger=study < 20)
                found.append(np.mean([verdict == "worse" for verdict in verdicts[1:]]))
                predicted.append(chance_to_show(gap, named, count, blocks - 1))
            table.append((count, blocks, size, np.mean(found), np.median(predicted)))
    return table


# --- (d) a fresh run --------------------------------------------------------------------------


def scenario_means(rng, kind, count):
    return {
        "all equal": lambda: np.zeros(count),
        "near each other": lambda: rng.normal(0, 0.3, count),
        "spread": lambda: rng.normal(0, 1.0, count),
        "one is best": lambda: np.where(np.arange(count) == 0, 1.0, 0.0),
        "some far behind": lambda: np.where(np.arange(count) < count // 3, -8.0, 0.0),
    }[kind]()


def fresh(studies, rng):
    """Coverage of the interval for a new run, by scenario."""
    found = {}
    for kind in ("all equal", "near each other", "spread", "one is best", "some far behind"):
        for count, blocks in ((4, 5), (12, 10), (8, 20)):
            hits = 0
            for study in range(studies):
                means = scenario_means(rng, kind, count)
                shared = 2.0 * rng.standard_normal(blocks) * (study % 2)
                scores = -10 + means[:, None] + noise(rng, count, blocks) + shared
                # Half of the studies have candidates that cost less, and a margin to use it.
                cheap = rng.random(count) < 0.3 * (study % 4 > 1)
                settings = replace(PLAIN, margin=2.0 if study % 4 > 1 else 1e-9)
                told = judged(scores, settings, seconds=np.where(cheap, 0.5, 1.0))
                low, high = told.fresh[1]
                spread = np.sqrt(1 + 4.0 * (study % 2))
                new = -10 + means[told.recommended] + spread * rng.standard_normal()
                hits += low <= new <= high
            found[kind, count, blocks] = hits / studies
    return found


# --- (e) pairing ------------------------------------------------------------------------------


def pairing(studies, rng):
    """Shares of studies that see a small steady advantage: paired, and unpaired."""
    paired = unpaired = 0
    blocks = 10
    for _ in range(studies):
        of_block = 5.0 * rng.standard_normal(blocks)
        scores = of_block + 0.2 * noise(rng, 4, blocks) + np.array([[1.0], [0], [0], [0]])
        rows = {row.label: row for row in answer_of_scores(scores).rows}
        others = [f"candidate {i}" for i in (1, 2, 3)]
        paired += all(rows[label].verdict == "worse" for label in others)
        unpaired += any(
            stats.ttest_ind(rows["candidate 0"].scores, rows[label].scores, equal_var=False).pvalue
            < LEVEL
            for label in others
        )
    return paired / studies, unpaired / studies


# --- all of them ------------------------------------------------------------------------------


def timed(part, begin):
    print(f"[{part}: {time.perf_counter() - begin:.0f} s]\n", flush=True)


def show_copies(args, _rng):
    studies = 12 if args.quick else 200
    worse, dropped = copies(studies)
    print(f"eight copies of one function, {studies} studies, differing by chance alone")
    print(f"  any called worse    {worse:.3f}")
    print(f"  any dropped in race {dropped:.3f}   (level {LEVEL})")
    return {"false_worse": worse, "false_dropped": dropped}


def show_planted(args, rng):
    table = planted(250 if args.quick else 3000, rng)
    print("planted differences, in standard deviations of a paired difference")
    print("candidates  blocks  planted   found  predicted")
    for count, blocks, size, found, predicted in table:
        print(f"{count:10}  {blocks:6}  {size:7}  {found:6.3f}  {predicted:9.3f}")
    return {"power_error": max(abs(found - predicted) for *_, found, predicted in table)}


def regret_line(row):
    return (
        f"{row.regret:7.3f} {row.highest:8.3f} {row.relu:7.3f} {row.gelu:7.3f} {row.covered:8.2f}"
    )


def show_regret(args, _rng):
    names = tables(args.data, quick=args.quick)
    found = regrets(names, workers=args.workers, quick=args.quick, keep=args.keep)
    print("regret on untouched rows, in percent of the best candidate's score")
    print("table          best         recommended   regret  highest    relu    gelu  covered")
    for row in found:
        print(f"{row.table:14} {row.best:12} {row.recommended:12} {regret_line(row)}")
    names = ("regret", "highest", "relu", "gelu", "covered")
    mean = {name: float(np.mean([getattr(row, name) for row in found])) for name in names}
    print(f"{'mean':40} {regret_line(SimpleNamespace(**mean))}")
    return {
        "regret": mean["regret"],
        "regret_highest": mean["highest"],
        "regret_relu": mean["relu"],
        "regret_gelu": mean["gelu"],
        "coverage_real": mean["covered"],
    }


def show_fresh(args, rng):
    found = fresh(60 if args.quick else 1500, rng)
    print("interval of a new run of what was recommended")
    print("truth            candidates  blocks  covered")
    for (kind, count, blocks), share in found.items():
        print(f"{kind:16} {count:10}  {blocks:6}  {share:7.3f}")
    shares = list(found.values())
    return {
        "coverage": float(np.mean(shares)),
        "coverage_lowest": min(shares),
        "coverage_highest": max(shares),
    }


def show_pairing(args, rng):
    paired, unpaired = pairing(60 if args.quick else 1000, rng)
    print("better by a fifth of the blocks' deviation in every block")
    print(f"  seen by the paired test    {paired:.3f}")
    print(f"  seen by an unpaired test   {unpaired:.3f}")
    return {"paired": paired, "unpaired": unpaired}


PARTS = {
    "copies": show_copies,
    "planted": show_planted,
    "fresh": show_fresh,
    "pairing": show_pairing,
    "regret": show_regret,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    beside = Path(__file__).parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=beside, help="directory of the tables")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--keep", type=Path, help="directory of ledgers, to go on after a stop")
    args = parser.parse_args()
    figures = {}
    for name in args.only or PARTS:
        begin = time.perf_counter()
        figures |= PARTS[name](args, np.random.default_rng(20261121))
        timed(name, begin)
    print(json.dumps({name: round(float(value), 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
