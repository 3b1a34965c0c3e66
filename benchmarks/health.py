"""Is the doctor right? Planted faults, sound runs, cures against random ones, and what it costs.

Sick runs carry one planted fault each; sound runs are the same architectures left alone. The cases
are two halves that differ in the seed alone, which decides data, weights, batches and how large
the fault is. Thresholds were chosen on the half with the seeds as they stand in health_cases.py;
every figure below comes from the other half, whose seeds are shifted.

- recall: sick runs with a finding above "note"; layer_first and cause: of all sick runs, those
  whose first finding names the planted layer, and the planted cause.
- false_alarms: sound runs with a finding above "note", at the end or at any look on the way.
- cured: sick runs that with cure="apply" reach 90 % of their sound twin's score on test rows,
  in CURE_STEPS steps; cured_at_random: the same steps, the same number of remedies, drawn blindly
  (activation, initialisation, clipping, learning rate), each checked and taken back in the same
  way. The p-value is that of the exact McNemar test on the pairs.
- overhead: see health_cost.py.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter, defaultdict

import numpy as np
from joblib import Parallel, delayed
from scipy.stats import binomtest

import health_cases as cases
import health_cost as cost
import health_peers as peers
from actlab.health import Finding, Findings, Watch

CURE_STEPS = 2 * cases.STEPS
LOOK = 48
SHIFT = 20_000
"""Added to every seed, so that no run is one that thresholds were chosen on."""


def watched(case):
    """Train a case under watch: what is found, and what the peers' rules say."""
    cases.quiet()
    run = cases.Run(case)
    on_the_way = []
    with Watch(run.model, run.optimizer) as watch:

        def look(step):
            if case.fault is None and step % LOOK == LOOK - 1:
                on_the_way.extend(f.symptom for f in watch.findings().above("note"))

        run.train(each=look)
        found = watch.findings().above("note")
    first = found[0] if found else None
    return {
        "case": case,
        "score": run.score(),
        "found": bool(found or on_the_way),
        "said": [(f.symptom, f.layer, f.cause) for f in found] + on_the_way,
        "layer": first is not None and (first.layer in run.layers or None in run.layers),
        "cause": first is not None and any(first.cause.startswith(c) for c in run.causes),
        "peers": {name: bool(rule(watch.record)) for name, rule in peers.RULES.items()},
    }


def cured(case, remedies=0, seed=0):
    """Score after training with the cure; with `remedies`, so many drawn blindly instead."""
    cases.quiet()
    run = cases.Run(case)
    with Watch(run.model, run.optimizer, cure="apply") as watch:
        if remedies:
            blind(watch, remedies, seed)
        run.train(CURE_STEPS)
        tried = watch.trials
    return run.score(), [(t.finding.symptom, t.remedy.name, t.kept) for t in tried]


def blind(watch, remedies, seed):
    """Let the cure draw its remedies instead of following a finding."""
    draw = random.Random(seed)  # noqa: S311  (a benchmark's draw)
    watch._cure.most = remedies

    def diagnosed():
        sites = tuple(s.name for s in watch.record.activations() if " after " not in s.name)
        layers = tuple(n for n, one in watch.record.layers.items() if one.fan_in)
        option = draw.choice([
            ("swap", {"sites": sites,
                      "new": draw.choice(["relu", "leaky_relu", "gelu", "silu", "elu", "tanh"])}),
            ("reinitialise", {"layers": layers}),
            ("clip", {"norm": 10 ** draw.uniform(-1, 1)}),
            ("lower_rate", {"factor": 10 ** draw.uniform(-4, 4)}),
        ])  # fmt: skip
        finding = Finding("drawn", "", "", "severe", 0, {}, "", options=(option,), rule="drawn")
        return Findings([watch._with_remedies(finding)])

    watch.diagnosed = diagnosed


def twin(case):
    """The score of the same case without its fault."""
    cases.quiet()
    run = cases.Run(case.sound())
    run.train()
    return run.score()


def with_tool(pool, name, each):
    """Shares of sick and of sound runs in which a tool finds something, of `each` drawn ones."""
    shares = []
    for kind, count in (("sick", 180), ("sound", 150)):
        places = sorted(random.Random(0).sample(range(count), each))  # noqa: S311
        said = pool(delayed(peers.in_own_process)(name, kind, at, SHIFT) for at in places)
        shares.append(said.count("finds") / each)
        for why, times in Counter(said).items():
            if why not in {"finds", "silent"}:
                print(f"  {name}, {kind}: {times} of {each} runs: {why}")
    return shares


def table(sick, sound):
    print(f"{'fault':18}{'runs':>5}{'found':>7}{'layer':>7}{'cause':>7}")
    kinds = defaultdict(Counter)
    for row in sick:
        kinds[row["case"].fault].update(
            n=1, found=row["found"], layer=row["layer"], cause=row["cause"]
        )
    for kind, c in kinds.items():
        print(f"{kind:18}{c['n']:5}{c['found']:7}{c['layer']:7}{c['cause']:7}")
    for row in sick:
        if not (row["found"] and row["layer"] and row["cause"]):
            print(f"  {row['case'].name}: {row['said'] or 'nothing found'}")
    for row in sound:
        if row["found"]:
            print(f"  sound, but: {row['case'].name} ({row['score']:.3f}): {row['said']}")


def detection(pool, options, told):
    """Recall, the right layer and cause, false alarms, and the peers on the same runs."""
    sick_cases = cases.sick_cases(1 if options.quick else 12, SHIFT)
    sound_cases = cases.healthy_cases(8 if options.quick else 150, SHIFT)
    sick = pool(delayed(watched)(c) for c in sick_cases)
    sound = pool(delayed(watched)(c) for c in sound_cases)
    table(sick, sound)
    low = [row["case"].name for row in sound if row["score"] < 0.9]
    print(f"{len(sick)} sick and {len(sound)} sound runs of "
          f"{len({c.arch for c in sound_cases})} architectures, accuracy "
          f"{min(r['score'] for r in sound):.3f} to {max(r['score'] for r in sound):.3f}, "
          f"{len(low)} below 0.9: {low}")  # fmt: skip

    def share(rows, key):
        return float(np.mean([key(row) for row in rows]))

    lines = [("actlab", share(sick, lambda r: r["found"]), share(sound, lambda r: r["found"]))]
    for name in peers.RULES:
        said = [share(rows, lambda r, name=name: r["peers"][name]) for rows in (sick, sound)]
        lines.append((f"{name} (thresholds)", *said))
    if options.tools:
        runs = f"({options.tools} + {options.tools} runs)"
        lines += [(f"{name} {runs}", *with_tool(pool, name, options.tools)) for name in peers.TOOLS]
    print(f"\n{'tool':34}{'recall':>8}{'false alarms':>14}")
    for name, recall, alarms in lines:
        print(f"{name:34}{recall:8.3f}{alarms:14.3f}")
    told.update(
        recall=round(lines[0][1], 4),
        layer_first=round(share(sick, lambda r: r["layer"]), 4),
        cause=round(share(sick, lambda r: r["cause"]), 4),
        false_alarms=round(lines[0][2], 4),
        sick=len(sick),
        sound=len(sound),
    )


def cures(pool, options, told):
    """How many sick runs recover, with the cure and with remedies drawn blindly."""
    sick_cases = cases.sick_cases(1 if options.quick else 12, SHIFT)
    chosen = sick_cases[:: 7 if options.quick else options.every]
    wanted = pool(delayed(twin)(c) for c in chosen)
    ours = pool(delayed(cured)(c) for c in chosen)
    theirs = pool(
        delayed(cured)(c, max(1, len(log)), n)
        for n, (c, (_, log)) in enumerate(zip(chosen, ours, strict=True))
    )
    well = np.array([s >= 0.9 * w for (s, _), w in zip(ours, wanted, strict=True)])
    luck = np.array([s >= 0.9 * w for (s, _), w in zip(theirs, wanted, strict=True)])
    print(f"\ncures, {CURE_STEPS} steps: {well.mean():.3f} of {len(chosen)} runs reach 90 % of "
          f"their sound twin, {luck.mean():.3f} with remedies drawn blindly")  # fmt: skip
    for case, (score, log), want in zip(chosen, ours, wanted, strict=True):
        if score < 0.9 * want:
            print(f"  not cured: {case.name}: {score:.3f} of {want:.3f}: {log}")
    only_ours, only_luck = int((well & ~luck).sum()), int((luck & ~well).sum())
    p = binomtest(only_ours, max(1, only_ours + only_luck)).pvalue
    print(f"cured by ours alone {only_ours}, by chance alone {only_luck}: p = {p:.2g}")
    told.update(
        cured=round(float(well.mean()), 4),
        cured_at_random=round(float(luck.mean()), 4),
        p_value=float(f"{p:.2g}"),
        cures=len(chosen),
    )


def costs(options, told):
    """What watching costs."""
    rows = cost.measure(1 if options.quick else 30)
    print(f"\n{'watching costs':20}{'bare step ms':>14}{'every 10':>10}{'every step':>12}")
    for name, step, ten, one in rows:
        print(f"{name:20}{step:14.2f}{ten:10.1%}{one:12.1%}")
    told.update(
        overhead_every_10=round(float(np.median([r[2] for r in rows])), 4),
        overhead_every_1=round(float(np.median([r[3] for r in rows])), 4),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few runs, under 50 seconds")
    parser.add_argument("--tools", type=int, help="so many sick and sound runs by other tools, too")
    parser.add_argument("--every", type=int, default=1, help="cure every so many of the sick runs")
    parser.add_argument("--only", choices=["detection", "cures", "costs"], help="one part")
    options = parser.parse_args()
    started = time.perf_counter()
    pool, told = Parallel(2), {}
    if options.only in {None, "detection"}:
        detection(pool, options, told)
    if options.only in {None, "cures"}:
        cures(pool, options, told)
    if options.only in {None, "costs"}:
        costs(options, told)
    print(json.dumps({**told, "seconds": round(time.perf_counter() - started)}))


if __name__ == "__main__":
    main()
