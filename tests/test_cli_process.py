"""The console script as a process: streams, exit statuses, signals and the time to start."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from actlab.cli import main; main()"]


def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=60, **options
    )


@pytest.mark.parametrize(
    ("arguments", "status", "out", "err"),
    [
        (["list"], 0, "relu", ""),
        (["show", "gelu"], 0, "x * (1 + erf(x / sqrt(2))) / 2", ""),
        (["show", "sigmod"], 1, "", "error: there is no activation called 'sigmod'"),
        (["show"], 2, "", "Usage:"),
        (["compare", "no.csv"], 1, "", "error: "),
    ],
)
def test_streams_and_status(arguments: list[str], status: int, out: str, err: str) -> None:
    result = run(*arguments)
    assert result.returncode == status
    assert out in result.stdout
    assert err in result.stderr
    assert bool(result.stdout) == bool(out)
    assert bool(result.stderr) == bool(err)
    assert "Traceback" not in result.stderr


def test_list_and_show_start_no_framework() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from actlab.cli import app;"
        "assert CliRunner().invoke(app, ['list']).exit_code == 0;"
        "assert CliRunner().invoke(app, ['show', 'gelu']).exit_code == 0;"
        "heavy = 'torch', 'sympy', 'matplotlib', 'pandas', 'sklearn';"
        "print([name for name in heavy if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize(("arguments", "limit"), [(["list"], 0.5), (["show", "gelu"], 1.5)])
def test_time_to_answer(arguments: list[str], limit: float) -> None:
    # processor time, because other work on the machine must not make the test fail
    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert run(*arguments).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    # a processor that is shared takes longer over the same steps, so a slow one is asked again
    assert any(seconds() < limit for _ in range(5))


def test_a_reader_who_leaves_early_is_no_error() -> None:
    process = subprocess.Popen(
        [*COMMAND, "plot", "relu", "gelu", "--table", "--derivative"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)  # less than there is to write
    assert process.stdout.readline().startswith("x,")
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(30) == 141


def test_plain_characters_where_unicode_can_not_be_shown() -> None:
    result = run("show", "relu", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert result.returncode == 0
    assert "*****" in result.stdout
    assert "?" not in result.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_one_sentence() -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [*COMMAND, "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert result.returncode == 1
    assert result.stderr == "error: no space left on device\n"


def test_an_interrupted_study_ends_cleanly_and_goes_on(tmp_path: Path) -> None:
    arguments = (
        "compare", "iris", "--activations", "relu,tanh", "--blocks", "40",
        "--epochs", "40", "--out", "study",
    )  # fmt: skip
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    ledger = tmp_path / "study" / "ledger.sqlite"
    limit = time.monotonic() + 30
    while not ledger.exists() and time.monotonic() < limit:
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "interrupted" in err
    assert ledger.exists()
