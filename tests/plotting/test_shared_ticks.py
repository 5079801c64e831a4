"""Pictures whose ticks are found once are those that matplotlib draws when each asks anew."""

import matplotlib.pyplot as plt
import numpy as np
import shared_ticks
from matplotlib.axes import Axes
from matplotlib.markers import MarkerStyle

from scalinglab.plotting.drawings import drawing


def many_axes():
    """Axes with a twin, with a second scale, with others inside, aligned, of equal aspect."""
    figure, (a, b, c) = plt.subplots(3, layout="constrained")
    x = np.geomspace(3.0, 4e4, 30)
    a.loglog(x, x**-0.3, marker="o", label="law")
    a.legend(title="two")
    a.twinx().plot(x, np.sqrt(x))
    a.set(xlabel="tokens", title="a title")
    a.xaxis.tick_top()
    a.xaxis.set_label_position("top")
    b.plot([0, 1e6], [1e-7, 2e-7], "x--")
    b.set(xlabel="far\noff", ylabel="small")
    b.secondary_xaxis("top", functions=(lambda v: v / 2, lambda v: 2 * v))
    b.inset_axes((0.6, 0.2, 0.3, 0.3)).semilogy([1, 90], [2, 50])
    c.set(aspect="equal", ylabel="wide numbers", ylim=(-12345, 12345), xlim=(1, 2e4))
    c.annotate("here", (5, 5), xytext=(20, 20), textcoords="offset points")
    figure.align_labels()
    plt.close(figure)
    return figure


def test_a_picture_is_the_one_for_which_each_asks_anew(monkeypatch):
    asked = []

    def counted(axis, find=shared_ticks.ticks_of.__defaults__[0]):
        asked.append(axis)
        return find(axis)

    monkeypatch.setattr(shared_ticks.ticks_of, "__defaults__", (counted,))
    quick, once = drawing(many_axes()), len(asked)
    for name in ("draw", "get_tightbbox"):
        monkeypatch.setattr(Axes, name, getattr(Axes, name).__wrapped__)
    asked.clear()
    assert drawing(many_axes()) == quick
    assert len(asked) > 2 * once
    assert shared_ticks.kept is None


def test_ticks_follow_limits_that_change_between_two_drawings():
    figure, axes = plt.subplots()
    before = drawing(figure)
    axes.set_xlim(0, 1e5)
    assert ">100000</text>" in drawing(figure)
    assert ">100000</text>" not in before
    plt.close(figure)


def test_who_listens_hears_and_a_mark_is_turned_alone():
    figure, axes = plt.subplots()
    (line,) = axes.plot([1, 2], marker="^")
    heard = []
    line.add_callback(heard.append)
    line.set_transform(axes.transData)
    assert heard == [line]
    mark = MarkerStyle("^")
    turned = mark.rotated(deg=90)
    again = MarkerStyle(turned).scaled(2)
    for one, matrix in ((turned, [[0, -1], [1, 0]]), (again, [[0, -2], [2, 0]])):
        whole = one.get_transform().get_matrix()[:2, :2]
        np.testing.assert_allclose(whole, matrix @ mark.get_transform().get_matrix()[:2, :2], atol=1e-12)
    plt.close(figure)
