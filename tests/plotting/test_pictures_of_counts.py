import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from scalinglab import CHINCHILLA, plotting
from scalinglab.laws import (
    CHINCHILLA_REFIT,
    chinchilla_note_law,
    kaplan_compute_law,
    law_crossings,
    published,
    read_off_exponent,
    simulated_frontier,
)
from scalinglab.studies import CountingDesign, refit_in_other_counts

matplotlib.use("Agg")
SIZES = np.geomspace(1e3, 1e9, 60)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def dots(ax, marker):
    return [line for line in ax.lines if line.get_marker() == marker]


def test_two_laws_mark_and_name_their_crossings():
    kaplan, note = kaplan_compute_law(), chinchilla_note_law()
    meet = law_crossings(kaplan, note)
    ax = plotting.two_laws({"Kaplan": kaplan, "Chinchilla": note}, [1e17, 1e20, 1e28], meet, floor=1.69)
    marked = dots(ax, "o")
    np.testing.assert_allclose([line.get_xdata()[0] for line in marked], meet)
    np.testing.assert_allclose([line.get_ydata()[0] for line in marked], note(meet))
    assert {"Kaplan", "Chinchilla", "$2.5\\cdot 10^{19}$", "$2.0\\cdot 10^{21}$"} <= set(texts(ax))


def test_local_exponents_are_below_the_losses():
    law = kaplan_compute_law()
    plotting.two_laws({"Kaplan": law}, [1e17, 1e28])
    (line,) = plt.gcf().axes[1].lines
    np.testing.assert_allclose(line.get_ydata(), 0.05)


def test_two_counts_draw_each_in_its_own_compute():
    without = simulated_frontier(CHINCHILLA_REFIT, SIZES, [1e15, 1e18])
    total = simulated_frontier(CHINCHILLA_REFIT, SIZES, [1e16, 1e18], total=True)
    ax = plotting.two_counts(CHINCHILLA_REFIT, without, total)
    (circles,), (squares,) = dots(ax, "o"), dots(ax, "s")
    np.testing.assert_allclose(circles.get_xdata(), [1e15, 1e18])
    np.testing.assert_allclose(squares.get_ydata(), total.N_total)


def test_local_exponent_picture_ends_at_the_limits():
    ax = plotting.local_exponents(
        {"one": CHINCHILLA_REFIT, "two": CHINCHILLA},
        np.geomspace(10, 1e13, 60),
        {"mark": 0.73},
        (768, 1.5e9),
    )
    ends = [line.get_ydata()[1] for line in dots(ax, "o")]
    np.testing.assert_allclose(ends, [CHINCHILLA_REFIT.a, CHINCHILLA.a])
    assert {"one", "two", "mark", "Kaplan's models"} <= set(texts(ax))


def test_sliding_window_prints_what_is_read_off():
    ax = plotting.sliding_window(CHINCHILLA_REFIT, 1e4, 1e9, whole=(10, 1e12))
    assert texts(ax)[0] == f"read off: {read_off_exponent(CHINCHILLA_REFIT, 1e4, 1e9).exponent:.2f}"


def test_sliding_window_has_both_published_answers_beside_it():
    ax = plotting.sliding_window(CHINCHILLA_REFIT, 1e4, 1e9, whole=(10, 1e12))
    full = next(line for line in ax.lines if line.get_color() == "#666666")
    C, N = full.get_data()
    assert np.polyfit(np.log(C), np.log(N), 1)[0] == pytest.approx(CHINCHILLA_REFIT.a)
    assert texts(ax.figure.axes[1]) == ["Kaplan 0.73", "in full 0.51"]


def test_size_term_shows_the_sampled_models():
    design = CountingDesign.between_shares(sizes=5, tokens=4)
    both = refit_in_other_counts(CHINCHILLA_REFIT, design)
    ax = plotting.recounted_size_term(CHINCHILLA_REFIT, both, design.continued(1e12))
    (marks,) = dots(ax, "o")
    np.testing.assert_allclose(marks.get_xdata(), design.N)
    s = CHINCHILLA_REFIT
    np.testing.assert_allclose(marks.get_ydata(), s.E + s.A * design.N_total**-s.alpha)


def test_steps_show_every_published_value():
    ax = plotting.porian_steps(published.PORIAN_STEPS, published.PORIAN_TUNED_KAPLAN_COUNT)
    assert texts(ax) == ["0.835", "0.706", "0.602", "0.571", "0.497", "0.711"]
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels[0] == "Kaplan's setting"
    assert labels[1].startswith("+ ")
    assert labels[-1] == "tuned, Kaplan's count"
