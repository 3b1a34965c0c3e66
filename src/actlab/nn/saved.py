"""Activations among the settings of a layer, as JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actlab.activation import Activation
from actlab.catalogue import define, get

__all__ = ["read", "written"]


def written(setting: Any) -> Any:
    """A setting in which an activation is its name, its formula if it is a user's, and numbers."""
    if isinstance(setting, list | tuple):
        return [written(item) for item in setting]
    if not isinstance(setting, Activation):
        return setting
    return {
        "name": setting.name,
        "formula": str(setting.formula) if setting.family == "user" else None,
        "parameters": dict(setting.parameters),
    }


def read(saved: Any) -> Any:
    """The setting that `written` wrote."""
    if isinstance(saved, list | tuple):
        return [read(item) for item in saved]
    if not isinstance(saved, Mapping) or set(saved) != {"name", "formula", "parameters"}:
        return saved
    if saved["formula"] is None:
        return get(saved["name"], **saved["parameters"])
    return define(saved["formula"], saved["name"], **saved["parameters"])
