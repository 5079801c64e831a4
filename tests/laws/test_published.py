import numpy as np
import pytest

from scalinglab import CHINCHILLA, LossSurface, PowerLaw, training_flops
from scalinglab.laws import ASYMMETRIC, CHINCHILLA_UNROUNDED, SODA, SOURCES, SPARSE_NMM, SYMMETRIC, published
from scalinglab.laws.published import CHINCHILLA_TABLE_3, CHINCHILLA_TABLE_A3


# surfaces as in Czech et al. 2026
@pytest.mark.parametrize(
    ("surface", "numbers"),
    [
        (SYMMETRIC, (1.69, 400, 400, 0.31, 0.31)),
        (CHINCHILLA, (1.69, 406.4, 410.7, 0.34, 0.28)),
        (ASYMMETRIC, (1.69, 406.4, 410.7, 0.465, 0.155)),
        (SODA, (3.169, 215886, 4750, 0.684, 0.439)),
        (SPARSE_NMM, (2.158, 381773, 4659, 0.710, 0.372)),
    ],
)
def test_surface_as_printed(surface, numbers):
    assert (surface.E, surface.A, surface.B, surface.alpha, surface.beta) == numbers


def test_unrounded_constants_follow_from_the_tex_source():
    s = CHINCHILLA_UNROUNDED
    np.testing.assert_allclose([s.E, s.A, s.B], np.exp([0.5267228, 6.0073404, 6.0179186]), rtol=1e-6)
    assert (s.alpha, s.beta) == (0.33917084, 0.2849083)


def test_rounding_the_unrounded_gives_the_printed_floor_and_coefficients():
    s = CHINCHILLA_UNROUNDED
    assert (round(s.E, 2), round(s.A, 1), round(s.B, 1)) == (1.69, 406.4, 410.7)
    assert (round(s.alpha, 2), round(s.beta, 2)) == (0.34, 0.28)


def test_table_3_spends_six_n_d():
    # 0.5 % where D is printed to three digits or more; 67B and 175B print two
    ratios = [training_flops(row.N, row.D) / row.C for row in CHINCHILLA_TABLE_3]
    fine = [
        ratio for ratio, row in zip(ratios, CHINCHILLA_TABLE_3, strict=True) if row.N not in (67e9, 175e9)
    ]
    np.testing.assert_allclose(fine, 1, atol=0.005)
    np.testing.assert_allclose(ratios, 1, atol=0.05)


def test_table_3_tokens_per_parameter_and_slope():
    N, C, D = np.array(CHINCHILLA_TABLE_3).T
    assert (D / N).min() == pytest.approx(20.0, abs=0.01)
    assert (D / N).max() == pytest.approx(22.4, abs=0.05)
    assert np.polyfit(np.log(C), np.log(N), 1)[0] == pytest.approx(0.498, abs=5e-4)


def test_table_a3_has_one_misprint():
    N, C, D = np.array(CHINCHILLA_TABLE_A3).T
    off = np.abs(training_flops(N, D) / C - 1) > 0.05
    assert N[off].tolist() == [175e9]
    assert C[off][0] == 1.26e24
    assert training_flops(175e9, 12.0e12) == pytest.approx(1.26e25, rel=1e-12)


def test_table_a3_slope_is_its_own():
    N, C, _ = np.array([row for row in CHINCHILLA_TABLE_A3 if row.N != 175e9]).T
    assert np.polyfit(np.log(C), np.log(N), 1)[0] == pytest.approx(0.4586, abs=5e-4)


def test_table_a3_does_not_follow_from_the_published_parameters():
    s = CHINCHILLA_UNROUNDED
    rows = [row for row in CHINCHILLA_TABLE_A3 if row.N != 175e9]
    needed = [6 * (row.N / s.G) ** (1 / s.a) for row in rows]
    for C, printed in zip(needed, ("2.35e+19", "1.75e+20", "2.71e+22"), strict=False):
        assert f"{C:.2e}" == printed
    assert f"{needed[-1]:.2e}" == "1.01e+29"
    extra = [s.D_opt(C) / row.D - 1 for C, row in zip(needed, rows, strict=True)]
    assert f"{min(extra):.2f} {max(extra):.2f}" == "0.06 0.19"


def test_tables_are_whole():
    for table in (CHINCHILLA_TABLE_3, CHINCHILLA_TABLE_A3):
        assert [row.N for row in table] == [400e6, 1e9, 10e9, 67e9, 175e9, 280e9, 520e9, 1e12, 10e12]
        assert all(np.diff([row.D for row in table]) > 0)


def test_chinchilla_and_llama3_as_built():
    assert training_flops(published.CHINCHILLA_N, published.CHINCHILLA_D) == pytest.approx(5.88e23)
    assert published.GOPHER_COMPUTE == 5.76e23
    assert f"{training_flops(published.LLAMA3_N, published.LLAMA3_D):.2e}" == "3.99e+25"


def test_llama3_token_law_as_printed_gives_10_46_trillion():
    D = published.LLAMA3_TOKEN_COEFFICIENT * published.LLAMA3_COMPUTE**published.LLAMA3_TOKEN_EXPONENT
    assert f"{D / 1e12:.2f}" == "10.46"


def test_waste_estimate_is_consistent():
    waste = published.LLAMA3_WASTE
    assert (waste.fraction, waste.dollars, waste.low, waste.high) == (0.065, 1.4e6, 412e3, 2.9e6)


def test_every_constant_has_a_source():
    constants = {
        name
        for name, value in vars(published).items()
        if name.isupper() and isinstance(value, LossSurface | PowerLaw | float | tuple)
    }
    assert constants == set(SOURCES)


def test_surfaces_are_labelled_apart():
    labels = [value.name for value in vars(published).values() if isinstance(value, LossSurface)]
    assert all(labels)
    assert len(set(labels)) == len(labels) == 8


def test_unrounded_constants():
    s = CHINCHILLA_UNROUNDED
    np.testing.assert_allclose([s.E, s.A, s.B], np.exp([0.5267228, 6.0073404, 6.0179186]), rtol=2e-8)


# Kaplan et al. 2020
def test_kaplan_loss_laws_as_printed():
    laws = [published.KAPLAN_L_N, published.KAPLAN_L_D, published.KAPLAN_L_C_MIN, published.KAPLAN_L_C]
    assert laws == [(8.8e13, 0.076), (5.4e13, 0.095), (3.1e8, 0.050), (1.6e7, 0.057)]
    assert [law(law.scale) for law in laws] == [1, 1, 1, 1]


def test_kaplan_joint_and_steps_have_constants_of_their_own():
    assert published.KAPLAN_JOINT == (6.4e13, 1.8e13, 0.076, 0.103)
    assert published.KAPLAN_STEPS == (6.5e13, 2.1e3, 0.077, 0.76)
    assert published.KAPLAN_BATCH == (2e8, 0.21)


def test_kaplan_optima_as_printed():
    laws = [
        *(published.KAPLAN_N_OPT, published.KAPLAN_B_OPT, published.KAPLAN_S_OPT, published.KAPLAN_D_OPT),
        *(published.KAPLAN_N_OPT_FIXED_BATCH, published.KAPLAN_D_ONE_EPOCH, published.KAPLAN_D_NEEDED),
    ]
    numbers = [
        *((1.3e9, 0.73), (2.0e6, 0.24), (5.4e3, 0.03), (2e10, 0.27)),
        *((1.6e9, 0.88), (4e10, 0.26), (5e3, 0.74)),
    ]
    assert [(law.coefficient, law.exponent) for law in laws] == numbers


def test_kaplan_joint_law_tends_to_one_resource():
    joint = published.KAPLAN_JOINT
    assert joint(1e9, 1e40) == pytest.approx((6.4e13 / 1e9) ** 0.076, rel=1e-9)
    assert joint(1e60, 1e10) == pytest.approx((1.8e13 / 1e10) ** 0.103, rel=1e-9)
    assert published.KAPLAN_STEPS(1e9, 1e40) == pytest.approx((6.5e13 / 1e9) ** 0.077, rel=1e-9)


def test_kaplan_critical_batch_falls_with_the_loss():
    # 2e8 tokens at one nat; 2^(-1/0.21) of that at two
    assert published.KAPLAN_BATCH(1.0) == 2e8
    assert published.KAPLAN_BATCH(2.0) == pytest.approx(2e8 * 0.5 ** (1 / 0.21))


def test_kaplan_doubling_and_tenfold_compute():
    assert f"{published.KAPLAN_L_N(2e9) / published.KAPLAN_L_N(1e9):.4f}" == "0.9487"
    factors = [law(10.0) / law(1.0) for law in (published.KAPLAN_N_OPT, published.KAPLAN_D_OPT)]
    assert [f"{factor:.2f}" for factor in factors] == ["5.37", "1.86"]


def test_kaplan_best_size_at_1e21_flops_needs_the_factor_one_half():
    days = 1e21 / published.PF_DAY
    assert f"{published.KAPLAN_N_OPT(days / 2):.2e}" == "4.68e+09"
    assert published.KAPLAN_N_OPT(days) / published.KAPLAN_N_OPT(days / 2) == pytest.approx(2**0.73)


def test_pf_day_is_a_petaflop_for_a_day():
    assert published.PF_DAY == 1e15 * 24 * 60 * 60


def test_kaplan_predicted_compute_exponent_differs_from_print():
    steps, batch = published.KAPLAN_STEPS, published.KAPLAN_BATCH
    exponents = [
        1 / (1 / steps.alpha_S + 1 / batch.alpha_B + 1 / alpha_N)
        for alpha_N in (steps.alpha_N, published.KAPLAN_JOINT.alpha_N)
    ]
    assert [f"{exponent:.4f}" for exponent in exponents] == ["0.0525", "0.0520"]
    assert published.KAPLAN_ALPHA_C_MIN_PREDICTED == (0.054, 0.052)


def test_kaplan_data_exponent_comes_from_the_joint_fit():
    joint = published.KAPLAN_JOINT
    assert f"{joint.alpha_N / joint.alpha_D:.2f}" == "0.74" == f"{published.KAPLAN_D_NEEDED.exponent:.2f}"
    assert f"{published.KAPLAN_L_N.exponent / published.KAPLAN_L_D.exponent:.2f}" == "0.80"


def test_kaplan_smallest_model_has_768_parameters():
    assert published.KAPLAN_N_RANGE == (768, 1.5e9)
    assert published.KAPLAN_D_RANGE == (22e6, 23e9)
    assert published.KAPLAN_N_OPT_EXPONENT_PREDICTED == 0.71


def test_kaplan_exponents_add_up_to_one():
    # C = 6 N B S, so the three exponents sum to one
    three = (published.KAPLAN_N_OPT, published.KAPLAN_B_OPT, published.KAPLAN_S_OPT)
    assert sum(law.exponent for law in three) == pytest.approx(1)
    assert published.KAPLAN_B_OPT.exponent + published.KAPLAN_S_OPT.exponent == pytest.approx(
        published.KAPLAN_D_OPT.exponent
    )
