"""Runners by their words, and what is said where there is no cluster; no cluster is started."""

import builtins
import socket
import ssl
import threading
from contextlib import suppress

import pytest

from actlab.compare.runners import InProcess, Processes, chosen_runner, remote
from actlab.compare.runners.on_dask import Dask
from actlab.compare.runners.on_ray import Ray
from actlab.errors import ActlabError, SettingError


@pytest.fixture
def mute():
    """The port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held = []

        def accept():
            try:
                while True:
                    held.append(server.accept()[0])
            except OSError:
                return

        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in held:
            connection.close()


@pytest.fixture
def free():
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_words_choose_a_runner(monkeypatch):
    monkeypatch.setattr("joblib.cpu_count", lambda: 3)
    assert chosen_runner() is None
    assert isinstance(chosen_runner(None, 1), InProcess)
    assert chosen_runner(None, 4).workers == 4
    assert chosen_runner("processes:4").workers == 4
    assert chosen_runner("processes").workers == 3
    assert chosen_runner("processes", 2).workers == 2
    dask = chosen_runner("dask://10.0.0.1:8786")
    assert isinstance(dask, Dask)
    assert dask.address == "10.0.0.1:8786"
    assert chosen_runner("dask://tls://host:8786").address == "tls://host:8786"
    assert chosen_runner("dask://local", 2).workers == 2
    assert isinstance(chosen_runner("ray://auto"), Ray)
    own = Processes(2)
    assert chosen_runner(own) is own


@pytest.mark.parametrize(
    ("runner", "workers", "message"),
    [
        ("spark://x", None, r"runner is 'spark://x'; expected was processes:N, dask://HOST:PORT"),
        ("dask://", None, "runner is 'dask://'; expected was"),
        ("dask", None, "runner is 'dask'; expected was"),
        ("processes:many", None, "the number of processes is 'many'; a whole number"),
        ("processes:0", None, "the number of processes is 0; a whole number of at least 1"),
        ("processes:4", 2, "workers is 2 and runner='processes:4' says already how many"),
        ("ray://10.0.0.1", 2, r"workers is 2 and the cluster at 10.0.0.1 says already"),
        (None, 0, "workers is 0; a whole number of at least 1"),
        (4, None, "runner is of type int; expected was processes:N"),
    ],
)
def test_other_words_are_refused_in_a_sentence(runner, workers, message):
    with pytest.raises(SettingError, match=message):
        chosen_runner(runner, workers)


@pytest.mark.parametrize("kind", [Dask, Ray])
def test_an_address_where_nobody_answers(kind, free, make_plan):
    plan = make_plan()
    with pytest.raises(ActlabError, match=f"answers at 127.0.0.1:{free} .*refused.*start one"):
        next(kind(f"127.0.0.1:{free}").run(len, plan.chunks))


@pytest.mark.parametrize("kind", [Dask, Ray])
@pytest.mark.parametrize("address", ["host:port", ":1", "host:0", "host:99999"])
def test_an_address_that_is_none(kind, address, make_plan):
    with pytest.raises(ActlabError, match=r"is no address of a .* HOST:PORT was expected"):
        next(kind(address).run(len, make_plan().chunks))


@pytest.mark.parametrize("kind", [Dask, Ray])
def test_a_server_of_another_kind_is_told_within_seconds(kind, mute, make_plan, monkeypatch):
    monkeypatch.setattr(remote, "_REACH_SECONDS", 0.2)
    with pytest.raises(ActlabError, match=f"what answers at 127.0.0.1:{mute} is no .* cluster"):
        next(kind(f"127.0.0.1:{mute}").run(len, make_plan().chunks))


@pytest.fixture
def guarded():
    """The port of a server that speaks TLS, and has no certificate to go on with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with suppress(OSError):  # closed at the end
                while True:
                    with server.accept()[0] as connection, suppress(OSError):
                        context.wrap_socket(connection, server_side=True)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_tls_is_told_from_silence(guarded, mute, make_plan, monkeypatch):
    assert remote.reachable("127.0.0.1", guarded, "Dask", remote.speaks_tls)
    monkeypatch.setattr(remote, "_REACH_SECONDS", 0.2)
    monkeypatch.setenv("RAY_USE_TLS", "1")
    for runner in (Dask(f"tls://127.0.0.1:{mute}"), Ray(f"127.0.0.1:{mute}")):
        with pytest.raises(ActlabError, match=f"what answers at 127.0.0.1:{mute} is no .* cluster"):
            next(runner.run(len, make_plan().chunks))


def test_tls_without_certificates_says_where_they_belong(guarded, make_plan):
    with pytest.raises(ActlabError, match=r"needs certificates; .* distributed\.comm\.tls"):
        next(Dask(f"tls://127.0.0.1:{guarded}").run(len, make_plan().chunks))


@pytest.mark.parametrize(
    ("kind", "module", "message"),
    [
        (Dask, "distributed", r"dask.distributed, .* pip install 'actlab\[dask\]'"),
        (Ray, "ray", r"needs Ray, .* pip install 'actlab\[ray\]'"),
    ],
)
def test_a_library_that_is_missing_is_named(kind, module, message, make_plan, monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest):
        if name.split(".")[0] == module:
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr("actlab.compare.runners.on_dask.import_module", refuse)
    monkeypatch.setattr("actlab.compare.runners.on_ray.import_module", refuse)
    with pytest.raises(ActlabError, match=message):
        next(kind("local").run(len, make_plan().chunks))


def test_a_default_port_is_added(mute):
    assert remote.reachable("127.0.0.1", mute, "Dask") == f"127.0.0.1:{mute}"


def test_a_worker_with_other_versions_is_refused(make_plan):
    planned = make_plan().chunks[0]
    wanted = remote.versions() | {"torch": "1.0"}
    with pytest.raises(ActlabError, match=r"has torch .* planned with 1\.0; .* same versions"):
        remote.train("token", bytes, planned, wanted)


def test_the_work_is_fetched_and_unpacked_once_for_a_study(make_plan):
    chunks = make_plan().chunks
    parcels = [remote.Parcel.of(work) for work in (lambda _: ["first"], lambda _: ["second"])]
    fetched = []

    def done(parcel, planned):
        def content():
            fetched.append(parcel.token)
            return parcel.content

        return remote.train(parcel.token, content, planned, remote.versions()).runs

    first, second = parcels
    assert [done(first, planned) for planned in chunks] == [["first"]] * 3
    assert done(second, chunks[0]) == ["second"]
    assert fetched == [first.token, second.token]
