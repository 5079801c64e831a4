import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: small products lose time to threads
os.environ.setdefault("MPLBACKEND", "agg")

import atexit
import gc
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

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

# Hypothesis would parse every loaded file of ours for numbers to try: the examples would depend on what else
# is loaded, and the numbers that break things everywhere are among its own.
providers._get_local_constants = lambda: providers._local_constants

#: Files that need the book, its notebooks or kernels: `make check` leaves them to `make test`.
BOOK = {"test_exercises.py", "test_hostile.py", "test_problem_sets.py"}

#: What comes last, in this order: the book that it looks at is built while the package is tested. A browser
#: leaves an event loop running in which no kernel could be asked, so the kernels come before it.
LAST = ["test_problem_sets.py", "test_hostile.py", "test_figures.py"]
LAST += ["test_site.py", "test_reference.py", "test_workbench.py", "test_widgets.py"]
LAST += ["test_search.py", "test_browser.py"]

#: Tests that take three tenths of a second of processor time or more, each with a cheaper sister that
#: `make check` keeps, and the files of stored pictures and of a plain install; the same.
SLOW = {
    "test_gallery.py",
    "test_install.py",
    "test_shared_ticks.py",
    "test_a_killed_worker_costs_its_study_alone",
    "test_a_known_mistake_gets_its_sentence",
    "test_a_profile_of_every_parameter",
    "test_a_steeper_teacher_is_learnt_faster",
    "test_akaike_s_criterion_is_its_formula",
    "test_all_seven_parameters_of_repetition",
    "test_an_averaged_plan_is_good_for_all_it_was_made_for",
    "test_bootstrap_intervals_keep_their_promise_on_many_runs",
    "test_checkpoints_of_experts_are_fitted_as_in_python",
    "test_chinchilla_fixed_judges_stay_apart_and_refitted_ones_agree",
    "test_constants_come_back",
    "test_constants_of_laws_with_many_nonlinear_parameters_come_back",
    "test_dense_shift_is_that_of_a_fitted_parabola",
    "test_every_method_recovers_noise_free_studies",
    "test_every_single_raw_start_arrives_or_says_that_it_did_not",
    "test_expansion_of_the_shift_by_algebra",
    "test_huber_optimum_cannot_be_improved_by_polishing_again",
    "test_intervals_keep_their_promise_when_errors_are_alike",
    "test_junk_is_wrong_and_never_raises",
    "test_kinds_that_assume_the_same_agree",
    "test_no_exponents_undercut_the_bound_of_their_cell",
    "test_noisy_errors_tend_to_their_limits",
    "test_noisy_slopes_and_the_floor_that_hides_one",
    "test_nothing_is_loaded_before_it_is_used",
    "test_objectives_are_those_of_an_independent_optimiser",
    "test_on_a_terminal_a_bar_names_what_is_under_way",
    "test_one_study_comes_out_again",
    "test_paired_ratio_uses_only_studies_both_answered",
    "test_parts_are_those_of_their_functions",
    "test_published_variance_ratio_and_the_paired_one",
    "test_random_calls_get_an_answer_or_words",
    "test_random_hard_problems_are_proven_and_nothing_is_lower",
    "test_random_tables_get_an_answer_or_words",
    "test_same_bits_on_a_dask_cluster",
    "test_same_bits_on_two_processes",
    "test_shift_on_points_is_that_of_a_fitted_parabola",
    "test_stored_counts_are_those_of_the_table",
    "test_the_best_reach_weighs_bias_against_variance",
    "test_the_command_says_what_is_wrong",
    "test_the_live_slider_redraws",
    "test_the_range_of_sizes_matters_most",
    "test_two_intervals_hold_when_errors_are_shared",
    "test_vocabulary_with_the_polynomial_as_the_authors_call_it",
}


#: What `make check` says after ``-m``.
QUICK = "not book and not slow"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Whether a file holds no tests, or `make check` leaves out all: what it imports is not waited for."""
    name, tests = collection_path.name, ROOT / "tests"
    helper = collection_path.suffix == ".py" and tests in collection_path.parents and name[:5] != "test_"
    slow = name in BOOK | SLOW or collection_path == tests / "book"
    return True if helper or (slow and config.option.markexpr == QUICK) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make check` leaves out, and put what needs kernels or the book at the end."""
    places = {name: place for place, name in enumerate(LAST)}
    items.sort(key=lambda item: places.get(item.path.name, -1))
    for item in items:
        if item.path.parent.name == "book" or item.path.name in BOOK:
            item.add_marker("book")
        if item.path.name in SLOW or getattr(item, "originalname", None) in SLOW:
            item.add_marker("slow")


#: Where the tests build the book, and what the builder said of it.
BUILT = ROOT / "_build" / "test"
SAID = BUILT / "said.txt"
BUILDER = pytest.StashKey[subprocess.Popen[bytes]]()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin to build the book from a clean state, where a test that was chosen looks at it.

    And leave what has been loaded by now out of the searches for what nobody holds: it stays to the end.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 20)
    atexit.register(gc.freeze)
    wanted = any({"build", "site"} & set(getattr(item, "fixturenames", ())) for item in session.items)
    if not wanted or "SCALINGLAB_SITE" in os.environ or session.config.option.collectonly:
        return
    shutil.rmtree(BUILT, ignore_errors=True)
    BUILT.mkdir(parents=True)
    with SAID.open("wb") as said:
        session.config.stash[BUILDER] = subprocess.Popen(
            ["sh", ROOT / "tools" / "book.sh", Path(sys.executable).parent, BUILT],
            cwd=ROOT,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PYTHONUTF8": "1"},
        )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End a build for which nobody has waited."""
    builder = session.config.stash.get(BUILDER, None)
    if builder is not None and builder.poll() is None:
        os.killpg(builder.pid, signal.SIGTERM)
        builder.wait()


@pytest.fixture(scope="session")
def build(request: pytest.FixtureRequest) -> SimpleNamespace:
    """The built book: every notebook executed, every warning an error."""
    code = request.config.stash[BUILDER].wait()
    return SimpleNamespace(returncode=code, said=SAID.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest) -> Path:
    """Folder of the built site: what SCALINGLAB_SITE names, or a fresh build."""
    if "SCALINGLAB_SITE" in os.environ:
        return Path(os.environ["SCALINGLAB_SITE"]).resolve()
    if request.getfixturevalue("build").returncode:
        pytest.skip("the book did not build")
    return BUILT / "_build" / "html"


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
    yield opened
    opened.close()
