"""Everything that the gallery says of one function, ready for the templates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from actlab.activation import LayerRule, VectorRule
from actlab.export import TARGETS, export
from actlab.export.names import identifier
from actlab.gallery import samples
from actlab.gallery.mathml import to_mathml
from actlab.gallery.neighbours import Neighbour, neighbours
from actlab.gallery.script import script
from actlab.gallery.tails import TailTable, tails
from actlab.gallery.thumbnails import thumbnail
from actlab.gallery.traits import known, traits
from actlab.properties import PairProperties, Properties, claims
from actlab.properties.facts import shown as written
from actlab.properties.regions import regions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from markupsafe import Markup

    from actlab.activation import Activation

__all__ = ["Exhibit", "Fact", "Shipping", "exhibit", "slugs"]

_LONGEST: Final = 900
"""Characters of LaTeX beyond which a derivative is not typeset: nobody reads such a line."""

_TITLES: Final = {
    "numpy": "NumPy", "torch": "PyTorch", "jax": "JAX", "keras": "Keras", "c": "C",
    "javascript": "JavaScript", "latex": "LaTeX",
}  # fmt: skip

_KINDS: Final = {
    "scalar": "number to number",
    "gated": "a pair, x and its gate, to a number",
    "vector": "works along an axis",
    "complex": "complex number to complex number",
    "layer": "a layer with weights of its own",
}


@dataclass(frozen=True)
class Fact:
    """One property: a label, what is the case, and whether that is proved."""

    label: str
    text: str
    proved: bool


@dataclass(frozen=True)
class Shipping:
    """How a framework ships the function."""

    framework: str
    path: str
    defaults: str
    differences: str


@dataclass(frozen=True)
class Exhibit:
    """One function as its page shows it."""

    function: Activation
    slug: str
    kind: str
    definition: str
    formula: Markup
    slope: Markup | None
    thumb: Markup
    summary: str
    traits: frozenset[str]
    facts: tuple[Fact, ...]
    claims: tuple[Any, ...]
    neighbours: tuple[Neighbour, ...]
    shipping: tuple[Shipping, ...]
    tails: tuple[TailTable, ...]
    sources: tuple[tuple[str, str, str], ...]
    refused: str
    script: str
    paper: str
    link: str
    start: bool
    """Whether it is a layer that is shown as it starts."""
    steady: bool
    """Whether such a layer always starts so."""

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.name

    @property
    def frameworks(self) -> list[str]:
        """Who ships it."""
        return sorted(self.function.shipped)

    @property
    def words(self) -> str:
        """What the search looks through."""
        return " ".join([self.name, *self.function.aliases]).casefold()


def slugs(functions: Iterable[Activation]) -> dict[str, Activation]:
    """A file name for each function, no two the same; a catalogued name is its own."""
    found: dict[str, Activation] = {}
    for f in functions:
        base = slug = identifier(f.name, frozenset())
        number = 2
        while slug.casefold() in map(str.casefold, found):
            slug, number = f"{base}_{number}", number + 1
        found[slug] = f
    return found


def exhibit(f: Activation, slug: str) -> Exhibit:
    """Find out everything about one function; takes a fraction of a second."""
    summary = _summary(f)
    sources, refused = _sources(f)
    paper = f.reference
    facts = _scripted(f, slug)
    return Exhibit(
        function=f,
        slug=slug,
        kind=_KINDS[f.kind],
        definition=f.rule.text if f.rule is not None else str(f.definition),
        formula=to_mathml(f.latex()),
        slope=_slope(f),
        thumb=thumbnail(f, summary),
        summary=summary,
        traits=traits(f),
        facts=_facts(f),
        claims=tuple(claims(f)),
        neighbours=tuple(neighbours(f)),
        shipping=tuple(_shipping(f)),
        tails=tuple(tails(f)),
        sources=sources,
        refused=refused,
        script=script(f, facts),
        paper="" if paper is None else str(paper),
        link="" if paper is None else _link(paper.arxiv, paper.doi),
        start="start" in facts,
        steady=bool(facts.get("steady", True)),
    )


def _link(arxiv: str, doi: str) -> str:
    if arxiv:
        return f"https://arxiv.org/abs/{arxiv}"
    return f"https://doi.org/{doi}" if doi else ""


def _summary(f: Activation) -> str:
    """The picture in words."""
    facts = known(f)
    if isinstance(facts, Properties):
        way = {"no": "rises and falls", "constant": "is constant"}.get(facts.monotone.value)
        way = way or f"is {facts.monotone.value}"
        extent = facts.range.value
        return f"Curve of {f.name}: {way}, from {written(extent.low)} to {written(extent.high)}"
    if isinstance(facts, PairProperties):
        return f"Curve of {f.name} by its gate at x = 1"
    if f.kind == "complex":
        return f"Image of a square grid under {f.name}"
    if f.kind == "layer":
        return f"{f.name} is a layer with weights of its own"
    return f"Bars: what {f.name} makes of a vector"


def _slope(f: Activation) -> Markup | None:
    if f.kind != "scalar":
        return None
    latex = f.latex(1)
    return to_mathml(latex) if len(latex) <= _LONGEST else None


def _facts(f: Activation) -> tuple[Fact, ...]:
    facts = known(f)
    if facts is None:
        return ()
    found = []
    for label, line in facts.lines():
        text, _, how = line.rpartition("  (")
        found.append(Fact(_LABELS.get(label, label), _typeset(text), how == "proved)"))
    return tuple(found)


_LABELS: Final = {
    "dead": "constant on",
    "f(0), f'(0)": "f(0), f′(0)",
    "Lipschitz of f'": "Lipschitz of f′",
}
_POWERS: Final = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def _typeset(text: str) -> str:
    """A property's text with proper signs: C², f′, −1."""
    if text.startswith("C^"):
        return "C" + text[2:].translate(_POWERS)
    return text.replace("-", "−").replace("f'", "f′").replace("′'", "″")


def _shipping(f: Activation) -> Iterable[Shipping]:
    for framework, items in f.shipped.items():
        for shipped in items:
            base = {name: spec.default for name, spec in f.specs.items()}
            values = {} if shipped.function else {**base, **shipped.parameters}
            parts = [f"the name means {shipped.function} there"] if shipped.function else []
            parts += [
                f"{name} is {value:.6g} there, {base[name]:.6g} here"
                for name, value in shipped.parameters.items()
                if name in base and value != base[name]
            ]
            parts += [shipped.note] if shipped.note else []
            defaults = ", ".join(f"{name} = {value:.6g}" for name, value in values.items())
            yield Shipping(framework, shipped.path, defaults, "; ".join(parts))


def _sources(f: Activation) -> tuple[tuple[tuple[str, str, str], ...], str]:
    """(target, its title, source text) for each target that can say it, and why others can't."""
    found, refused = [], ""
    for target in TARGETS:
        try:
            found.append((target, _TITLES[target], export(f, target)))
        except TypeError as error:
            refused = refused or str(error)
    return tuple(found), refused


def _scripted(f: Activation, slug: str) -> dict[str, Any]:
    """What the script of a page must know besides the functions."""
    if f.kind in {"scalar", "gated"}:
        low, high = samples.window(f)
        said: dict[str, Any] = {"slug": slug, "low": low, "high": high}
        if f.kind == "scalar" and (flat := regions(f)) is not None:
            ends = (flat.left, flat.right, flat.dead_left, flat.dead_right)
            said["flat"] = [end if abs(end) < 1e300 else None for end in ends]
        return said
    if isinstance(f.rule, VectorRule):
        x, y = samples.bars(f)
        return {"slug": slug, "example": x, "result": y}
    if isinstance(f.rule, LayerRule):
        values, steady = samples.start(f)
        low, high = samples.START
        shown = {"low": low, "high": high, "start": values, "steady": steady} if values else {}
        return {"slug": slug, **shown}
    return {"slug": slug, "reach": samples.reach(f)}
