"""The errors that actlab raises on purpose: one sentence for the user, never a traceback."""

from __future__ import annotations

__all__ = [
    "ActlabError",
    "DataError",
    "FormulaError",
    "LedgerError",
    "SettingError",
    "UnknownNameError",
]


class ActlabError(Exception):
    """What was given, what was expected, and what to do, in one clear message."""


class FormulaError(ActlabError, ValueError):
    """A formula outside the language; the message shows it with a caret under the place."""


class UnknownNameError(ActlabError, LookupError):
    """A name that nothing carries; the message offers the nearest ones."""


class DataError(ActlabError, ValueError):
    """Data that a comparison cannot use; nothing was written."""


class SettingError(ActlabError, ValueError):
    """A setting that is not what it can be; nothing was done."""


class LedgerError(ActlabError):
    """A ledger that cannot be read safely; it was left untouched."""
