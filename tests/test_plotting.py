import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from scalinglab import (
    ASYMMETRIC,
    CHINCHILLA,
    IsoflopDesign,
    count,
    fit_approach2,
    fit_vpnls,
    objective_map,
    plotting,
)

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
    assert count(value) == text


def drawn(ax):
    ax.figure.canvas.draw()
    return ax


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_every_budget_is_labelled_with_its_vertex_and_its_minimum():
    ax = drawn(plotting.isoflops(RUNS, FIT, truth=ASYMMETRIC))
    assert texts(ax) == ["1e18", "1e19", "1e20"]
    vertices = [
        line.get_xdata()[0] for line in ax.lines if line.get_marker() == "P" and len(line.get_xdata()) == 1
    ]
    assert np.allclose(vertices, [parabola.vertex for parabola in FIT.parabolas])
    minima = [
        line.get_xdata()[0] for line in ax.lines if line.get_marker() == "x" and len(line.get_xdata()) == 1
    ]
    assert np.allclose(minima, ASYMMETRIC.N_opt(RUNS.budgets))


def test_the_missed_minimum_names_both_sizes():
    ax = drawn(plotting.missed_minimum(ASYMMETRIC, FIT.parabolas[1], DESIGN))
    shown = " ".join(texts(ax))
    assert count(ASYMMETRIC.N_opt(1e19)) in shown
    assert count(FIT.parabolas[1].vertex) in shown


def test_the_frontier_marks_each_plan_in_its_own_look():
    ax = drawn(
        plotting.frontier({"truth": ASYMMETRIC, "Approach 2": FIT, "VPNLS": SURFACE}, [1e18, 1e24], mark=1e23)
    )
    colours = {
        line.get_label(): line.get_color() for line in ax.lines if not line.get_label().startswith("_")
    }
    assert colours == {name: plotting.ROLES[name]["color"] for name in ("truth", "Approach 2", "VPNLS")}
    assert count(float(FIT.D_opt(1e23))) in texts(ax)


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
    ax = drawn(picture())
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    assert not ax.get_title()


def test_roles_differ_in_more_than_colour():
    looks = [(role["linestyle"], role["marker"]) for role in plotting.ROLES.values()]
    assert len(set(looks)) == len(looks)
    assert len({role["color"] for role in plotting.ROLES.values()}) == len(plotting.ROLES)
