"""The workers of a Dask cluster (dask.distributed)."""

from __future__ import annotations

import logging
import signal
import warnings
from collections import Counter, deque
from concurrent.futures import CancelledError
from contextlib import contextmanager
from importlib import import_module
from itertools import count
from math import inf
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NoReturn

from actlab.compare.runners import remote
from actlab.errors import ActlabError

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping, Sequence

    from actlab.compare.protocol import PlannedChunk
    from actlab.compare.runners.contract import Finished, Work

__all__ = ["Dask"]

_PORT: Final = 8786
_CONNECT_SECONDS: Final = 10.0
_ATTEMPTS: Final = 4
"""So often is a chunk given out that vanishes with its workers."""


class Dask(remote.Cluster):
    """The worker processes of a Dask cluster, one chunk at a time each.

    A chunk needs one thread, and training sets what belongs to a whole process. So workers should
    have one thread each: `dask worker ADDRESS --nworkers 8 --nthreads 1`.

    Args:
        address: HOST:PORT of the scheduler, with "tls://" before it where the cluster asks for
            that; or "local", which starts worker processes on this machine.
        workers: how many, for "local"; one per core by default.
        patience: seconds to wait for a worker while there is none.
    """

    def begun(self, connection: Any, work: Work) -> _Study:
        """Pack the work."""
        return _Study(connection, work, self.address, self.patience)

    @contextmanager
    def connected(self) -> Iterator[Any]:
        """Connect to the scheduler, or start worker processes here."""
        try:
            distributed: Any = import_module("distributed")
        except ImportError as error:
            raise remote.needs("dask.distributed", "dask") from error
        if self.address == "local":
            from joblib import cpu_count

            cluster = distributed.LocalCluster(
                n_workers=self.workers or int(cpu_count()),
                threads_per_worker=1,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            )
            with cluster, distributed.Client(cluster) as client:
                client.run(_leave_interrupts_alone)
                yield client
            return
        protocol, _, place = self.address.rpartition("://")
        protocol = protocol or "tcp"
        greets = {"tcp": _greets, "tls": remote.speaks_tls}.get(protocol)
        address = f"{protocol}://{remote.reachable(place, _PORT, 'Dask', greets)}"
        try:
            client = distributed.Client(address, timeout=_CONNECT_SECONDS)
        except TypeError as error:
            raise ActlabError(
                f"{address} needs certificates; name them in Dask's configuration, under "
                "distributed.comm.tls"
            ) from error
        except (OSError, ValueError) as error:
            raise ActlabError(
                f"what answers at {address} is no Dask scheduler for this client "
                f"({remote.first_line(error)})"
            ) from error
        with client, _without_log():
            _warn_of_threads(client)
            yield client


class _Study:
    """Chunks on their way through a cluster."""

    def __init__(self, client: Any, work: Work, address: str, patience: float) -> None:
        self.work = work
        self._client, self._parcel = client, remote.Parcel.of(work)
        self._address, self._patience = address, patience
        self._waiting: deque[PlannedChunk] = deque()
        self._given: dict[str, tuple[PlannedChunk, Any]] = {}
        self._attempts: Counter[str] = Counter()
        self._ended: SimpleQueue[Any] = SimpleQueue()
        self._held: Any = None
        self._everywhere = True
        self._number = count()
        self._seen, self._asked, self._last_seen = 0, -inf, monotonic()

    def finished(self, chunks: Sequence[PlannedChunk]) -> Iterator[Finished]:
        """Give the chunks out, and what is lost once more."""
        self._waiting.extend(chunks)
        self._last_seen = monotonic()
        self._give()
        while self._waiting or self._given:
            try:
                future = self._ended.get(timeout=1.0)
            except Empty:
                self._give()
                continue
            planned, _ = self._given.pop(future.key, (None, None))
            if planned is None:  # taken back earlier
                continue
            if future.status == "error":
                self._refuse(future.exception())
            try:
                found: Finished = future.result(timeout=self._patience)
            except (CancelledError, OSError):  # it vanished with its worker, or with the data
                self._client.cancel([future])
                self._again(planned)
            else:
                yield found
            self._give()

    def cancel(self) -> None:
        """Take back what is not done; a worker ends the chunk that it is at."""
        futures = [future for _, future in self._given.values()]
        self._waiting.clear()
        self._given.clear()
        if futures and self._client.status == "running":
            self._client.cancel(futures)

    def _give(self) -> None:
        """Keep two chunks at every worker: one that it trains, and the next."""
        workers = self._workers()
        if not workers or not self._hold():
            return
        while self._waiting and len(self._given) < 2 * workers:
            planned = self._waiting.popleft()
            future = self._client.submit(
                _train,
                self._parcel.token,
                self._held,
                planned,
                remote.versions(),
                key=f"actlab-{self._parcel.token}-{next(self._number)}",
                pure=False,
            )
            self._given[future.key] = planned, future
            future.add_done_callback(self._ended.put)

    def _hold(self) -> bool:
        """Have the work at the workers; False if just now one died that was to get it."""
        if self._held is None or self._held.status != "finished":
            try:
                self._held = self._client.scatter(
                    self._parcel.content, broadcast=self._everywhere, hash=False
                )
            except OSError:
                self._everywhere = False  # they may hand it to each other
                return False
        return True

    def _workers(self) -> int:
        """How many workers there were a second ago; an error after too long without any."""
        now = monotonic()
        if now < self._asked + 1.0:
            return self._seen
        self._asked = now
        try:
            self._seen = len(self._client.nthreads())
        except OSError:  # the scheduler is gone
            self._seen = 0
        if self._seen:
            self._last_seen = now
        elif now - self._last_seen > self._patience:
            raise remote.alone("Dask", self._address, self._patience)
        return self._seen

    def _again(self, planned: PlannedChunk) -> None:
        self._attempts[planned.key] += 1
        if self._attempts[planned.key] >= _ATTEMPTS:
            raise remote.deadly("Dask", "their work vanished with them")
        self._waiting.append(planned)

    def _refuse(self, error: BaseException) -> NoReturn:
        from distributed.scheduler import KilledWorker

        if isinstance(error, KilledWorker):
            raise remote.deadly("Dask", "Dask gave it up") from error
        raise remote.told(error)


def _leave_interrupts_alone() -> None:
    """Ctrl-C reaches every process of the terminal; the one that started the workers answers it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _greets(connection: socket.socket) -> bool:
    """Whether a server begins as Dask's do: with the length of its greeting, unasked."""
    return 0 < int.from_bytes(connection.recv(8), "little") < 1_000_000


def _train(
    token: str, content: bytes, planned: PlannedChunk, wanted: Mapping[str, str]
) -> Finished:
    return remote.train(token, lambda: content, planned, wanted)


@contextmanager
def _without_log() -> Iterator[None]:
    """Lost workers are the study's business; Dask would print a traceback for each."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _warn_of_threads(client: Any) -> None:
    most = max(client.nthreads().values(), default=1)
    if most > 1:
        warnings.warn(
            f"a worker of the Dask cluster has {most} threads and trains one chunk at a time on "
            f"one of them; start workers with --nworkers {most} --nthreads 1 to use them all",
            stacklevel=2,
        )
