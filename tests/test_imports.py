import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import scalinglab

PACKAGE = Path(scalinglab.__file__).parent

# every module imports only from those before it
ORDER = [
    "typography",
    "surface",
    "published",
    "budgets",
    "runs",
    "logs",
    "design",
    "losses",
    "report",
    "fits",
    "concerns",
    "curves",
    "approach1",
    "approach2",
    "projection",
    "descent",
    "polish",
    "approach3",
    "stops",
    "vpnls",
    "sensitivity",
    "bound",
    "certificate",
    "bias",
    "uncertainty",
    "resampling",
    "trials",
    "allocation",
    "quality",
    "learning",
    "kaplan",
    "counting",
    "nonembedding",
    "recount",
    "floors",
    "repeated",
    "overfitting",
    "datasets",
    "simulate",
    "plotting",
    "notebook",
    "course",
]


def modules_imported_by(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "scalinglab" + "." * bool(node.module) if node.level else ""
            base += node.module or ""
            names = [base] + [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("scalinglab.")}
        found |= {"scalinglab" for name in names if name == "scalinglab" and isinstance(node, ast.Import)}
    return {name for name in found if name == "scalinglab" or sources(name)}


def sources(module: str) -> list[Path]:
    """The files of a module: one, or those of its folder."""
    single = PACKAGE / f"{module}.py"
    return [single] if single.exists() else sorted((PACKAGE / module).glob("*.py"))


def test_import_finder_sees_every_form():
    source = (
        "import scalinglab.runs\nfrom scalinglab import bias\nfrom . import fits\n"
        "from .losses import Huber\ndef f():\n    from scalinglab.vpnls import project\nimport numpy\n"
    )
    assert modules_imported_by(source) == {"runs", "bias", "fits", "losses", "vpnls"}


def test_every_module_has_its_place_in_the_order():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert {path.stem for path in PACKAGE.glob("*.py")} | folders == {"__init__", *ORDER}


@pytest.mark.parametrize("module", ORDER)
def test_module_imports_only_from_above(module):
    above = ORDER[: ORDER.index(module)]
    files = sources(module)
    assert files
    found = set().union(*(modules_imported_by(file.read_text(encoding="utf-8")) for file in files))
    assert found - {module} <= set(above)


def test_import_is_fast_and_leaves_heavy_libraries_alone():
    code = (
        "import sys, time, json; start = time.perf_counter(); import scalinglab; "
        "print(json.dumps([time.perf_counter() - start, sorted(sys.modules)]))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, loaded = json.loads(answer.stdout)
    assert seconds < 0.5
    assert not {"matplotlib", "pandas", "ipywidgets", "scipy"} & set(loaded)


def test_fitting_needs_neither_pandas_nor_matplotlib():
    code = (
        "import sys, scalinglab as s; s.fit_vpnls(s.load_llama3()); "
        "print([m for m in ('matplotlib', 'pandas', 'ipywidgets', 'IPython') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def stub_names() -> list[str]:
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    return [
        alias.asname
        for node in ast.walk(stub)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    ]


@pytest.mark.parametrize("name", stub_names())
def test_public_name_resolves(name):
    assert name in dir(scalinglab)
    assert getattr(scalinglab, name) is not None


def test_stub_lists_names_of_design():
    promised = {
        *("LossSurface", "PowerLaw", "CHINCHILLA", "CHINCHILLA_UNROUNDED", "CHINCHILLA_REFIT", "SYMMETRIC"),
        *("ASYMMETRIC", "SODA", "SPARSE_NMM", "Runs", "IsoflopDesign", "Squared", "Huber", "fit_approach2"),
        *("fit_approach3", "project", "objective_map", "fit_vpnls", "vertex_shift", "leading_shift"),
        *("approach2_bias", "Approach2Bias", "misallocation", "deadweight_loss", "GpuRate", "H100_DENSE"),
        *("H100_AS_PUBLISHED", "load_llama3", "load_chinchilla", "card", "say", "Explorer"),
    }
    assert promised <= set(stub_names())


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError):
        scalinglab.no_such_name  # noqa: B018
