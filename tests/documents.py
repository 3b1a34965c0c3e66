"""Runs what a page of Markdown shows: blocks of Python, sessions with results, commands.

The words of a fence say what becomes of it:

- ``python``: executed, in the order of the page and in one namespace;
- ``pycon``: a session whose results are compared (``...`` stands for anything);
- ``console``: lines that begin with ``$ `` are commands, the others what they must print;
- a comment ``<!-- file: NAME -->`` above a fence of any kind: the text is written to that file;
- ``<!-- parsed only: WHY -->`` above ``console``: only the words of the commands are checked.
"""

from __future__ import annotations

import doctest
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from actlab.cli import app

ROOT = Path(__file__).parents[1]

_FENCE = re.compile(
    r"^(?:<!-- (?P<comment>[^>]*?) -->\n+)?```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.M | re.S
)
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    """One fence of a page."""

    kind: str
    text: str
    comment: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start("text")) + 1
        yield Block(found["kind"], found["text"], found["comment"] or "", line)


def prose(page: Path) -> str:
    """A page without its fences."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def run_page(page: Path) -> int:
    """Run a page in the working directory; returns how many blocks ran.

    Raises:
        AssertionError: with the line of the page, if a block does not do what the page says.
    """
    namespace: dict[str, Any] = {"__name__": f"page_{page.stem}"}
    ran = 0
    for block in blocks(page):
        place = f"{page.name}:{block.line}"
        if block.comment.startswith("file: "):
            Path(block.comment.removeprefix("file: ")).write_text(block.text, encoding="utf-8")
        elif block.kind == "python":
            _execute(block, namespace, page)
        elif block.kind == "pycon":
            _converse(block, namespace, place)
        elif block.kind == "console":
            _command(block, place)
        else:
            continue
        ran += 1
    return ran


def _execute(block: Block, namespace: dict[str, Any], page: Path) -> None:
    code = compile("\n" * (block.line - 1) + block.text, str(page), "exec", dont_inherit=True)
    exec(code, namespace)  # noqa: S102


def _converse(block: Block, namespace: dict[str, Any], place: str) -> None:
    session = doctest.DocTestParser().get_doctest(block.text, namespace, place, None, block.line)
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=_FLAGS, verbose=False)
    runner.run(session, out=said.append, clear_globs=False)
    namespace.update(session.globs)
    assert not runner.failures, f"{place}\n{''.join(said)}"


def _command(block: Block, place: str) -> None:
    parsed_only = block.comment.startswith("parsed only: ")
    for command, wanted in _commands(block.text):
        words = shlex.split(command, comments=True)
        assert words, f"{place}: no command in {command!r}"
        if words[0] == "make":
            makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
            assert all(f"\n{word}:" in makefile for word in words[1:]), f"{place}: {command}"
        elif words[0] == "actlab" and parsed_only:
            _parse(words[1:], place)
        elif words[0] == "actlab":
            got = _output(words[1:], place)
            checker = doctest.OutputChecker()
            assert not wanted or checker.check_output(wanted, got, _FLAGS), (
                f"{place}: {command}\nexpected:\n{wanted}\ngot:\n{got}"
            )
        else:
            assert words[0] in {"pip", "git"}, f"{place}: {command} can't be checked"


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command with what the page says it prints."""
    for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, _, wanted = part.replace("\\\n", " ").partition("\n")
        yield command, wanted


def _output(words: list[str], place: str) -> str:
    result = CliRunner().invoke(app, words, env={"COLUMNS": "150", "TERM": "dumb"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, f"{place}: actlab {shlex.join(words)}\n{result.stderr}"
    return result.stdout


def _parse(words: list[str], place: str) -> None:
    """Check command and options without running it: help is printed once all words are read."""
    result = CliRunner().invoke(app, [*words, "--help"])
    assert result.exit_code == 0, f"{place}: actlab {shlex.join(words)}\n{result.stderr}"


def forget_modules_of(folder: Path) -> None:
    """Forget modules that a page imported from its working directory."""
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(f"{folder}/"):
            del sys.modules[name]
