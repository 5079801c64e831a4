"""One small example of every picture, and the stored baseline it is compared with.

``make gallery`` renews the baseline in ``tests/plotting/gallery/``: look at what changed before a commit.
An example draws what does not depend on the machine: constant data, or an answer that mathematics fixes to
rounding, never the path of an optimiser.
"""

import functools
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from PIL import Image

from scalinglab import (
    CHINCHILLA,
    Huber,
    IsoflopDesign,
    Runs,
    Squared,
    SurfaceFit,
    covariance,
    fit_approach1,
    fit_approach2,
    fit_approach3,
    fit_vpnls,
    hindcast,
    influence,
    load_chinchilla,
    load_llama3,
    plotting,
    predict_error,
    profile,
    screen,
    vertex_shift,
)
from scalinglab.data import simulate_curves
from scalinglab.fitting import Certificate, objective_map
from scalinglab.laws import (
    ASYMMETRIC,
    CHINCHILLA_REFIT,
    OverfittingSurface,
    RepeatedSurface,
    SaturatingPowerLaw,
    ThreeRegions,
    chinchilla_note_law,
    effective_tokens,
    kaplan_compute_law,
    law_crossings,
    published,
    simulated_frontier,
    straight_line,
)
from scalinglab.planning import BestReach, PlannedRuns, SweepPlan, elfving_optimum
from scalinglab.plotting.drawings import thin_ticks
from scalinglab.studies import (
    CountingDesign,
    Coverage,
    RepetitionProfile,
    Study,
    compare_methods,
    lopsidedness,
    refit_in_other_counts,
)
from scalinglab.studies.published_searches import SearchResult
from scalinglab.theory import leading_shift, noiseless_curve, noisy_curves
from scalinglab.uncertainty import Interval, Profile, ProvenRegion

BASELINE = Path(__file__).parent / "gallery"
DPI = 45

EXAMPLES = {}


def example(draw):
    """Register a function: it draws the picture of its own name."""
    EXAMPLES[draw.__name__] = draw
    return draw


DESIGN = IsoflopDesign([1e18, 1e19, 1e20], reach=8, points=9)
BUDGETS = np.geomspace(1e17, 1e23, 40)
EXPONENTS = np.linspace(0.1, 0.9, 20)


@functools.cache
def perfect():
    return DESIGN.runs(ASYMMETRIC)


@functools.cache
def noisy():
    return DESIGN.runs(CHINCHILLA, noise=0.01, rng=np.random.default_rng(5))


@functools.cache
def parabolas():
    return fit_approach2(perfect())


@functools.cache
def surface():
    return fit_vpnls(noisy())


@functools.cache
def envelope():
    curves = simulate_curves(CHINCHILLA, np.geomspace(1e8, 1e9, 5), horizons=[2e9, 2e10])
    return curves, fit_approach1(curves)


@functools.cache
def robust():
    return fit_approach3(noisy(), Huber(5e-3, log=True))


def stopped(alpha, beta, excess, steps=20):
    """A search that falls to a little above an objective of one: made up, as true paths differ by machine."""
    history = 1 + excess + 3 * np.exp(-np.linspace(0, 12, steps + 1))
    x = np.array([6.0, 6.0, 0.5, alpha, beta])
    return SearchResult(x, history[-1], True, "made up", steps, 1e-6, history)


SEARCHES = (
    stopped(0.34, 0.28, 0.0, 53), stopped(0.31, 0.36, 0.12, 25), stopped(0.339, 0.281, 2e-7),
    stopped(0.2, 0.3, 0.6), stopped(0.45, 0.15, 1.8), stopped(0.341, 0.279, 1e-6),
)  # fmt: skip


@functools.cache
def repeated():
    return RepeatedSurface(published.MUENNIGHOFF, published.MUENNIGHOFF_R_D, published.MUENNIGHOFF_R_N)


@example
def isoflops():
    plotting.isoflops(perfect(), parabolas(), truth=ASYMMETRIC)


@example
def missed_minimum():
    plotting.missed_minimum(ASYMMETRIC, parabolas().parabolas[1], DESIGN)


@example
def frontier():
    plans = {"truth": ASYMMETRIC, "Approach 2": parabolas(), "VPNLS": surface(), "another": CHINCHILLA}
    plotting.frontier(plans, BUDGETS, mark=1e22, fitted=(1e18, 1e20))


@example
def lines():
    reach = np.geomspace(1.05, 64, 60)
    shift = vertex_shift(0.34, 0.28, reach)
    plotting.lines(
        reach,
        {"dense": shift, "leading order": leading_shift(0.34, 0.28, reach), "VPNLS": 0 * shift},
        "reach", "shift", roles={"leading order": "approximation"}, logx=True, percent=True, zero=True,
    )  # fmt: skip


@example
def vertex_errors():
    plotting.vertex_errors(parabolas(), ASYMMETRIC, [1e18, 1e20], [0.1, 0.3])


@example
def training_curves():
    curves, fit = envelope()
    plotting.training_curves(curves, fit.envelope)


@example
def staircase():
    plotting.staircase(envelope()[1], CHINCHILLA, relative=True)


@example
def terms():
    plotting.terms(CHINCHILLA, np.geomspace(1e7, 1e11, 30), D=1e11)


@example
def isoflop_slice():
    plotting.isoflop_slice(CHINCHILLA, 1e21)


@example
def surface_map():
    plotting.surface_map(
        CHINCHILLA, np.geomspace(1e7, 1e11, 30), np.geomspace(1e9, 1e13, 30), [1e20, 1e22], noisy()
    )


@example
def exponent_map():
    heights = objective_map(noisy(), EXPONENTS, EXPONENTS)
    plotting.exponent_map(EXPONENTS, EXPONENTS, heights, {"VPNLS": (0.34, 0.28)})


@example
def residuals():
    plotting.residuals({"VPNLS": surface(), "Approach 3": robust()})


@example
def residual_histogram():
    plotting.residual_histogram(robust(), reach=0.02)


@example
def deadweight():
    plotting.deadweight(CHINCHILLA, 1e10, 5e11)


@example
def reach_errors():
    reach = np.geomspace(1.5, 60, 20)
    x = np.log(reach)
    found = BestReach(IsoflopDesign([1e18, 1e20], reach=reach[9]), reach, x**2 / 150, 0.1 / x, 0.08 / x, ())
    plotting.reach_errors(found)


@example
def run_weights():
    design = IsoflopDesign([1e18, 1e19, 1e20], reach=8, points=7)
    plotting.run_weights(predict_error(design, CHINCHILLA, 0.01, 1e24))


@example
def sweep_plan():
    box = PlannedRuns.in_box([1e18, 1e19, 1e20], sizes=7)
    chosen, misfit = (
        np.isin(np.arange(21), [0, 1, 3, 6, 7, 10, 13, 14, 20]),
        np.isin(np.arange(21), [0, 3, 6]),
    )
    plotting.sweep_plan(
        SweepPlan(1e24, (CHINCHILLA,), box, chosen, misfit, 1e21, np.ones(1), 1.0, "average", ())
    )


@example
def elfving_hull():
    box = PlannedRuns.in_box([1e17, 1e18, 1e19, 1e20, 1e21], sizes=21)
    plotting.elfving_hull(elfving_optimum(CHINCHILLA, 1e24, box), box)


@example
def certificate():
    cells = [
        [0.01, 1, 0.25, 2], [1, 2, 0.01, 2], [0.01, 0.3, 0.01, 0.25], [0.3, 0.35, 0.01, 0.25],
        [0.35, 1, 0.01, 0.2], [0.35, 0.4, 0.2, 0.25],
    ]  # fmt: skip
    levels, left = np.array([0, 0, 3, 5, 4, 9]), np.array([[0.4, 1, 0.2, 0.25]])
    proof = Certificate(
        surface(), (0.01, 2.0), 1e-6, 0.0, 12, np.array(cells), np.ones(6), levels, left, 0.0, "made up"
    )
    plotting.certificate(proof)


@example
def influence_map():
    runs = perfect()
    raised = 0.004 * np.cos(3.0 * np.arange(len(runs)) ** 2)
    raised[4] += 0.2
    fit = SurfaceFit(CHINCHILLA, Runs(runs.N, runs.D, runs.L + raised), Squared(), "by hand", 1.0)
    plotting.influence_map(influence(fit))


@example
def prices():
    e = np.geomspace(0.05, 2, 60)
    wave = 0.1 * np.log(e / 0.2) * np.log(0.6 / e)
    plotting.prices(e, [wave, 0.5 * wave], [[0.2, 0.6], [0.2, 0.6]])


@example
def dual_vector():
    runs = perfect()
    plotting.dual_vector(runs, np.cos(np.arange(len(runs))))


@example
def proven_cells():
    low = np.array([[0.31, 0.25], [0.33, 0.26], [0.34, 0.28]])
    cells = np.stack([low, low + 0.03], axis=2).reshape(-1, 4)
    region = ProvenRegion(surface(), 0.05, (0.01, 2.0), 0.03, cells, 9)
    plotting.proven_cells(region, cells[:, [0, 2]].T)


@example
def search_histories():
    plotting.search_histories({"first": SEARCHES[0], "second": SEARCHES[1]}, 1.0, gain=2.2e-9)


@example
def search_ranks():
    plotting.search_ranks({"sum": SEARCHES}, 1.0)


@example
def search_ends():
    plotting.search_ends(SEARCHES, CHINCHILLA, 1.0)


@example
def exponent_spread():
    studies = [
        Study(CHINCHILLA, IsoflopDesign([1e18, 1e20], points=points), noise=0.05)
        for points in (4, 8)
        for _ in range(6)
    ]
    methods = {"Approach 2": fit_approach2, "VPNLS": fit_vpnls}
    plotting.exponent_spread(compare_methods(studies, methods, np.random.default_rng(3)))


@example
def screening():
    plotting.screening(screen(load_llama3()))


@example
def cloud():
    x = np.random.default_rng(2).normal(0.3, 0.02, 300)
    plotting.cloud(x, np.exp(20 * x), (0.3, np.exp(6)), "exponent", "coefficient")


@example
def interval_bands():
    C = np.geomspace(1e18, 1e25, 30)
    factor = np.exp(0.05 + 0.02 * np.maximum(np.log10(C) - 20, 0))
    bands = {"taken apart": (np.full(30, 0.25), np.full(30, 4.0)), "VPNLS": (1 / factor, factor)}
    roles = {"taken apart": "approximation"}
    plotting.interval_bands(C, bands, "over the estimate", roles=roles, fitted=(1e18, 1e21))


@example
def profile_curve():
    error = covariance(surface()).standard_error("a")
    plotting.profile_curve(profile(surface(), "a"), "exponent a", error)


@example
def bowl_curvatures():
    C = np.geomspace(1e18, 1e22, 5)
    laws = {"additive": 0.03 * (C / 1e18) ** -0.16, "outer power": 0.04 * (C / 1e18) ** -0.13}
    plotting.bowl_curvatures(C, [0.036, 0.035, 0.033, 0.029, 0.024], laws)


@example
def budget_offsets():
    sizes, tokens = np.geomspace(1e8, 1e9, 6), np.repeat([2e9, 2e10, 2e11], 6)
    N = np.tile(sizes, 3) * np.repeat([1.0, 3.0, 9.0], 6)
    offsets = np.repeat([0.004, -0.002, 0.001], 6) + np.tile([0.002, -0.002], 9)
    D = tokens * np.tile(sizes[::-1], 3) / 1e9
    runs = Runs(N, D, CHINCHILLA.loss(N, D) + offsets)
    plotting.budget_offsets(SurfaceFit(CHINCHILLA, runs, Squared(), "made up", 0.0), reach=4)


@example
def valley():
    w = np.linspace(-0.05, 0.15, 31)
    rss = 1 + ((w - 0.05) / 0.035) ** 2 * (1 - 2 * (w - 0.05)) / 36
    made_up = Profile("w", 0.05, 0.9, Interval(-0.0085, 0.1105), 1.079, 36, w, rss)
    plotting.valley(made_up, 0.035, "R")


@example
def histograms():
    draws = np.random.default_rng(2).gamma(2, 0.05, (2, 400))
    values = {"VPNLS": draws[0], "held": draws[1] / 2}
    plotting.histograms(
        values, {name: tuple(np.quantile(v, [0.05, 0.95])) for name, v in values.items()}, "share", True
    )


@example
def coverage_shares():
    cases = {
        "alike": Coverage("a", 0.9, 200, {"covariance": 181, "profile": 178, "residual": 175}),
        "shared": Coverage("a", 0.9, 200, {"covariance": 120, "profile": 125, "wild": 160}),
    }
    plotting.coverage_shares(cases)


@example
def hindcast_errors():
    past = hindcast(load_llama3(), 1e20, {"VPNLS": fit_vpnls})
    band = covariance(past.fits["VPNLS"]).new_run(past.held.N, past.held.D)
    plotting.hindcast_errors(past, "VPNLS", band)


@example
def learning_curves():
    t = np.unique(np.geomspace(2, 1000, 25).astype(int))
    one = noiseless_curve(t, np.random.default_rng(1), replicates=50)
    decided, stochastic = noisy_curves(t, np.random.default_rng(2), replicates=50)
    plotting.learning_curves({"1 one right": one, "3 noisy": decided, "4 stochastic": stochastic})


@example
def three_regions():
    plotting.three_regions(ThreeRegions(2.0, 0.1, 1e3, 0.35), np.geomspace(1, 1e12, 100))


@functools.cache
def straight():
    law = SaturatingPowerLaw.of_frontier(CHINCHILLA)
    x = np.geomspace(1e19, 1e21, 13)
    return law, straight_line(x, law(x))


@example
def line_and_law():
    plotting.line_and_law(*straight(), 1e23)


@example
def line_residuals():
    plotting.line_residuals({"2 decades": straight()[1]})


@example
def contradiction():
    laws = published.KAPLAN_L_C_MIN, published.KAPLAN_L_D
    plotting.contradiction(*laws, published.KAPLAN_D_OPT, np.geomspace(1, 1e8, 50))


@example
def two_laws():
    kaplan, note = kaplan_compute_law(), chinchilla_note_law()
    C = np.geomspace(1e17, 1e28, 60)
    plotting.two_laws({"Kaplan": kaplan, "Chinchilla": note}, C, law_crossings(kaplan, note), floor=note.E)


@example
def two_counts():
    sizes, C = np.geomspace(1e3, 1e9, 60), np.geomspace(1e15, 1e19, 5)
    plotting.two_counts(
        CHINCHILLA_REFIT,
        simulated_frontier(CHINCHILLA_REFIT, sizes, C),
        simulated_frontier(CHINCHILLA_REFIT, sizes, C, total=True),
    )


@example
def local_exponents():
    plotting.local_exponents(
        {"one": CHINCHILLA_REFIT, "two": CHINCHILLA}, np.geomspace(10, 1e13, 60), {"mark": 0.73}, (768, 1.5e9)
    )


@example
def sliding_window():
    plotting.sliding_window(CHINCHILLA_REFIT, 1e4, 1e9, whole=(10, 1e12))


@example
def recounted_size_term():
    design = CountingDesign.between_shares(sizes=5, tokens=4)
    both = refit_in_other_counts(CHINCHILLA_REFIT, design)
    plotting.recounted_size_term(CHINCHILLA_REFIT, both, design.continued(1e12))


@example
def lopsided_fields():
    band = lopsidedness(np.geomspace(0.25, 3, 60), reach=8)
    return plotting.lopsided_fields(lopsidedness(reach=8), band, field="protein", top=1.5)


LAWS_TOLD = pd.DataFrame(
    [
        {"label": label, "law": law, "hindcast": error, "k": k, "k low": low, "k high": high}
        for label, *rest in (
            ("one", ("additive", 0.02), ("tied exponents", 0.021), ("outer power", 0.01), ("product", 0.03)),
            ("two", ("additive", 0.01), ("tied exponents", 0.009), ("outer power", 0.012), ("product", 0.01)),
        )
        for law, error in rest
        for k, low, high in [(0.6, 0.4, 0.9) if law == "outer power" else (np.nan, np.nan, np.nan)]
    ]
)


@example
def law_forecasts():
    plotting.law_forecasts(LAWS_TOLD)


@example
def outer_powers():
    plotting.outer_powers(LAWS_TOLD)


@example
def screened_waste():
    stages = ["all runs", "outliers", "weak curvature"]
    plotting.screened_waste(
        pd.DataFrame(
            {
                "label": ["one"] * 3 + ["two"] * 3, "stage": stages * 2, "runs": [40, 38, 30, 50, 50, 45],
                "budgets": [5, 5, 4, 6, 6, 5], "fixed": [0.05, 0.03, 0.002, 0.01, 0.01, 0.04],
                "refitted": [0.05, 0.01, 0.0, 0.01, 0.01, 0.08],
            }
        )
    )  # fmt: skip


@example
def study_concerns():
    plotting.study_concerns(pd.DataFrame({"runs far off": [3, 0], "a term is zero": [0, 2]}, ["one", "two"]))


@example
def study_exponents():
    rows = [
        {"label": label, "method": method, "a": a, "a low": a - 0.05, "a high": a + 0.05}
        for label, values in (("one", (0.46, 0.5, 0.52)), ("two", (0.42, 0.4, 0.37)))
        for method, a in zip(("Approach 2", "VPNLS", "Huber"), values, strict=True)
    ]
    plotting.study_exponents(pd.DataFrame(rows), "a", {"one": [0.47, 0.5]}, xlim=(0.3, 0.6))


@example
def porian_steps():
    plotting.porian_steps(published.PORIAN_STEPS, published.PORIAN_TUNED_KAPLAN_COUNT)


@example
def effective_data():
    epochs = np.geomspace(1, 100, 60)
    worths = {"exponential": effective_tokens(1.0, epochs), "fresh": epochs}
    plotting.effective_data(epochs, worths, limit=1 + published.MUENNIGHOFF_R_D)


@example
def repeated_allocations():
    plotting.repeated_allocations(repeated(), repeated().allocate(np.geomspace(1e20, 1e26, 50), 1e11))


@example
def repetition_constants():
    R_D = np.geomspace(4, 4000, 30)
    objective = 0.0158 * (1 + 2 / R_D**2 + 0.002 * np.log(R_D / 100) ** 2)
    profile = RepetitionProfile(R_D, 30 / np.sqrt(R_D), objective)
    return plotting.repetition_constants(profile, (15.4, 5.3, 0.01605))


@example
def repeated_isoflop():
    plotting.repeated_isoflop(repeated(), 1e23, 1e11)


@example
def epoch_losses():
    form = OverfittingSurface(published.MUENNIGHOFF, P=0.02, delta=1.5, kappa=1.0)
    plotting.epoch_losses(form, repeated(), [5e6, 15e6, 50e6], 1e9)


@example
def token_curves():
    plotting.token_curves(load_llama3())


@example
def run_map():
    plotting.run_map(load_chinchilla())


@example
def growth():
    runs = np.geomspace(100, 1e6, 5)
    timings = [("VPNLS", n, 1e-6 * n + 1e-4) for n in runs] + [("one pass", n, 1e-8 * n) for n in runs]
    plotting.growth(pd.DataFrame(timings, columns=["method", "runs", "seconds"]))


@example
def contest():
    rng = np.random.default_rng(4)
    rows = [
        (name, waste, 10 * waste, waste < 0.1, "")
        for name, scale in (("wide", 0.05), ("narrow", 0.01))
        for waste in scale * rng.gamma(2, size=40)
    ]
    plotting.contest(pd.DataFrame(rows, columns=["strategy", "waste", "interval score", "covers", "failure"]))


def drawn(name):
    """Draw one example on a clean sheet in the house style; returns the figure."""
    plt.close("all")
    matplotlib.rcdefaults()
    matplotlib.use("agg")
    plotting.use_style()
    EXAMPLES[name]()
    return plt.gcf()


def save(figure, path):
    """Write a picture as pages show it, small enough to be kept; to save it would draw it twice."""
    thin_ticks(figure)
    figure.set_dpi(DPI)
    figure.canvas.print_png(path, metadata={"Software": None})


def renew():
    """Write every picture of the baseline anew and remove what no example draws."""
    BASELINE.mkdir(exist_ok=True)
    for name in EXAMPLES:
        path = BASELINE / f"{name}.png"
        save(drawn(name), path)
        Image.open(path).convert("RGB").save(path, optimize=True)
    for path in BASELINE.glob("*.png"):
        if path.stem not in EXAMPLES:
            path.unlink()
    print(f"{len(EXAMPLES)} pictures in {BASELINE}")


if __name__ == "__main__":
    renew()
