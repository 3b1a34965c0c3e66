"""Claims on recurrent cells and on text, by the comparison's own problems."""

from __future__ import annotations

import warnings

import actlab
from claims_answers import FAILS, HOLDS, HOLDS_IF, Answer, listed, number

RECTIFIERS = ("relu", "elu", "gelu")


def _compared(problem, names, scale, **full):
    settings = scale.pick(full, {"epochs": 1, "blocks": 3, "learning_rates": 1e-2, "hidden": 16})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return actlab.compare(problem, activations=",".join(names), workers=scale.cores, **settings)


def _rows(problem, result):
    return [
        (problem, row.label, number(row.score) if row.score is not None else "none",
         row.verdict or "no verdict")
        for row in result.rows
    ]  # fmt: skip


def tanh_recurrent(scale):
    names = ("tanh", "sigmoid", *RECTIFIERS)
    problems = scale.pick(
        ("digits-rows", "digits-rows-gru", "digits-rows-lstm", "sunspots"), ("digits-rows",)
    )
    rows, wins, loses = [], [], []
    for problem in problems:
        result = _compared(problem, scale.pick(names, names[:3]), scale, blocks=5)
        tanh = result.row("tanh")
        rows += _rows(problem, result)
        if tanh.verdict == "worse":
            loses.append(problem)
        elif all(row.verdict == "worse" for row in result.rows if row.label in RECTIFIERS):
            wins.append(problem)
    verdict = HOLDS if len(wins) == len(problems) else FAILS if not wins and loses else HOLDS_IF
    even = [problem for problem in problems if problem not in {*wins, *loses}]
    return Answer(
        verdict,
        f"Tanh is shown better than every rectifier in {listed(wins)}, shown worse than the best "
        f"in {listed(loses)}, and neither in {listed(even)}.",
        f"`actlab compare` on {listed(problems)}: the candidate in the place of the cell's tanh, "
        "gates sigmoid. Scores are accuracies, for the sunspots the error; "
        f"{result.settings.blocks} blocks, else the problem's own settings.",
        ("problem", "activation", "score", "verdict"),
        tuple(rows),
    )


def penalised_tanh(scale):
    names = ("penalized_tanh", "tanh", "relu", "gelu", "silu")
    problems = scale.pick({"text": names, "digits-rows-lstm": names[:3]}, {"text": names[:3]})
    rows, places, verdicts = [], {}, {}
    for problem, some in problems.items():
        result = _compared(problem, some, scale)
        rows += _rows(problem, result)
        own = result.row("penalized_tanh")
        places[problem] = f"rank {own.rank} of {len(some)} in {problem} ({own.verdict})"
        verdicts[problem] = own.verdict
    strength = {"best": HOLDS, "equivalent": HOLDS_IF, "undecided": HOLDS_IF}
    verdict = strength.get(verdicts["text"], FAILS)
    return Answer(
        verdict,
        f"Penalised tanh has {listed(places.values())}. One small text is not the "
        "eight tasks of the source.",
        "`actlab compare text` (bits per character of a small transformer, the candidate in its "
        "feed-forward layer) and a small LSTM on digits read row by row, each with the problem's "
        "own settings.",
        ("problem", "activation", "score", "verdict"),
        tuple(rows),
    )
