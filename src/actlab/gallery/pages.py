"""The pages of the gallery, from the templates."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jinja2 import Environment
from markupsafe import Markup, escape

from actlab.gallery.traits import TRAITS
from actlab.report.house import templates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actlab.gallery.exhibit import Exhibit

__all__ = ["ASSETS", "TEMPLATES", "function_page", "index_page", "overlay_page"]

TEMPLATES: Final = Path(__file__).parent / "templates"
ASSETS: Final = ("gallery.css", "charts.js", "index.js", "function.js", "overlay.js")


def index_page(exhibits: Sequence[Exhibit]) -> str:
    """All functions as small pictures, family by family."""
    families: dict[str, list[Exhibit]] = {}
    for one in exhibits:
        families.setdefault(one.function.family, []).append(one)
    frameworks = sorted({name for one in exhibits for name in one.frameworks})
    return _environment().get_template("index.html").render(
        exhibits=exhibits,
        families=sorted(families.items(), key=_rank),
        frameworks=frameworks,
        traits=TRAITS,
        root="",
    )  # fmt: skip


def function_page(one: Exhibit, exhibits: Mapping[str, Exhibit]) -> str:
    """The page of one function; `exhibits` by name are those that links can lead to."""
    family = [other for other in exhibits.values() if other.function.family == one.function.family]
    place = family.index(one)
    return _environment().get_template("function.html").render(
        one=one,
        f=one.function,
        exhibits=exhibits,
        before=family[place - 1] if place else None,
        after=family[place + 1] if place + 1 < len(family) else None,
        drawn=_drawn(one),
        root="../",
    )  # fmt: skip


def overlay_page(exhibits: Sequence[Exhibit]) -> str:
    """Up to six functions over each other."""
    names = [
        {"name": one.name, "slug": one.slug, "words": one.words}
        for one in exhibits
        if one.function.kind in {"scalar", "gated"}
    ]
    told = json.dumps(names, ensure_ascii=True).replace("<", "\\u003c")
    page = _environment().get_template("overlay.html")
    return page.render(names=Markup(told), root="")  # noqa: S704  (JSON without "<")


def _rank(item: tuple[str, list[Exhibit]]) -> tuple[int, int, str]:
    """Curves before pairs, vectors, complex functions and layers; the most shipped first."""
    family, members = item
    kinds = ("scalar", "gated", "vector", "complex", "layer")
    kind = max(kinds.index(one.function.kind) for one in members)
    return kind, -sum(len(one.frameworks) for one in members), family


def _drawn(one: Exhibit) -> str:
    """Which picture the page draws: "curve", "pair", "bars", "net" or none."""
    if one.function.kind == "layer":
        return "start" if one.start else ""
    return {"scalar": "curve", "gated": "pair", "vector": "bars"}.get(one.function.kind, "net")


def _broken(name: str) -> Markup:
    """A name that may be broken after its underscores."""
    return Markup("_<wbr>").join(escape(part) for part in name.split("_"))


def _coded(text: str) -> Markup:
    """A note, with what stands between backticks as code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(parts)
    )


@cache
def _environment() -> Environment:
    environment = templates(TEMPLATES)
    environment.filters["words"] = lambda text: str(text).replace("_", " ")
    environment.filters["broken"] = _broken
    environment.filters["coded"] = _coded
    return environment
