"""LaTeX as the package prints it, as MathML that browsers typeset by themselves.

Only the commands that the vocabulary and the catalogue use are known; any other is an error, so
that a formula is shown whole or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from markupsafe import Markup, escape

__all__ = ["to_mathml"]

_TOKEN: Final = re.compile(
    r"(?P<command>\\(?:[A-Za-z]+|.))|(?P<number>\d+(?:\.\d+)?(?:E-?\d+)?)|(?P<space>\s+)|(?P<char>.)"
)
_LETTERS: Final = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "lambda": "λ",
    "mu": "μ", "nu": "ν", "sigma": "σ", "tau": "τ", "theta": "θ", "omega": "ω", "rho": "ρ",
    "kappa": "κ", "pi": "π", "varphi": "φ", "Phi": "Φ", "zeta": "ζ", "xi": "ξ", "eta": "η",
    "chi": "χ", "phi": "ϕ", "psi": "ψ",
}  # fmt: skip
_NAMED: Final = frozenset(
    {"tanh", "sinh", "cosh", "sin", "cos", "arctan", "ln", "arg", "max", "min", "Re", "Im"}
    | {"operatorname"}
)
_RELATIONS: Final = {
    "le": "≤",
    "ge": "≥",
    "ne": "≠",
    "in": "∈",
    "sim": "∼",
    "cdot": "·",
    "dots": "…",
}
_SPACES: Final = {",": "0.17em", " ": "0.33em", "quad": "1em"}
_CHARACTERS: Final = {"-": "−", "*": "∗"}
_ACCENTS: Final = {"bar": "¯", "hat": "^"}
_OPENING: Final = frozenset("([<>=+-−,·≤≥≠∈∼")
_BOLD: Final = {"1": "𝟏"}
_APPLY: Final = Markup("<mo>&#x2061;</mo>")


def to_mathml(latex: str, *, block: bool = True) -> Markup:
    r"""Typeset LaTeX of this package's own printing.

    Args:
        latex: mathematics without delimiters, as `Activation.latex` returns it.
        block: on a line of its own, with sums and fractions at their full size.

    Returns:
        A `math` element of MathML Core.

    Raises:
        ValueError: for a command that is not known, or a group that does not end.

    Example:
        >>> print(to_mathml(r"\frac{x}{2}", block=False))
        <math><mfrac><mi>x</mi><mn>2</mn></mfrac></math>
    """
    reader = _Reader(latex)
    inner = reader.row(())
    if reader.peek():
        raise ValueError(f"{reader.peek()!r} closes nothing in the formula {latex!r}")
    shape = Markup(' display="block"') if block else Markup("")
    return Markup("<math{}>{}</math>").format(shape, inner)


def _leaf(tag: str, text: str, attributes: str = "") -> Markup:
    return Markup("<{0}{1}>{2}</{0}>").format(tag, Markup(attributes), escape(text))  # noqa: S704


def _element(tag: str, *parts: Markup) -> Markup:
    return Markup("<{0}>{1}</{0}>").format(tag, Markup("").join(parts))


class _Reader:
    """Recursive descent; each method reads what its name says and returns an element."""

    def __init__(self, latex: str) -> None:
        self.latex = latex
        self.words = list(self._words(latex))
        self.place = 0

    @staticmethod
    def _words(latex: str) -> Iterator[str]:
        # spaces mean nothing, except inside \text and \mathrm, which read the source themselves
        for match in _TOKEN.finditer(latex):
            yield match.group()

    def peek(self) -> str:
        self._skip_spaces()
        return self.words[self.place] if self.place < len(self.words) else ""

    def take(self) -> str:
        word = self.peek()
        if not word:
            raise ValueError(f"the formula {self.latex!r} ends too early")
        self.place += 1
        return word

    def expect(self, word: str) -> None:
        found = self.take()
        if found != word:
            raise ValueError(f"{word!r} was expected, {found!r} found, in {self.latex!r}")

    def _skip_spaces(self) -> None:
        while self.place < len(self.words) and self.words[self.place].isspace():
            self.place += 1

    # -- groups -----------------------------------------------------------------------------

    def row(self, stops: tuple[str, ...]) -> Markup:
        """Elements up to one of these tokens, as one element."""
        parts = self.elements(stops)
        return parts[0] if len(parts) == 1 else _element("mrow", *parts)

    def elements(self, stops: tuple[str, ...]) -> list[Markup]:
        parts: list[Markup] = []
        before = ""
        while self.peek() and self.peek() not in stops and self.peek() != "}":
            word = self.peek()
            if word in "+-" and (not before or before in _OPENING):
                self.take()
                sign = _CHARACTERS.get(word, word)
                parts.append(_leaf("mo", sign, ' form="prefix"'))
            else:
                parts.append(self.scripted())
            before = self.words[self.place - 1]
        return parts

    def group(self) -> Markup:
        """`{...}`, or a single word."""
        if self.peek() != "{":
            return self.atom()
        self.take()
        inner = self.row(())
        self.expect("}")
        return inner

    def raw(self) -> str:
        """The text between braces, spaces and all."""
        self.expect("{")
        depth, text = 1, ""
        while depth:
            if self.place >= len(self.words):
                raise ValueError(f"a group does not end in {self.latex!r}")
            word = self.words[self.place]
            self.place += 1
            depth += (word == "{") - (word == "}")
            text += word if depth else ""
        return text.replace(r"\_", "_")

    # -- elements ---------------------------------------------------------------------------

    def scripted(self) -> Markup:
        """An atom with what stands below and above it."""
        limits = self.peek().lstrip("\\") in {"sum", "max", "min"}
        named = self.peek().lstrip("\\") in _NAMED and self.peek().startswith("\\")
        base = self.atom()
        below = above = None
        while self.peek() in {"_", "^"}:
            if self.take() == "_":
                below = self.group()
            else:
                above = self.group()
        tags = ("munder", "mover", "munderover") if limits else ("msub", "msup", "msubsup")
        if below is not None and above is not None:
            base = _element(tags[2], base, below, above)
        elif below is not None:
            base = _element(tags[0], base, below)
        elif above is not None:
            base = _element(tags[1], base, above)
        if named:
            following = self.peek()
            tight = following in {"(", r"\left", ""} or following in _CHARACTERS
            space = Markup("") if tight else Markup('<mspace width="0.17em"/>')
            base = Markup("").join([base, _APPLY, space])
        return base

    def atom(self) -> Markup:
        word = self.take()
        if word == "{":
            self.place -= 1
            return self.group()
        if word.startswith("\\"):
            return self.command(word[1:])
        if word[0].isdigit():
            return self.number(word)
        if word.isalpha():
            return _leaf("mi", word)
        if word == "(":
            inner = self.elements((")",))
            self.expect(")")
            return _element("mrow", _leaf("mo", "("), *inner, _leaf("mo", ")"))
        if word in "[]|":
            tight = ' stretchy="false" lspace="0" rspace="0"' if word == "|" else ""
            return _leaf("mo", word, tight or ' stretchy="false"')
        if word in "&_^":
            raise ValueError(f"{word!r} has no place here in the formula {self.latex!r}")
        # said outright, since not every browser spaces an operator that follows a bracket
        space = ' lspace="0.22em" rspace="0.22em"' if word in "+-=<>" else ""
        return _leaf("mo", _CHARACTERS.get(word, word), space)

    @staticmethod
    def number(word: str) -> Markup:
        digits, _, exponent = word.partition("E")
        if not exponent:
            return _leaf("mn", digits)
        power = _element("msup", _leaf("mn", "10"), _leaf("mn", exponent.replace("-", "−")))
        factor = [] if digits == "1" else [_leaf("mn", digits), _leaf("mo", "·")]
        return _element("mrow", *factor, power)

    def command(self, name: str) -> Markup:
        if name in _LETTERS:
            return _leaf("mi", _LETTERS[name])
        if name in _RELATIONS:
            return _leaf("mo", _RELATIONS[name])
        if name in _SPACES:
            return Markup('<mspace width="{}"/>').format(_SPACES[name])
        if name in _ACCENTS:
            mark = _leaf("mo", _ACCENTS[name], ' stretchy="false"')
            return Markup('<mover accent="true">{}{}</mover>').format(self.group(), mark)
        reader = getattr(self, f"_{name}", None) if name.isalpha() else None
        if reader is not None:
            found: Markup = reader()
            return found
        if name in _NAMED:
            return _leaf("mi", name)
        if name == "|":
            return _leaf("mo", "‖", ' stretchy="false" lspace="0" rspace="0"')
        raise ValueError(f"the command \\{name} in the formula {self.latex!r} is not known")

    def _operatorname(self) -> Markup:
        return _leaf("mi", self.raw(), ' mathvariant="normal"')

    def _mathrm(self) -> Markup:
        return _leaf("mi", self.raw(), ' mathvariant="normal"')

    def _mathbf(self) -> Markup:
        text = self.raw()
        return _leaf("mn", _BOLD.get(text, text))

    def _text(self) -> Markup:
        return _leaf("mtext", self.raw().replace(" ", "\u00a0"))

    def _sum(self) -> Markup:
        return _leaf("mo", "∑")

    def _frac(self) -> Markup:
        return _element("mfrac", self.group(), self.group())

    _tfrac = _frac

    def _sqrt(self) -> Markup:
        return _element("msqrt", self.group())

    def _left(self) -> Markup:
        """Brackets that grow with what they hold."""
        opening = self._fence()
        inner = self.elements((r"\right",))
        self.expect(r"\right")
        return _element("mrow", opening, *inner, self._fence())

    def _fence(self) -> Markup:
        word = self.take()
        return _leaf("mo", word, ' lspace="0" rspace="0"' if word == "|" else "")

    def _begin(self) -> Markup:
        if self.raw() != "cases":
            raise ValueError(f"only cases are known as an environment, in {self.latex!r}")
        rows: list[Markup] = []
        cells: list[Markup] = []
        while True:
            cells.append(_element("mtd", self.row(("&", r"\\", r"\end"))))
            end = self.take()
            if end == "&":
                continue
            rows.append(_element("mtr", *cells))
            cells = []
            if end == r"\end":
                break
        self.raw()
        table = Markup('<mtable class="cases">{}</mtable>').format(Markup("").join(rows))
        return _element("mrow", _leaf("mo", "{"), table)
