import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: small products lose time to threads
os.environ.setdefault("MPLBACKEND", "agg")

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scalinglab import (
    ASYMMETRIC,
    CHINCHILLA,
    SYMMETRIC,
    IsoflopDesign,
    LossSurface,
    Runs,
    SurfaceFit,
    fit_vpnls,
    load_llama3,
)

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


@pytest.fixture(scope="session")
def build() -> "subprocess.CompletedProcess[str]":
    """Build the book from a clean state, every notebook executed and every warning an error."""
    root = Path(__file__).parents[1]
    output = root / "_build" / "test"
    shutil.rmtree(output, ignore_errors=True)
    command = Path(sys.executable).parent / "jupyter-book"
    return subprocess.run(
        [command, "build", "-W", "--keep-going", "--all", "--path-output", output, root],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest) -> Path:
    """Folder of the built site: what SCALINGLAB_SITE names, or a fresh build."""
    if "SCALINGLAB_SITE" in os.environ:
        return Path(os.environ["SCALINGLAB_SITE"]).resolve()
    if request.getfixturevalue("build").returncode:
        pytest.skip("the book did not build")
    return Path(__file__).parents[1] / "_build" / "test" / "_build" / "html"
