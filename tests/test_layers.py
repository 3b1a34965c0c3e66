"""Imports go only downward: the layers of DESIGN.md, checked in the source."""

from __future__ import annotations

import ast
from functools import lru_cache
from pathlib import Path

import actlab

ROOT = Path(actlab.__file__).parent
LAYERS = {
    "errors": -1,
    "_facade": -1,  # hands calls up by name, which is what it is for
    "formula": 0,
    "activation": 1,
    "catalogue": 2,
    "engines": 3,
    "export": 3,
    "properties": 4,
    "accuracy": 4,
    "paths": 4,
    "timing": 4,
    "theory": 4,
    "identity": 4,
    "nn": 5,
    "health": 5,
    "compare": 5,
    "plots": 6,
    "lessons": 6,
    "report": 6,
    "gallery": 6,
    "terminal_curve": 6,
    "cli": 7,
    "": 8,  # the package's own face, which resolves public names lazily
}


@lru_cache(maxsize=1024)
def imports_of(source: str, package: str) -> frozenset[str]:
    """Modules that a source imports anywhere in it, functions included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [base])])
            # `from actlab import nn` imports the part; any other name comes by the package's face
            parts = {f"{base}.{alias.name}" for alias in node.names if alias.name in LAYERS}
            found |= parts if base == "actlab" and len(parts) == len(node.names) else {base}
            found |= parts
        elif (
            isinstance(node, ast.Call)
            and node.args
            and isinstance(node.args[0], ast.Constant)
            and ast.unparse(node.func).endswith("import_module")
        ):
            found.add(str(node.args[0].value))
    return frozenset(found)


def part_of(module: str) -> str | None:
    """The part of actlab that a module belongs to; None for other packages."""
    words = module.split(".")
    if words[0] != "actlab":
        return None
    return words[1] if len(words) > 1 and words[1] in LAYERS else ""


def upward(source: str, module: str) -> list[str]:
    """What a module of actlab imports from above its own layer."""
    own = part_of(module) or ""
    wrong = []
    for name in sorted(imports_of(source, module.rpartition(".")[0])):
        part = part_of(name)
        if part is None or part == own:
            continue
        if LAYERS[part] > LAYERS[own]:
            wrong.append(f"{module} (layer {LAYERS[own]}) imports {name} (layer {LAYERS[part]})")
    return wrong


def sources() -> dict[str, str]:
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        words = ["actlab", *path.relative_to(ROOT).with_suffix("").parts]
        found[".".join(words)] = path.read_text(encoding="utf-8")
    return found


def test_imports_go_only_downward():
    wrong = [line for module, source in sources().items() for line in upward(source, module)]
    assert not wrong, "\n".join(wrong)


def test_every_module_has_a_layer():
    parts = {module.split(".")[1] for module in sources()} - {"__init__", "__main__", "data"}
    assert parts <= set(LAYERS), "name the layer of these in DESIGN and here"


def test_only_the_facade_hands_calls_up():
    table = (ROOT / "_facade.py").read_text(encoding="utf-8")
    assert "actlab.engines" in table
    assert upward(table, "actlab._facade") == []  # by name, at the call


def test_an_upward_import_would_be_seen():
    for line in (
        "import actlab.nn",
        "from actlab.nn import swap",
        "from actlab import catalogue",
        "from ..catalogue import get",
        "def f():\n    from actlab.engines import torch",
        "import_module('actlab.compare')",
        "from actlab import gelu\nimport actlab",
    ):
        assert upward(line, "actlab.formula.parse"), line
    for line in ("import numpy", "from actlab.errors import FormulaError", "from . import parse"):
        assert not upward(line, "actlab.formula.parse"), line


def neighbours(files: dict[str, str]) -> dict[str, set[str]]:
    """For each part the other parts of its own layer that it imports."""
    found: dict[str, set[str]] = {}
    for module, source in files.items():
        own = part_of(module) or ""
        parts = {part_of(name) for name in imports_of(source, module.rpartition(".")[0])}
        same = {part for part in parts - {None, own} if LAYERS[part] == LAYERS[own]}
        found[own] = found.get(own, set()) | same
    return found


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """Parts that import each other in a ring; empty if there are none."""

    def search(part: str, path: tuple[str, ...]) -> list[str]:
        if part in path:
            return [*path[path.index(part) :], part]
        for other in sorted(graph.get(part, ())):
            if ring := search(other, (*path, part)):
                return ring
        return []

    return next((ring for part in sorted(graph) if (ring := search(part, ()))), [])


def test_parts_of_one_layer_do_not_import_each_other_in_a_ring():
    assert cycle(neighbours(sources())) == []


def test_a_ring_within_a_layer_would_be_seen():
    files = sources()
    assert "theory" in neighbours(files)["properties"]
    files["actlab.theory.planted"] = "from actlab.properties import properties"
    assert cycle(neighbours(files)) == ["properties", "theory", "properties"]
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
