"""LaTeX of the package as MathML: all of the catalogue, and what is refused."""

from xml.etree import ElementTree

import pytest

import actlab
from actlab.gallery.mathml import to_mathml


def spoken(latex):
    """The text of the leaves, one after the other."""
    root = ElementTree.fromstring(str(to_mathml(latex)))  # noqa: S314  (our own)
    assert root.tag == "math"
    return "".join(root.itertext())


def test_every_formula_and_derivative_is_typeset():
    for name in actlab.names():
        f = actlab.get(name)
        assert spoken(f.latex())
        if f.kind == "scalar":
            assert spoken(f.latex(1))


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"x\,\sigma(x)", "xσ(x)"),
        (r"\max(x, 0)", "max\u2061(x,0)"),
        (r"e^{-x}", "e−x"),
        (r"\mathrm{negative\_slope}\,x", "negative_slopex"),
        (
            r"\begin{cases}x & \text{if }x > 0\\ 0 & \text{otherwise}\end{cases}",
            "{xif\u00a0x>00otherwise",
        ),
        ("1E-9", "10−9"),
    ],
)  # fmt: skip
def test_it_reads_as_it_was_written(latex, text):
    assert spoken(latex) == text


def test_the_structure_is_that_of_the_formula():
    text = str(to_mathml(r"\sum_{k=1}^{3} a_k\frac{x_i^k}{2}", block=False))
    assert "<munderover><mo>∑</mo>" in text
    assert "<msubsup><mi>x</mi><mi>i</mi><mi>k</mi></msubsup>" in text
    assert "<mfrac>" in text
    assert '<mo form="prefix">−</mo>' in str(to_mathml("(-x)"))
    for latex in ("2 - x", r"\Phi(x) + x", r"\left(x\right) - 1", "x^{2} + 1"):
        assert '<mo form="prefix">' not in str(to_mathml(latex))


@pytest.mark.parametrize(
    "latex", [r"\unknown{x}", "{x", "x}", r"\frac{x}", r"\begin{matrix}x\end{matrix}", "(x", "x^"]
)
def test_what_is_not_known_is_an_error(latex):
    with pytest.raises(ValueError, match=r"known|ends|closes|expected|place"):
        to_mathml(latex)


def test_names_are_escaped():
    assert "<script>" not in str(to_mathml(r"\mathrm{<script>}"))
