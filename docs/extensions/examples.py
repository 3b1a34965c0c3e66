"""A real report, a real health page and a small gallery, made when the site is built.

They stand beside the pages, under examples/, and open as the package wrote them.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import torch
from sphinx.application import Sphinx
from torch import nn

import actlab
from actlab.gallery import write_gallery

__all__ = ["setup"]

_SHOWN = (
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "sigmoid",
    "tanh",
    "gelu",
    "silu",
    "mish",
    "softplus",
)


def write(folder: Path) -> None:
    """Write the examples into a folder, in the place of earlier ones."""
    with tempfile.TemporaryDirectory() as made:
        part = Path(made)
        _report(part / "report.html")
        _health(part / "health.html")
        write_gallery(part / "gallery", _SHOWN)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(part, folder)


def _report(path: Path) -> None:
    actlab.compare("iris", epochs=20, workers=1).report(path)


def _health(path: Path) -> None:
    """A deep network of sigmoids, watched while it does not learn."""
    draws = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = [part for _ in range(12) for part in (nn.Linear(20, 20), nn.Sigmoid())]
        model = nn.Sequential(*layers, nn.Linear(20, 2))
    x = torch.randn(256, 20, generator=draws)
    y = (x[:, 0] * x[:, 1] > 0).long()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    with actlab.watch(model, optimizer) as watch:
        for _ in range(100):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    watch.report(path)


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the examples after the pages, if these were built."""

    def after(app: Sphinx, error: Exception | None) -> None:
        if error is None and app.builder.format == "html":
            write(Path(app.outdir) / "examples")

    app.connect("build-finished", after)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
