"""How the cost of a comparison grows: members 10 to 10,000, workers 1 and 2, and the bookkeeping.

The first table trains real networks (iris, one hidden layer, two epochs), so that what is not
training shows. A member is one network: a candidate at a learning rate in a block. Each line is a
process of its own: the time of the whole study by the clock, that time per member, the processor
time of the training alone per member, and the greatest memory of the process and its workers.

The second table is the bookkeeping without any training: made-up runs of 30 epochs go through the
real plan, ledger (a file, every chunk on the disk before the next) and conclusion. `growth` is the
exponent between the last two lines: 1 is linear.

`docs/scale.md` says what follows for a study of a million runs on a thousand machines.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

MEMBERS = (10, 100, 1_000, 10_000)
RUNS = (1_000, 10_000, 100_000)
RATES = (0.001, 0.003, 0.01, 0.03, 0.1)
STEPS = ("plan", "register", "record", "resume", "conclude")


def peak():
    """The greatest memory so far, in MiB: of this process, and of the largest child."""
    own, child = (
        resource.getrusage(who).ru_maxrss / 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own, child


# --- one case, in a process of its own ------------------------------------------------------------


def train(members, workers):
    """A real study of so many members."""
    from actlab.compare import compare

    blocks = max(2, min(members // 10, 100))
    names = ["relu", "tanh", "elu", "selu", "sigmoid", "softplus", "softsign", "hard_tanh",
             "leaky_relu", "silu", "celu", "relu6", "identity", "hard_sigmoid", "hard_swish",
             "log_sigmoid", "tanh_shrink", "soft_shrink", "gelu", "mish"]  # fmt: skip
    count = max(1, members // (blocks * len(RATES)))
    options = {"epochs": 2, "hidden": 8, "learning_rates": RATES}
    compare("iris", activations=names[:count], blocks=2, **options)  # compiles what is needed
    before, start = peak()[0], time.perf_counter()
    result = compare("iris", activations=names[:count], blocks=blocks, workers=workers, **options)
    seconds = time.perf_counter() - start
    if workers > 1:
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor().shutdown(wait=True)  # whose memory is known when they have ended
    own, child = peak()
    return {
        "members": result.runs_done,
        "seconds": seconds,
        "training": result.train_seconds,
        "before": before,
        "peak": own,
        "worker": child if workers > 1 else 0.0,
    }


def keep(runs):
    """The bookkeeping of a study of so many runs, without training."""
    from actlab.compare import driver
    from actlab.compare.candidates import candidates_for
    from actlab.compare.conclusion import conclude
    from actlab.compare.ledger import Ledger
    from actlab.compare.protocol import plan
    from actlab.compare.runners import InProcess
    from actlab.compare.study import Run, Settings
    from actlab.compare.task import load

    settings = Settings(blocks=max(4, min(runs // 100, 20)), learning_rates=RATES)
    count = runs // (settings.blocks * len(RATES))
    (base,) = candidates_for("relu")
    task = load("iris")
    candidates = [_copy(base, i) for i in range(count)]
    times = {}

    def timed(step, function, *given):
        start = time.process_time(), time.perf_counter()
        found = function(*given)
        times[step] = time.process_time() - start[0]
        times[f"{step}_clock"] = time.perf_counter() - start[1]
        return found

    planned = timed("plan", plan, task, candidates, settings)

    def work(chunk):
        found = []
        for index, block in chunk.chunk.pairs:
            for place, rate in enumerate(RATES):
                number = math.modf(math.sin(index * 7919 + block * 104729 + place) * 43758.5453)[0]
                history = tuple(0.5 + 0.4 * number / (epoch + 1) for epoch in range(30))
                chosen = place == 2
                run = Run(
                    candidate=planned.candidates[index].label,
                    learning_rate=rate,
                    block=block,
                    train_loss=history,
                    validation_loss=history,
                    validation_score=history,
                    chosen_epoch=30,
                    test_score=0.9 + 0.05 * number if chosen else None,
                    test_loss=0.1 if chosen else None,
                    dead_share=0.1,
                    saturated_share=0.1,
                    gradient_first=0.3,
                    gradient_last=0.4,
                    diverged=False,
                    step_seconds=1e-4,
                    saved_bytes=4096,
                )
                found.append(run)
        return found

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        with Ledger.open(path) as ledger:
            timed("register", ledger.register, planned)
            timed("record", driver.train_missing, planned, ledger, work, InProcess())
        size = path.stat().st_size
        with Ledger.open(path) as ledger:
            timed("resume", driver.train_missing, planned, ledger, work, InProcess())
            result = timed("conclude", conclude, planned, ledger)
        text = result.to_json()
    return {
        "runs": planned.runs,
        "chunks": len(planned.chunks),
        **times,
        "row_bytes": size / planned.runs,
        "plan_bytes": len(json.dumps(planned.as_dict())) / planned.runs,
        "result_bytes": len(text) / planned.runs,
        "peak": peak()[0],
    }


def _copy(base, index):
    """Another candidate that costs nothing to make: its formula differs by a constant."""
    from dataclasses import replace

    from actlab.catalogue import define

    made = define(f"maximum(x, {index} / 1e6 * x)", name=f"candidate_{index}")
    return replace(base, label=made.name, activation=made)


def parcel(rows, columns):
    """Bytes of the work, with the data, as it travels once to every worker."""
    import numpy as np

    from actlab.compare.candidates import candidates_for
    from actlab.compare.comparison import _train
    from actlab.compare.protocol import plan
    from actlab.compare.runners.remote import Parcel
    from actlab.compare.study import Settings
    from actlab.compare.task import load

    rng = np.random.default_rng(0)
    task = load(rng.normal(size=(rows, columns)), y=rng.normal(size=rows))
    candidates = candidates_for("relu,tanh")
    planned = plan(task, candidates, Settings())
    return {"bytes": len(Parcel.of(partial(_train, task, candidates, planned)).content)}


CASES = {"train": train, "keep": keep, "parcel": parcel}


# --- all of them ----------------------------------------------------------------------------------


def case(name, *numbers):
    found = subprocess.run(  # noqa: S603  this very file
        [sys.executable, __file__, "--case", name, *map(str, numbers)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    return json.loads(found.stdout.splitlines()[-1])


def growth(lines, key, size):
    """Exponent of the growth between the last two lines."""
    if len(lines) < 2 or min(line[key] for line in lines[-2:]) <= 0:
        return float("nan")
    before, last = lines[-2:]
    return math.log(last[key] / before[key]) / math.log(last[size] / before[size])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="10 and 1,000 members, 10,000 runs")
    parser.add_argument("--case", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        name, *numbers = options.case
        print(json.dumps(CASES[name](*map(int, numbers))))
        return
    figures = {}
    print(f"{'members':>8}{'workers':>9}{'seconds':>9}{'ms/member':>11}{'training':>10}"
          f"{'MiB':>7}{'MiB a worker':>14}")  # fmt: skip
    for workers in (1, 2):
        for members in MEMBERS[:3:2] if options.quick else MEMBERS:
            line = case("train", members, workers)
            each = line["seconds"] / line["members"] * 1000
            training = line["training"] / line["members"] * 1000
            print(f"{line['members']:8,}{workers:9}{line['seconds']:9.2f}{each:11.3f}"
                  f"{training:10.3f}{line['peak']:7.0f}{line['worker']:14.0f}")  # fmt: skip
            figures[f"ms_per_member_{members}_{workers}"] = round(each, 3)
            figures[f"mib_{members}_{workers}"] = round(line["peak"])
    print(f"\n{'runs':>8}{'chunks':>8}" + "".join(f"{step:>10}" for step in STEPS)
          + f"{'B/run':>8}{'plan B':>8}{'MiB':>7}  processor seconds")  # fmt: skip
    lines = []
    for runs in RUNS[:2] if options.quick else RUNS:
        lines.append(line := case("keep", runs))
        print(f"{line['runs']:8,}{line['chunks']:8,}"
              + "".join(f"{line[step]:10.3f}" for step in STEPS)
              + f"{line['row_bytes']:8.0f}{line['plan_bytes']:8.1f}"
              + f"{line['peak']:7.0f}")  # fmt: skip
    last = lines[-1]
    print("growth".rjust(16) + "".join(f"{growth(lines, step, 'runs'):10.2f}" for step in STEPS))
    sent = case("parcel", 10_000, 20)["bytes"]
    print(f"\nthe work with 10,000 rows of 20 columns travels as {sent / 1e6:.2f} MB, "
          f"{sent / 210_000:.1f} bytes a number")  # fmt: skip
    memory = (last["peak"] - lines[0]["peak"]) * 2**20 / (last["runs"] - lines[0]["runs"])
    figures |= {
        "row_bytes": round(last["row_bytes"]),
        "plan_bytes": round(last["plan_bytes"], 1),
        "memory_bytes": round(memory),
        "record_ms_per_chunk": round(last["record_clock"] / last["chunks"] * 1000, 2),
        "parcel_bytes_per_number": round(sent / 210_000, 2),
    }
    for step in ("plan", "record", "resume", "conclude"):
        figures[f"{step}_s_per_10000"] = round(last[step] / last["runs"] * 10_000, 3)
        figures[f"{step}_growth"] = round(growth(lines, step, "runs"), 2)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
