"""The same study, trained stacked and trained the usual way.

Study: 8 activations × 5 learning rates × 5 blocks of digits, two hidden layers of 64, batches of
64, Adam, 30 epochs: 200 networks. Both sides see the same rows, draws and batches and give the
same numbers: the curves of training and validation loss and score, the epoch and learning rate
that validation chooses, its test score, and the gradient norms of the first and last layer.

usual      one network after another: `nn.Sequential`, autograd, `torch.optim.Adam`, with
           PyTorch's own activation modules; one thread, as networks this small gain nothing
           from more and lose much when something else runs
best loop  that loop at its best: fused Adam, one process per core with one thread each
stacked    `actlab.compare.trainer.train_chunk`, one process per core, as `actlab compare` does it

The sides take turns, so that whatever else the machine does falls on all of them; worker
processes are started and warm before the clock runs. Beside the time by the clock stands the
processor time, which other work on the machine changes less. `--quick` trains all 200 networks
stacked and a sample of them in the loops, and compares times per network.

    python benchmarks/compare.py [--quick] [--cores N]
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import statistics
import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from joblib import Parallel, delayed
from torch import nn

import actlab
from actlab.compare.batches import batch_order
from actlab.compare.candidates import candidates_for
from actlab.compare.protocol import plan
from actlab.compare.study import Settings
from actlab.compare.task import load
from actlab.compare.trainer import initial_weights, train_chunk

MODULES = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "tanh": nn.Tanh,
}
SETTINGS = Settings(blocks=5, learning_rates=(1e-4, 3e-4, 1e-3, 3e-3, 1e-2))
CLASSES = 10


@dataclass
class Loop:
    """What the usual loop leaves of one network."""

    train_loss: list[float]
    validation_loss: list[float]
    validation_score: list[float]
    first: list[float]
    last: list[float]
    seconds: float
    core_seconds: float
    test_score: float = 0.0


def usual(candidate, split, rate, settings, *, fused=False) -> Loop:
    """One network, as one writes it by hand."""
    begin, core = time.perf_counter(), time.process_time()
    widths = (split.train_x.shape[1], *settings.hidden, CLASSES)
    layers: list[nn.Module] = []
    for matrix in initial_weights(candidate, settings.seed, split.block, widths):
        linear = nn.Linear(*matrix.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(matrix.T))
            linear.bias.zero_()
        layers += [linear, MODULES[candidate.label]()]
    net = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(net.parameters(), lr=rate, fused=fused or None)
    criterion = nn.CrossEntropyLoss()
    x, y = torch.from_numpy(split.train_x).float(), torch.from_numpy(split.train_y)
    vx, vy = torch.from_numpy(split.validation_x).float(), torch.from_numpy(split.validation_y)
    done = Loop([], [], [], [], [], 0.0, 0.0)
    best, kept = (-np.inf, -np.inf), net.state_dict()
    for epoch in range(settings.epochs):
        order = torch.from_numpy(batch_order(settings.seed, split.block, epoch, len(y)))
        total = 0.0
        for rows in order.split(settings.batch_size):
            optimizer.zero_grad()
            loss = criterion(net(x[rows]), y[rows])
            loss.backward()
            done.first.append(net[0].weight.grad.norm().item())
            done.last.append(net[-1].weight.grad.norm().item())
            optimizer.step()
            total += loss.item() * len(rows)
        done.train_loss.append(total / len(y))
        with torch.no_grad():
            outputs = net(vx)
            done.validation_loss.append(criterion(outputs, vy).item())
            done.validation_score.append((outputs.argmax(-1) == vy).double().mean().item())
        reached = (done.validation_score[-1], -done.validation_loss[-1])
        if reached > best:
            best, kept = reached, copy.deepcopy(net.state_dict())
    net.load_state_dict(kept)
    with torch.no_grad():
        hits = net(torch.from_numpy(split.test_x).float()).argmax(-1) == torch.from_numpy(
            split.test_y
        )
    done.test_score = hits.double().mean().item()
    done.seconds = time.perf_counter() - begin
    done.core_seconds = time.process_time() - core
    return done


def in_worker(function, *arguments, **options):
    """Call with one thread, so that as many processes as cores do not get in each other's way.

    Returns what the function does, and its processor time.
    """
    torch.set_num_threads(1)
    core = time.process_time()
    return function(*arguments, **options), time.process_time() - core


def warm(task, candidates, settings):
    """Load everything, and train a little of each kind."""
    short = replace(settings, epochs=1)
    chunk = plan(task, candidates, short).chunks[0].chunk
    train_chunk(task, candidates, chunk, short)
    for candidate in candidates:
        usual(candidate, task.split(0, short), 1e-3, short)
    time.sleep(0.3)  # so that every worker gets one of these calls


def differences(runs, loops) -> tuple[float, float, float]:
    """Largest difference of a loss at the first epoch, of a loss at any, and of a test score."""
    first, curve, score = [0.0], [0.0], [0.0]
    for key, loop in loops.items():
        run = runs[key]
        for mine, theirs in (
            (run.train_loss, loop.train_loss),
            (run.validation_loss, loop.validation_loss),
        ):
            gaps = np.abs(np.array(mine) - np.array(theirs)) / (1 + np.abs(np.array(theirs)))
            first.append(gaps[0])
            curve.append(gaps.max())
        if run.test_score is not None:
            score.append(abs(run.test_score - loop.test_score))
    return max(first), max(curve), max(score)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a sample in the loops, under 50 s")
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    options = parser.parse_args()
    settings, cores = SETTINGS, options.cores
    task = load("digits")
    candidates = candidates_for(",".join(MODULES))
    chunks = [planned.chunk for planned in plan(task, candidates, settings).chunks]
    splits = [task.split(block, settings) for block in range(settings.blocks)]
    members = [
        (index, block, rate)
        for block in range(settings.blocks)
        for rate in settings.learning_rates
        for index in range(len(candidates))
    ]
    if options.quick:  # each candidate, and each learning rate and block about equally often
        members = [
            (i, (i + turn) % settings.blocks, settings.learning_rates[(2 * i + turn) % 5])
            for turn in range(2)
            for i in range(len(candidates))
        ]
    halves = np.array_split(np.arange(len(members)), 2)

    with Parallel(n_jobs=cores) as parallel:
        torch.set_num_threads(1)
        parallel([delayed(in_worker)(warm, task, candidates, settings)] * cores)
        warm(task, candidates, settings)
        times: dict[str, list[float]] = {"usual": [], "best": [], "stacked": []}
        cores_used: dict[str, list[float]] = {"usual": [], "best": [], "stacked": []}
        runs, loops = {}, {}

        def in_loops(some) -> None:
            for i, block, rate in some:
                loops[i, block, rate] = usual(candidates[i], splits[block], rate, settings)
                times["usual"].append(loops[i, block, rate].seconds)
                cores_used["usual"].append(loops[i, block, rate].core_seconds)
            begin = time.perf_counter()
            found = parallel(
                delayed(in_worker)(usual, candidates[i], splits[block], rate, settings, fused=True)
                for i, block, rate in some
            )
            times["best"].append((time.perf_counter() - begin) / len(some))
            cores_used["best"].append(sum(core for _, core in found) / len(some))

        def stacked() -> None:
            begin = time.perf_counter()
            found = parallel(
                delayed(in_worker)(train_chunk, task, candidates, chunk, settings)
                for chunk in chunks
            )
            for chunk, (chunk_runs, _) in zip(chunks, found, strict=True):
                pairs = [pair for pair in chunk.pairs for _ in settings.learning_rates]
                for (index, block), run in zip(pairs, chunk_runs, strict=True):
                    runs[index, block, run.learning_rate] = run
            times["stacked"].append((time.perf_counter() - begin) / len(runs))
            cores_used["stacked"].append(sum(core for _, core in found) / len(runs))

        in_loops([members[place] for place in halves[0]])
        stacked()
        in_loops([members[place] for place in halves[1]])
        if not options.quick:
            stacked()
    report(times, cores_used, runs, loops, cores)


def report(times, cores_used, runs, loops, cores) -> None:
    """The table, and its figures as one line of JSON."""
    each = {name: statistics.mean(values) for name, values in times.items()}
    core = {name: statistics.mean(values) for name, values in cores_used.items()}
    first, curve, score = differences(runs, loops)
    print(f"torch {torch.__version__}, actlab {actlab.__version__}, {cores} cores")
    print(f"{len(runs)} networks stacked, {len(loops)} of them in the loops\n")
    print(f"{'':34}{'ms per network':>16}{'times slower':>16}{'core-ms each':>16}")
    for name, label in (
        ("usual", "usual loop"),
        ("best", "best loop (fused, one per core)"),
        ("stacked", "stacked (one process per core)"),
    ):
        ratio = each[name] / each["stacked"]
        print(f"{label:34}{1e3 * each[name]:16.1f}{ratio:16.1f}{1e3 * core[name]:16.1f}")
    print(
        f"\nlargest difference of a loss, |a - b| / (1 + |b|): {first:.1e} in the first epoch, "
        f"{curve:.1e} in any\n(float32 rounds in another order, and training magnifies a last "
        f"bit); of a test score: {score:.4f}\n"
    )
    figures = {
        "ratio_usual": round(each["usual"] / each["stacked"], 2),
        "ratio_best_loop": round(each["best"] / each["stacked"], 2),
        "max_difference": float(f"{first:.3g}"),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
