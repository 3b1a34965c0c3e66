"""What a study was trained with: noted beside every chunk, so that a result can be placed."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib import metadata
from pathlib import Path

from actlab.compare.result import Environment

__all__ = ["environment"]


@cache
def environment() -> Environment:
    """Return the versions and the processor of this process."""
    return Environment(
        actlab=metadata.version("actlab"),
        python=platform.python_version(),
        torch=metadata.version("torch"),
        numpy=metadata.version("numpy"),
        system=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _cores(),
    )


def _processor() -> str:
    """Return the model's name; `platform` does not know it on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _cores() -> int:
    return os.cpu_count() or 1
