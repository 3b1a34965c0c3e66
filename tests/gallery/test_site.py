"""The files: whole, small, safe, the same again; and the command that writes them."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

import actlab
from actlab.cli import app
from actlab.errors import ActlabError
from actlab.gallery import write_gallery


class Links(HTMLParser):
    """What a page names: addresses, and the ids in it."""

    def __init__(self, path):
        super().__init__()
        self.found, self.ids = [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in {"href", "src"}:
                self.found.append((tag, value))
            if name == "id":
                self.ids.append(value)


def pages(site):
    return [site / "index.html", site / "overlay.html", *(site / "functions").glob("*.html")]


def test_every_link_leads_to_a_file_or_to_a_paper(site):
    for path in pages(site):
        links = Links(path)
        assert len(links.ids) == len(set(links.ids))
        for tag, address in links.found:
            if address.startswith("https://"):
                assert tag == "a"
                assert re.match(r"https://(arxiv|doi)\.org/", address)
            elif not address.startswith(("#", "data:")):
                assert (path.parent / address.partition("#")[0]).is_file(), (path.name, address)


def test_it_stays_small(site):
    """220 functions have 15 MB, so one has 68 kB; the shared files count once."""
    sizes = [path.stat().st_size for path in (site / "functions").iterdir()]
    assert sum(sizes) / len(pages(site)[2:]) < 60_000
    assert sum(p.stat().st_size for p in (site / "assets").iterdir()) < 80_000


def test_a_name_is_never_markup(site):
    for path in pages(site):
        assert "<script>alert" not in path.read_text(encoding="utf-8")
    own = [p for p in (site / "functions").glob("*.html") if "alert" in p.name]
    assert len(own) == 1
    assert "&lt;script&gt;alert(1)" in own[0].read_text(encoding="utf-8")


def test_the_page_says_what_is_known(site):
    text = (site / "functions/gelu.html").read_text(encoding="utf-8")
    for said in ("arXiv:1606.08415", "also called GELU", "<math", "Source to copy",
                 "the name means gelu_tanh there", "gelu is monotone", "≈ close"):  # fmt: skip
        assert said in text, said
    assert text.count('class="source"') == 7
    assert "export it to latex" in (site / "functions/cardioid.html").read_text(encoding="utf-8")


def read(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_written_again_it_is_the_same_and_what_went_is_gone(tmp_path):
    write_gallery(tmp_path / "one", ["mish", "identity"])
    index = write_gallery(tmp_path / "two", ["identity", "mish", "softmin"])
    assert index == tmp_path / "two/index.html"
    write_gallery(tmp_path / "two", ["mish", "identity", "mish"])
    assert read(tmp_path / "one") == read(tmp_path / "two")


def test_other_files_are_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ActlabError, match="holds other files; name a new folder"):
        write_gallery(tmp_path, ["relu"])
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(ActlabError, match="is a file; name a folder"):
        write_gallery(tmp_path / "thesis.txt", ["relu"])
    with pytest.raises(ActlabError, match="no activation was given"):
        write_gallery(tmp_path / "new", [])
    assert not (tmp_path / "new").exists()


def test_progress_is_told(tmp_path):
    heard = []
    names = ["identity", actlab.define("x + 1", name="mine")]
    write_gallery(tmp_path, names, progress=lambda *said: heard.append(said))
    assert heard == [(1, 2, "identity"), (2, 2, "mine")]


def run(*arguments):
    return CliRunner().invoke(app, ["gallery", *arguments])


def test_the_command_prints_where_the_index_is(tmp_path):
    out = tmp_path / "site"
    result = run("--out", str(out), "--only", "identity,x * tanh(exp(b * x)); b=2")
    assert result.exit_code == 0
    assert result.stdout == f"{out / 'index.html'}\n"
    assert result.stderr == ""  # nobody watches
    assert Path(result.stdout.strip()).is_file()
    assert len(list((out / "functions").glob("*.html"))) == 2


def test_the_command_refuses_in_a_sentence(tmp_path):
    (tmp_path / "own.txt").write_text("")
    for arguments, said in (
        (["--out", str(tmp_path), "--only", "relu"], "holds other files"),
        (["--out", str(tmp_path / "new"), "--only", "relux"], "did you mean"),
        (["--out", str(tmp_path / "new"), "--only", ","], "no activation was given"),
    ):
        result = run(*arguments)
        assert result.exit_code == 1
        assert result.stderr.startswith("error: ")
        assert said in result.stderr
        assert result.stdout == ""
    assert run().exit_code == 2
