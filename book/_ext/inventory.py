"""What the package offers, read from its folders, stubs and files: nothing here knows of Sphinx."""

import ast
import functools
import importlib
import inspect
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "scalinglab"
#: Folders whose names are importable from their files only.
DEEP = ("solvers",)


@functools.cache
def rooms():
    """Folders of the package, the lowest first, as the contract of imports lists them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (layers,) = [one["layers"] for one in contracts["contracts"] if one["type"] == "layers"]
    listed = [name.strip() for layer in reversed(layers) for name in re.split("[:|]", layer)]
    return tuple(name for name in listed if (PACKAGE / name).is_dir())


@functools.cache
def offered(room=""):
    """Name -> file that defines it, of what a folder's stub offers; a file offered itself maps to None."""
    stub = PACKAGE / room / "__init__.pyi"
    if not stub.exists():
        return {}
    return {
        alias.name: node.module and node.module.rpartition(".")[2]
        for node in ast.parse(stub.read_text(encoding="utf-8")).body
        for alias in node.names
    }


@functools.cache
def at_the_top(room):
    """Name -> file, of what the package's own stub takes from a folder."""
    return {
        alias.name: node.module.split(".")[1]
        for node in ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8")).body
        if node.module and node.module.split(".")[0] == room
        for alias in node.names
    }


@functools.cache
def files(room):
    """Names of a folder's files, in alphabetical order."""
    return tuple(
        sorted(path.stem for path in (PACKAGE / room).glob("*.py") if not path.stem.startswith("__"))
    )


@functools.cache
def read(room, file):
    """A file's text and what it means, read once."""
    text = (PACKAGE / room / f"{file}.py").read_text(encoding="utf-8")
    return text, ast.parse(text)


def docstring(room, file="__init__"):
    """The docstring of a folder or of one of its files."""
    return ast.get_docstring(read(room, file)[1]) or ""


def sentence(text):
    """The first paragraph of a docstring, on one line."""
    return " ".join(text.split("\n\n")[0].split())


@functools.cache
def definitions(room, file):
    """Public name -> (kind, comment) in the order of the source."""
    found = {}
    source, parsed = read(room, file)
    lines = source.splitlines()
    comment = ""
    for node in parsed.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names, kind = [node.name], "function" if isinstance(node, ast.FunctionDef) else "class"
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]
            kind = "data"
            above = []
            row = node.lineno - 2
            while row >= 0 and lines[row].startswith("#:"):
                above.insert(0, lines[row][2:].strip())
                row -= 1
            # a comment speaks for all assignments that follow it without a blank line
            comment = " ".join(above) or (comment if lines[node.lineno - 2].strip() else "")
        else:
            continue
        for name in names:
            if not name.startswith("_"):
                found[name] = (kind, comment if kind == "data" else "")
    return found


def documented(room, file):
    """(path of the owner, name, kind, comment) of all that a file's section shows."""
    ours = definitions(room, file)
    top, here = at_the_top(room), offered(room)
    whole = room in DEEP or here.get(file, "") is None
    shown = []
    for name, (kind, comment) in ours.items():
        if top.get(name) == file:
            owner = "scalinglab"
        elif here.get(name) == file:
            owner = f"scalinglab.{room}"
        elif whole and (comment or kind != "data"):
            owner = f"scalinglab.{room}.{file}"
        else:
            continue
        shown.append((owner, name, kind, comment))
    for name in sorted(name for name in here if here[name] == file and name not in ours):
        # the file hands on what stands below all folders
        value = getattr(importlib.import_module(f"scalinglab.{room}"), name)
        shown.append((f"scalinglab.{room}", name, "class" if inspect.isclass(value) else "function", ""))
    return shown


@functools.cache
def shortest_paths():
    """Every path by which a documented name can be imported -> its shortest."""
    found = {}
    for room in rooms():
        for file in files(room):
            for owner, name, *_ in documented(room, file):
                short = f"{owner}.{name}"
                for path in (short, f"scalinglab.{room}.{name}", f"scalinglab.{room}.{file}.{name}"):
                    found[path] = short
    return found


@functools.cache
def of_bare_name():
    """Bare name -> shortest path, of names that mean one thing outside the pictures."""
    meant = {}
    for short in shortest_paths().values():
        if not short.startswith("scalinglab.plotting."):
            meant.setdefault(short.rpartition(".")[2], set()).add(short)
    return {name: next(iter(paths)) for name, paths in meant.items() if len(paths) == 1}
