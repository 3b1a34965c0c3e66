"""The nodes of a Ray cluster (Ray Core)."""

from __future__ import annotations

import logging
import os
from collections import deque
from contextlib import contextmanager
from importlib import import_module
from math import inf
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final
from warnings import catch_warnings, filterwarnings

from actlab.compare.runners import remote
from actlab.errors import ActlabError

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping, Sequence

    from actlab.compare.protocol import PlannedChunk
    from actlab.compare.runners.contract import Finished, Work

__all__ = ["Ray"]

_PORT: Final = 6379
_CLIENT_PORT: Final = 10001
"""Where Ray lets in drivers that run on no node of the cluster."""
_RETRIES: Final = 3
_PATIENCE_OF_RAY: Final = {"RAY_CLIENT_MAX_CONNECTION_TIMEOUT_S": "5"}
"""Ray tries three times to reach a cluster, each time longer up to this; read when it is loaded."""


class Ray(remote.Cluster):
    """One chunk per processor core of a Ray cluster.

    Args:
        address: HOST:PORT as `ray start` prints it, for a driver on a node of the cluster;
            HOST:10001 for a driver elsewhere (at another port, ray://HOST:PORT); "auto" for the
            cluster that runs on this machine; or "local", which starts Ray here and ends it
            afterwards. Where `ray.init` was called before, that connection is used.
        workers: cores to use, for "local"; all by default.
        patience: seconds to wait for a core while there is none.
    """

    def begun(self, connection: Any, work: Work) -> _Study:
        """Pack the work."""
        return _Study(connection, work, self.address, self.patience)

    @contextmanager
    def connected(self) -> Iterator[Any]:
        """Connect to the cluster, or start Ray here."""
        for name, seconds in _PATIENCE_OF_RAY.items():
            os.environ.setdefault(name, seconds)
        try:
            ray: Any = import_module("ray")
        except ImportError as error:
            raise remote.needs("Ray", "ray") from error
        if ray.is_initialized():
            yield ray
            return
        quiet = {"log_to_driver": False, "logging_level": logging.CRITICAL}
        try:
            if self.address == "local":
                os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
                ray.init("local", num_cpus=self.workers, include_dashboard=False, **quiet)
            else:
                place = self._place()
                with catch_warnings():  # our own sentence says it
                    filterwarnings("ignore", "Ray Client connection timed out")
                    ray.init(place, **quiet)
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            reason = remote.first_line(error)
            if "client" in reason:  # it does not say whether the cluster asked for a token
                reason += "; where the cluster wants a token, set RAY_AUTH_MODE=token here too"
            raise ActlabError(
                f"no connection to a Ray cluster at {self.address}: {reason}"
            ) from error
        try:
            yield ray
        finally:
            ray.shutdown()

    def _place(self) -> str:
        if self.address == "auto":
            return "auto"
        protocol, _, address = self.address.rpartition("://")
        greets = remote.speaks_tls if os.environ.get("RAY_USE_TLS") else _speaks_grpc
        port = _CLIENT_PORT if protocol == "ray" else _PORT
        place = remote.reachable(address, port, "Ray", greets)
        outside = protocol == "ray" or place.endswith(f":{_CLIENT_PORT}")
        return f"ray://{place}" if outside else place


class _Study:
    """Chunks on their way through a cluster."""

    def __init__(self, ray: Any, work: Work, address: str, patience: float) -> None:
        self.work = work
        parcel = remote.Parcel.of(work)
        # In a list, so that Ray hands the reference on and not each time the content.
        self._what = parcel.token, [ray.put(parcel.content)]
        self._ray, self._address, self._patience = ray, address, patience
        self._task = ray.remote(_train).options(num_cpus=1, max_retries=_RETRIES)
        self._waiting: deque[PlannedChunk] = deque()
        self._given: dict[Any, PlannedChunk] = {}
        self._seen, self._asked, self._last_seen = 0, -inf, monotonic()

    def finished(self, chunks: Sequence[PlannedChunk]) -> Iterator[Finished]:
        """Give the chunks out; Ray gives those of a lost node to another one."""
        self._waiting.extend(chunks)
        self._last_seen = monotonic()
        while self._waiting or self._given:
            self._give()
            for answer in self._ready():
                del self._given[answer]
                yield self._result(answer)

    def cancel(self) -> None:
        """Take back what is not done."""
        for answer in self._given:
            self._ray.cancel(answer, force=True)
        self._waiting.clear()
        self._given.clear()

    def _give(self) -> None:
        """Keep two chunks for every core: one that it trains, and the next."""
        cores = self._cores()
        while self._waiting and len(self._given) < 2 * cores:
            planned = self._waiting.popleft()
            self._given[self._task.remote(*self._what, planned, remote.versions())] = planned

    def _ready(self) -> list[Any]:
        """All that is done, after a second at most."""
        given = list(self._given)
        if not given:  # there is no core
            sleep(1.0)
            return []
        ready, _ = self._ray.wait(given, num_returns=1, timeout=1.0)
        if ready:
            ready, _ = self._ray.wait(given, num_returns=len(given), timeout=0)
        return list(ready)

    def _cores(self) -> int:
        """How many cores there were a second ago; an error after too long without any."""
        now = monotonic()
        if now < self._asked + 1.0:
            return self._seen
        self._asked = now
        self._seen = int(self._ray.cluster_resources().get("CPU", 0))
        if self._seen:
            self._last_seen = now
        elif now - self._last_seen > self._patience:
            raise remote.alone("Ray", self._address, self._patience)
        return self._seen

    def _result(self, answer: Any) -> Finished:
        errors = self._ray.exceptions
        try:
            found: Finished = self._ray.get(answer)
        except errors.RayTaskError as error:  # the training itself failed
            raise remote.told(error.cause) from None
        except errors.RayError as error:
            raise remote.deadly("Ray", type(error).__name__) from error
        return found


def _speaks_grpc(connection: socket.socket) -> bool:
    """Whether a server answers the greeting of HTTP/2 with its settings."""
    settings = bytes(3) + b"\x04" + bytes(5)  # a frame of them, empty
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings)
    return connection.recv(9)[3:4] == settings[3:4]


def _train(
    token: str, content: list[Any], planned: PlannedChunk, wanted: Mapping[str, str]
) -> Finished:
    def fetched() -> bytes:
        import ray

        found: bytes = ray.get(content[0])
        return found

    return remote.train(token, fetched, planned, wanted)
