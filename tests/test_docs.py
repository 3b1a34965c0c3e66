"""The code on the site and in the README runs, and its commands and pictures are what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import actlab
from documents import ROOT, blocks, forget_modules_of, prose, run_page

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(p for p in (ROOT / "docs").rglob("*.md") if "generated" not in p.parts),
]
RUNNING = [
    page for page in PAGES if any(b.kind in {"python", "pycon", "console"} for b in blocks(page))
]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    yield tmp_path
    forget_modules_of(tmp_path)


@pytest.mark.parametrize("page", RUNNING, ids=name_of)
def test_code_on_the_page_runs(page: Path, folder: Path) -> None:
    assert run_page(page) > 0


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_and_pictures_exist(page: Path) -> None:
    for words, target in re.findall(r"(!?\[[^\]]*\])\(([^)#\s]+)", prose(page)):
        if "://" not in target:
            path = page.parent / target
            assert path.exists() or "generated/" in target, f"{page.name}: no {target}"
        if words.startswith("!"):
            assert len(words) > 30, f"{page.name}: {target} has no text alternative"


WRONG = {
    "python": "```python\nassert 1 == 2\n```\n",
    "unknown-name": "```python\nimport actlab\nactlab.reluu\n```\n",
    "session": "```pycon\n>>> 1 + 1\n3\n```\n",
    "command": "```console\n$ actlab show no_such_function\n```\n",
    "printed": "```console\n$ actlab identify 'x * sigmoid(x)'\nmish: proved\n```\n",
    "option": "<!-- parsed only: long -->\n```console\n$ actlab compare digits --no-such\n```\n",
    "subcommand": "<!-- parsed only: long -->\n```console\n$ actlab burn\n```\n",
    "target": "```console\n$ make nothing\n```\n",
    "other-program": "```console\n$ rm -r everything\n```\n",
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_example_is_seen(fault: str, folder: Path) -> None:
    page = folder / "page.md"
    page.write_text(f"# Page\n\n{WRONG[fault]}", encoding="utf-8")
    with pytest.raises((AssertionError, AttributeError)):
        run_page(page)


def test_the_site_has_every_public_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs")
    from extensions import catalogue, names

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"one of the {len(actlab.names())} in the catalogue" in readme
    page = names.pages()["names.md"]
    assert [name for name in actlab._HOMES if f"\n### {name}\n" not in page] == []
    functions = "\n".join(catalogue.pages().values())
    assert [name for name in actlab.names() if f"\n## {name}\n" not in functions] == []
