"""How a law prints itself: its parts, what is linear and what is not, the path of a fit."""

from __future__ import annotations

from typing import Any


def printed_law(law: Any) -> str:
    """What is linear in a law, what is not, and how a fit will go about it."""
    separated = law.linear_form.separated()
    linear = [name.removesuffix("'") for name in separated.coefficients]
    signs = "; all ≥ 0" if not law.free else f"; {', '.join(sorted(law.free))} of either sign, others ≥ 0"
    ratios = [name.removeprefix("ln ").split("/") for name in separated.nonlinear if "/" in name]
    shown = [", ".join(name for name in separated.nonlinear if "/" not in name) or "none"]
    shown += [f"and {top} through its ratio to {bottom}" for top, bottom in ratios]
    path = (
        "log-linear columns in closed form, space-filling starts"
        if separated.log_linear
        else "screened starts, variable projection with derivatives of the formula"
    )
    lines = [("law", f"{law.name}: {law.formula}" if law.name else law.formula)]
    lines += [("", f"{part} = {definition}") for part, definition in law.where.items()]
    lines += [
        (
            "variables",
            ", ".join(sorted(law.names_of(), key=lambda n: ("NDC".find(n) % 9, n))) or "none yet",
        ),
        ("linear", (", ".join(linear) or "none") + signs),
        ("nonlinear", ", ".join(shown)),
        *((("tied", ", ".join(f"{k} = {v}" for k, v in law.tie.items())),) if law.tie else ()),
        *((("fixed", ", ".join(f"{k} = {v:g}" for k, v in law.fixed.items())),) if law.fixed else ()),
        ("fit", path if law.linear_form is law else f"in log L (log=True), {path}"),
    ]
    return "\n".join(f"{head:<9} {text}" for head, text in lines)
