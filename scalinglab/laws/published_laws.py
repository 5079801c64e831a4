"""Laws of the literature beyond two terms, by name: formulas, printed constants, and how they were read."""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from types import MappingProxyType

from scalinglab._arrays import one_of
from scalinglab.laws.formulas import Law
from scalinglab.laws.law_records import FIRST_HAND, NONE, NOT_CHECKED, OUR_FIT, SECOND_HAND, PublishedLaw
from scalinglab.laws.published import KAPLAN_JOINT, MUENNIGHOFF, MUENNIGHOFF_R_D, MUENNIGHOFF_R_N

N, D = {"N": "parameters"}, {"D": "training tokens"}
TWO_TERMS = "E + A/N**alpha + B/D**beta"

#: Clark et al. 2022: experts that count, between Es where there is one and Em where there are very many.
EFFECTIVE_EXPERTS = {"Eh": "1/(1/(experts - 1 + 1/(1/Es - 1/Em)) + 1/Em)"}

#: Where the two are sought.
EXPERT_BOUNDS = {"Es": (1.0, 20.0), "Em": (30.0, 3000.0)}

#: Muennighoff et al. 2023: parameters that the unique tokens can use, and what repetition leaves of both;
#: the optimal size for so many fresh tokens is that of the law for fresh tokens.
REPEATED = {
    "UD": "min(D, U)",
    "UN": f"min(N, {(MUENNIGHOFF.A / MUENNIGHOFF.B) ** (1 / MUENNIGHOFF.alpha)!r}*UD)",
    "De": "UD*(1 - R_D*expm1(-(D/UD - 1)/R_D))",
    "Ne": "UN*(1 - R_N*expm1(-(N/UN - 1)/R_N))",
}


def _routed(name: str, a: float, b: float, c: float, d: float, Es: float, Em: float) -> PublishedLaw:
    """A row of Table 3 of Clark et al. 2022, which is in logarithms to base ten."""
    return PublishedLaw(
        name,
        Law(
            "exp(a*log(N) + b*log(Eh) + c*log(N)*log(Eh) + d)",
            where=EFFECTIVE_EXPERTS,
            variables=("N", "experts"),
            free=("a", "b", "c", "d"),
            bounds=EXPERT_BOUNDS,
            name=name,
        ),
        "clark2022",
        SECOND_HAND,
        SECOND_HAND,
        {"N": "parameters of the dense model", "experts": "experts of a routed layer, 1 if dense"},
        {"a": a, "b": b, "c": c / log(10), "d": d * log(10), "Es": Es, "Em": Em},
        "last losses, in log L; printed in base ten, here c is divided and d multiplied by ln 10; a fit of "
        "ours to the authors' runs agrees within rounding and the choice of runs",
    )


def _streams(name: str, corpus: str, E: float, alpha: float, k: float) -> PublishedLaw:
    """The law of parallel streams; its authors print the fit from a script."""
    return PublishedLaw(
        name,
        Law("E + (A/(N*(k*log(P) + 1)))**alpha", variables=("N", "P"), name=name),
        "chen2025parscale",
        FIRST_HAND,
        OUR_FIT,
        {"N": "parameters", "P": "parallel streams, 1 or more"},
        {"E": E, "alpha": alpha, "k": k},
        f"the authors' runs on {corpus}; their script, which prints the fit, ends at the same optimum; A was "
        "not noted",
    )


_ALL = (
    PublishedLaw(
        "muennighoff",
        Law("E + A/Ne**alpha + B/De**beta", where=REPEATED, variables=("N", "D", "U"), name="muennighoff"),
        "muennighoff2023",
        FIRST_HAND,
        FIRST_HAND,
        {**N, "D": "training tokens, repeated ones counted each time", "U": "unique tokens"},
        {**MUENNIGHOFF.parameters, "R_D": MUENNIGHOFF_R_D, "R_N": MUENNIGHOFF_R_N},
        "R_D and R_N to 182 runs, Huber 1e-3 on log L, the others held at those of fresh tokens; R_D lies in "
        "a flat valley",
    ),
    PublishedLaw(
        "muennighoff-fresh",
        Law(TWO_TERMS, variables=("N", "D"), tie={"beta": "alpha"}, name="muennighoff-fresh"),
        "muennighoff2023",
        FIRST_HAND,
        FIRST_HAND,
        {**N, **D},
        MUENNIGHOFF.parameters,
        "54 points of IsoFLOP curves on C4, Huber 1e-3 on log L, equal exponents",
    ),
    PublishedLaw(
        "tied",
        Law(TWO_TERMS, variables=("N", "D"), tie={"beta": "alpha"}, name="tied"),
        "gadre2024",
        SECOND_HAND,
        NONE,
        {**N, **D},
        fitted="written there as E + (a M**eta + b/M**eta)/C**eta with M = D/N, eta = alpha/2; the authors' "
        "code fits it by scipy's curve_fit from 64 starts",
    ),
    PublishedLaw(
        "power",
        Law("E + (A/N**alpha + B/D**beta)**k", variables=("N", "D"), name="power"),
        "videau2026",
        SECOND_HAND,
        NONE,
        {**N, **D},
        fitted="by 2000 restarts of L-BFGS-B: k from 0.31 to 0.45 on two grids, 0.77 to 0.90 on two other "
        "sets; the same form stands in the code of beck2025",
    ),
    PublishedLaw(
        "interaction",
        Law(TWO_TERMS + " + K/(N**alpha*D**beta)", variables=("N", "D"), free=("K",), name="interaction"),
        "",
        NONE,
        NONE,
        {**N, **D},
        fitted="a question to runs: K below zero says that more parameters make data more valuable, which a "
        "positive term cannot say; the outer power says it and stays monotone",
    ),
    PublishedLaw(
        "kaplan",
        Law("((N_c/N)**(alpha_N/alpha_D) + D_c/D)**alpha_D", variables=("N", "D"), name="kaplan"),
        "kaplan2020",
        SECOND_HAND,
        SECOND_HAND,
        {"N": "parameters without embeddings", "D": "distinct tokens"},
        KAPLAN_JOINT._asdict(),
        "WebText2, trained until the loss stops falling; read in an annotated copy of the paper",
    ),
    PublishedLaw(
        "krajewski",
        Law("c + (g/G**gamma + a)/N**alpha + b/D**beta", variables=("N", "D", "G"), name="krajewski"),
        "krajewski2024",
        FIRST_HAND,
        FIRST_HAND,
        {
            "N": "parameters, as the work counts them",
            **D,
            "G": "granularity: how many times finer than a feed-forward layer an expert is",
        },
        {"a": 18.1, "alpha": 0.115, "b": 30.8, "beta": 0.147, "g": 2.1, "gamma": 0.58, "c": 0.47},
        "mixtures of experts, Huber 0.1, weight decay 5e-4, by BFGS; RMSE 0.015, 0.019 on runs held out",
    ),
    PublishedLaw(
        "abnar",
        Law(
            "e + a/N**alpha + b/D**beta + c/(1 - S)**lam + d/((1 - S)**delta*N**gamma)",
            variables=("N", "D", "S"),
            bounds={"lam": (-2.0, 2.0), "delta": (-2.0, 2.0)},
            name="abnar",
        ),
        "abnar2025",
        SECOND_HAND,
        SECOND_HAND,
        {"N": "parameters, idle experts included", **D, "S": "share of experts that are idle, below 1"},
        {
            **{"alpha": 0.5962, "beta": 0.3954, "lam": -0.1666, "delta": 0.1603, "gamma": 0.1595},
            **{"a": 16612.5, "b": 5455.67, "c": 0.4598, "d": 17.26, "e": 0.94},
        },
        "R2 0.99 on the runs fitted, 0.68 on those held out at S = 0.98",
    ),
    PublishedLaw(
        "frantar",
        Law("c + (aS*(1 - S)**bS + cS)/N**bN + (aD/D)**bD", variables=("N", "D", "S"), name="frantar"),
        "frantar2024",
        SECOND_HAND,
        NOT_CHECKED,
        {"N": "parameters that are not zero", **D, "S": "share of parameters that are zero, below 1"},
        {"aS": 16.8, "bS": 0.722, "cS": 45.0, "bN": 0.245, "aD": 6.9e8, "bD": 0.203, "c": 0.651},
        "T5 on C4",
    ),
    PublishedLaw(
        "ludziejewski",
        Law(
            "c + a*Eh**delta*N**(alpha + gamma*log(Eh)) + b*Eh**omega*D**(beta + zeta*log(Eh))",
            where=EFFECTIVE_EXPERTS,
            variables=("N", "D", "experts"),
            bounds={
                **EXPERT_BOUNDS,
                **{"alpha": (-1.0, 0.0), "delta": (-1.0, 1.0), "gamma": (-0.1, 0.1)},
                **{"beta": (-1.0, 0.0), "omega": (-1.0, 1.0), "zeta": (-0.1, 0.1)},
            },
            name="ludziejewski",
        ),
        "ludziejewski2025",
        FIRST_HAND,
        FIRST_HAND,
        {"N": "active parameters", **D, "experts": "experts of a layer, 1 if dense"},
        {
            **{"a": 35.91, "alpha": -0.1889, "delta": -0.2285, "gamma": 0.0098},
            **{"b": 35.98, "beta": -0.1775, "omega": 0.5529, "zeta": -0.0259, "c": 1.3637},
            **{"Es": 2.0732, "Em": 290.4521},
        },
        "280 runs, Huber 0.01 on log L, by L-BFGS",
    ),
    _routed("clark", -0.082, -0.108, 0.009, 1.104, 1.847, 314.478),
    _routed("clark-rl-r", -0.083, -0.126, 0.012, 1.111, 1.880, 469.982),
    _routed("clark-hash", -0.087, -0.136, 0.012, 1.157, 4.175, 477.741),
    PublishedLaw(
        "kumar",
        Law(
            "E + A/Ne**alpha + B/D**alpha",
            where={"Ne": "N*(1 - exp(-(Pw/gw + nw)))*(1 - exp(-(Pa/ga + na)))*(1 - exp(-(Pkv/gkv + nkv)))"},
            variables=("N", "D", "Pw", "Pa", "Pkv"),
            name="kumar",
        ),
        "kumar2025",
        FIRST_HAND,
        FIRST_HAND,
        {
            **N,
            **D,
            "Pw": "bits of weights",
            "Pa": "bits of activations",
            "Pkv": "bits of the attention cache",
        },
        {
            **{"A": 4299.0, "alpha": 0.4965, "B": 18060.0, "E": 2.7648, "gw": 2.6745, "nw": 0.3037},
            **{"ga": 2.2102, "na": 1.4072, "gkv": 0.9578, "nkv": 2.4185},
        },
        "equal exponents; the offsets nw, na, nkv were fitted and stand in the table, not in the text",
    ),
    PublishedLaw(
        "tao",
        Law(
            "A1/(N/1e6)**alpha1 + A2/(V*d/1e6)**alpha2 + B/(D/1e9)**beta - E",
            variables=("N", "D", "V", "d"),
            tie={"alpha1": "beta"},
            free=("E",),
            name="tao",
        ),
        "tao2024",
        SECOND_HAND,
        SECOND_HAND,
        {
            "N": "parameters outside the vocabulary",
            **D,
            "V": "words of the vocabulary",
            "d": "embedding width",
        },
        {"A1": 1.831, "A2": 0.196, "B": 2.124, "E": 5.533, "alpha1": 0.447, "beta": 0.447, "alpha2": 0.671},
        "loss against that of word counts, which is below zero, hence E of either sign; Huber 1e-3; the "
        "authors' code counts tokens by a polynomial in V that it hands V/1000; with V itself alpha2 is 1.06",
    ),
    _streams("parscale", "the Stack", 0.69121, 0.18936, 0.39346),
    _streams("parscale-pile", "the Pile", 1.28859, 0.19628, 0.33444),
    PublishedLaw(
        "annealing",
        Law("L0 + A/S1**alpha - C*S2", variables=("S1", "S2"), name="annealing"),
        "tissue2024",
        SECOND_HAND,
        NONE,
        {
            "S1": "sum of the learning rates of all steps",
            "S2": "sum over steps of what the rate fell, with a momentum that is chosen (0.99 to 0.999)",
        },
        fitted="along the curve of one model; S2 is computed for a momentum, and several are tried",
    ),
    PublishedLaw(
        "broken",
        Law(
            "a + b/x**c0*(1 + (x/d1)**(1/f1))**(-c1*f1)",
            variables=("x",),
            bounds={"c0": (0.01, 2.0), "c1": (0.01, 2.0), "d1": (1e3, 1e13), "f1": (0.05, 2.0)},
            name="broken",
        ),
        "caballero2023",
        SECOND_HAND,
        NONE,
        {"x": "any resource whose break d1 lies between 1e3 and 1e13"},
        fitted="one break; exponent c0 before and c0 + c1 after it, f1 is its width",
    ),
    PublishedLaw(
        "progress",
        Law(
            "E + A*exp(-a*(year - 2020))/N**alpha + B*exp(-b*(year - 2020))/D**beta",
            variables=("N", "D", "year"),
            bounds={"a": (-0.5, 1.5), "b": (-0.5, 1.5)},
            name="progress",
        ),
        "ho2024",
        SECOND_HAND,
        NONE,
        {**N, **D, "year": "when a model appeared, 2020.5 in the midst of 2020"},
        fitted="language models of 2012 to 2023; compute for the same loss halves every 8.4 months (4.5 to "
        "14.3)",
    ),
)

#: Laws of the literature by their short names.
PUBLISHED_LAWS: Mapping[str, PublishedLaw] = MappingProxyType({one.name: one for one in _ALL})


def published_law(name: str) -> PublishedLaw:
    """Look up a law of the literature.

    Parameters
    ----------
    name : str
        Its short name; ``list(PUBLISHED_LAWS)`` has them all.

    Returns
    -------
    PublishedLaw

    Raises
    ------
    ValueError
        If there is none of that name; the message lists those there are.

    See Also
    --------
    LossSurface : The law of two terms and no ties; ``laws.CHINCHILLA`` and others have its constants.
    Law : One of your own.

    Notes
    -----
    Repetition :cite:p:`muennighoff2023`; tied exponents :cite:p:`gadre2024`; an outer power
    :cite:p:`videau2026,beck2025,kaplan2020`; experts, their number and their size
    :cite:p:`clark2022,krajewski2024,abnar2025,ludziejewski2025`; sparse weights :cite:p:`frantar2024`;
    precision :cite:p:`kumar2025`; vocabulary :cite:p:`tao2024`; parallel streams :cite:p:`chen2025parscale`;
    the learning rate :cite:p:`tissue2024`; a break :cite:p:`caballero2023`; years of progress
    :cite:p:`ho2024`.
    What was not read in the work itself says so.

    Examples
    --------
    >>> print(published_law("frantar"))
    law       frantar: c + (aS*(1 - S)**bS + cS)/N**bN + (aD/D)**bD
    source    frantar2024; formula second-hand, constants not checked
    constants aS 16.8, bS 0.722, cS 45, bN 0.245, aD 6.9e+08, bD 0.203, c 0.651
    columns   N parameters that are not zero; D training tokens; S share of parameters that are zero, below 1
    fitted    T5 on C4
    """
    one_of("published_law: name", name, PUBLISHED_LAWS)
    return PUBLISHED_LAWS[name]
