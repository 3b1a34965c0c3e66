"""Which activation for my network: a fair comparison on the user's own data.

`compare` plans the study (`protocol`), trains what its ledger lacks (`trainer`, `runners`,
`ledger`), and judges what is there (`statistics`, `verdict`, `conclusion`). Importing this
package loads no framework; calling the function does.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actlab.compare.comparison import compare
    from actlab.compare.driver import Progress
    from actlab.compare.result import Result
    from actlab.compare.study import Settings

__all__ = ["Progress", "Result", "Settings", "compare"]

_HOMES = {"Progress": "driver", "Result": "result", "Settings": "study", "compare": "comparison"}


def __getattr__(name: str) -> Any:
    # the command line imports a part of this package to list functions: it must not pay for all
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _CallableModule(ModuleType):
    """`actlab.compare` is this package, once it is imported, and the function of its name."""

    def __call__(self, *args: Any, **options: Any) -> Result:
        result: Result = self.compare(*args, **options)
        return result


sys.modules[__name__].__class__ = _CallableModule
