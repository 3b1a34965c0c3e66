"""Every public name, grouped by the question that it answers."""

from __future__ import annotations

import actlab

__all__ = ["pages"]

_GROUPS = {
    "What is it?": (
        "names",
        "families",
        "get",
        "define",
        "Activation",
        "identify",
        "claims",
        "plot",
    ),
    "Which one for my network?": (
        "compare",
        "ActivationSearch",
        "advise",
        "forecast",
        "boundary",
        "flow",
    ),
    "Is it hurting my network?": ("watch", "initialise", "swap"),
    "Give it to me": ("explain", "bench", "warm", "keras_layer"),
}
_BELOW = {
    "get": ("actlab.activation.Parameter", "actlab.activation.Reference"),
    "Activation": ("actlab.properties.Properties",),
    "identify": ("actlab.identity.Identity",),
    "compare": (
        "actlab.compare.result.Result",
        "actlab.compare.result.Row",
        "actlab.compare.study.Settings",
    ),
    "forecast": ("actlab.theory.Forecast",),
    "boundary": ("actlab.lessons.boundary.Boundary",),
    "flow": ("actlab.lessons.flow.Flow",),
    "watch": ("actlab.health.Watch", "actlab.health.Finding", "actlab.health.Findings"),
}
"""Classes that a public function returns; users meet their attributes."""

_ROUTING = "set_fit_request, set_score_request"
"""Methods that scikit-learn adds to every estimator, with links into its own site."""


def pages() -> dict[str, str]:
    """One page with all names that `import actlab` offers, besides the functions themselves."""
    public = list(actlab._HOMES)
    grouped = {
        title: [name for name in names if name in public] for title, names in _GROUPS.items()
    }
    rest = [name for name in public if not any(name in names for names in grouped.values())]
    errors = [name for name in rest if actlab._HOMES[name] == "actlab.errors"]
    grouped["Further names"] = [name for name in rest if name not in errors]
    grouped["Errors"] = errors
    parts = [
        "# Python\n\nEvery name of `actlab`. The catalogued functions are attributes as well "
        "(`actlab.gelu`), each an `Activation`; the [catalogue](catalogue.md) lists them.\n"
    ]
    for title, names in grouped.items():
        if names:
            parts += [f"## {title}\n", *map(_documented, names)]
    return {"names.md": "\n".join(parts)}


def _documented(name: str) -> str:
    paths = [f"{actlab._HOMES[name]}.{name}", *_BELOW.get(name, ())]
    lines = [f"### {name}", "", "```{eval-rst}"]
    for path in paths:
        if path.rpartition(".")[2][0].isupper():
            lines += [f".. autoclass:: {path}", "   :members:"]
            lines += [f"   :exclude-members: {_ROUTING}", ""]
        else:
            lines += [f".. autofunction:: {path}", ""]
    return "\n".join([*lines, "```", ""])
