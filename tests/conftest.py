import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: small products lose time to threads
os.environ.setdefault("MPLBACKEND", "agg")

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from filelock import FileLock

from scalinglab import CHINCHILLA, IsoflopDesign, LossSurface, Runs, SurfaceFit, fit_vpnls, load_llama3
from scalinglab.laws import ASYMMETRIC, SYMMETRIC

#: Budgets of the simulated studies of Czech et al. 2026.
BUDGETS = (1e17, 1e18, 1e19, 1e20, 1e21)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260731)


@pytest.fixture(scope="session")
def llama3() -> Runs:
    return load_llama3()


@pytest.fixture(scope="session")
def llama3_vpnls(llama3: Runs) -> SurfaceFit:
    return fit_vpnls(llama3)


@pytest.fixture(params=[SYMMETRIC, CHINCHILLA, ASYMMETRIC], ids=lambda surface: surface.name)
def surface(request: pytest.FixtureRequest) -> LossSurface:
    return request.param


@pytest.fixture(scope="session")
def noisy() -> Runs:
    """75 runs of five budgets on Chinchilla's surface with errors of 0.01 nats."""
    return IsoflopDesign(BUDGETS).runs(CHINCHILLA, noise=0.01, rng=np.random.default_rng(7))


ROOT = Path(__file__).parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the browser, whose book takes a while to build; end with what looks at the same book."""
    order = {"test_browser.py": -1, "test_reference.py": 1, "test_site.py": 1}
    items.sort(key=lambda item: order.get(item.path.name, 0))


@pytest.fixture(scope="session")
def build(testrun_uid: str) -> SimpleNamespace:
    """Build the book from a clean state, every notebook executed and every warning an error.

    Once a test run: of several workers the first builds and the others wait.
    """
    output = ROOT / "_build" / "test"
    output.parent.mkdir(exist_ok=True)
    said = output / f"{testrun_uid}.json"
    with FileLock(output.with_suffix(".lock")):
        if not said.exists():
            shutil.rmtree(output, ignore_errors=True)
            command = Path(sys.executable).parent / "jupyter-book"
            done = subprocess.run(
                [command, "build", "-W", "--keep-going", "--all", "--path-output", output, ROOT],
                capture_output=True,
                text=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
            output.mkdir(exist_ok=True)
            report = {"returncode": done.returncode, "stdout": done.stdout, "stderr": done.stderr}
            said.write_text(json.dumps(report), encoding="utf-8")
    return SimpleNamespace(**json.loads(said.read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest) -> Path:
    """Folder of the built site: what SCALINGLAB_SITE names, or a fresh build."""
    if "SCALINGLAB_SITE" in os.environ:
        return Path(os.environ["SCALINGLAB_SITE"]).resolve()
    if request.getfixturevalue("build").returncode:
        pytest.skip("the book did not build")
    return ROOT / "_build" / "test" / "_build" / "html"
