"""Real clusters of two nodes, Dask and Ray: nodes die in the middle and no number changes."""

import json
import os
import subprocess
import sys
import time
import types
import uuid
from collections import Counter
from contextlib import ExitStack

import pytest

from actlab.compare import compare
from actlab.compare.conclusion import conclude
from actlab.compare.driver import train_missing
from actlab.compare.ledger import Ledger
from actlab.compare.runners import InProcess, on_dask
from actlab.compare.runners.on_dask import Dask
from actlab.compare.runners.on_ray import Ray
from actlab.errors import ActlabError, DataError

REAL = {"activations": "relu,tanh", "epochs": 2, "blocks": 6, "hidden": 8, "margin": 1e-9}
CHUNKS = 40


class DaskCluster:
    """A scheduler and two workers, in processes of their own."""

    runner = Dask

    def __init__(self, folder):
        self.place = folder / "scheduler.json"
        self._open = ExitStack()
        self._start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        while not self.place.exists():
            time.sleep(0.02)
        self.address = json.loads(self.place.read_text())["address"].removeprefix("tcp://")
        self.workers = [self.worker(), self.worker()]
        self.strikes = [
            (10, self.workers[0].kill),
            (25, self.replace),  # the data vanish with the last worker that holds them
        ]

    def worker(self, threads=1):
        return self._start("dask_worker", "--no-nanny", "--nthreads", str(threads))

    def replace(self):
        self.workers[1].kill()
        self.workers.append(self.worker())

    def empty(self):
        self.workers[-1].kill()
        return True

    def _start(self, program, *options):
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{program}",
             "--scheduler-file", str(self.place), *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        self._open.callback(process.wait)
        self._open.callback(process.kill)
        return process

    def close(self):
        self._open.close()


class RayCluster:
    """Two nodes with one core each."""

    runner = Ray

    def __init__(self, folder):
        from ray.cluster_utils import Cluster

        little = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
        self.cluster = Cluster(
            initialize_head=True, head_node_args={**little, "include_dashboard": False}
        )
        self.second = self.cluster.add_node(**little)
        self.address = self.cluster.address
        self.strikes = [(10, lambda: self.cluster.remove_node(self.second, allow_graceful=False))]

    def empty(self):
        return False  # where the driver is, there is a core

    def close(self):
        self.cluster.shutdown()


@pytest.fixture
def nothing_sent(monkeypatch):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")


@pytest.fixture(params=[DaskCluster, RayCluster], ids=["dask", "ray"])
def cluster(request, tmp_path, nothing_sent):
    cluster = request.param(tmp_path)
    yield cluster
    cluster.close()


def marking(runs, folder):
    """Training that notes which process began which chunk, and the look at these notes.

    The first process waits for a second one.
    """

    def began():
        words = [path.name.split("-") for path in folder.iterdir()]
        return Counter(word[0] for word in words), Counter(word[1] for word in words)

    def work(planned):
        (folder / f"{planned.chunk.index}-{os.getpid()}-{uuid.uuid4().hex}").touch()
        patience = time.monotonic() + 60
        while len(began()[1]) < 2 and time.monotonic() < patience:
            time.sleep(0.02)
        time.sleep(0.02)
        return runs[planned.key]

    return work, began


def answer(plan, ledger):
    """The whole answer, without what is measured."""
    values = conclude(plan, ledger).as_dict()
    del values["finished"], values["train_seconds"]
    return values


def scores(result):
    return {row.label: (row.scores, row.chosen_learning_rates) for row in result.rows}


def known_here_alone():
    """Work that no other process can import."""
    module = types.ModuleType("installed_here_alone")
    exec("def work(planned): return []", vars(module))  # noqa: S102
    sys.modules[module.__name__] = module
    return module.work


def unfit(planned):
    raise DataError(f"chunk {planned.chunk.index} can not be used")


# Ray starts its processes by forking; JAX, where another test has imported it, warns of that.
@pytest.mark.filterwarnings(r"ignore:os.fork\(\) was called:RuntimeWarning")
@pytest.mark.slow
def test_nodes_die_in_the_middle_of_a_study(cluster, make_plan, make_runs, tmp_path):
    plan = make_plan(labels=tuple(f"f{i}" for i in range(CHUNKS)), blocks=3)
    runs = {planned.key: make_runs(plan, planned) for planned in plan.chunks}
    marks = tmp_path / "marks"
    marks.mkdir()
    strikes = list(cluster.strikes)

    def strike(progress):
        if strikes and progress.done >= strikes[0][0]:
            strikes.pop(0)[1]()

    work, began = marking(runs, marks)
    runner = cluster.runner(cluster.address)
    with Ledger.open() as ledger:
        train_missing(plan, ledger, work, runner, strike)
        found = answer(plan, ledger)
    assert not strikes
    with Ledger.open() as ledger:
        train_missing(plan, ledger, lambda planned: runs[planned.key], InProcess())
        assert found == answer(plan, ledger)
    chunks, processes = began()
    assert len(processes) == 1 + len(cluster.strikes), "every node worked, and who came for one"
    assert len(chunks) == CHUNKS
    # A node that dies takes what it was training and what it had only just finished.
    assert sum(chunks.values()) <= CHUNKS + 2 * len(cluster.strikes)

    # Errors come from there as they would from here.
    for work, error, message in [
        (unfit, DataError, "chunk . can not be used"),
        (known_here_alone(), ActlabError, "can't import installed_here_alone; install there"),
    ]:
        with pytest.raises(error, match=message):
            next(runner.run(work, plan.chunks))

    # Real training gives the same bytes.
    there = compare("iris", runner=runner, **REAL)
    assert scores(there) == scores(compare("iris", **REAL))

    # A cluster that is there without workers is not waited for for ever.
    if cluster.empty():
        left = cluster.runner(cluster.address, patience=0.5)
        with pytest.raises(ActlabError, match=r"has had no worker for 0\.5 seconds; what was"):
            list(left.run(work, plan.chunks))
        left.close()


def test_workers_with_idle_threads_are_pointed_out():
    """No cluster for this: what Dask tells of its workers is enough."""

    class Client:
        def nthreads(self):
            return {"tcp://10.0.0.1:1": 1, "tcp://10.0.0.2:1": 8}

    with pytest.warns(UserWarning, match="has 8 threads and trains one chunk at a time on one"):
        on_dask._warn_of_threads(Client())
