import numpy as np
import pytest

from scalinglab import CHINCHILLA, IsoflopDesign
from scalinglab.laws import ASYMMETRIC


def test_centred_grid_runs_from_one_over_reach_to_reach():
    design = IsoflopDesign([1e18, 1e20], reach=4, points=5)
    for C, sizes in zip([1e18, 1e20], design.sizes(CHINCHILLA), strict=True):
        np.testing.assert_allclose(sizes / CHINCHILLA.N_opt(C), [0.25, 0.5, 1, 2, 4], rtol=1e-12)


def test_runs_spend_their_budget_on_the_surface():
    design = IsoflopDesign([1e18, 1e20], reach=8, points=7, offset=2, drift=3)
    runs = design.runs(CHINCHILLA)
    np.testing.assert_allclose(6 * runs.N * runs.D, runs.C, rtol=1e-14)
    np.testing.assert_allclose(runs.L, 1.69 + 406.4 / runs.N**0.34 + 410.7 / runs.D**0.28, rtol=1e-14)
    assert runs.C.tolist() == [1e18] * 7 + [1e20] * 7


def test_offset_multiplies_tokens():
    design = IsoflopDesign([1e19], points=15, offset=3)
    runs = design.runs(CHINCHILLA)
    assert np.exp(np.log(runs.D).mean()) == pytest.approx(3 * CHINCHILLA.D_opt(1e19), rel=1e-12)


def test_drift_grows_log_linearly_from_one():
    design = IsoflopDesign([1e17, 1e18, 1e19, 1e20, 1e21], drift=3)
    np.testing.assert_allclose(design.offsets, 3 ** np.array([0, 0.25, 0.5, 0.75, 1]), rtol=1e-12)


def test_drift_follows_the_budget_not_its_place_in_the_list():
    design = IsoflopDesign([1e21, 1e17, 1e19], offset=2, drift=9)
    np.testing.assert_allclose(design.offsets, [18, 2, 6], rtol=1e-12)


def test_a_single_budget_does_not_drift():
    assert IsoflopDesign([1e19], drift=3).offsets.tolist() == [1.0]


def test_noise_has_the_stated_spread_and_comes_from_rng():
    design = IsoflopDesign(np.geomspace(1e17, 1e21, 50), points=101)
    clean = design.runs(ASYMMETRIC)
    noisy = design.runs(ASYMMETRIC, noise=0.02, rng=np.random.default_rng(1))
    again = design.runs(ASYMMETRIC, noise=0.02, rng=np.random.default_rng(1))
    assert (noisy.L - clean.L).std() == pytest.approx(0.02, rel=0.05)
    assert abs((noisy.L - clean.L).mean()) < 0.002
    np.testing.assert_array_equal(noisy.L, again.L)
    np.testing.assert_array_equal(noisy.N, clean.N)


def test_noise_needs_rng():
    with pytest.raises(ValueError, match="rng"):
        IsoflopDesign([1e19]).runs(CHINCHILLA, noise=0.1)


@pytest.mark.parametrize("noise", [-0.1, np.nan])
def test_noise_must_not_be_negative(noise):
    with pytest.raises(ValueError, match="noise"):
        IsoflopDesign([1e19]).runs(CHINCHILLA, noise=noise, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *(("budgets", value) for value in ([], [1e18, np.nan], [0.0], [-1e18], [1e18, 1e18], [[1e18, 1e19]])),
        *(("reach", value) for value in (1, 0.5, -2, np.nan, np.inf)),
        *(("points", value) for value in (2, 0, -5, 3.5)),
        *(("offset", value) for value in (0, -1, np.nan, np.inf)),
        *(("drift", value) for value in (0, -1, np.nan, np.inf)),
    ],
)
def test_argument_out_of_range_is_named(argument, value):
    with pytest.raises(ValueError, match=r"IsoflopDesign: .*" + argument.rstrip("s")):
        IsoflopDesign(**{"budgets": [1e18, 1e19], argument: value})


def test_budgets_are_a_read_only_copy():
    source = np.array([1e18, 1e19])
    design = IsoflopDesign(source)
    source[0] = 1.0
    assert design.budgets[0] == 1e18
    with pytest.raises(ValueError, match="read-only"):
        design.budgets[0] = 1.0


def test_budgets_that_runs_would_merge():
    with pytest.raises(ValueError, match="within 1%"):
        IsoflopDesign([1e18, 1.005e18, 1e19])


@pytest.mark.parametrize("points", [np.nan, np.inf, "a"])
def test_bad_points(points):
    with pytest.raises(ValueError, match="points is"):
        IsoflopDesign([1e18], points=points)
