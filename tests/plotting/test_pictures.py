import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from scalinglab import (
    CHINCHILLA,
    IsoflopDesign,
    fit_approach1,
    fit_approach2,
    fit_vpnls,
    load_chinchilla,
    load_llama3,
    plotting,
)
from scalinglab._text import format_count
from scalinglab.data import simulate_curves
from scalinglab.fitting import objective_map
from scalinglab.laws import ASYMMETRIC
from scalinglab.plotting.style import count_label, power_of_ten

matplotlib.use("Agg")
DESIGN = IsoflopDesign([1e18, 1e19, 1e20], reach=8, points=9)
RUNS = DESIGN.runs(ASYMMETRIC)
FIT = fit_approach2(RUNS)
SURFACE = fit_vpnls(RUNS)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.mark.parametrize(
    ("value", "text"),
    [(999.6e9, "1T"), (1.61e13, "16.1T"), (58.72e6, "58.7M"), (1500, "1.5k"), (12, "12"), (2.16e14, "216T")],
)
def test_counts_are_written_as_the_field_does(value, text):
    assert format_count(value) == text


def drawn(ax):
    """Axes of a picture that the gallery does not draw, or whose letters have found their places."""
    ax.figure.draw_without_rendering()
    return ax


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_every_budget_is_labelled_with_its_vertex_and_its_minimum():
    ax = plotting.isoflops(RUNS, FIT, truth=ASYMMETRIC)
    assert texts(ax) == ["10¹⁸", "10¹⁹", "10²⁰"]
    vertices = [
        line.get_xdata()[0] for line in ax.lines if line.get_marker() == "P" and len(line.get_xdata()) == 1
    ]
    assert np.allclose(vertices, [parabola.vertex for parabola in FIT.parabolas])
    minima = [
        line.get_xdata()[0] for line in ax.lines if line.get_marker() == "x" and len(line.get_xdata()) == 1
    ]
    assert np.allclose(minima, ASYMMETRIC.N_opt(RUNS.budgets))


def test_the_missed_minimum_names_both_sizes():
    ax = plotting.missed_minimum(ASYMMETRIC, FIT.parabolas[1], DESIGN)
    shown = " ".join(texts(ax))
    assert format_count(ASYMMETRIC.N_opt(1e19)) in shown
    assert format_count(FIT.parabolas[1].vertex) in shown


def test_pictures_of_several_grids_share_their_axes():
    limits = set()
    for reach in (3, 48):
        design = IsoflopDesign([1e19, 1e20], reach=reach, points=15)
        fit = fit_approach2(design.runs(ASYMMETRIC))
        ax = plotting.missed_minimum(ASYMMETRIC, fit.parabolas[0], design, window=48)
        limits.add((ax.get_xlim(), ax.get_ylim()))
    assert len(limits) == 1


def test_the_text_beside_an_outer_minimum_stays_inside():
    design = IsoflopDesign([1e18, 1e19], reach=4, points=15, offset=3)
    fit = fit_approach2(design.runs(ASYMMETRIC))
    ax = drawn(plotting.missed_minimum(ASYMMETRIC, fit.parabolas[0], design))
    assert all(text.get_window_extent().x1 < ax.get_window_extent().x1 for text in ax.texts)


def test_a_strip_shows_what_the_parabola_misses():
    ax = drawn(plotting.missed_minimum(ASYMMETRIC, FIT.parabolas[1], DESIGN, residuals=True))
    strip = next(one for one in ax.figure.axes if one is not ax)
    dots = next(line for line in strip.lines if line.get_marker() == "o")
    runs = RUNS.at(1e19)
    assert np.allclose(dots.get_ydata(), 1000 * (FIT.parabolas[1].loss(runs.N) - runs.L))
    assert strip.get_xlim() == ax.get_xlim()
    with pytest.raises(ValueError, match="leave ax out"):
        plotting.missed_minimum(ASYMMETRIC, FIT.parabolas[1], DESIGN, residuals=True, ax=ax)


def test_the_slopes_of_a_slice_cancel_at_the_best_size():
    ax = plotting.isoflop_slice(CHINCHILLA, 1e21)
    tangents = [line for line in ax.lines if line.get_linestyle() == "--" and len(line.get_xdata()) > 2]
    slopes = [np.polyfit(np.log(line.get_xdata()), line.get_ydata(), 1)[0] for line in tangents]
    assert len(slopes) == 2
    assert slopes[0] == pytest.approx(-slopes[1])


def test_the_frontier_marks_each_plan_in_its_own_look():
    ax = plotting.frontier(
        {"truth": ASYMMETRIC, "Approach 2": FIT, "VPNLS": SURFACE}, [1e18, 1e24], mark=1e23
    )
    colours = {
        line.get_label(): line.get_color() for line in ax.lines if not line.get_label().startswith("_")
    }
    assert colours == {name: plotting.ROLES[name]["color"] for name in ("truth", "Approach 2", "VPNLS")}
    assert count_label(float(FIT.D_opt(1e23))) in texts(ax)
    assert all(
        "T" not in tick.get_text() or float(tick.get_text()[:-1]) < 1000 for tick in ax.get_yticklabels()
    )


def test_labels_at_line_ends_do_not_collide():
    x = np.linspace(0, 1, 20)
    ax = drawn(plotting.lines(x, {"one": x, "two": x + 1e-4, "three": x - 1e-4}, "x", "y"))
    heights = sorted(text.get_window_extent().y0 for text in ax.texts)
    assert np.diff(heights).min() > 8


EXPONENTS = np.linspace(0.1, 0.9, 20)
SIZES, TOKENS = np.geomspace(1e7, 1e11, 30), np.geomspace(1e9, 1e13, 30)
MAP = objective_map(RUNS, EXPONENTS, EXPONENTS) + 1e-9


@pytest.mark.parametrize(
    "picture",
    [
        lambda: plotting.terms(CHINCHILLA, SIZES, D=1e11),
        lambda: plotting.surface_map(CHINCHILLA, SIZES, TOKENS, [1e20], RUNS),
        lambda: plotting.exponent_map(EXPONENTS, EXPONENTS, MAP, {"VPNLS": (0.4, 0.2)}),
        lambda: plotting.residuals({"VPNLS": SURFACE}),
    ],
)
def test_axes_say_what_they_show(picture):
    ax = picture()
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    assert not ax.get_title()


CURVES = simulate_curves(CHINCHILLA, np.geomspace(1e8, 1e9, 5), horizons=[2e9, 2e10])
ENVELOPE_FIT = fit_approach1(CURVES)


def test_training_curves_above_the_best_touch_zero():
    ax = drawn(plotting.training_curves(CURVES, ENVELOPE_FIT.envelope, above=CHINCHILLA))
    lowest = [line.get_ydata().min() for line in ax.lines if len(line.get_xdata()) > 2]
    assert min(lowest) > -1e-12
    band = next(line for line in ax.lines if line.get_label() == "lower envelope")
    envelope = ENVELOPE_FIT.envelope
    assert np.allclose(band.get_ydata(), envelope.L - CHINCHILLA.L_opt(envelope.C))


def test_training_curves_end_in_a_dot_and_name_the_outer_sizes():
    ax = plotting.training_curves(CURVES, ENVELOPE_FIT.envelope)
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert np.allclose([dot.get_xdata()[0] for dot in dots], CURVES.ends.C)
    assert texts(ax) == ["100M parameters", "1B parameters"]


@pytest.mark.parametrize("relative", [False, True])
def test_the_staircase_shows_truth_and_law(relative):
    ax = drawn(plotting.staircase(ENVELOPE_FIT, CHINCHILLA, relative=relative))
    shown = {line.get_label(): line for line in ax.lines}
    C = shown["true frontier"].get_xdata()
    best = CHINCHILLA.N_opt(C)
    scale = best if relative else 1.0
    assert np.allclose(shown["true frontier"].get_ydata(), best / scale)
    assert np.allclose(shown["fitted law"].get_ydata(), ENVELOPE_FIT.N_opt(C) / scale)
    assert ax.get_xlabel()
    assert ax.get_ylabel()


def test_roles_differ_in_more_than_colour():
    looks = [(role["linestyle"], role["marker"]) for role in plotting.ROLES.values()]
    assert len(set(looks)) == len(looks)
    assert len({role["color"] for role in plotting.ROLES.values()}) == len(plotting.ROLES)


def test_search_pictures_show_every_search_and_the_band_of_huber(llama3):
    from scalinglab import Huber, fit_approach3
    from scalinglab.fitting import hoffmann_starts
    from scalinglab.studies import published_search, search_from_each

    fit = fit_approach3(llama3, Huber(5e-3, log=True))
    stops = search_from_each(published_search, llama3, hoffmann_starts()[::900], loss=fit.loss)
    ax = plotting.search_histories({"first": stops[0], "second": stops[1]}, fit.objective)
    ends = [line.get_xdata()[-1] for line in ax.get_lines()[1::2]]
    assert ends == [len(stop.history) - 1 for stop in stops[:2]]
    ax = plotting.search_ranks({"sum": stops}, fit.objective)
    drawn = ax.get_lines()[0].get_ydata()
    np.testing.assert_allclose(drawn, sorted(stop.objective / fit.objective for stop in stops))
    ax = plotting.search_ends(stops, fit.surface, fit.objective)
    points = np.asarray(ax.collections[0].get_offsets())
    assert {tuple(point) for point in points} == {tuple(stop.x[3:]) for stop in stops}
    ax = plotting.residual_histogram(fit, reach=0.05)
    assert sum(bar.get_height() for bar in ax.patches[1:]) == len(llama3)
    assert ax.patches[0].get_width() == pytest.approx(2 * 5e-3)


def test_token_curves_hold_every_run_and_name_every_budget():
    runs = load_llama3()
    ax = plotting.token_curves(runs)
    assert sum(len(line.get_xdata()) for line in ax.lines) == len(runs)
    assert [text.get_text() for text in ax.texts] == [power_of_ten(C) for C in runs.budgets]


def test_the_map_shows_every_run():
    runs = load_chinchilla()
    ax = plotting.run_map(runs)
    assert len(ax.collections[0].get_offsets()) == len(runs)
