"""Real tables for `calibration.py`: what a study recommends, on rows that it never saw.

Three tenths of the rows of a table are laid aside. A study as `actlab compare` makes it runs on the
rest. Then the candidates are trained again on the rest, with other draws and other choices of
training and validation rows, and their networks are scored on the rows laid aside: the mean over
the blocks is what a candidate is worth there. Tables are cut several times, small ones more often,
so that a few dozen rows that were laid aside by chance do not decide.

Which candidate is the best of a table is unknown. The one that is worth most over all cuts owes a
part of that to chance, so held against it, also a faultless choice has regret (`highest`). So for
every cut the best is picked by what the candidates are worth in all other cuts, and by how much the
recommendation lies below it is measured in this one (`regret`): nobody is picked by the rows that
measure. Where the other cuts pick another than the truly best, this is a little too low; the truth
lies between the two.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path

import numpy as np

from actlab.compare.candidates import candidates_for
from actlab.compare.conclusion import conclude
from actlab.compare.driver import train_missing
from actlab.compare.ledger import Ledger
from actlab.compare.protocol import plan
from actlab.compare.runners import runner_for
from actlab.compare.study import Settings
from actlab.compare.task import DATASETS, Task, load
from actlab.compare.trainer import train_chunk

MOST_ROWS = 2000
ASIDE = 0.3
CUTS = ((1000, 6), (MOST_ROWS, 4), (np.inf, 3))
"""How many times a table of fewer rows is cut."""


@dataclass
class Regret:
    """One table: scores on untouched rows, in percent below the best candidate's."""

    table: str
    best: str
    """Worth most over all cuts."""
    recommended: str
    """In most of the cuts."""
    regret: float
    """Against the candidate that is best in the other cuts; so are those of ReLU and GELU."""
    highest: float
    """Against the one that is best over all cuts."""
    relu: float
    gelu: float
    covered: float
    """Share of the new runs that lie in the interval the study printed."""


@dataclass(frozen=True, eq=False)
class Cut(Task):
    """Some rows of a table; with `aside` these are what every block is tested on."""

    used: tuple[int, ...] = ()
    aside: tuple[int, ...] = ()

    def __post_init__(self):
        super().__post_init__()
        text = repr([self.fingerprint, self.used, self.aside])
        object.__setattr__(self, "fingerprint", hashlib.sha256(text.encode()).hexdigest())

    def _rows_of(self, block, settings):
        used = np.array(self.used)
        part = replace(
            _plain(self),
            target=self.target[used],
            columns=tuple(replace(column, values=column.values[used]) for column in self.columns),
        )
        train, validation, test = (used[rows] for rows in part._rows_of(block, settings))
        if self.aside:  # the study's own test rows are not needed: they help to train
            train, test = np.concatenate([train, test]), np.array(self.aside)
        return train, validation, test


def _plain(task):
    return Task(**{field.name: getattr(task, field.name) for field in fields(Task)})


def tables(directory, *, quick):
    """Name and path of every table; scikit-learn's alone where there is no such directory."""
    found = [(name, name) for name in DATASETS]
    files = sorted(Path(directory).glob("*.csv.gz"))
    if not files:
        print(f"no tables in {directory}: scikit-learn's alone")
    found += [(f"{path.name.split('.')[0]}.csv", path) for path in files]
    return found[1:5] if quick else found


def regrets(names, *, workers, quick, keep):
    settings = Settings()
    chosen = None
    if quick:
        settings = replace(settings, epochs=8, blocks=5, learning_rates=(3e-3, 1e-2), hidden=(32,))
        chosen = "relu,gelu,tanh,selu"
    candidates = candidates_for(chosen)
    return [
        regret(
            name,
            place,
            candidates,
            settings,
            workers=workers,
            keep=keep,
            cuts=2 if quick else None,
        )
        for name, place in names
    ]


def regret(name, place, candidates, settings, *, workers, keep, cuts=None):
    """One table's regret, over its cuts."""
    task = load(place) if place == name else load(place, target="target")
    values = {field.name: getattr(task, field.name) for field in fields(Task)}
    ledger = keep and keep / f"{name}.sqlite"
    if cuts is None:
        cuts = next(times for rows, times in CUTS if task.rows < rows)
    worth, chosen, covered = [], [], []
    for cut in range(cuts):
        used, aside = rows_of(task, seed=cut)
        own = replace(settings, seed=2 * cut)
        study = told(Cut(**values, used=used), candidates, own, workers, ledger)
        other = Cut(**values, used=used, aside=aside)
        again = told(other, candidates, replace(own, seed=2 * cut + 1), workers, ledger)
        assert again.task.higher_is_better, "the tables are scored by accuracy or R²"
        # A training that failed is worth nothing, as guessing is in R².
        scores = {row.label: [score or 0.0 for score in row.scores] for row in again.rows}
        worth.append({label: float(np.mean(row)) for label, row in scores.items()})
        chosen.append(study.recommended)
        low, high = study.fresh_interval
        covered += [low <= score <= high for score in scores[study.recommended]]
    labels = list(worth[0])
    scores = np.array([[one[label] for label in labels] for one in worth])
    best = scores.mean(axis=0).argmax()

    def below(picked, references):
        mine = [labels.index(label) for label in picked]
        lost = scores[range(cuts), references] - scores[range(cuts), mine]
        return float(100 * lost.mean() / abs(scores.mean(axis=0)[best]))

    elsewhere = best_elsewhere(scores)
    return Regret(
        table=name,
        best=labels[best],
        recommended=max(chosen, key=chosen.count),
        regret=below(chosen, elsewhere),
        highest=below(chosen, [best] * cuts),
        relu=below(["relu"] * cuts, elsewhere),
        gelu=below(["gelu"] * cuts, elsewhere),
        covered=float(np.mean(covered)),
    )


def best_elsewhere(scores):
    """For every cut the candidate that is worth most in all others; scores (cuts, candidates)."""
    return [int((scores.sum(axis=0) - own).argmax()) for own in scores]


def rows_of(task, seed):
    """Rows of the study and rows laid aside, with the shares of the classes in both."""
    from sklearn.model_selection import train_test_split

    classes = task.target if task.kind == "classification" else None
    rows = np.arange(task.rows)
    if task.rows > MOST_ROWS:
        rows, _ = train_test_split(rows, train_size=MOST_ROWS, random_state=seed, stratify=classes)
    classes = None if classes is None else classes[rows]
    used, aside = train_test_split(rows, test_size=ASIDE, random_state=seed, stratify=classes)
    return tuple(used.tolist()), tuple(aside.tolist())


def told(task, candidates, settings, workers, path):
    """The answer of a study on these rows."""
    planned = plan(task, candidates, settings)
    work = partial(train, task, candidates, planned.settings)
    with Ledger.open(path) as ledger:
        ledger.register(planned)
        train_missing(planned, ledger, work, runner_for(workers))
        return conclude(planned, ledger)


def train(task, candidates, settings, planned):
    return train_chunk(task, candidates, planned.chunk, settings)
