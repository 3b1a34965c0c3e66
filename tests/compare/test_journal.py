"""Figures of a study for a tracker."""

import re

import pytest

from actlab.compare import compare
from actlab.compare.conclusion import conclude
from actlab.compare.driver import train_missing
from actlab.compare.journal import journal
from actlab.compare.ledger import Ledger
from actlab.compare.runners import InProcess

QUICK = {"epochs": 3, "blocks": 4, "hidden": (8,), "learning_rates": (0.01, 0.03), "workers": 1}


def test_figures_are_told_at_the_start_and_after_every_chunk(make_plan, make_runs, fill):
    labels = ("relu", "tanh", "mine", "rectifier")
    plan = make_plan(labels=labels, same={"rectifier": "relu"}, blocks=4)
    heard, told = [], []
    with Ledger.open() as ledger:
        fill(ledger, plan, plan.chunks[:1])  # an earlier sitting
        tell = journal(lambda *what: heard.append(what), plan, ledger, told.append)
        work = lambda planned: make_runs(plan, planned)  # noqa: E731
        train_missing(plan, ledger, work, InProcess(), tell)
        result = conclude(plan, ledger)
    assert [step for _, step in heard] == [1, 2, 3]
    assert [now.done for now in told] == [1, 2, 3]
    first, *_, last = [figures for figures, _ in heard]
    assert set(first) == {
        "chunks/done", "chunks/total", "seconds/elapsed", "relu/accuracy", "rectifier/accuracy",
    }  # fmt: skip
    assert last["chunks/done"] == last["chunks/total"] == 3
    assert last["seconds/remaining"] == 0
    for label in labels:
        assert last[f"{label}/accuracy"] == pytest.approx(result.row(label).score, rel=1e-12)
    assert all(type(value) is float for figures, _ in heard for value in figures.values())


def test_names_are_those_that_trackers_take(make_plan, fill):
    labels = ("relu", "x*tanh(x)", "x/tanh(x)", "ä")
    plan = make_plan(labels=labels, blocks=3)
    heard = []
    with Ledger.open() as ledger:
        fill(ledger, plan)
        tell = journal(lambda figures, step: heard.append(figures), plan, ledger)
        train_missing(plan, ledger, None, InProcess(), tell)
    scores = [name for name in heard[0] if name.endswith("/accuracy")]
    assert scores == ["relu/accuracy", "x_tanh_x_/accuracy", "x_tanh_x_ 2/accuracy", "_/accuracy"]
    # What MLflow says of names: alphanumerics, underscores, dashes, periods, spaces and slashes.
    assert all(re.fullmatch(r"[\w./ -]+", name, re.ASCII) for name in heard[0])


@pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard.*")
def test_tensorboard_shows_a_study(tmp_path):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with tensorboard.SummaryWriter(tmp_path) as board:
        result = compare(
            "iris",
            activations="relu,tanh",
            log=lambda figures, step: [board.add_scalar(*f, step) for f in figures.items()],
            **QUICK,
        )
    shown = EventAccumulator(str(tmp_path)).Reload()
    scores = shown.Scalars("tanh/accuracy")
    assert scores[-1].value == pytest.approx(result.row("tanh").score, rel=1e-6)  # float32 there
    assert shown.Scalars("chunks/done")[-1].step == scores[-1].step
