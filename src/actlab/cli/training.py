"""Progress of networks that are trained for a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["watched"]


@contextmanager
def watched() -> Iterator[Callable[[int, int], None] | None]:
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
