r"""LaTeX source: the formula and its derivatives in an `align*`, for the package amsmath."""

from __future__ import annotations

from dataclasses import replace

from actlab.export.subject import Subject
from actlab.formula import Symbol, to_latex

__all__ = ["write"]


def write(subject: Subject) -> str:
    """The source text."""
    f = subject.activation
    if f.formula is None:
        subject = replace(subject, derivative=False)
    symbols = {name: to_latex(Symbol(name)) for name in f.variables}
    rows = [rf"f({', '.join(symbols.values())}) &= {f.latex()}"]
    if subject.derivative:
        for name, symbol in symbols.items():
            left = "f'(x)" if f.kind == "scalar" else rf"\frac{{\partial f}}{{\partial {symbol}}}"
            rows.append(f"{left} &= {to_latex(f.slope(name))}")
    comment = "\n".join(f"% {line}".rstrip() for line in subject.header())
    table = " \\\\\n".join(rows)
    return f"{comment}\n\\begin{{align*}}\n{table}\n\\end{{align*}}\n"
