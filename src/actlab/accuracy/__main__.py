"""Print the accuracy of every engine, and write the ledger: ``python -m actlab.accuracy``."""

from __future__ import annotations

import argparse
import copy
import sys

from actlab.accuracy import ledger
from actlab.catalogue import get, names


def main() -> int:
    """Measure the named functions, or all."""
    parser = argparse.ArgumentParser(prog="python -m actlab.accuracy", description=__doc__)
    parser.add_argument("names", nargs="*", help="functions; all without any")
    parser.add_argument(
        "--write", action="store_true", help="write the bounds that fell or are new"
    )
    parser.add_argument("--allow-rise", action="store_true", help="also write bounds that rose")
    options = parser.parse_args()
    bounds = copy.deepcopy(ledger.load())
    refused: list[str] = []
    for name in options.names or names():
        activation = get(name)
        measured = ledger.measure_all(activation)
        for one in measured:
            bound = ledger.bound_for(activation.name, one.engine, one.dtype, one.order, one.wrt)
            loose = ", which can fall" if ledger.is_loose(bound, one.max_ulp) else ""
            print(f"{one}; bound {bound:g}{loose}")
        refused += ledger.record(measured, bounds, allow_rise=options.allow_rise)
    if options.write:
        known = set(names())
        bounds["functions"] = {k: v for k, v in bounds["functions"].items() if k in known}
        ledger.path().write_text(ledger.text_of(bounds), encoding="utf-8")
    for line in refused:
        print(f"above its bound: {line}", file=sys.stderr)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
