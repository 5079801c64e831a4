"""The wheel in an environment of its own: what a plain install can do, and what its requirements say."""

import ast
import collections
import contextlib
import functools
import importlib.metadata as metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib.util import cache_from_source
from pathlib import Path

import pytest
from every_name import NEEDS
from flit_core.wheel import make_wheel_in
from packaging.requirements import Requirement
from pages import cells

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def key(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@functools.cache
def declared(*extras):
    """Names of the distributions that pyproject.toml requires, with these extras."""
    names = {key(Requirement(line).name) for line in PROJECT["dependencies"]}
    for extra in extras:
        for requirement in map(Requirement, EXTRAS[extra]):
            own = key(requirement.name) == "scalinglab"
            names |= declared(*requirement.extras) if own else {key(requirement.name)}
    return names


def with_their_own(names):
    """Distributions and what they in turn require here, without extras."""
    found, left = {}, list(names)
    while left:
        name = key(left.pop())
        if name not in found:
            found[name] = metadata.distribution(name)
            for requirement in map(Requirement, found[name].requires or ()):
                if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                    left.append(requirement.name)
    return found.values()


def link(distributions, folder):
    """Make installed distributions importable from a folder, and nothing else."""
    folder.mkdir(exist_ok=True)
    for distribution in distributions:
        for top in {path.parts[0] for path in distribution.files or ()} - {"..", "__pycache__"}:
            place = folder / top
            if not place.exists():
                place.symlink_to(distribution.locate_file(top), target_is_directory="." not in top)


def take_compiled(site):
    """Give the wheel's files what Python keeps of ours when they are the same to the last byte."""
    for ours in (ROOT / "scalinglab").rglob("*.py"):
        packed, kept = site / ours.relative_to(ROOT), Path(cache_from_source(ours))
        if kept.exists() and packed.exists() and packed.read_bytes() == ours.read_bytes():
            shutil.copystat(ours, packed)  # Python goes by time and size
            Path(cache_from_source(packed)).parent.mkdir(exist_ok=True)
            shutil.copyfile(kept, cache_from_source(packed))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return make_wheel_in(ROOT / "pyproject.toml", tmp_path_factory.mktemp("wheel")).file


@pytest.fixture(scope="module")
def plain(wheel, tmp_path_factory):
    """What ``plain_install.py`` says in an environment that holds the wheel and what it requires."""
    home = tmp_path_factory.mktemp("plain")
    venv.create(home, with_pip=False, symlinks=os.name != "nt")
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    site = subprocess.run(
        [python, "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    take_compiled(Path(site))
    link(with_their_own(declared()), Path(site))

    done = subprocess.run(
        [python, "-I", "-W", "error", ROOT / "tests" / "plain_install.py"],
        capture_output=True, text=True, cwd=home,
        env={**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def report(plain):
    return plain["names"]


def test_every_public_name_has_an_example(report):
    assert report["names"] > 150
    assert report["without example"] == [], "tests/every_name.py wants a line for each"
    assert report["no such name"] == []


def test_what_needs_nothing_works_in_a_plain_install(report):
    assert report["wrong"] == {}
    assert report["loaded"] == []
    assert "return (alpha - beta)" in report["printed"]
    assert "one half" in report["printed"]


def test_what_needs_more_names_its_extra(report):
    words = re.compile(r"[A-Z][\w' ]+ needs \w+, which is not installed: pip install 'scalinglab\[(\w+)\]'")
    refused = {name: words.fullmatch(said) for name, said in report["refused"].items()}
    assert all(refused.values()), report["refused"]
    extras = {name: found[1] for name, found in refused.items()}
    assert {name: extra for name, extra in extras.items() if "." not in name} == NEEDS
    assert extras["Explorer.to_widget"] == "notebook"
    assert set(extras.values()) <= set(EXTRAS)


def test_every_picture_is_there(report):
    assert len(report["pictures"]) > 40
    assert set(report["pictures"].values()) == {None}


def test_fits_load_numpy_and_scipy_alone(plain):
    """The others are required for tables and pictures; a fit waits for none of them."""
    assert plain["fits"] == []


def test_pictures_need_no_notebook(plain):
    assert plain["pictures"] == []


def test_the_command_line_answers_with_a_page(plain):
    assert "from 133 runs" in plain["commands"]["fit"]
    assert plain["commands"]["figures"] >= 2


def test_the_wheel_holds_what_the_package_reads(wheel):
    with zipfile.ZipFile(wheel) as packed:
        inside = set(packed.namelist())
    package = ROOT / "scalinglab"
    wanted = {"*.py", "*.pyi", "data/tables/*.csv", "data/tables/*.toml", "plotting/*.mplstyle", "py.typed"}
    for pattern in wanted:
        files = {path.relative_to(ROOT).as_posix() for path in package.rglob(pattern)}
        assert files, pattern
        assert files <= inside, pattern


# What is imported is declared.

#: What declared distributions bring: the names of modules and whose they are. Others are called by their own.
PLACES = collections.defaultdict(set)
for _name in declared(*EXTRAS):
    with contextlib.suppress(metadata.PackageNotFoundError):
        for _path in (metadata.distribution(_name).read_text("RECORD") or "").splitlines():
            PLACES[re.split("[/.,]", _path, maxsplit=1)[0]].add(_name)

#: Our own files that others import by name.
OWN = {
    path.stem
    for room in ("tests", "tools", "benchmarks", "book/_ext")
    for path in (ROOT / room).rglob("*.py")
}


def third_party(module):
    """Distributions that may have brought a module; none for our own and the standard library."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top in OWN or top == "scalinglab":
        return set()
    return set(PLACES.get(top, {key(top)}))


def modules(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []


def imports(tree):
    """Imports of a file: the module, and what guards it (an extra, or only the type checker)."""

    def walk(node, guard):
        if isinstance(node, ast.With):
            for item in node.items:
                call = item.context_expr
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "needs":
                    guard = call.args[0].value
        if isinstance(node, ast.If):
            condition = getattr(node.test, "func", node.test)
            guard = {"TYPE_CHECKING": "types", "in_notebook": "notebook"}.get(
                getattr(condition, "id", ""), guard
            )
        for module in modules(node):
            yield module, guard
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):  # where statements are
            for child in getattr(node, block, ()):
                yield from walk(child, guard)

    return walk(tree, None)


def undeclared(path, text, *extras):
    allowed = declared(*extras)
    named = re.findall(r"^\s*(?:from|import) +([\w.]+)", text, re.M)  # the linter wants one a line
    if not any((names := third_party(module)) and not names & allowed for module in named):
        return  # nothing that a guard could excuse
    for module, guard in imports(ast.parse(text)):
        names = third_party(module)
        if guard in EXTRAS:
            names -= declared(guard)
        if guard != "types" and names and not names & allowed:
            yield f"{path.relative_to(ROOT)}: {module}"


def test_the_package_imports_only_what_it_requires():
    lost = []
    for path in (ROOT / "scalinglab").rglob("*.py"):
        lost += undeclared(path, path.read_text(encoding="utf-8"))
    assert lost == []


@pytest.mark.parametrize(
    ("room", "extras"),
    [("tests", ["test"]), ("benchmarks", ["test"]), ("tools", ["course", "book"]), ("book/_ext", ["book"])],
)
def test_other_rooms_import_only_what_their_extras_declare(room, extras):
    lost = []
    for path in (ROOT / room).rglob("*.py"):
        lost += undeclared(path, path.read_text(encoding="utf-8"), *extras)
    assert lost == []


@pytest.mark.parametrize(("room", "extras"), [("notebooks", ["course"]), ("book", ["course", "book"])])
def test_pages_import_only_what_their_extras_declare(room, extras):
    pages = [*(ROOT / room).rglob("*.md")]
    lost = []
    for page in pages:
        for cell in cells(page.read_text(encoding="utf-8")):
            lost += undeclared(page, cell.code, *extras)
    assert len(pages) > 10
    assert lost == []


def test_the_words_know_every_extra_the_package_uses():
    from scalinglab._extras import EXTRAS as USED

    assert set(USED) <= set(EXTRAS)
    assert declared("all") >= set().union(*(declared(extra) for extra in USED))
