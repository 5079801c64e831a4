"""One small call of every public name, as somebody makes it who installed nothing else.

``plain_install.py`` asks it in an environment that holds the wheel and what it requires: for the names
without an example, and for what went wrong. A new name needs a line in ``EXAMPLES``, unless it is
a constant, a picture, or a class of which some example already makes one.
"""

import contextlib
import functools
import importlib
import inspect
import sys
import tempfile
from pathlib import Path

import numpy as np

import scalinglab as sl
from scalinglab import course, data, fitting, laws, planning, reporting, studies, theory, uncertainty
from scalinglab.laws import CHINCHILLA as TRUTH

#: Names whose example must be refused in a plain install, and the extra that the refusal names.
NEEDS = {
    "compare_methods": "parallel",
    "tournament": "parallel",
}


def rng():
    return np.random.default_rng(0)


once = functools.cache

design = once(lambda: sl.IsoflopDesign([1e18, 1e19, 1e20], reach=8, points=7))
runs = once(lambda: design().runs(TRUTH, noise=0.01, rng=rng()))
fit = once(lambda: sl.fit_vpnls(runs()))
law_fit = once(lambda: sl.Law("E + A/N**alpha + B/D**beta").fit(runs()))
curves = once(lambda: data.simulate_curves(TRUTH, [1e8, 3e8, 1e9], horizons=[2e9, 2e10], steps=40))
box = once(lambda: planning.PlannedRuns.in_box([1e18, 1e19]))
verdict = once(lambda: sl.misallocation(plan=TRUTH, truth=laws.CHINCHILLA_REFIT, C=1e22))
drawn = once(lambda: studies.draw_from_one_stream(studies.noise_studies(repeats=1, points=(4,)), rng()))
repeated = once(lambda: laws.RepeatedSurface(laws.MUENNIGHOFF, 15.4, 5.3))


def not_there(call):
    with contextlib.suppress(FileNotFoundError):
        call()


def outcome():
    from scalinglab.studies.comparison_results import Outcome

    return Outcome(0, "by eye", 0.5)


seen = once(lambda: sl.Runs([1e8, 1e9], [4e9, 8e9], [3.1, 2.9], extra={"U": np.full(2, 1e9)}))


def stored_run():
    path = Path(tempfile.mkdtemp()) / "studies.json"
    path.write_text('{"date": "2026-01-01", "versions": {}, "tables": {}, "studies": {}}', encoding="utf-8")
    return studies.read_studies(path)


def one_shot():
    player = course.Oracle("Grace")
    return player.query(2e8, 4e9), player.predict(1e10, 1e11, 2.5, 2.0, 3.0), player.score()


EXAMPLES = {
    # the top
    "FitError": lambda: sl.FitError("no minimum"),
    "GpuRate": lambda: sl.GpuRate("mine", peak=1e15).dollars(1e24),
    "IsoflopDesign": design,
    "Huber": lambda: sl.Huber(1e-3, log=True),
    "PowerLaw": lambda: sl.PowerLaw(2.0, 0.5)(4.0),
    "best_of_repeats": lambda: sl.best_of_repeats(runs()).notes,
    "open_runs": lambda: not_there(lambda: sl.open_runs("misfitting", folder="here")),
    "read_runs": lambda: sl.read_runs({"params": ["12M", "25M"], "tokens": [1e9, 2e9], "loss": [3.1, 3.0]}),
    "mean_of_repeats": lambda: sl.mean_of_repeats(runs()).notes,
    "ScreeningLimits": lambda: sl.ScreeningLimits(),
    "Squared": lambda: sl.Squared(),
    "approach2_bias": lambda: sl.approach2_bias(TRUTH, design()),
    "bootstrap": lambda: sl.bootstrap(runs(), fit(), 3, rng()),
    "certify": lambda: sl.certify(fit(), cells=200),
    "checklist": lambda: sl.checklist(fit()),
    "covariance": lambda: sl.covariance(fit()),
    "catalogue": lambda: data.catalogue()["routing"].letters,
    "data_card": lambda: sl.data_card("llama3"),
    "deadweight_loss": lambda: sl.deadweight_loss(TRUTH, 1e9, 1e11),
    "fit_approach1": lambda: sl.fit_approach1(curves(), budgets=40),
    "fit_approach2": lambda: sl.fit_approach2(runs()),
    "fit_approach3": lambda: sl.fit_approach3(runs(), starts=fitting.hoffmann_starts()[::1500]),
    "Recommendation": lambda: fit().recommend(1e21),
    "influence": lambda: sl.influence(fit()),
    "fit_vpnls": lambda: sl.fit_vpnls(runs()),
    "examine": lambda: studies.examine(runs().take([0, 3, 7, 10, 14]), rng()),
    "PublicStudy": lambda: studies.PUBLIC_STUDIES[0].opened(),
    "waste_without_budgets": lambda: studies.waste_without_budgets(runs(), 1, 1e22, rng()),
    "read_studies": stored_run,
    "hindcast": lambda: sl.hindcast(runs(), 5e19, {"VPNLS": sl.fit_vpnls}),
    "load_chinchilla": lambda: sl.load_chinchilla(),
    "load_llama3": lambda: sl.load_llama3(),
    "misallocation": verdict,
    "profile": lambda: sl.profile(fit()),
    "screen": lambda: sl.screen(runs()),
    "training_flops": lambda: sl.training_flops(1e9, 2e10),
    "vertex_shift": lambda: sl.vertex_shift(0.34, 0.28, reach=16),
    # laws
    "Frontiers": lambda: laws.Frontiers(np.array([0.1, 0.2]), np.array([0.5, 0.4])),
    "OverfittingSurface": lambda: laws.OverfittingSurface(TRUTH, P=1.0, delta=1.0, kappa=1.0),
    "SaturatingPowerLaw": lambda: laws.SaturatingPowerLaw(1.7, 10.0, 0.1)(1e20),
    "ThreeRegions": lambda: laws.ThreeRegions(0.9, 0.1, 1e3, 0.5)(1e5),
    "chinchilla_note_law": lambda: laws.chinchilla_note_law(),
    "counted_frontier": lambda: laws.counted_frontier(TRUTH, [1e8, 1e9]),
    "effective_tokens": lambda: laws.effective_tokens(1e9, 4),
    "embedding_omega": lambda: laws.embedding_omega(50_000, 128),
    "embedding_share": lambda: laws.embedding_share(1e9),
    "geometric_tokens": lambda: laws.geometric_tokens(1e9, 4, 0.9),
    "kaplan_compute_law": lambda: laws.kaplan_compute_law(),
    "law_crossings": lambda: laws.law_crossings(laws.kaplan_compute_law(), laws.chinchilla_note_law()),
    "local_exponent": lambda: laws.local_exponent(TRUTH, 1e9),
    "loss_compute_slope": lambda: laws.loss_compute_slope(TRUTH, 1e9),
    "miss_per_residual": lambda: laws.miss_per_residual(3, 2),
    "nonembedding_parameters": lambda: laws.nonembedding_parameters(1e9),
    "PublishedExponents": lambda: laws.PUBLISHED_EXPONENTS[0].ratio,
    "published_law": lambda: laws.published_law("kaplan"),
    "read_off_exponent": lambda: laws.read_off_exponent(TRUTH, 1e6, 1e9),
    "RepeatedSurface": repeated,
    "RepeatedAllocation": lambda: repeated().allocate([1e21, 1e22], 1e10),
    "simulated_frontier": lambda: laws.simulated_frontier(
        TRUTH, np.geomspace(1e6, 1e11, 60), np.geomspace(1e18, 1e20, 3)
    ),
    "Surfaces": lambda: laws.Surfaces(1.7, 400.0, [400.0, 410.0], 0.34, 0.28),
    "straight_line": lambda: laws.straight_line([1e18, 1e19, 1e20], [3.1, 2.8, 2.6]),
    "total_parameters": lambda: laws.total_parameters(1e9),
    "where_laws_meet": lambda: laws.where_laws_meet(
        laws.published.KAPLAN_L_C_MIN, laws.published.KAPLAN_L_D, laws.published.KAPLAN_D_OPT
    ),
    # reporting
    "answer": lambda: reporting.answer(runs(), 1e21, methods=("VPNLS",)),
    # data
    "simulate_curves": curves,
    "smooth": lambda: data.smooth(curves(), window=3),
    # theory
    "budget_spacing": lambda: theory.budget_spacing(TRUTH),
    "curvature_score": lambda: theory.curvature_score(TRUTH, 1e20, 8, 9, 0.01),
    "leading_shift": lambda: theory.leading_shift(0.34, 0.28, 16),
    "noiseless_curve": lambda: theory.noiseless_curve([10, 30, 100], rng(), replicates=20),
    "noisy_curves": lambda: theory.noisy_curves([10, 30, 100], rng(), replicates=20),
    "size_crossover": lambda: theory.size_crossover(TRUTH, 1e8, 2e8),
    "staircase_exponent": lambda: theory.staircase_exponent([1e8, 2e8, 4e8], [1e19, 4e19], 5e18, 1e20),
    "step_shift": lambda: theory.step_shift(0.34, 0.28, 0.5),
    "stochastic_error": lambda: theory.stochastic_error(0.1, 0.05),
    # fitting
    "LawFit": law_fit,
    "LevelsFit": lambda: sl.fit_vpnls(runs(), levels="budget"),
    "Optimum": lambda: law_fit().optimum(1e22, cost="6*N*D + 2*N*1e12"),
    "fit_every_budget": lambda: fitting.fit_every_budget(runs()),
    "fit_parabola": lambda: fitting.fit_parabola(runs().at(1e19)),
    "hoffmann_starts": lambda: fitting.hoffmann_starts(),
    "lack_of_fit_bound": lambda: fitting.lack_of_fit_bound(fit(), exponents=10),
    "lower_envelope": lambda: fitting.lower_envelope(curves(), np.geomspace(1e19, 5e19, 9)),
    "objective_map": lambda: fitting.objective_map(runs(), [0.3, 0.4], [0.2, 0.3]),
    "solve_coefficients": lambda: fitting.solve_coefficients(runs(), 0.34, 0.28),
    # uncertainty
    "proven_region": lambda: uncertainty.proven_region(fit(), excess=0.05, width=0.1),
    # planning
    "PlannedRuns": lambda: planning.PlannedRuns.in_box([1e18, 1e19], sizes=5),
    "elfving_optimum": lambda: planning.elfving_optimum(TRUTH, 1e24, box()),
    "HullView": lambda: planning.elfving_optimum(TRUTH, 1e24, box()).view(box()),
    "best_reach": lambda: planning.best_reach(design(), TRUTH, 0.01, 1e24),
    "cost_table": lambda: planning.cost_table({"plan": verdict()}),
    "expected_waste": lambda: planning.expected_waste(TRUTH, 0.1),
    "fit_published_parabolas": lambda: planning.fit_published_parabolas(
        [1e18, 1e19, 1e20], [1.7e8, 6.1e8, 2.2e9], [0.041, 0.029, 0.02], [2.97, 2.59, 2.32], 8, 7
    ),
    "next_run": lambda: planning.next_run(design(), TRUTH, 1e24),
    "plan_sweep": lambda: sl.plan_sweep(TRUTH, 1e22, 1e21, 6),
    "plausible_surfaces": lambda: planning.plausible_surfaces(TRUTH, 1e19),
    "predict_error": lambda: sl.predict_error(design(), TRUTH, 0.01, 1e24),
    "published_law_bounds": lambda: planning.published_law_bounds(0.47, [1e18, 1e20], 4, 1e24),
    "when_to_stop": lambda: planning.when_to_stop(design(), TRUTH, 0.01, 1e24),
    # studies
    "CountingDesign": lambda: studies.CountingDesign.between_shares(sizes=5, tokens=4),
    "Coverage": lambda: studies.Coverage("a", 0.9, 10, {"covariance": 9}),
    "MethodComparison": lambda: studies.MethodComparison(drawn()[:1], (outcome(),)),
    "LawComparison": lambda: sl.compare([law_fit().law, sl.Law("E + A/N**alpha")], runs(), C=1e22),
    "compare": lambda: sl.compare({"one": law_fit().law, "other": sl.Law("E + B/D**beta")}, runs()),
    "compare_methods": lambda: studies.compare_methods(drawn(), {"VPNLS": sl.fit_vpnls}),
    "lopsidedness": lambda: studies.lopsidedness([0.5, 1.0]),
    "counts_compared": lambda: studies.counts_compared(runs(), runs().N / 2, TRUTH, (0.0,)),
    "recount_runs": lambda: studies.recount_runs(runs(), runs().N / 2),
    "RepetitionProfile": lambda: studies.repetition_profile(seen(), [5.3, 15.4]).within(0.01),
    "repetition_objective": lambda: studies.repetition_objective(seen(), 15.4, 5.3),
    "repetition_profile": lambda: studies.repetition_profile(seen(), 15.4),
    "coverage": lambda: studies.coverage(TRUTH, design(), 0.01, 4, rng()),
    "deadweight_by_stage": lambda: studies.deadweight_by_stage(
        sl.screen(runs()), 1e22, {"VPNLS": sl.fit_vpnls}
    ),
    "draw_from_one_stream": drawn,
    "efficiency_studies": lambda: studies.efficiency_studies(repeats=1),
    "noise_studies": lambda: studies.noise_studies(repeats=1),
    "published_search": lambda: studies.published_search(runs(), TRUTH),
    "recovery_studies": lambda: studies.recovery_studies(),
    "refit": lambda: studies.refit(fit(), {"same": runs()}),
    "refit_in_other_counts": lambda: studies.refit_in_other_counts(TRUTH),
    "repaired_search": lambda: studies.repaired_search(runs(), TRUTH),
    "repeat_study": lambda: studies.repeat_study(TRUTH, design(), 1e22, rng(), noise=0.01, draws=4),
    "search_from_each": lambda: studies.search_from_each(
        studies.published_search, runs(), fitting.hoffmann_starts()[:1]
    ),
    # course
    "Explorer": lambda: course.Explorer("{:g}".format, [1, 2], label="v", alt="a"),
    "Oracle": lambda: course.Oracle("Ada"),
    "OracleError": lambda: course.OracleError("too dear"),
    "Prediction": one_shot,
    "Question": lambda: course.Question("ex-double", "", "double(x): twice x.", float, lambda rng: [(1.0,)]),
    "check": lambda: course.check("ex-next-order", sl.vertex_shift, rng()),
    "format_count": lambda: course.format_count(6.2e11),
    "hidden_surface": lambda: course.hidden_surface("Ada"),
    "leaderboard": lambda: course.leaderboard(tempfile.mkdtemp()),
    "show_source": lambda: course.show_source(theory.leading_shift),
    "show_text": lambda: course.show_text("one half"),
    "tournament": lambda: course.tournament({"nothing": str}, students=1),
    "typeset": lambda: course.typeset("1e+22"),
}


def refusal(call):
    """What is said when an optional package is missed, or None."""
    try:
        call()
    except ModuleNotFoundError as error:
        return str(error)
    except ValueError:
        return None  # the package's own words: not with these numbers
    return None


def things(result):
    """A result and what it is made of."""
    yield result
    inside = (
        result.values() if isinstance(result, dict) else result if isinstance(result, (tuple, list)) else ()
    )
    for part in [*inside, *getattr(result, "__dict__", {}).values()]:
        yield part
        if isinstance(part, (tuple, list)):
            yield from part[:3]


def everything_of(thing):
    """Call what a result offers without an argument; its reprs too. Yields what was refused."""
    repr(thing)
    for name in dir(type(thing)):
        if name.startswith("_") and name not in ("_repr_html_", "_repr_markdown_"):
            continue

        def call(name=name):
            member = getattr(thing, name)
            if callable(member) and not any(
                p.default is p.empty
                and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
                for p in inspect.signature(member).parameters.values()
            ):
                member()

        said = None
        with contextlib.suppress(sl.FitError):  # a fit that refuses in words has answered
            said = refusal(call)
        if said is not None:
            yield f"{type(thing).__name__}.{name}", said


def main():
    found = {"without example": [], "wrong": {}, "refused": {}, "names": 0, "pictures": {}}
    names = {}
    for stub in [Path(sl.__file__).parent, *sorted(Path(sl.__file__).parent.glob("*/"))]:
        if (stub / "__init__.pyi").exists():
            package = "scalinglab" if stub.name == "scalinglab" else f"scalinglab.{stub.name}"
            room = importlib.import_module(package)
            if stub.name == "plotting":
                for name in room.__all__:
                    found["pictures"][name] = refusal(functools.partial(getattr, room, name))
            else:
                names |= {name: getattr(room, name) for name in room.__all__}
    made = []
    for name, example in EXAMPLES.items():
        try:
            made += things(example())
        except ModuleNotFoundError as error:
            found["refused"][name] = str(error)
        except Exception as error:
            found["wrong"][name] = repr(error)
    seen = set()
    for thing in made:
        if type(thing).__module__.startswith("scalinglab") and type(thing) not in seen:
            seen.add(type(thing))
            if not isinstance(thing, Exception):
                try:
                    found["refused"] |= everything_of(thing)
                except Exception as error:
                    found["wrong"][type(thing).__name__] = repr(error)
    for name, member in names.items():
        shown = name in EXAMPLES or member in seen if inspect.isclass(member) else name in EXAMPLES
        if callable(member) and not isinstance(member, (sl.LossSurface, sl.PowerLaw)) and not shown:
            found["without example"].append(name)
    found["no such name"] = sorted(set(EXAMPLES) - set(names))
    found["names"] = len(names) + len(found["pictures"])
    found["loaded"] = sorted({"IPython", "joblib", "pooch", "pyarrow", "tqdm"} & set(sys.modules))
    return found
