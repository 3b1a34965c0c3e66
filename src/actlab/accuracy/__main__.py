"""Print the accuracy of every engine, and write the ledger: ``python -m actlab.accuracy``.

With ``--exhaustive --keep FILE`` every float32 number is tried, for the value and slope of every
scalar function, those that frameworks ship first. Results go into the file one by one, and what it
has for an unchanged kernel is not measured again; so the command may be stopped and repeated.
"""

from __future__ import annotations

import argparse
import copy
import sys
from pathlib import Path

from actlab.accuracy import ledger
from actlab.accuracy.error import FORMATS
from actlab.accuracy.keeping import TARGET, Kept, measure_all, table
from actlab.catalogue import get, names
from actlab.errors import ActlabError


def main() -> int:
    """Measure the named functions, or all."""
    parser = argparse.ArgumentParser(
        prog="python -m actlab.accuracy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", help="functions; all without any")
    parser.add_argument(
        "--engine", action="append", choices=tuple(ledger.DTYPES), help="only this; repeatable"
    )
    parser.add_argument("--dtype", action="append", choices=tuple(FORMATS), help="only this")
    parser.add_argument(
        "--write", action="store_true", help="write the bounds that fell or are new"
    )
    parser.add_argument("--allow-rise", action="store_true", help="also write bounds that rose")
    parser.add_argument("--exhaustive", action="store_true", help="try every float32 number")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="where exhaustive results are")
    parser.add_argument("--table", action="store_true", help="print the kept results in Markdown")
    parser.add_argument("--processes", type=int, help="side by side; one per core without it")
    options = parser.parse_args()
    if options.exhaustive or options.table:
        if options.keep is None:
            parser.error("say where the results are: --keep FILE")
        try:
            return _exhaustive(options)
        except ActlabError as error:
            print(error, file=sys.stderr)
            return 1
    return _sample(options)


def _exhaustive(options: argparse.Namespace) -> int:
    kept = Kept(options.keep)
    if options.table:
        print(table(kept))
        return 0
    bad = 0
    try:
        for line, beyond in measure_all(kept, options.names, processes=options.processes):
            print(line, flush=True)
            bad += beyond
    except KeyboardInterrupt:
        print(f"stopped; {options.keep} has {len(kept.results)} results", file=sys.stderr)
        return 130
    if bad:
        print(f"{bad} beyond {TARGET:g} ULP or without a reference", file=sys.stderr)
    return 1 if bad else 0


def _sample(options: argparse.Namespace) -> int:
    measured = []
    for activation in map(get, options.names or names()):
        for one in ledger.measure_all(
            activation, options.engine or ledger.DTYPES, options.dtype or FORMATS
        ):
            bound = ledger.bound_for(activation.name, one.engine, one.dtype, one.order, one.wrt)
            loose = ", which can fall" if ledger.is_loose(bound, one.max_ulp) else ""
            print(f"{one}; bound {bound:g}{loose}", flush=True)
            measured.append(one)
    ledger.load.cache_clear()  # somebody else may have written meanwhile
    bounds = copy.deepcopy(ledger.load())
    refused = ledger.record(measured, bounds, allow_rise=options.allow_rise)
    if options.write:
        known = set(names())
        bounds["functions"] = {k: v for k, v in bounds["functions"].items() if k in known}
        ledger.path().write_text(ledger.text_of(bounds), encoding="utf-8")
    for line in refused:
        print(f"above its bound: {line}", file=sys.stderr)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
