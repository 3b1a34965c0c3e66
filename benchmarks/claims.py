"""What texts on activation functions keep saying, each measured, with a verdict.

Writes docs/claims.md. A claim is one function that measures and answers: the verdict follows from
its numbers, not from here. Answers are kept in a file as soon as they are there, so that a run
that was stopped goes on; the page is written from that file.

    python benchmarks/claims.py [--only NAME ...] [--cores N] [--keep FILE] [--page FILE]
    python benchmarks/claims.py --quick          every claim with next to no training, no page

Ends with one line of JSON: the verdict of every claim by its name.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

import claims_cost as cost
import claims_functions as functions
import claims_sequences as sequences
import claims_signal as signal
import claims_tables as tables
from claims_answers import Claim, Scale

ROOT = Path(__file__).resolve().parent.parent

CLAIMS = (
    Claim(
        "relu_cheaper",
        "ReLU is cheaper to compute than sigmoid.",
        "a commonplace; for instance the page on activation functions of ML Cheatsheet",
        cost.relu_cheaper,
    ),
    Claim(
        "relu_sparse",
        "ReLU makes activations sparse, and that saves memory.",
        "sparsity: Glorot, Bordes, Bengio (2011), Deep sparse rectifier neural networks, AISTATS; "
        "the memory: tutorials",
        cost.sparse,
    ),
    Claim(
        "sigmoid_tanh_vanish",
        "Sigmoid and tanh make gradients vanish in deep networks.",
        "a commonplace since Bengio, Simard, Frasconi (1994), Learning long-term dependencies with "
        "gradient descent is difficult, IEEE Transactions on Neural Networks 5",
        signal.vanishing,
    ),
    Claim(
        "relu_does_not_vanish",
        "ReLU does not make gradients vanish.",
        "a commonplace of tutorials; on the weights it needs: He, Zhang, Ren, Sun (2015), "
        "arXiv:1502.01852",
        signal.relu_keeps,
    ),
    Claim(
        "leaky_prevents_dead",
        "Leaky ReLU prevents dead units.",
        "the slope: Maas, Hannun, Ng (2013), Rectifier nonlinearities improve neural network "
        "acoustic models; the claim: tutorials",
        tables.leaky_alive,
    ),
    Claim(
        "elu_faster",
        "ELU learns faster than ReLU.",
        "Clevert, Unterthiner, Hochreiter (2016), arXiv:1511.07289",
        tables.elu_faster,
    ),
    Claim(
        "elu_prevents_exploding",
        "ELU's smoothness keeps gradients from exploding.",
        "tutorials",
        signal.elu_exploding,
    ),
    Claim(
        "selu_normalises",
        "SELU normalises the activations by itself.",
        "Klambauer, Unterthiner, Mayr, Hochreiter (2017), arXiv:1706.02515",
        signal.selu_normalises,
    ),
    Claim(
        "silu_monotone",
        "SiLU is a monotone function.",
        "tables of activation functions",
        functions.silu_monotone,
    ),
    Claim(
        "softmax_outliers",
        "Softmax is sensitive to outliers.",
        "tutorials",
        functions.softmax_outliers,
    ),
    Claim(
        "relu_kin_regression",
        "ReLU and its kin suit regression better than bounded functions.",
        "tutorials",
        tables.regression,
    ),
    Claim(
        "tanh_recurrent",
        "Tanh is the function for recurrent cells.",
        "a commonplace; the cell: Hochreiter, Schmidhuber (1997), Long short-term memory, Neural "
        "Computation 9",
        sequences.tanh_recurrent,
    ),
    Claim(
        "clipping_cures",
        "Clipping the gradient cures exploding gradients.",
        "for recurrent networks: Pascanu, Mikolov, Bengio (2013), arXiv:1211.5063",
        signal.clipping,
    ),
    Claim(
        "relu_sensitive_rate",
        "ReLU is very sensitive to the learning rate.",
        "tutorials",
        tables.relu_rate,
    ),
    Claim(
        "swish_beats_relu",
        "Swish beats ReLU.",
        "Ramachandran, Zoph, Le (2017), arXiv:1710.05941",
        tables.swish_beats,
    ),
    Claim(
        "penalised_tanh_text",
        "Penalised tanh is strong in text.",
        "Eger, Youssef, Gurevych (2018), Is it time to swish?, EMNLP, arXiv:1901.02671",
        sequences.penalised_tanh,
    ),
    Claim(
        "rate_changes_ranking",
        "The choice of the learning rate changes the ranking of activations.",
        "said against comparisons at one learning rate",
        tables.rate_ranks,
    ),
)


def processor():
    """The processor's name, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def measured(claim, scale):
    """The answer with what the page says of its circumstances."""
    begin = time.perf_counter()
    answer = claim.measure(scale)
    return {
        **answer.as_dict(),
        "quick": scale.quick,
        "seconds": round(time.perf_counter() - begin, 1),
        "load": round(os.getloadavg()[0], 1),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "processor": processor(),
        "cores": scale.cores,
        "versions": {name: version(name) for name in ("actlab", "torch", "numpy")},
    }


def read(path):
    """Answers that are kept, by name."""
    return json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else {}


def write(path, text):
    """Readers see the old file or the new one."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def page(kept):
    """docs/claims.md from the answers that are kept."""
    shown = [claim for claim in CLAIMS if claim.name in kept]
    seconds = sum(kept[claim.name]["seconds"] for claim in shown)
    lines = [
        "# What is said of activation functions",
        "",
        "Sentences that texts on activation functions repeat, in other words, each with a "
        "measurement by this package and a verdict: *holds*, *holds if*, *does not hold*. The "
        "verdict follows from the numbers by a rule in the code; the networks are small and the "
        "data few, so it speaks for networks like these. Shown means: by the test of the protocol, "
        "paired over blocks, corrected for overlapping splits and for the number of a claim's "
        "studies, at the level of 5 %.",
        "",
        f"Written by `python benchmarks/claims.py` ({seconds / 60:.0f} minutes of measuring, "
        f"{len(shown)} of {len(CLAIMS)} claims). {_circumstances(kept, shown)}",
        "",
        "| claim | verdict |",
        "|---|---|",
        *(f"| [{claim.text}](#{claim.name}) | {kept[claim.name]['verdict']} |" for claim in shown),
    ]
    for claim in shown:
        lines += ["", *_section(claim, kept[claim.name])]
    return "\n".join(lines) + "\n"


def _circumstances(kept, shown):
    """Machine, versions and dates; what differs is said apart."""
    found = {
        (row["processor"], row["cores"], *row["versions"].values(), row["date"])
        for row in (kept[claim.name] for claim in shown)
    }
    told = [
        f"{cores} worker{'s' if cores > 1 else ''} on {name}; actlab {own}, PyTorch {torch}, "
        f"NumPy {numpy}; {date}"
        for name, cores, own, torch, numpy, date in sorted(found)
    ]
    return ". ".join(told) + "."


def _section(claim, answer):
    cells = [answer["columns"], ["---"] * len(answer["columns"]), *answer["rows"]]
    note = " with `--quick`, which shows little" if answer["quick"] else ""
    busy = f", load {answer['load']:.0f}" if answer["load"] > answer["cores"] + 0.5 else ""
    return [
        f'<a id="{claim.name}"></a>',
        "",
        f"## {claim.text}",
        "",
        f"Source: {claim.source}.",
        "",
        f"**Verdict: {answer['verdict']}.** {answer['sentence']}",
        "",
        *(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in cells),
        "",
        f"{answer['how']}",
        "",
        f"`python benchmarks/claims.py --only {claim.name}` ({answer['seconds']:.0f} s"
        f"{busy}){note}",
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="next to no training, under 50 s")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[c.name for c in CLAIMS])
    parser.add_argument("--cores", type=int, default=os.cpu_count(), help="worker processes")
    parser.add_argument("--keep", type=Path, help="where answers are kept, and found again")
    parser.add_argument("--page", type=Path, help="docs/claims.md; with --quick none")
    options = parser.parse_args()
    scale = Scale(options.quick, 1 if options.quick else options.cores)
    kept = read(options.keep)
    for claim in CLAIMS:
        if options.only and claim.name not in options.only:
            continue
        if claim.name not in kept or kept[claim.name]["quick"] > scale.quick or options.only:
            kept[claim.name] = measured(claim, scale)
            if options.keep:
                write(options.keep, json.dumps(kept, ensure_ascii=False, indent=1) + "\n")
        answer = kept[claim.name]
        print(f"{claim.text} {answer['verdict'].upper()} ({answer['seconds']:.0f} s)")
        print(f"  {answer['sentence']}", flush=True)
    target = options.page or (None if options.quick or options.only else ROOT / "docs/claims.md")
    if target:
        write(target, page(kept))
        print(f"wrote {target}")
    print(json.dumps({claim.name: kept[claim.name]["verdict"] for claim in CLAIMS
                      if claim.name in kept}))  # fmt: skip


if __name__ == "__main__":
    main()
