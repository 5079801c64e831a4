import hashlib
import re

import numpy as np
import pytest

from scalinglab import (
    CHINCHILLA,
    Huber,
    Law,
    LossSurface,
    Runs,
    Squared,
    SurfaceFit,
    __version__,
    checklist,
    fit_approach3,
    fit_vpnls,
)
from scalinglab.reporting.checklists import TO_FILL_IN, fingerprint


def lines(fit):
    return dict(re.fullmatch(r"- \*\*(.+?)\*\*: (.+)", line).groups() for line in checklist(fit).splitlines())


@pytest.mark.parametrize("fitter", [fit_vpnls, fit_approach3])
def test_parameters_reproduce_the_fitted_losses(llama3, fitter):
    fit = fitter(llama3)
    numbers = re.findall(r"`(\w+) = ([^`]+)`", lines(fit)["Parameters"])
    copied = LossSurface(**{name: float(value) for name, value in numbers})
    np.testing.assert_allclose(copied.loss(llama3.N, llama3.D), fit.predicted, rtol=1e-8)
    assert float(lines(fit)["Reached"].split()[-1]) == pytest.approx(fit.objective, rel=1e-9)


def test_objective_is_spelt_out(llama3):
    on_log = lines(fit_approach3(llama3, Huber(2e-3, log=True)))["Objective"]
    assert "0.002" in on_log
    assert "ln L" in on_log
    on_l = lines(fit_vpnls(llama3, Squared()))["Objective"]
    assert "r²" in on_l
    assert "ln L" not in on_l


def test_starts_and_bounds_are_stated(llama3):
    default = lines(fit_approach3(llama3))["Method"]
    assert "16 default starts" in default
    assert "0.01-2" in default
    given = fit_approach3(llama3, starts=[[4.0, 5.0, -0.5, 0.3, 0.3]] * 3)
    assert "3 given starts" in lines(given)["Method"]
    assert "not recorded" in lines(SurfaceFit(CHINCHILLA, llama3, Squared(), "by hand", 0.0))["Method"]


def test_runs_and_compute_are_described(llama3):
    page = lines(fit_vpnls(llama3))
    assert page["Runs"].startswith("133 at 10 budgets")
    assert fingerprint(llama3) in page["Runs"]
    assert page["Compute"] == "6e+18 to 1e+22 FLOPs; C = 6ND"
    off = fit_vpnls(Runs(llama3.N, llama3.D, llama3.L, 1.1 * llama3.C))
    assert "C/6ND 1.1 to 1.1" in lines(off)["Compute"]


def test_concerns_are_repeated_or_none(llama3):
    fit = fit_vpnls(llama3)
    assert lines(fit)["Concerns"] == " ".join(fit.concerns)
    assert lines(SurfaceFit(CHINCHILLA, llama3, Squared(), "by hand", 0.0))["Concerns"] == "none found"


def test_version_and_questions_to_the_author(llama3):
    text = checklist(fit_vpnls(llama3))
    assert f"scalinglab {__version__}" in text
    assert all(f"- **To fill in**: {question}" in text for question in TO_FILL_IN)


def test_fingerprint_is_the_checksum_of_the_table(llama3):
    table = b"".join(column.astype("<f8").tobytes() for column in (llama3.N, llama3.D, llama3.L))
    assert fingerprint(llama3) == hashlib.sha256(table).hexdigest()[:16]
    moved = llama3.L.copy()
    moved[3] += 1e-12
    assert fingerprint(Runs(llama3.N, llama3.D, moved)) != fingerprint(llama3)


def test_a_law_is_told_as_its_formula(llama3):
    law = Law("E + (A/N**alpha + B/D**b2)**k", tie={"b2": "alpha"}, fixed={"E": 0.56})
    told = lines(law.fit(llama3))
    assert "`L = E + (A/N**alpha + B/D**b2)**k`; 4 parameters fitted" in told["Form"]
    assert "`E = 0.56` fixed, `b2 = alpha` tied" in told["Form"]
    numbers = {name: float(value) for name, value in re.findall(r"`(\w+) = ([^`]+)`", told["Parameters"])}
    np.testing.assert_allclose(
        law.loss(numbers, N=llama3.N, D=llama3.D), law.fit(llama3).predicted, rtol=1e-8
    )
