"""The pages of the gallery, from the templates."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from actlab.gallery.traits import TRAITS

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
        families=sorted(families.items()),
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


def _drawn(one: Exhibit) -> str:
    """Which picture the page draws: "curve", "pair", "bars", "net" or none."""
    kinds: dict[str, Any] = {"scalar": "curve", "gated": "pair", "vector": "bars", "complex": "net"}
    return str(kinds.get(one.function.kind, ""))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = lambda text: str(text).replace("_", " ")
    return environment
