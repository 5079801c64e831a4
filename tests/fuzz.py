"""Random calls of everything public, each with one or two arguments replaced by what does not belong there.

``test_fuzz.py`` makes a thousand of them, and eight thousand more where there is time; ``python tests/fuzz.py
--seconds 3600`` goes on for an hour and counts.
The valid calls are those of ``every_name.py`` and the few below, seen as they are made.
"""

import collections
import contextlib
import dataclasses
import datetime
import functools
import inspect
import io
import os
import pathlib
import random
import re
import signal
import sys
import tempfile
import time
import types
import warnings
from decimal import Decimal
from fractions import Fraction
from unittest import mock

import every_name
import numpy as np
import pandas as pd
from every_name import TRUTH, curves, design, drawn, fit, repeated, rng, runs

import scalinglab as sl
from scalinglab import course, data, fitting, laws, planning, reporting, studies, theory, uncertainty

ROOMS = (sl, laws, data, theory, fitting, uncertainty, planning, studies, reporting, course)

#: A call takes so many seconds of processor time, or thirty times as many by the clock, or counts as hanging.
LONGEST = 10

#: Milliseconds of a valid call, where they are many: called the more rarely. Fixed, so that a seed says all.
SLOW = {
    "Certificate.undecided": 5, "Law.optimum": 5, "answer": 4, "best_reach": 8, "counts_compared": 100,
    "examine": 40, "recount_runs": 40, "fit_published_parabolas": 7, "plan_sweep": 23,
    "MethodComparison.summary": 9, "certify": 20, "check": 6, "checklist": 7, "compare": 3,
    "compare_methods": 30, "coverage": 11, "deadweight_by_stage": 30, "efficiency_studies": 9,
    "fit_approach3": 75,
    "lack_of_fit_bound": 90, "leaderboard": 9, "noise_studies": 5, "noisy_curves": 5, "profile": 40,
    "proven_region": 13, "published_search": 5, "refit_in_other_counts": 11, "repaired_search": 7,
    "repeat_study": 12, "repetition_profile": 6, "screen": 13, "search_from_each": 23,
}  # fmt: skip

#: What solvers call thousands of times a fit, taken as it comes: arrays of residuals, inner parts of a law.
INNER = re.compile(
    r"(Huber|Squared)\.|Runs.sums_by_budget|LawFit.(refits|moved|loss_gradient)"
    r"|Law.(names_of|separated|box|role|tied_to|without_tie|with_number|model|two_terms|tied|parameters)"
)

#: Classes that only the package makes; what a user makes is validated.
RESULTS = {
    "Approach2Bias", "Bootstrap", "Certificate", "CountedFrontier", "Coverage", "Covariance", "DataCard",
    "Answer", "LackOfFit", "LawComparison", "LawFit",
    "Optimum", "ProvenRegion", "PublishedLaw", "Recommendation",
    "Envelope", "EnvelopeFit", "FitError", "FrontierFit", "Hindcast", "Influence", "Intersection", "Interval",
    "LearningCurve", "LevelsFit", "MethodComparison", "Misallocation", "OracleError", "Parabola",
    "Prediction", "Profile", "Question", "Recount", "RepeatedAllocation", "Repeats", "Score", "Screening",
    "SearchResult", "StraightLine", "SurfaceFit", "Verdict",
    "Approach2Error", "BestReach", "ElfvingOptimum", "HullView", "LawBounds", "NextRuns", "PlannedRuns",
    "PredictedError", "PublishedFit", "StoppingPoint", "SweepPlan",
    "Lopsidedness", "PublicStudy", "PublishedExponents", "StoredStudies", "RepetitionProfile",
}  # fmt: skip

#: Answers in which nan or inf means what the docstring says.
INFINITE = {
    "Frontiers", "Surfaces",
    "Bootstrap.interval", "Bootstrap.values", "Certificate", "Coverage", "Envelope", "Hindcast.sizes",
    "Parabola",
    "RepeatedSurface.allocate", "RepeatedAllocation", "ThreeRegions", "TrainingCurves.at", "certify",
    "compare_methods", "next_run",
    "when_to_stop", "fit_approach2", "fit_every_budget", "fit_parabola", "published_search",
    "repaired_search", "search_from_each", "repeat_study", "MethodComparison.errors",
    "MethodComparison.summary", "bootstrap", "hindcast", "waste_without_budgets",
}  # fmt: skip

#: What a surface is blamed for when its parameters are extreme.
SURFACE = "LossSurface|surface|alpha|beta|exponent|frontier|compute|loss"

#: What a message may call an argument, besides its name.
ALIASES = {
    "C": "compute|budget|FLOPs|PowerLaw: x|N|tokens", "N": "parameters|size|compute", "D": "tokens|compute",
    "name": "statistic|named|folder|has no budget", "limits": "stage", "statistic": "has no budget",
    "k": "place", "student": "name", "path": "file|header|empty|CSV|column",
    "text": "file", "surface": SURFACE, "truth": SURFACE, "plan": f"{SURFACE}|6 N D", "design": SURFACE,
    "noise": "loss|noisy|standard",
    "N_total": "parameters", "omega": "counted_frontier|N", "reaches": "reach", "share": "embedding",
    "reference": "method",
    "first": "curve",
    "second": "curve", "searcher": "fit_|search", "columns": "header|column", "L": "shapes|loss",
    "replicates": "machines",
    "budgets": "budget",
    "epochs": "passes", "low": "N", "high": "N", "sizes": "size", "draws": "draw", "which": "row|mask|place",
    "table": "path|frame|file|column", "frame": "table|column", "values": "number",
    "compute": "FLOPs|budget", "price_per_run": "cost",
    "folder": "SCALINGLAB_DATA", "options": "option|folder",
    "drop_incomplete": "column", "units": "column", "within": "reach",
    "total": "alpha|beta|exponent", "vertex": "size|grids|budget", "minimum": "budget", "curvature": "budget",
    "reach": "grids", "offset": "grids", "points": "grids", "off_centre": "alpha|beta|exponent",
}  # fmt: skip


def more():
    """Valid calls of methods that no example makes."""
    boot, cov = sl.bootstrap(runs(), fit(), 3, rng()), sl.covariance(fit())
    two = sl.fit_approach2(runs())
    runs().take([0, 1, 2])
    runs().at(1e19)
    runs().label(1)
    runs().listed([0, 2], most=1)
    runs().group(budgets=[1e18, 1e19, 1e20])
    runs().group(rtol=0.05)
    sl.best_of_repeats(sl.Runs(runs().N, runs().D, runs().L, extra={"name": list(map(str, runs().N))}))
    frame = runs().to_frame()
    frame.to_csv("runs.csv", index=False)
    sl.Runs.from_frame(frame, {"C": "C"})
    sl.Runs.read_csv("runs.csv")
    boot.values("a")
    boot.interval("a")
    boot.standard_error("a")
    boot.replicates[0].take([0, 1]).N_opt(1e20)
    boot.replicates[0].one(0)
    cov.standard_error("a")
    cov.interval("a")
    cov.interval("N_opt", 1e22, level=0.8)
    cov.N_opt(1e22)
    cov.D_opt(1e22)
    cov.L_opt(1e22)
    boot.interval("D_opt", 1e22, worst=False)
    sl.profile(fit(), "L_opt", C=1e22)
    sl.misallocation({"N": 1e9}, TRUTH, 1e21)
    levels = sl.fit_vpnls(runs(), levels="budget")
    levels.N_opt(1e22)
    levels.D_opt(1e22)
    sl.covariance(levels, "shared").freedom("N_opt", 1e22)
    sl.bootstrap(runs(), [levels, fit()], 3, rng(), "budgets").values("N_opt", 1e22)
    cov.new_run(1e10, 1e11)
    cov.to_frame()
    sl.screen(runs(), sl.ScreeningLimits(points=4)).after("near-duplicates")
    design().sizes(TRUTH)
    curves().at([1e19])
    sl.certify(fit(), cells=100).undecided(0)
    fit().N_opt(1e22)
    fit().D_opt(1e22)
    two.N_opt(1e22)
    two.D_opt(1e22)
    two.parabolas[0].loss(1e9)
    sl.fit_parabola(runs().at(1e19)) if hasattr(sl, "fit_parabola") else None
    learned = theory.noiseless_curve([10, 30, 100], rng(), replicates=20)
    learned.limit(10)
    learned.slope()
    compared = studies.compare_methods(drawn(), {"VPNLS": sl.fit_vpnls, "2": sl.fit_vpnls})
    compared.errors("VPNLS")
    compared.variance_ratio("VPNLS", "2")
    compared.summary()
    studies.Study(TRUTH, design(), 0.01).drawn(rng())
    studies.repeat_study(TRUTH, design(), 1e22, rng(), noise=0.01, draws=4).interval()
    counting = studies.CountingDesign.fixed_aspect(sizes=5, tokens=4)
    counting.continued(1e11, sizes=9)
    sl.GpuRate("mine", 1e15).gpu_hours(1e24)
    every_name.verdict().dollars(sl.GpuRate("mine", 1e15))
    sl.approach2_bias(TRUTH, design()).N_factor(1e22)
    sl.approach2_bias(TRUTH, design()).D_factor(1e22)
    laws.Frontiers(np.array([0.1, 0.2]), np.array([0.5, 0.4])).take([0]).D_opt(1e22)
    law = laws.SaturatingPowerLaw.of_frontier(TRUTH)
    law.share(1e20), law.local_exponent(1e20), law.curvature(1e20)
    laws.ThreeRegions(0.9, 0.1, 1e3, 0.5).local_exponent(10)
    TRUTH.L_opt(1e22), TRUTH.C_for(2.0), TRUTH.loss(1e9, 1e11)
    for loss in (sl.Huber(1e-3), sl.Squared()):
        loss.rho(np.ones(3)), loss.psi(np.ones(3)), loss.curvature(np.ones(3)), loss.weight(np.ones(3))
    extra = laws.OverfittingSurface(TRUTH, P=1.0, delta=1.0, kappa=1.0)
    extra.penalty(1e9, 1e11, 1e10), extra.loss(1e9, 1e11, 1e10), extra.best_epochs(1e9, 1e10)
    again = repeated()
    again.base_parameters(1e10), again.base_compute(1e10), again.effective(1e9, 1e11, 1e10)
    again.loss(1e9, 1e11, 1e10), again.limit(1e10)
    laws.chinchilla_note_law().local_exponent(1e22)
    laws.straight_line([1e18, 1e19, 1e20], [3.1, 2.8, 2.6]).miss(1e21, 2.5)
    player = course.Oracle("Grace")
    player.save("shot.json")
    course.Oracle.load("shot.json")
    course.Oracle.replay(pathlib.Path("shot.json").read_text())
    data.TrainingCurves(curves().N, curves().horizon, curves().D, curves().L)


def public():
    """What is public, by the identity of its code: its label and what to call."""
    found = {}

    def add(label, call, function):
        code = getattr(inspect.unwrap(function), "__code__", None)
        if code is not None and not INNER.match(label):
            found[id(code)] = label, call  # a code object's hash is that of all it holds

    for room in ROOMS:
        for name in room.__all__:
            thing = getattr(room, name)
            if inspect.isclass(thing):
                if name not in RESULTS and "__init__" in vars(thing):
                    add(name, thing, thing.__init__)
                for method in dir(thing):
                    if method.startswith("_") and method != "__call__":
                        continue
                    function = inspect.getattr_static(thing, method)
                    owner = getattr(thing, method) if isinstance(function, classmethod) else function
                    function = getattr(function, "__func__", function)
                    if inspect.isfunction(function):
                        call = owner if isinstance(owner, types.MethodType) else function
                        add(f"{name}.{method}".removesuffix(".__call__"), call, function)
            elif inspect.isfunction(thing):
                add(name, thing, thing)
    return found


signature_of = functools.cache(inspect.signature)


@functools.cache
def valid_calls():
    """For each label: what to call, and arguments that it accepts.

    They are made once, and some read files that others wrote into the folder one is in.
    """
    wanted, seen = public(), collections.defaultdict(list)

    def watch(frame, event, _):
        if event == "call" and id(frame.f_code) in wanted:
            label, call = wanted[id(frame.f_code)]
            if len(seen[label]) < 2:
                named = signature_of(call).parameters
                bound = {name: value for name, value in frame.f_locals.items() if name in named}
                seen[label].append((call, bound))

    warnings.simplefilter("error")
    sys.settrace(watch)  # told of Python's calls alone: a profiler hears of every return and of C, too
    try:
        for example in every_name.EXAMPLES.values():
            with contextlib.suppress(ModuleNotFoundError, FileNotFoundError):
                example()
        more()
    finally:
        sys.settrace(None)
    return {label: calls for label, calls in seen.items() if any(bound for _, bound in calls)}


class Odd:
    """Something nobody meant."""

    def __repr__(self):
        return "<odd>"


@functools.cache
def pool():
    """What may be passed by mistake."""
    return [
        None, True, False, np.True_, ..., 0, 1, -1, 2, 3, 5000, 10**18, 10**400, -(10**400), 0.0, -0.0,
        0.5, -2.5,
        1e-9, 1e9, 1e18, 1e21, 1e308, 1e-308, 5e-324, 1.7e308, float("nan"), float("inf"), -float("inf"),
        1 + 2j, np.float32(2.5), np.float64(1e19), np.int64(7), np.uint8(3), np.float16(2), np.longdouble(3),
        "", "1_0", "1e18", "a", "VPNLS", "nan", "all", b"1e18", bytearray(b"x"), "no/such/file.csv",
        [], (), {}, set(), [0.5], [1e18, 1e20], [1, 2, 3], [[1, 2], [3]], [[1.0, 2.0], [3.0, 4.0]], [None, 1],
        ["1", "2"], [True, False], [[]], ["1_0"], (0.1, 0.9), (2, 1), [float("nan"), 1.0], [1e308, 1e-308],
        [-1.0, 1.0], [10**400, 1], range(3), {"a": 1}, {"N": 1}, {1: None}, {"VPNLS": sl.fit_vpnls},
        {"x": str},
        np.array([]), np.array(1e19), np.array([1e18, 1e19, 1e20]), np.arange(6.0)[::2], np.ones((2, 2)),
        np.ones((2, 0)), np.array([1, "a"], object), np.array(["1e18"]), np.array([1 + 1j]),
        np.array([True, False]), np.ma.array([1.0, 2.0], mask=[0, 1]), np.ma.masked,
        np.array(["2020-01-01"], "M8[D]"), np.datetime64("2020-01-01"), np.timedelta64(3, "s"),
        np.array([None]),
        np.broadcast_to(1e19, 3), np.array([(1, 2.0)], "i,f"), np.zeros(3), -np.ones(3),
        Decimal("1.5"), Decimal("NaN"), Fraction(1, 3), datetime.date(2020, 1, 1), datetime.timedelta(1),
        pathlib.Path("runs.csv"), pathlib.Path("."), lambda: None, lambda x: x, lambda *_: None, str, int,
        Odd(), Odd, object(), len, np, slice(2), memoryview(b"ab"), Exception("x"),
        pd.DataFrame({"N": [1e8, 2e8], "D": [1e9, 2e9], "L": [3.0, 2.9]}), pd.DataFrame(), pd.Series([1e18,
        1e19]),
        pd.Series([1, None]), pd.Series(["1", "2"]), pd.Series([True, False]), pd.NA, pd.NaT,
        pd.Timestamp("2020"),
        pd.array([1, None], dtype="Int64"),
        runs(), runs().take([0]), fit(), sl.fit_approach2(runs()), TRUTH, design(), curves(), rng(),
        np.random.RandomState(0), 42, sl.Huber(1e-3), sl.Squared(), sl.Huber(1e-3, log=True), sl.Squared,
        sl.ScreeningLimits(), sl.GpuRate("g", 1e15), repeated(), drawn(), every_name.verdict(),
        laws.PowerLaw(2.0, 0.5), laws.Surfaces(*(np.array([x, x]) for x in (1.7, 400.0, 400.0, 0.3, 0.3))),
        sl.LossSurface(0, 0, 0, 1, 1), sl.LossSurface(0, 1, 0, 1, 1), sl.LossSurface(1, 1e300, 1e-300, 0.3,
        0.3),
        sl.LossSurface(1, 1e-300, 1e300, 20, 1e-3), sl.LossSurface(0, 1, 1, 1e-9, 1e-9),
        sl.LossSurface(0.0, 1e5, 1e5, 50, 50), sl.fit_vpnls, sl.Runs,
    ]  # fmt: skip


def used_up():
    """What is gone when it was read once."""
    return [
        io.StringIO("N,D,L\n1,2,3\n"), io.StringIO("N,N,D,L\n1,1,2,3\n"), (x for x in (1.0, 2.0)), iter([1]),
        map(str, [1]), rng(),
    ]  # fmt: skip


def near(value, choose):
    """Something like a valid argument: another type, another shape, or an extreme that is still allowed."""
    if isinstance(value, sl.Runs):
        N, D, L, C = value.N, value.D, value.L, value.C
        return choose([
            value.to_frame, lambda: value.to_frame().to_dict(), lambda: {"N": N, "D": D, "L": L},
            lambda: [value],
            lambda: value.to_frame().to_numpy(), lambda: "runs.csv", lambda: pathlib.Path("runs.csv"),
            lambda: N,
            lambda: (N, D, L), lambda: value.take([0, 1]), lambda: type(value), lambda: value.take(C < 2e18),
            lambda: sl.Runs(N * 1e80, D * 1e80, L), lambda: sl.Runs(N, D, L * 1e90), lambda: sl.Runs(N, D,
            -L),
            lambda: sl.Runs(N, D, np.ones(len(value))), lambda: sl.Runs(np.full(len(value), 1e8), D, L),
        ])()  # fmt: skip
    if isinstance(value, sl.LossSurface):
        letter = choose(["E", "A", "B", "alpha", "beta"])
        factor = choose([1e-12, 1e12, 1e-3, 1e3, 1e-100, 1e100])
        return dataclasses.replace(value, **{letter: getattr(value, letter) * factor})
    if isinstance(value, bool):
        return choose([not value, "True", 1, np.bool_(value), "yes", None])
    if isinstance(value, (int, float, np.number)):
        factor = choose([1e3, 1e-3, 1e100, 1e-100, 1e300, -1])
        return choose([
            *6 * [lambda: value * factor], lambda: str(value), lambda: [value], lambda: (value, value),
            lambda: np.array(value), lambda: np.array([value]), lambda: np.array([[value]]),
            lambda: np.float32(value), lambda: Fraction(value), lambda: Decimal(float(value)),
            lambda: complex(value), lambda: value + 0.5, lambda: int(value), lambda: float(value),
            lambda: np.int64(value), lambda: np.array([value, np.nan]), lambda: np.ma.array(value),
            lambda: bool(value), lambda: repr(value).encode(),
        ])()  # fmt: skip
    if isinstance(value, np.ndarray) or (
        isinstance(value, (list, tuple)) and len(value) and np.ndim(value[0]) == 0
    ):
        array = np.array(value) if np.ndim(value) else np.array([value])
        if array.dtype.kind not in "fiu":
            return choose([list(value)[:1], set(map(str, value)), {}, None])
        array = array.astype(float)
        if not array.size:
            return choose([array.tolist(), None, np.ones(2), {}])
        spoilt = array.copy()
        spoilt.flat[-1] = choose([np.nan, np.inf, -1.0, 0.0, 1e300, 1e-300])
        kind = choose([object, str, "f4", complex, ">f8"])
        return choose([
            array.tolist, lambda: tuple(array), lambda: np.repeat(array, 2, axis=0)[::2],
            lambda: array[::-1], lambda: array[:1], lambda: array[:0], lambda: spoilt, lambda: array[None],
            *5 * [lambda: array.astype(kind)], lambda: np.array([*array, 1]),
            lambda: pd.Series(array.ravel()), lambda: array * 1e90, lambda: array * 1e-90, lambda: array > 0,
            lambda: np.ma.array(array, mask=np.arange(array.size).reshape(array.shape) == 0),
            lambda: (x for x in array), lambda: set(array.ravel()),
        ])()  # fmt: skip
    if isinstance(value, str):
        return choose(
            [value.upper(), value.encode(), "", value + " ", [value], np.str_(value), None, value * 999]
        )
    if isinstance(value, dict):
        return choose(
            [{}, list(value), {1: 2}, {None: None}, {"x": 1}, {"x": lambda r: 1 / 0}, *value.values()]
        )
    if callable(value):
        return choose([lambda x: None, lambda x: 1 / 0, lambda: 1, str, value.__class__, lambda x, *r: x])
    return choose([[value], (value, value), {"x": value}, type(value), repr(value), None])


def mutated(bound, dice):
    """The arguments of a call with one of them replaced, sometimes two; and which."""
    names = [name for name in bound if name != "self"]
    changed = dice.sample(names, 1 if len(names) == 1 or dice.random() < 0.75 else 2)
    arguments = dict(bound)
    for name in changed:
        if dice.random() < 0.5:
            with (
                contextlib.suppress(ArithmeticError, ValueError, TypeError, sl.FitError),
                warnings.catch_warnings(),
            ):
                warnings.simplefilter("ignore")
                arguments[name] = near(bound[name], dice.choice)
                continue
        arguments[name] = dice.choice(pool() if dice.random() < 0.95 else used_up())
    return arguments, changed


def infinite(answer, depth=0):
    """Whether an answer holds nan or inf somewhere."""
    if isinstance(answer, (float, complex, np.number, np.ndarray)):
        array = np.asarray(answer)
        return array.dtype.kind in "fc" and not np.isfinite(array).all()
    if isinstance(answer, (sl.Runs, pd.DataFrame)) or depth > 2:
        return False
    if isinstance(answer, (tuple, list)):
        return any(infinite(part, depth + 1) for part in answer)
    if dataclasses.is_dataclass(answer) and not isinstance(answer, type):
        parts = [getattr(answer, f.name) for f in dataclasses.fields(answer)]
        return any(infinite(part, depth + 1) for part in parts)
    return False


class TooLong(BaseException):
    """A call did not end."""


def late(*_):
    raise TooLong


def allow(seconds):
    """Begin to count the time of a call, or end it with none: a busy machine makes no call hang."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, 30 * seconds)


@functools.cache
def naming(*changed):
    """What a message says that blames one of these arguments."""
    words = "|".join([*map(re.escape, changed), *(ALIASES[name] for name in changed if name in ALIASES)])
    return re.compile(rf"(?<![A-Za-z_])({words})")


def outcome(label, call, arguments, changed):
    """What a call did: "answer", "words", or what else."""
    rest = [arguments.pop(name) for name in ["self"] if name in arguments]
    signature = signature_of(call)
    for name, parameter in signature.parameters.items():
        if name not in arguments or parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        extra = arguments.pop(name)
        if (
            parameter.kind == parameter.VAR_KEYWORD
            and isinstance(extra, dict)
            and all(map(str.isidentifier, map(str, extra)))
        ):
            arguments |= {str(key): value for key, value in extra.items()}
    allow(LONGEST)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("error")
            answer = call(*rest, **arguments)
            repr(answer[:3] if isinstance(answer, (tuple, list)) else answer)
    except (ValueError, sl.FitError, OSError) as error:
        allow(0)
        said = str(error)
        if isinstance(error, (sl.FitError, course.OracleError)) and len(said.split()) > 4:
            return "words"
        sentence = len(said.split()) > 4 and said.rstrip().endswith((".", "'"))
        own = re.match(r"[A-Z_a-z]\w*[\w.]*", said) and error.__traceback__
        if sentence and own and naming(*changed).search(said):
            return "words"
        return f"unnamed {type(error).__name__}: {said[:150]}"
    except TooLong:
        return "too long"
    except BaseException as error:
        allow(0)
        if isinstance(error, KeyboardInterrupt):
            raise
        trace = innermost = error.__traceback__
        while innermost.tb_next:
            innermost = innermost.tb_next
        if innermost.tb_frame.f_code.co_name == "<lambda>":
            return "answer"  # what the caller's own function raised comes through
        while trace.tb_next and "scalinglab" in trace.tb_next.tb_frame.f_code.co_filename:
            trace = trace.tb_next
        place = f"{pathlib.Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        return f"{type(error).__name__} at {place}: {str(error)[:100]}"
    finally:
        allow(0)
    if label not in INFINITE and infinite(answer):
        return "nan or inf in the answer"
    return "answer"


def shown(arguments, changed):
    def short(value):
        try:
            text = f"{type(value).__name__} {value!r}"
        except Exception as error:
            text = f"{type(value).__name__} ({error!r})"
        return text[:90].replace("\n", " ")

    return ", ".join(f"{name} = {short(arguments[name])}" for name in changed)


def fuzz(seed, calls=None, seconds=None, only=None):
    """Make random calls; yields label, outcome, the arguments replaced where it is neither, and seconds."""
    dice = random.Random(seed)
    found = valid_calls()
    labels = [label for label in sorted(found) if only is None or re.search(only, label)]
    weights = [1 / SLOW.get(label, 1) for label in labels]
    end = time.monotonic() + (seconds or 1e9)
    done = 0
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, late)
    with mock.patch.dict(os.environ, SCALINGLAB_DATA="."):  # no call asks the net
        while (calls is None or done < calls) and time.monotonic() < end:
            label = dice.choices(labels, weights)[0]
            call, bound = dice.choice(found[label])
            if not [name for name in bound if name != "self"]:
                continue
            arguments, changed = mutated(bound, dice)
            done += 1
            start = time.process_time()
            said = outcome(label, call, arguments, changed)
            spent = time.process_time() - start
            yield label, said, "" if said in ("answer", "words") else shown(arguments, changed), spent


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    parser.add_argument("--calls", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--only")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        counts, others, slow = collections.Counter(), collections.defaultdict(list), collections.Counter()
        t0 = time.process_time()
        for label, said, text, cost in fuzz(options.seed, options.calls, options.seconds, options.only):
            kind = said if said in ("answer", "words") else "other"
            counts[kind] += 1
            slow[label] += cost
            if kind == "other":
                others[label, said].append(text)
        print(f"seed {options.seed}: {dict(counts)}, {time.process_time() - t0:.1f} s")
        print("slowest:", ", ".join(f"{k} {v:.2f}" for k, v in slow.most_common(12)))
        alike = collections.defaultdict(list)
        for (label, said), texts in others.items():
            alike[label, re.sub(r"(?<=\d: ).*| (is|got|of) .*", " ...", said)].append((said, texts))
        for (label, _), found in sorted(alike.items()):
            print(
                f"{sum(len(texts) for _, texts in found):4d} {label}: {found[0][0]}\n       {found[0][1][0]}"
            )
