"""`actlab doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from actlab.cli.output import checked, data_console, print_json, resolve, say
from actlab.errors import ActlabError

if TYPE_CHECKING:
    from actlab.health.doctor import Checkup

__all__ = ["doctor"]


def doctor(
    model: str = typer.Argument(
        metavar="MODEL",
        help="digits, breast_cancer, wine, iris or diabetes for a plain network on these data; "
        "or my.py:build, a function that gives your model.",
    ),
    *,
    data: str | None = typer.Option(None, help="my.py:loaders, a function that gives batches."),
    activation: str = typer.Option("relu", help="Name or formula, for a plain network."),
    depth: int = typer.Option(3, help="Hidden layers of a plain network."),
    width: int = typer.Option(64, help="Their units."),
    optimizer: str = typer.Option("adam", help="adam, adamw, sgd or rmsprop."),
    learning_rate: float | None = typer.Option(None, help="Of a plain network's optimizer."),
    steps: int = typer.Option(300, help="Steps of training."),
    every: int = typer.Option(1, help="Look at every so many steps."),
    seed: int = typer.Option(0, help="Of everything that is drawn."),
    cure: bool = typer.Option(True, help="Train again with the cure if something is found."),
    out: Annotated[Path, typer.Option(help="The report.")] = Path("health.html"),
    as_json: bool = typer.Option(False, "--json", help="Print the findings as JSON."),
) -> None:
    """Train a network, say what its activations do to it, and show the cure."""
    from actlab.health import doctor as work

    with checked():
        if not out.parent.is_dir():
            raise ActlabError(f"there is no folder {str(out.parent)!r} for the report")
        if ":" in model:
            course = work.from_file(model, data)
        else:
            course = work.network(
                model,
                resolve(activation),
                depth=depth,
                width=width,
                optimizer=optimizer,
                learning_rate=learning_rate,
                seed=seed,
            )
        done = work.checkup(course, steps, every=every, cure=cure)
    if as_json:
        print_json(_as_data(done))
    else:
        _show(done)
    say(f"wrote {done.watch.report(out)}")
    if done.cured is not None:
        say(f"wrote {done.cured.report(out.with_name(f'{out.stem}-cured{out.suffix}'))}")


def _as_data(done: Checkup) -> dict[str, Any]:
    return {
        "findings": [
            {"severity": f.severity, "symptom": f.symptom, "layer": f.layer, "cause": f.cause,
             "since": f.since, "text": f.text, "advice": list(f.advice),
             "evidence": dict(f.evidence)}
            for f in done.watch.diagnosed()
        ],
        "metric": done.metric,
        "before": done.score,
        "after": done.cured_score,
        "remedies": [
            {"step": t.step, "remedy": t.remedy.text, "before": t.before, "after": t.after,
             "kept": t.kept}
            for t in (done.cured.trials if done.cured is not None else ())
        ],
    }  # fmt: skip


def _show(done: Checkup) -> None:
    console = data_console()
    styles = {"note": "dim", "warning": "yellow", "severe": "bold red"}
    findings = done.watch.diagnosed()
    for finding in findings:
        console.print(str(finding), style=styles[finding.severity], markup=False, highlight=False)
        console.print()
    if not findings:
        console.print(str(findings))
    if done.score is not None:
        console.print(f"{done.metric} {done.score:.4g}", highlight=False)
    if done.cured is not None:
        for trial in done.cured.trials:
            console.print(str(trial), markup=False, highlight=False)
        if done.cured_score is not None:
            console.print(f"{done.metric} with the cure {done.cured_score:.4g}", highlight=False)
