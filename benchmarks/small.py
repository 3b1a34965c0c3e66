"""How long the small things take, each in a fresh process: what a user waits for.

Measured are `import actlab`, `actlab list`, `actlab show gelu`, `actlab show` of the function whose
properties take longest, and `actlab forecast gelu`. Each command runs several times, in turn with
the others; the table gives the median by the clock, by the processor, and the least by the clock.
A machine that is busy with other work shows in the first column and not in the second. What
Python itself takes to start is measured too and not taken off.

The properties of every function are then timed once more, each in a process of its own that has
everything imported already.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

LIMITS = {"import": 0.15, "list": 0.5, "show": 1.5}
COMMAND = "import sys; from actlab.cli import main; sys.argv[0] = 'actlab'; main()"
CASES = {
    "python": ["-c", "pass"],
    "import": ["-c", "import actlab"],
    "list": ["-c", COMMAND, "list"],
    "show": ["-c", COMMAND, "show", "gelu"],
    "forecast": ["-c", COMMAND, "forecast", "gelu"],
}


def run(words):
    """Seconds by the clock and by the processor of one fresh process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(  # noqa: S603  this very interpreter
        [sys.executable, *words], check=True, stdout=subprocess.DEVNULL
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, used


def of_every_function(rounds):
    """Processor seconds of the properties of each function, the least of some forks."""
    import actlab
    from actlab.properties import properties

    properties(actlab.get("gelu"))
    properties(actlab.get("sinc"))  # what is imported on the way is not counted
    found = {}
    for name in actlab.names():
        f = actlab.get(name)
        if f.kind in {"complex", "layer"}:
            continue
        best = float("inf")
        for _ in range(rounds):
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                start = time.process_time()
                properties(f)
                os.write(writer, repr(time.process_time() - start).encode())
                os._exit(0)
            os.close(writer)
            best = min(best, float(os.read(reader, 64)))
            os.close(reader)
            os.waitpid(child, 0)
        found[name] = best
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer runs, under 50 seconds")
    options = parser.parse_args()
    rounds = 3 if options.quick else 15
    every = of_every_function(1 if options.quick else 3)
    worst = max(every, key=every.get)
    cases = {**CASES, "show_worst": ["-c", COMMAND, "show", worst]}
    times = {case: [] for case in cases}
    run(CASES["show"])  # files are in memory from here on
    for _ in range(rounds):
        for case, words in cases.items():
            times[case].append(run(words))
    print(f"{'':26}{'median':>9}{'processor':>11}{'least':>9}{'limit':>8}  seconds")
    figures = {}
    for case, found in times.items():
        wall, used = (statistics.median(column) for column in zip(*found, strict=True))
        least = min(found)[0]
        label = f"show {worst}" if case == "show_worst" else " ".join(cases[case][2:]) or case
        limit = LIMITS.get(case.partition("_")[0])
        shown = f"{limit:8.2f}" if limit else " " * 8
        print(f"{label:26}{wall:9.3f}{used:11.3f}{least:9.3f}{shown}")
        figures[f"{case}_seconds"] = round(wall, 3)
        figures[f"{case}_processor"] = round(used, 3)
    slowest = sorted(every.items(), key=lambda item: -item[1])[:8]
    total = sum(every.values())
    print(f"properties of {len(every)} functions: {total:.1f} s, median "
          f"{statistics.median(every.values()) * 1000:.0f} ms; longest "
          + ", ".join(f"{name} {seconds:.2f}" for name, seconds in slowest))  # fmt: skip
    figures |= {"functions": len(every), "worst_case": worst}
    figures["worst_properties"] = round(every[worst], 3)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
