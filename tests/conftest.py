import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: small products lose time to threads
os.environ.setdefault("MPLBACKEND", "agg")

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

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


# The same examples at every run and on every machine, and no patience that a busy one could exhaust.
settings.register_profile(
    "house",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("house")

#: Files that need the book, its notebooks or kernels: `make check` leaves them to `make test`.
BOOK = {"test_exercises.py", "test_grading.py", "test_hostile.py", "test_problem_sets.py"}

#: Files that start kernels: one worker has them all, for nbgrader's imports and the process that forks
#: the kernels cost more than many a kernel.
KERNELS = {"test_figures.py", "test_hostile.py", "test_problem_sets.py"}

#: Tests that take two thirds of a second of processor time or more, each with a cheaper sister that
#: `make check` keeps, and the files of stored pictures and of a plain install; the same.
SLOW = {
    "test_gallery.py",
    "test_install.py",
    "test_a_killed_worker_costs_its_study_alone",
    "test_a_page_stands_by_itself",
    "test_a_profile_of_every_parameter",
    "test_checkpoints_of_experts_are_fitted_as_in_python",
    "test_random_calls_get_an_answer_or_words",
    "test_random_tables_get_an_answer_or_words",
    "test_a_hundred_thousand_pairs_never_undercut_their_cells_bound",
    "test_a_steeper_teacher_is_learnt_faster",
    "test_all_seven_parameters_of_repetition",
    "test_an_averaged_plan_is_good_for_all_it_was_made_for",
    "test_bootstrap_intervals_keep_their_promise_on_many_runs",
    "test_chinchilla_fixed_judges_stay_apart_and_refitted_ones_agree",
    "test_constants_of_laws_with_many_nonlinear_parameters_come_back",
    "test_default_fits_of_hard_problems_are_the_minimum",
    "test_dense_shift_is_that_of_a_fitted_parabola",
    "test_every_method_recovers_noise_free_studies",
    "test_every_single_raw_start_arrives_or_says_that_it_did_not",
    "test_expansion_of_the_shift_by_algebra",
    "test_kinds_that_assume_the_same_agree",
    "test_leaving_out_starts_or_giving_more_finds_the_minimum_that_one_missed",
    "test_memory_does_not_grow_with_the_draws",
    "test_noisy_errors_tend_to_their_limits",
    "test_noisy_slopes_and_the_floor_that_hides_one",
    "test_one_ratio_for_all_runs_is_a_concern",
    "test_paired_ratio_uses_only_studies_both_answered",
    "test_published_starts_meet_the_default_ones",
    "test_published_variance_ratio_and_the_paired_one",
    "test_random_hard_problems_are_proven_and_nothing_is_lower",
    "test_same_bits_on_a_dask_cluster",
    "test_shift_on_points_is_that_of_a_fitted_parabola",
    "test_starting_from_cells_ends_where_starting_from_all_runs_ends",
    "test_the_command_prints_the_table",
    "test_the_range_of_sizes_matters_most",
    "test_threads_change_nothing_above_rounding",
    "test_vocabulary_with_the_polynomial_as_the_authors_call_it",
}


#: What `make check` says after ``-m``.
QUICK = "not book and not slow"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Whether all of a file is left out by `make check`, so that what it imports is not waited for."""
    left_out = collection_path.name in BOOK | SLOW or collection_path == ROOT / "tests" / "book"
    return True if left_out and config.option.markexpr == QUICK else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make check` leaves out, keep each file on one worker, and begin with the browser.

    Its book takes a while to build, and so do the kernels; what else looks at the same book comes last.
    """
    order = {"test_browser.py": -2, **dict.fromkeys(KERNELS, -1), "test_reference.py": 1, "test_site.py": 1}
    items.sort(key=lambda item: order.get(item.path.name, 0))
    for item in items:
        if item.path.parent.name == "book" or item.path.name in BOOK:
            item.add_marker("book")
        if item.path.name in SLOW or getattr(item, "originalname", None) in SLOW:
            item.add_marker("slow")
        if item.get_closest_marker("xdist_group") is None:
            group = "kernels" if item.path.name in KERNELS else item.path.stem
            item.add_marker(pytest.mark.xdist_group(group))


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
            output.mkdir()
            book = [Path(sys.executable).parent / "jupyter-book", "build", "-W", "--keep-going"]
            for command in (
                [sys.executable, ROOT / "tools" / "execute.py", output / "_build"],
                [*book, "--path-output", output, ROOT],
            ):
                done = subprocess.run(
                    command,
                    capture_output=True,
                    text=True,
                    encoding="utf-8",
                    env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"},
                )
                if done.returncode:
                    break
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


#: Addresses that lead out of a page into the net.
ELSEWHERE = re.compile(r"^(?!file:|data:|blob:|about:)")


@pytest.fixture(scope="session")
def browser():
    """A real browser.

    Needs Chromium (Debian: ``apt-get install chromium``) or Chrome; SCALINGLAB_BROWSER names one that stands
    elsewhere. Without a browser what asks for it is skipped; in continuous integration (CI=true) it fails.
    """
    from playwright.sync_api import sync_playwright  # not before it is needed: it costs what many tests do

    named = os.environ.get("SCALINGLAB_BROWSER")
    names = [named] if named else ["chromium", "chromium-browser", "google-chrome"]
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        message = "no browser found: install Chromium, or name one in SCALINGLAB_BROWSER"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-component-update"],
        )
        yield started
        started.close()


@pytest.fixture(scope="session")
def window(browser):
    """A window of the browser without a network, with a touch screen."""
    opened = browser.new_context(
        viewport={"width": 1280, "height": 900}, has_touch=True, offline=True, reduced_motion="reduce"
    )
    opened.route(ELSEWHERE, lambda route: route.abort())
    yield opened
    opened.close()
