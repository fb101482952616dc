"""The package is a house: each folder has a floor, and imports only from lower floors and from its own folder.

Imports are read from the source, so those within functions count too.
"""

import ast
import os
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import rnnrbm_pt

PACKAGE = Path(__file__).resolve().parents[1] / "rnnrbm_pt"

FLOORS = {
    "__main__": 7,
    "cli": 6,
    "search": 5,
    "reference": 5,
    "report": 4,
    "models": 4,
    "evaluation": 3,
    "graphs": 2,
    "compile": 2,
    "music": 2,
    "streams": 1,
    "training": 1,
    "io": 1,
    "settings": 0,
    "checks": 0,
    "quoting": 0,
    "roles": 0,
    "ours": 0,
    "interrupts": 0,
}
"""Folders, and modules of the package's root. Two folders of one floor do not import each other."""

REGISTERING = {
    ("rnnrbm_pt.graphs", "rnnrbm_pt.compile.rewriting"),
    ("rnnrbm_pt.streams", "rnnrbm_pt.compile.rewriting"),
}
"""Imports that may go up or sideways: who writes a graph needs its rewrites registered, without another import."""

BASES = {
    "OurOp": "a mark without methods, on Ops that derive from PyTensor's",
    "Advancing": "one property, on shared variables that derive from PyTensor's",
}
"""Classes of ours that may be a base beside another one."""


def read_modules():
    """The syntax tree of each module, by its full name."""
    trees = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        trees[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(path.read_text(encoding="utf-8"))
    return trees


MODULES = read_modules()


def home(module, name):
    """The module from which ``from module import name`` takes a name: a public name of the package has its own home."""
    if module == "rnnrbm_pt" and name in rnnrbm_pt.__all__:
        return getattr(rnnrbm_pt, name).__module__
    return f"{module}.{name}" if f"{module}.{name}" in MODULES else module


def imports_of(module):
    """The modules of ours that a module imports, with the line of each import."""
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}, line {node.lineno}: expected an absolute import"
            names = [home(node.module, alias.name) for alias in node.names]
        else:
            continue
        for name in dict.fromkeys(names):
            if name.startswith("rnnrbm_pt.") and (module, name) not in REGISTERING:
                yield name, node.lineno


def folder(module):
    return module.split(".")[1]


def floor(module):
    return FLOORS[folder(module)]


def may_import(module, target):
    """Modules on the ground floor, which lie in the root, are one folder."""
    return folder(module) == folder(target) or floor(target) < floor(module) or floor(target) == floor(module) == 0


INSIDE = [module for module in MODULES if module != "rnnrbm_pt"]


def test_every_folder_has_a_floor():
    assert {folder(module) for module in INSIDE} <= set(FLOORS)


def test_the_layout_in_contributing_is_that_of_the_package():
    text = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    listed = {name: int(floor) for floor, name in re.findall(r"^\| (\d) \| `rnnrbm_pt/(\w+)/`", text, re.MULTILINE)}
    assert listed == {name: FLOORS[name] for name in {folder(module) for module in INSIDE} if (PACKAGE / name).is_dir()}
    ground = text.split("- The root: ")[1].split("\n- ")[0]
    assert {name for name in FLOORS if FLOORS[name] == 0} == set(re.findall(r"`(\w+)`", ground))


@pytest.mark.parametrize("name", sorted({folder(module) for module in INSIDE}))
def test_imports_go_down(name):
    wrong = [
        f"{module}, line {line}: imports {target}"
        for module in INSIDE
        if folder(module) == name
        for target, line in imports_of(module)
        if target not in INSIDE or not may_import(module, target)
    ]
    assert not wrong, "\n".join(wrong)


def test_there_are_no_circles():
    graph = {module: {target for target, _ in imports_of(module)} for module in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


FIRST = """
import importlib, os, sys
import pytensor.tensor
for name in sys.argv[1:]:
    if not (child := os.fork()):
        importlib.import_module(name)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(name)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are those of Unix")
def test_any_module_may_be_imported_first():
    """The imports that register rewrites close circles: whoever comes first must find what it needs."""
    modules = [name for name in INSIDE if folder(name) in ("compile", "streams", "graphs") and "dispatch." not in name]
    result = subprocess.run([sys.executable, "-c", FIRST, *modules], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_a_class_has_one_base_of_ours():
    classes = [node for tree in MODULES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    ours = {node.name for node in classes} - set(BASES)
    found = {node.name: [name for name in map(ast.unparse, node.bases) if name in ours] for node in classes}
    several = {name: bases for name, bases in found.items() if len(bases) > 1}
    assert several == {}, several
