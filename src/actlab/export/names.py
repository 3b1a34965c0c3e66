"""Names and comments of exported source: whatever a user typed, it stays where it was put."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Collection, Iterable

__all__ = ["RESERVED", "class_name", "identifier", "one_line", "parameter_names", "words"]

_LONGEST = 48
_GREEK = re.compile(r"GREEK (?:SMALL|CAPITAL) LETTER (\w+)$")


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


_C_WORDS = words(
    """
    auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch
    typedef union unsigned void volatile while asm main bool true false NULL fpclassify
    isfinite isgreater isinf isless isnan isnormal isunordered signbit finite drem
    significand scalb signgam div
    """
)
_C_FUNCTIONS = words(
    """
    abs acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2
    expm1 fabs fdim floor fma fmax fmin fmod frexp gamma hypot ilogb j0 j1 jn ldexp lgamma
    llrint llround log log10 log1p log2 logb lrint lround modf nan nearbyint nextafter
    nexttoward pow remainder remquo rint round scalbln scalbn sin sincos sinh sqrt tan tanh
    tgamma trunc y0 y1 yn
    """
)
_C = _C_WORDS | {name + ending for name in _C_FUNCTIONS for ending in ("", "f", "l")}

RESERVED = {
    "python": frozenset(keyword.kwlist)
    | words(
        """
    np torch jax jnp keras ops float isinstance len map range super tuple zip dtype values
    tensors slopes ctx gradient inputs output
    """
    ),
    # the float version of `i` would be called `if`
    "c": _C | {word[:-1] for word in _C if word.endswith("f")},
    "javascript": words(
        """
    arguments await break case catch class const continue debugger default delete do else
    enum eval export extends false finally for function if implements import in instanceof
    interface let new null package private protected public return static super switch this
    throw true try typeof undefined var void while with yield NaN Infinity Math Array
    """
    ),
}
"""Words of each language, and what its source uses, that no exported name may be."""


def identifier(text: str, reserved: Collection[str] = (), default: str = "activation") -> str:
    """A name for a language: ASCII letters, digits and underscores, no reserved word.

    Example:
        >>> identifier("x * tanh(exp(x))")
        'x_tanh_exp_x'
        >>> identifier("double", RESERVED["c"])
        'double_activation'
    """
    spelled = "".join(_spelled(c) for c in unicodedata.normalize("NFKD", text))
    name = re.sub(r"\W+", "_", spelled, flags=re.ASCII).strip("_")[:_LONGEST].rstrip("_")
    if not name:
        return default
    if name[0].isdigit():
        name = f"{default}_{name}"
    return f"{name}_{default}" if name in reserved else name


def _spelled(character: str) -> str:
    greek = _GREEK.match(unicodedata.name(character, ""))
    return greek[1].casefold() if greek else character


def parameter_names(names: Iterable[str], reserved: Collection[str]) -> dict[str, str]:
    """What each parameter is called in the source: its own name wherever that is possible."""
    chosen: dict[str, str] = {}
    for name in names:
        plain = identifier(name, default="parameter")
        # v1, v2, ... are the steps of the computation
        while plain in reserved or plain in chosen.values() or re.fullmatch(r"v\d+", plain):
            plain += "_"
        chosen[name] = plain
    return chosen


def class_name(name: str) -> str:
    """`leaky_relu` as `LeakyRelu`."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def one_line(text: str) -> str:
    """Text that can end neither the comment nor the line that it stands in.

    Example:
        >>> one_line("a */ b")
        'a * / b'
    """
    flat = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    # ends of C comments; of HTML scripts, which JavaScript may stand in; trigraphs; line splices
    for mark in ("*/", "/*", "</", "<!", "??"):
        flat = flat.replace(mark, " ".join(mark))
    return flat.rstrip("\\ ")
