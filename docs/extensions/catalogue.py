"""The catalogue, a page for each family, from the registry."""

from __future__ import annotations

from importlib import import_module

import actlab
from actlab.activation import Activation, Reference, Shipped

__all__ = ["pages"]

_KINDS = {
    "gated": "A gated pair: of `x` and `gate`.",
    "vector": "Maps a whole vector.",
    "complex": "Maps complex numbers.",
    "layer": "A layer with weights of its own.",
}


def pages() -> dict[str, str]:
    """The index and the families' pages, by their paths."""
    written = {"catalogue.md": _index()}
    for family in actlab.families():
        written[f"catalogue/{family}.md"] = _page(family)
    return written


def _about(family: str) -> str:
    """What a family is, as the first line of its file says."""
    words = (import_module(f"actlab.catalogue.{family}").__doc__ or "").partition("\n")[0]
    return words.rstrip(".:")


def _title(family: str) -> str:
    return family.replace("_", " ").capitalize()


def _index() -> str:
    lines = [
        "# Catalogue",
        "",
        f"{len(actlab.names())} functions in {len(actlab.families())} families. `actlab show NAME` "
        "prints one with its properties, and `actlab gallery --out DIR` writes a site with their "
        "pictures; this list is made from the same registry.",
        "",
    ]
    for family in actlab.families():
        own = actlab.names(family)
        shown = ", ".join(f"[{name}](catalogue/{family}.md#{name})" for name in own)
        lines += [f"[{_title(family)}](catalogue/{family}.md) ({len(own)})", f": {shown}", ""]
    lines += ["```{toctree}", ":hidden:", ""]
    lines += [f"{_title(family)} <catalogue/{family}>" for family in actlab.families()]
    return "\n".join([*lines, "```", ""])


def _page(family: str) -> str:
    sections = [f"# {_title(family)}\n\n{_about(family)}.\n"]
    sections += [_section(actlab.get(name)) for name in actlab.names(family)]
    return "\n".join(sections)


def _section(f: Activation) -> str:
    facts = [_KINDS[f.kind]] if f.kind in _KINDS else []
    if f.parameters:
        numbers = ", ".join(f"`{name} = {value:g}`" for name, value in f.parameters.items())
        facts.append(f"Parameters: {numbers}.")
    if f.aliases:
        facts.append(f"Also called {', '.join(f'`{alias}`' for alias in f.aliases)}.")
    if f.shipped:
        facts.append(f"Shipped as {', '.join(map(_shipped, _all_shipped(f)))}.")
    if f.backward is not None:
        facts.append("Its gradient is on purpose not its derivative.")
    if f.note:
        facts.append(f"{f.note[0].upper()}{f.note[1:].rstrip('.')}.".replace("*", r"\*"))
    source = f"Source: {_reference(f.reference)}" if f.reference else ""
    parts = [f"## {f.name}", f"$$\n{f.latex()}\n$$", " ".join(facts), source]
    return "\n\n".join(part for part in parts if part) + "\n"


def _all_shipped(f: Activation) -> list[Shipped]:
    return [shipped for several in f.shipped.values() for shipped in several]


def _shipped(shipped: Shipped) -> str:
    """A framework's name, with what differs there."""
    if shipped.function:
        return f"`{shipped.path}` (there the name means `{shipped.function}`)"
    numbers = ", ".join(f"{name} = {value:g}" for name, value in shipped.parameters.items())
    return f"`{shipped.path}`" + (f" ({numbers})" if numbers else "")


def _reference(reference: Reference) -> str:
    words = ", ".join(
        part for part in (f"{reference.authors} ({reference.year})", reference.title) if part
    )
    if reference.arxiv:
        return f"{words}, [arXiv:{reference.arxiv}](https://arxiv.org/abs/{reference.arxiv})."
    if reference.doi:
        return f"{words}, [doi:{reference.doi}](https://doi.org/{reference.doi})."
    return f"{words}, {reference.where}." if reference.where else f"{words}."
