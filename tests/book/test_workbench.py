"""The workbench against the package: the same numbers from the same cases, in a real browser."""

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from workbench_cases import READ, TABLES, studies, sweeps

from scalinglab import (
    CHINCHILLA,
    FitError,
    Runs,
    approach2_bias,
    deadweight_loss,
    fit_approach2,
    fit_vpnls,
    load_llama3,
    read_runs,
    vertex_shift,
)
from scalinglab.data.usual_names import meaning_of
from scalinglab.fitting import objective_map
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.newton import newton
from scalinglab.solvers.objectives import Squared
from scalinglab.solvers.quantiles import two_sided_quantile

CLOSE = {"rtol": 1e-8, "atol": 1e-13}
TARGET, BUDGET = 1e24, 1e23
EXPONENTS = [0.2, 0.5], [0.3, 0.4, 1.0]


#: What the tests call by name.
OFFERED = (
    "analysed", "approach2Bias", "centredLogs", "deadweightLoss", "fitVpnls", "meaningOf", "objectiveMap",
    "readRuns", "vertexShift",
)  # fmt: skip


def letters_of(runs):
    return {letter: getattr(runs, letter).tolist() for letter in "NDLC"}


@pytest.fixture(scope="module")
def script(extension):
    """The modules as one script that lets its functions be called."""
    return extension("workbench_script").bundle(*OFFERED)


@pytest.fixture
def page(sheet, script):
    """A page that knows the functions of the modules."""
    sheet.go("about:blank")
    sheet.tab.evaluate("code => (0, eval)(code)", script)
    return sheet.tab


def test_fifty_cases_are_shared():
    assert len([*studies(), *sweeps(), *TABLES]) == 50


def test_the_script_is_light_and_needs_no_network(extension):
    script = extension("workbench_script")
    assert len(script.bundle().encode()) <= 60_000
    names = script.in_order("start")
    assert sorted(names) == sorted(path.stem for path in script.SOURCES.glob("*.js"))
    for name in names:
        text = script.source(name).replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"fetch\(|XMLHttpRequest|https?:|import\(|sendBeacon|WebSocket", text)


def test_names_of_properties_stay_and_those_of_variables_shrink(extension):
    tight = extension("workbench_script").tight
    before = """
    // a comment
    const longest = (matrix, { width, height = 2 }) => {
      total = matrix.length + +width; /* and another */
      return { width, rows: `${longest} of ${ total }  rows`, total: 1 };
    };"""
    after = tight(before)
    assert after.startswith("const a=(b,{width,height=2})=>{total=b.length+ +width;return{width,rows:")
    assert after.endswith("`${a} of ${total}  rows`,total:1};};")


def test_closed_forms_are_those_of_the_package(page):
    cases = list(studies())
    grids = ("reach", "points", "offset", "drift")
    told = page.evaluate(
        """([cases, target]) => cases.map(([surface, design]) => {
          const { approach2Bias, deadweightLoss, vertexShift } = Workbench, { alpha, beta } = surface;
          const bias = approach2Bias(surface, design), N = bias.NFactor(target);
          return [bias.shifts, bias.exponentError, bias.interceptError, N, 1 - deadweightLoss(surface, N),
            vertexShift(alpha, beta, design.reach)];
        })""",
        [
            [
                (
                    surface.parameters,
                    {"budgets": design.budgets.tolist()} | {k: getattr(design, k) for k in grids},
                )
                for surface, design in cases
            ],
            TARGET,
        ],
    )
    for (surface, design), answers in zip(cases, told, strict=True):
        bias = approach2_bias(surface, design)
        N = bias.N_factor(TARGET)
        bare = replace(
            surface, E=0.0
        )  # waste does not depend on E, whose digits the little above it would lose
        kept = 1 - deadweight_loss(bare, bare.N_opt(TARGET) * N, bare.D_opt(TARGET) / N)
        dense = vertex_shift(surface.alpha, surface.beta, design.reach)
        ours = (bias.shifts, bias.exponent_error, bias.intercept_error, N, kept, dense)
        for one, other in zip(answers, ours, strict=True):
            np.testing.assert_allclose(one, other, **CLOSE)


def last_digits(fit):
    """The surface of a fit after one more of Newton's steps: its objective needs none, its parameters do."""
    logs, s = CentredLogs.of(fit.runs), fit.surface
    A, B = s.A * np.exp(-s.alpha * logs.log_N0), s.B * np.exp(-s.beta * logs.log_D0)
    return logs.surface(*newton(logs, Squared(), np.array([s.E, A, B, s.alpha, s.beta])).theta)


ANALYSE = """([cases, budget, [alphas, betas]]) => cases.map((runs) => {
  const { fit, errors, answer, parabolas, concerns, none } =
    Workbench.analysed({ ...runs, lines: runs.N.map((_, k) => k) }, budget);
  const map = Workbench.objectiveMap(Workbench.centredLogs(runs), alphas, betas).cells;
  return { fit, errors, answer, concerns, none, refusal: parabolas.refusal ?? "",
    map: map.map((row) => row.map(({ rss }) => rss)),
    two: parabolas.refusal ? null : [parabolas.a, parabolas.NOpt(budget), parabolas.DOpt(budget)],
    vertices: (parabolas.used ?? []).map(({ vertex }) => vertex) };
})"""


def test_fits_are_those_of_the_package(page):
    cases = list(sweeps())
    told = page.evaluate(ANALYSE, [[letters_of(runs) for runs in cases], BUDGET, EXPONENTS])
    for runs, found in zip(cases, told, strict=True):
        fit = fit_vpnls(runs)
        best = last_digits(fit)
        for name, value in best.parameters.items():
            np.testing.assert_allclose(found["fit"]["surface"][name], value, **CLOSE, err_msg=name)
        np.testing.assert_allclose(found["fit"]["objective"], fit.objective, rtol=1e-10)
        np.testing.assert_allclose(found["map"], objective_map(runs, *EXPONENTS), rtol=1e-8)
        answers = [best.N_opt(BUDGET), best.D_opt(BUDGET), best.L_opt(BUDGET)]
        np.testing.assert_allclose([found["answer"][key] for key in ("N", "D", "loss")], answers, **CLOSE)
        spread = fit.recommend(BUDGET, level=0.5).spread / two_sided_quantile(0.5, fit.freedom)
        errors = [fit.standard_errors[name] for name in ("E", "alpha", "beta", "a")]
        assert list(found["errors"]) == ["E", "alpha", "beta", "a", "logN"]
        np.testing.assert_allclose([*found["errors"].values()], [*errors, spread], rtol=1e-4)
        ours = " ".join(fit.concerns)
        assert all(one in ours for one in found["concerns"] if not one.startswith("line "))
        try:
            two = fit_approach2(runs)
        except FitError:
            assert "on no IsoFLOP curves" in found["refusal"]
            continue
        np.testing.assert_allclose(found["two"], [two.a, two.N_opt(BUDGET), two.D_opt(BUDGET)], **CLOSE)
        np.testing.assert_allclose(found["vertices"], [one.vertex for one in two.used], **CLOSE)


def test_runs_that_cannot_answer_get_the_words_of_the_package(page):
    N = np.geomspace(2e7, 4e9, 24)
    rng = np.random.default_rng(1)
    one_ratio = Runs(N, 20 * N, CHINCHILLA.loss(N, 20 * N) + rng.normal(0, 0.003, 24))
    D = np.tile([1e9, 1e10, 1e11], 8)
    flat = Runs(N, D, 2 + N**-0.3 * 50 + rng.normal(0, 0.01, 24))
    few = Runs(N[:6], D[:6], CHINCHILLA.loss(N[:6], D[:6]) + rng.normal(0, 0.01, 6))
    cases = [one_ratio, flat, few]
    told = page.evaluate(ANALYSE, [[letters_of(runs) for runs in cases], BUDGET, EXPONENTS])
    seen = set()
    for runs, found in zip(cases, told, strict=True):
        fit = fit_vpnls(runs)
        np.testing.assert_allclose(found["fit"]["objective"], fit.objective, rtol=1e-7)
        assert bool(found["none"]) == bool(fit.no_frontier)
        assert (found["answer"] is None) == bool(fit.no_frontier)
        shared = set(found["concerns"]) & set(fit.concerns)
        assert shared, (found["concerns"], fit.concerns)
        seen |= shared
    assert any("share D/N" in words for words in seen)
    assert any("is not determined" in words for words in seen)
    assert any("for 5 parameters leave 1" in words for words in seen)


def told_of(text):
    """What the package makes of a table: its runs, or its words."""
    try:
        return read_runs(io.StringIO(text))
    except ValueError as error:
        return str(error)


def test_tables_are_read_or_refused_as_the_package_does(page):
    told = page.evaluate(
        """tables => tables.map((text) => {
          try { return Workbench.readRuns(text); } catch (error) { return { message: error.message }; }
        })""",
        TABLES,
    )
    for text, found in zip(TABLES, told, strict=True):
        ours = told_of(text)
        assert isinstance(ours, str) == ("message" in found) == (text not in READ), (ours, found)
        if isinstance(ours, Runs):
            for letter in "NDLC":
                np.testing.assert_allclose(np.array(found[letter], float), getattr(ours, letter), rtol=1e-14)
            assert found["notes"] == list(ours.notes)
            lines = [int(re.search(r"line (\d+)", ours.label(k))[1]) for k in range(len(ours))]
            assert found["lines"] == lines
            continue
        for line in re.findall(r"line (\d+)", ours):
            assert re.search(rf"line {line}\b", found["message"]), (ours, found)
        for quoted in re.findall(r"'([^']*)'", ours):
            if "tokenizing" not in quoted and "tokens.1" not in quoted:  # pandas speaking
                assert quoted in found["message"], (ours, found)


NAMES = """params; n_params; Parameters; parameter_count; model_size; ModelSize; non_embedding_params
N_no_emb; num_parameters; num parameters; params.n_params; model/params; active_params; params_m
N (M); params in millions; Params [Million]; tokens; n_tokens; train_tokens
throughput/total_tokens; TrainTokens; tokens_seen; tokens (B); train_tokens_b
tokens_in_billions; D (1e9); loss; val_loss; eval/loss; final_loss; metrics.val_loss; bpb
eval/paloma/macro_loss; eval/bpb; Loss (nats); bits per byte; validation cross-entropy; flops
total_flops; FLOPs; Training FLOP; compute; budget; C; C_6ND; total_gflops
throughput/total_gflops; compute (GFLOP); EFLOP; compute [EFLOPs]; exaflops; C (1e18)
flops x1e18; PF-days; petaflop/s-days; PFdays; compute_pf_days; D/N; tokens_per_second
max_tokens; d_model; n_layers; loss_scale; aux_loss; peak_lr; flops_per_step; FLOP/s; tflops
throughput/tflops; embedding params; num_experts; k; loss__MIN; params/step; total_steps
vocab params; loss std; unique_tokens"""


def test_names_of_columns_say_what_the_package_reads_in_them(page):
    names = re.split(r"[;\n] *", NAMES)
    assert len(names) > 60
    told = page.evaluate("names => names.map(Workbench.meaningOf)", names)
    for name, found in zip(names, told, strict=True):
        ours = meaning_of(name)
        read = found and (found["letter"], found["size"], found["unit"])
        assert read == (ours and (ours.letter, ours.size, ours.unit)), name


def test_a_fit_of_133_runs_takes_few_steps(page):
    """Counted in exponentials a run: the map needs fifty, a step two. No clock is asked."""
    count = page.evaluate(
        """runs => {
          const exp = Math.exp, logs = Workbench.centredLogs(runs);
          let count = 0;
          Math.exp = (x) => { count++; return exp(x); };
          try { Workbench.fitVpnls(logs); } finally { Math.exp = exp; }
          return count / runs.N.length;
        }""",
        letters_of(load_llama3()),
    )
    assert 50 < count < 1000
