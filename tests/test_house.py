"""The house: every room says what belongs there, every name resolves, and imports stay light."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import lazy_loader
import pytest

import scalinglab

PACKAGE = Path(scalinglab.__file__).parent
ROOT = PACKAGE.parent
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))

#: Files above this length hold two ideas, unless LONG says why not.
LINES = 350
LONG: dict[str, str] = {}

#: Names that earlier drafts used for what now says what it is.
RETIRED = [
    "Limits",
    "Sweep",
    "Stop",
    "FloorLaw",
    "Meeting",
    "drawn_in_order",
    "gather",
    "descend",
    "polish",
    "sweep",
    "scan",
    "crossings",
    "say",
    "quality",
    "floors",
    "stops",
    "typography",
]


def offered(package):
    """Names that the stub of a package lists."""
    module = importlib.import_module(package)
    return [] if not hasattr(module, "__all__") else list(module.__all__)


def test_every_offered_name_resolves_to_one_thing():
    places: dict[str, list[object]] = {}
    for package in ["scalinglab", *(f"scalinglab.{room}" for room in ROOMS)]:
        names = offered(package)
        assert len(names) == len(set(names))
        module = importlib.import_module(package)
        for name in names:
            assert name in dir(module)
            places.setdefault(name, []).append(getattr(module, name))
    assert len(places) > 100
    for name, things in places.items():
        assert all(thing is things[0] for thing in things), f"{name} means two things"


def test_the_top_holds_what_a_practitioner_needs():
    assert 35 <= len(offered("scalinglab")) <= 55
    promised = [
        "Runs",
        "IsoflopDesign",
        "load_llama3",
        "load_chinchilla",
        "LossSurface",
        "fit_approach1",
        "fit_approach2",
        "fit_approach3",
        "fit_vpnls",
        "Squared",
        "Huber",
        "FitError",
        "SurfaceFit",
        "FrontierFit",
        "screen",
        "certify",
        "covariance",
        "profile",
        "bootstrap",
        "hindcast",
        "approach2_bias",
        "misallocation",
        "deadweight_loss",
        "GpuRate",
        "checklist",
    ]
    assert set(promised) <= set(offered("scalinglab"))


def test_no_file_has_the_name_of_what_it_offers():
    # Python would put the file in the place of the function once it is imported
    for room in ROOMS:
        files = {path.stem for path in (PACKAGE / room).glob("*.py")}
        names = set(offered(f"scalinglab.{room}")) - {"published"}
        assert not files & names, room


def test_a_room_says_in_one_sentence_what_belongs_there():
    readme = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for room in ROOMS:
        text = importlib.import_module(f"scalinglab.{room}").__doc__
        assert text.endswith("."), room
        assert "\n" not in text.strip(), room
        assert f"`{room}/`" in readme, f"CONTRIBUTING lists every folder, {room} too"
        page = (ROOT / f"book/api/{room}.md").read_text(encoding="utf-8")
        assert re.search(rf"^% api: {room}\b", page, re.M), room


def test_files_hold_one_idea():
    long = {
        str(path.relative_to(PACKAGE)): len(path.read_text(encoding="utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
    }
    assert {name for name, lines in long.items() if lines > LINES} == set(LONG)


def test_retired_names_are_gone():
    pattern = re.compile(rf"(?:def|class|import|[,(] ?) ?\b({'|'.join(RETIRED)})\b(?:\(|:| as |,|$)")
    for path in PACKAGE.rglob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not re.match(r"^(class|def) (" + "|".join(RETIRED) + r")\b", line), (path, line)
            if line.startswith(("from scalinglab", "import scalinglab")):
                assert not pattern.search(line), (path, line)


def test_nothing_is_loaded_before_it_is_used(tmp_path):
    """Neither by an import, nor by the command line, nor by a fit, in any folder."""
    stages = (
        "import scalinglab as s",
        "from scalinglab.cli import commands",
        "alpha = s.fit_vpnls(s.load_llama3()).surface.alpha",
    )
    said = "; ".join(f"{stage}; print(*{{*sys.modules}} - before)" for stage in stages)
    code = f"import sys; before = {{*sys.modules}}; {said}; print(alpha)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    imported, command, fit, alpha = map(str.split, done.stdout.splitlines())
    pictures = {"matplotlib", "pandas", "ipywidgets", "IPython", "joblib"}
    assert not {*pictures, "scipy", "numpy"} & set(imported)
    assert not pictures & {*command, *fit}
    assert "scipy" in fit
    assert alpha[0].startswith("0.3100")


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError):
        scalinglab.no_such_name  # noqa: B018


def test_stubs_are_what_the_loader_reads():
    for stub in PACKAGE.rglob("__init__.pyi"):
        package = ".".join(stub.parent.relative_to(ROOT).parts)
        names = lazy_loader.attach_stub(package, str(stub))[2]
        assert sorted(names) == sorted(offered(package))
