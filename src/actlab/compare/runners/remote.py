"""What travels to another machine, and what is done with it there.

The work, and with it the data, is packed once for a study. A worker process unpacks it for its
first chunk and keeps it for the others.
"""

from __future__ import annotations

import socket
import ssl
import uuid
from abc import ABC, abstractmethod
from contextlib import ExitStack
from functools import cache
from importlib import metadata
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from actlab.compare.runners.contract import Finished, Work, timed
from actlab.errors import ActlabError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from actlab.compare.protocol import PlannedChunk

__all__ = [
    "Cluster",
    "Parcel",
    "Study",
    "alone",
    "deadly",
    "first_line",
    "needs",
    "reachable",
    "speaks_tls",
    "told",
    "train",
    "versions",
]

_LIBRARIES: Final = ("actlab", "torch", "numpy", "numba", "scikit-learn")
"""What decides about a training's last bits, the processor aside."""

_REACH_SECONDS: Final = 5.0

_kept: dict[str, Work] = {}
"""The work of the study that this process trains for, by its token."""

_alone = Lock()
"""Training sets the number of threads of the whole process, so one chunk at a time."""


class Study(Protocol):
    """Chunks on their way through a cluster."""

    work: Work

    def finished(self, chunks: Sequence[PlannedChunk]) -> Iterator[Finished]:
        """Give the chunks out, and yield what comes back."""
        ...

    def cancel(self) -> None:
        """Take back what is not done."""
        ...


class Cluster(ABC):
    """A runner on other machines: it connects for the first chunks, and stays until it is closed.

    Args:
        address: where the cluster is.
        workers: how many to start, where it is started here.
        patience: seconds to wait for a worker while there is none.
    """

    def __init__(self, address: str, workers: int | None = None, patience: float = 30.0) -> None:
        self.address, self.workers, self.patience = address, workers, patience
        self._open = ExitStack()
        self._connection: Any = None
        self._study: Study | None = None

    @abstractmethod
    def connected(self) -> AbstractContextManager[Any]:
        """Connect to the cluster, or start it."""

    @abstractmethod
    def begun(self, connection: Any, work: Work) -> Study:
        """Begin a study there."""

    def run(self, work: Work, chunks: Sequence[PlannedChunk]) -> Generator[Finished, None, None]:
        """Train on the cluster and yield in the order of finishing.

        Raises:
            ActlabError: no cluster answers, it has no workers, or they died over one chunk.
        """
        if self._connection is None:
            self._connection = self._open.enter_context(self.connected())
        if self._study is None or self._study.work is not work:
            self._study = self.begun(self._connection, work)
        study = self._study
        try:
            yield from study.finished(chunks)
        finally:
            study.cancel()

    def close(self) -> None:
        """Leave the cluster, and end it if it was started here."""
        self._study = self._connection = None
        self._open.close()


class Parcel(NamedTuple):
    """The work of a study, ready to travel."""

    token: str
    """Different for every study that is begun."""
    content: bytes

    @classmethod
    def of(cls, work: Work) -> Parcel:
        """Pack the work; functions of the user's own script travel as they are."""
        import cloudpickle

        return cls(uuid.uuid4().hex, cloudpickle.dumps(work))


@cache
def versions() -> dict[str, str]:
    """Versions of the libraries that a training rests on."""
    return {name: metadata.version(name) for name in _LIBRARIES}


def train(
    token: str, content: Callable[[], bytes], planned: PlannedChunk, wanted: Mapping[str, str]
) -> Finished:
    """Train one chunk in a worker process, for a study that was planned with these versions.

    Raises:
        ActlabError: this process has other versions.
        ImportError: it can't import what the work needs.
    """
    with _alone:
        found = versions()
        if found != wanted:
            name = next(name for name in wanted if found[name] != wanted[name])
            raise ActlabError(
                f"the worker on {socket.gethostname()} has {name} {found[name]} and the study was "
                f"planned with {wanted[name]}; results must not depend on where a chunk was "
                "trained, so install the same versions everywhere"
            )
        if token not in _kept:
            import cloudpickle

            _kept.clear()
            _kept[token] = cloudpickle.loads(content())
        return timed(_kept[token], planned)


def reachable(
    address: str, port: int, kind: str, greets: Callable[[socket.socket], bool] | None = None
) -> str:
    """Check within seconds that such a cluster listens at HOST:PORT, and return it complete.

    Args:
        address: what the user gave; a missing port is `port`.
        port: where such a cluster listens usually.
        kind: of cluster, for the message.
        greets: whether what was connected to answers as it should; the libraries themselves
            may wait for minutes for another server to do so.

    Raises:
        ActlabError: nobody answers there, or somebody else.
    """
    host, colon, given = address.rpartition(":")
    if not colon or given.endswith("]"):
        host, given = address, str(port)
    if not host or not given.isdecimal() or not 0 < int(given) < 65536:
        raise ActlabError(
            f"{address!r} is no address of a {kind} cluster; HOST:PORT was expected, for example "
            f"10.0.0.1:{port}"
        )
    try:
        connection = socket.create_connection((host.strip("[]"), int(given)), _REACH_SECONDS)
    except OSError as error:
        reason = first_line(error.strerror or error).lower()
        raise ActlabError(
            f"no {kind} cluster answers at {host}:{given} ({reason}); start one there, or correct "
            "the address"
        ) from error
    with connection:
        if greets is not None and not _in_time(greets, connection):
            raise ActlabError(
                f"what answers at {host}:{given} is no {kind} cluster; correct the host or the "
                f"port, which is {port} by default"
            )
    return f"{host}:{given}"


def _in_time(greets: Callable[[socket.socket], bool], connection: socket.socket) -> bool:
    try:
        return greets(connection)
    except OSError:  # no word within the time, or the line was cut
        return False


def speaks_tls(connection: socket.socket) -> bool:
    """Whether a server shakes hands as TLS has it, or at least refuses as TLS has it.

    Whose certificate it shows is the library's business: here nothing is said to it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        context.wrap_socket(connection).close()
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")
    return True


def needs(library: str, extra: str) -> ActlabError:
    """What to say where the library of a runner is not installed."""
    return ActlabError(
        f"this runner needs {library}, which is not installed; pip install 'actlab[{extra}]'"
    )


def alone(kind: str, address: str, seconds: float) -> ActlabError:
    """What to say of a cluster that has no worker (any more)."""
    return ActlabError(
        f"the {kind} cluster at {address} has had no worker for {seconds:g} seconds; what was "
        "finished is in the ledger: start workers, and the same command goes on from there"
    )


def deadly(kind: str, detail: object) -> ActlabError:
    """What to say of a chunk over which one worker after another was lost."""
    return ActlabError(
        f"several workers of the {kind} cluster were lost over one chunk, most often for want of "
        f"memory ({first_line(detail)}); what was finished is in the ledger, and the same command "
        "goes on from there"
    )


def told(error: BaseException) -> BaseException:
    """Return the error of a training as the user should see it."""
    if isinstance(error, ImportError):
        return ActlabError(
            f"a worker can't import {error.name or first_line(error)}; install there what the "
            "study imports here, actlab included"
        )
    return error


def first_line(text: object) -> str:
    """Return the first line of a library's message, to stand within a sentence."""
    lines = str(text).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(text).__name__
