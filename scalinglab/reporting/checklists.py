"""Checklist of a fit: what a reader must know to reproduce it, on one page."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.data.runs import Runs
from scalinglab.fitting.law_results import LawFit
from scalinglab.fitting.results import SurfaceFit, require_fit
from scalinglab.laws.surface import training_flops
from scalinglab.solvers.objectives import Loss

#: What no program can know: left open for the author.
TO_FILL_IN = (
    "what N counts (embeddings?) and how C was counted",
    "unit of the loss, and the data it was measured on",
    "final or intermediate checkpoints; learning-rate schedule and whether it ended with the run",
    "which runs were left out, and by what rule",
)


def fingerprint(runs: Runs) -> str:
    """Fingerprint of runs: two sets that differ in any number have different ones.

    The first 16 hexadecimal digits of the SHA-256 of N, D and L as little-endian doubles, in this order.

    Examples
    --------
    >>> runs = Runs([1e8, 2e8], [4e9, 2e9], [3.1, 3.0])
    >>> other = Runs([1e8, 2e8], [4e9, 2e9], [3.1, 3.001])
    >>> fingerprint(runs) == fingerprint(other)
    False
    """
    table = np.stack([runs.N, runs.D, runs.L]).astype("<f8")
    return hashlib.sha256(table.tobytes()).hexdigest()[:16]


def checklist(fit: SurfaceFit | LawFit) -> str:
    """Checklist of a fit as a Markdown list: what a reader must know to reproduce it.

    Parameters
    ----------
    fit : SurfaceFit or LawFit
        The fit.

    Returns
    -------
    str
        Readable as it stands; a line for each thing to know, and four for the author to fill in.

    See Also
    --------
    data_card : Where the bundled tables come from.

    Notes
    -----
    Explained in the chapter *Fitting carefully*. Parameters carry ten digits: enough for the fitted
    losses to return to better than a millionth of a per cent, which a test holds.

    Examples
    --------
    >>> from scalinglab import fit_vpnls, load_llama3
    >>> print(checklist(fit_vpnls(load_llama3())).splitlines()[0])
    - **Form**: `L = E + A/N^alpha + B/D^beta`; all 5 parameters fitted, nothing fixed
    """
    if not isinstance(fit, LawFit):
        require_fit("checklist", fit)
    runs, loss = fit.runs, fit.loss
    spent = runs.C / training_flops(runs.N, runs.D)
    counted = "C = 6ND" if np.abs(spent - 1).max() < 1e-6 else f"C/6ND {_span(spent, 4)}"
    scale = "ln L" if loss.log else "L"
    lines = [
        ("Form", _form(fit)),
        (
            "Runs",
            f"{len(runs)} at {len(runs.budgets)} budgets (within 1 %); N {_span(runs.N)}, D {_span(runs.D)}, "
            f"D/N {_span(runs.D / runs.N)}, L {_span(runs.L, 4)}; fingerprint `{fingerprint(runs)}`",
        ),
        *[("Prepared", " ".join(runs.notes))] * bool(runs.notes),
        ("Compute", f"{_span(runs.C)} FLOPs; {counted}"),
        ("Objective", f"sum over runs of {_formula(loss)}, r = fitted - observed {scale}; all weights one"),
        ("Method", f"{fit.method}; {fit.search}"),
        ("Reached", f"objective {fit.objective:.10g}"),
        (
            "Parameters",
            ", ".join(
                f"`{name}` not determined" if name in fit.undetermined else f"`{name} = {value:.10g}`"
                for name, value in _parameters(fit).items()
            ),
        ),
        ("Errors", _errors(fit)),
        ("Frontier", _frontier(fit)),
        ("Concerns", " ".join(fit.concerns) or "none found"),
        (
            "Software",
            f"scalinglab {_version('scalinglab')}, numpy {np.__version__}, scipy {_version('scipy')}",
        ),
        *(("To fill in", question) for question in TO_FILL_IN),
    ]
    return "\n".join(f"- **{name}**: {text}" for name, text in lines)


def _form(fit: SurfaceFit | LawFit) -> str:
    """The law as a formula, and what of it was fitted."""
    if isinstance(fit, SurfaceFit):
        parameters = len(fit.surface.parameters)
        return f"`L = {fit.surface.FORMULA}`; all {parameters} parameters fitted, nothing fixed"
    law = fit.law
    parts = [f"`{name} = {part}`" for name, part in law.where.items()]
    held = [f"`{name} = {value:g}` fixed" for name, value in law.fixed.items()]
    held += [f"`{name} = {other}` tied" for name, other in law.tie.items()]
    free = f"; {', '.join(sorted(law.free))} of either sign" if law.free else ""
    return (
        f"`L = {law.formula}`{', with ' + ', '.join(parts) if parts else ''}; {len(fit.names)} parameters "
        f"fitted, {', '.join(held) or 'nothing fixed'}{free}"
    )


def _parameters(fit: SurfaceFit | LawFit) -> Mapping[str, float]:
    return fit.surface.parameters if isinstance(fit, SurfaceFit) else fit.parameters


def _frontier(fit: SurfaceFit | LawFit) -> str:
    """Where the frontier comes from."""
    if isinstance(fit, LawFit):
        return "by `fit.optimum(C)`, at a cost stated there (6ND)"
    s = fit.surface
    return fit.no_frontier or f"`N* = {s.G:.6g} (C/6)^{s.a:.6f}`, from the parameters"


def _errors(fit: SurfaceFit | LawFit) -> str:
    """Standard errors of the parameters and of a, or why there are none."""
    if isinstance(fit, SurfaceFit) and fit.no_errors:
        return f"no standard errors: {fit.no_errors}"
    errors = ", ".join(f"`{name}` {error:.2g}" for name, error in fit.standard_errors.items())
    return f"standard errors to first order, all runs alike and independent: {errors}"


def _span(values: FloatArray, digits: int = 3) -> str:
    return f"{values.min():.{digits}g} to {values.max():.{digits}g}"


def _formula(loss: Loss) -> str:
    """The loss with its formula, where it has a short one."""
    delta = getattr(loss, "delta", None)
    if delta is None:
        return f"{loss} (r²)"
    return f"{loss} (r²/2 up to |r| = {delta:g}, then {delta:g}·(|r| - {delta / 2:g}))"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
