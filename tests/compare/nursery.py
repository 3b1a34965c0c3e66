"""Processes that are begun in a moment, to be killed.

Importing what a study needs takes seconds, and training of a test takes less than one. So one
process imports it all and forks another for each that is asked for, before anything has trained.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

SERVER = """
import importlib, json, os, signal, sys, traceback
for name in sys.argv[1:]:
    importlib.import_module(name)
for line in sys.stdin:
    request = json.loads(line)
    if "wait" in request:
        print(os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1]), flush=True)
        continue
    child = os.fork()
    if child:
        print(child, flush=True)
        continue
    os.setsid()
    signal.alarm(120)  # what hangs ends, and its test fails
    os.dup2(os.open(request["stdout"], os.O_WRONLY), 1)
    os.dup2(os.open(request["stderr"], os.O_WRONLY | os.O_CREAT), 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv[1:] = request["arguments"]
    status = 0
    try:
        exec(compile(request["code"], "<study>", "exec"), {"__name__": "__main__"})
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.exit(status)
"""


class Nursery:
    """A process that forks others.

    Args:
        folder: for what they say.
        modules: what all of them need.
    """

    def __init__(self, folder: Path, *modules: str) -> None:
        self.folder = folder
        self.begun = 0
        self._server = subprocess.Popen(
            [sys.executable, "-c", SERVER, *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )

    def ask(self, **request: object) -> int:
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())

    def begin(self, code: str, *arguments: object) -> Forked:
        """Run code in a new process, in a session of its own, with arguments as text."""
        return Forked(self, code, [str(argument) for argument in arguments])

    def close(self) -> None:
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()


class Forked:
    """As much of a `Popen` as the tests use: lines of text, a death, an exit status."""

    def __init__(self, nursery: Nursery, code: str, arguments: list[str]) -> None:
        nursery.begun += 1
        out, self._errors = (nursery.folder / f"{nursery.begun}.{end}" for end in ("out", "err"))
        os.mkfifo(out)
        self._nursery = nursery
        self.returncode: int | None = None
        self.pid = nursery.ask(
            code=code, arguments=arguments, stdout=str(out), stderr=str(self._errors)
        )
        self.stdout = out.open(encoding="utf-8")

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def communicate(self) -> tuple[str, str]:
        """What it said since, and its complaints, when it has ended."""
        with self.stdout:
            told = self.stdout.read()
        self.returncode = self._nursery.ask(wait=self.pid)
        return told, self._errors.read_text(encoding="utf-8")
