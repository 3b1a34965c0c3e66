"""Networks that are trained for a picture: progress, the answer, the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from actlab.cli.output import print_json, say

__all__ = ["drawn"]


def drawn(
    train: Callable[..., Any], show: Callable[[Any], None], *, save: Path | None, as_json: bool
) -> None:
    """Train with `train(progress=...)`, print what came of it, and write the picture."""
    if save is not None:
        from actlab.plots import check_path

        check_path(save)
    with _watched() as progress:
        found = train(progress=progress)
    if as_json:
        print_json(found.as_dict())
    else:
        show(found)
    if save is not None:
        say(f"wrote {found.save(save)}")


@contextmanager
def _watched() -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on stderr with an estimate, if somebody watches."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), Remaining())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("training")

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield tell
