"""Mathematics as MathML, typeset by the browser: no script, no font, no request.

The reader of LaTeX is the gallery's own, so a formula of the catalogue looks alike in both.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import SphinxError

from actlab.gallery.mathml import to_mathml

__all__ = ["setup"]


def _typeset(node: nodes.Element, *, block: bool) -> str:
    latex = " ".join(node.astext().split())
    try:
        return str(to_mathml(latex, block=block))
    except ValueError as error:
        raise SphinxError(f"{node.source}:{node.line}: {error}") from None


def _inline(translator: Any, node: nodes.Element) -> None:
    translator.body.append(_typeset(node, block=False))
    raise nodes.SkipNode


def _block(translator: Any, node: nodes.Element) -> None:
    translator.body.append(f'<div class="formula">{_typeset(node, block=True)}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer that `html_math_renderer` in conf.py names."""
    app.add_html_math_renderer(
        "mathml", inline_renderers=(_inline, None), block_renderers=(_block, None)
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
