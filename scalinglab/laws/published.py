"""Every constant taken from the literature, once, with its source.

``SOURCES`` maps each name to the bibliography key of the work that printed the numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import plain, positive
from scalinglab.laws.power_laws import PowerLaw
from scalinglab.laws.surface import LossSurface

#: Hoffmann et al. 2022, eq. 10: the five numbers as printed, exponents rounded to two digits.
CHINCHILLA = LossSurface(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28, name="Chinchilla")

#: The same fit before rounding: exp(0.5267228), exp(6.0073404), exp(6.0179186) and the exponents in
#: the source of Hoffmann et al. 2022, as quoted by Besiroglu et al. 2024.
CHINCHILLA_UNROUNDED = LossSurface(
    E=float(np.exp(0.5267228)),
    A=float(np.exp(6.0073404)),
    B=float(np.exp(6.0179186)),
    alpha=0.33917084,
    beta=0.2849083,
    name="Chinchilla, unrounded",
)

#: Besiroglu et al. 2024: Approach 3 refitted to 240 runs read from Hoffmann's Figure 4.
CHINCHILLA_REFIT = LossSurface(
    E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658, name="Chinchilla, refitted"
)

#: Czech et al. 2026: an artificial surface with equal exponents.
SYMMETRIC = LossSurface(E=1.69, A=400.0, B=400.0, alpha=0.31, beta=0.31, name="Symmetric")

#: Czech et al. 2026: Chinchilla's constants with exponents in the ratio three to one.
ASYMMETRIC = LossSurface(E=1.69, A=406.4, B=410.7, alpha=0.465, beta=0.155, name="Asymmetric")

#: Audio tokens (SODA), the values Czech et al. 2026 use.
SODA = LossSurface(E=3.169, A=215886.0, B=4750.0, alpha=0.684, beta=0.439, name="SODA")

#: Sparse native multimodal models, the values Czech et al. 2026 use.
SPARSE_NMM = LossSurface(E=2.158, A=381773.0, B=4659.0, alpha=0.710, beta=0.372, name="Sparse-NMM")

#: Muennighoff et al. 2023: the law for fresh tokens of C4, equal exponents; exp(6.255414),
#: exp(7.3049974) and E = exp(0.6254804), printed in eq. 17 as 521, 1488 and 1.87 with exponents 0.35.
MUENNIGHOFF = LossSurface(
    E=float(np.exp(0.6254804)),
    A=float(np.exp(6.255414)),
    B=float(np.exp(7.3049974)),
    alpha=0.3526596,
    beta=0.3526596,
    name="C4, fresh tokens",
)

#: Muennighoff et al. 2023: decay constants of repeated tokens and of excess parameters; a local minimum in
#: a flat valley of their objective, from 8 to infinity within one per cent for the first.
MUENNIGHOFF_R_D, MUENNIGHOFF_R_N = 15.387756, 5.309743


class Allocation(NamedTuple):
    """One row of a published compute-optimal table: parameters, FLOPs, tokens."""

    N: float
    C: float
    D: float


#: Hoffmann et al. 2022, Table 3 (Approach 1).
CHINCHILLA_TABLE_3 = (
    Allocation(400e6, 1.92e19, 8.0e9),
    Allocation(1e9, 1.21e20, 20.2e9),
    Allocation(10e9, 1.23e22, 205.1e9),
    Allocation(67e9, 5.76e23, 1.5e12),
    Allocation(175e9, 3.85e24, 3.7e12),
    Allocation(280e9, 9.90e24, 5.9e12),
    Allocation(520e9, 3.43e25, 11.0e12),
    Allocation(1e12, 1.27e26, 21.2e12),
    Allocation(10e12, 1.30e28, 216.2e12),
)

#: Hoffmann et al. 2022, Table A3, columns of Approach 3, as printed: the compute of 175B is a misprint.
CHINCHILLA_TABLE_A3 = (
    Allocation(400e6, 2.21e19, 9.2e9),
    Allocation(1e9, 1.62e20, 27.1e9),
    Allocation(10e9, 2.46e22, 410.1e9),
    Allocation(67e9, 1.71e24, 4.1e12),
    Allocation(175e9, 1.26e24, 12.0e12),
    Allocation(280e9, 3.52e25, 20.1e12),
    Allocation(520e9, 1.36e26, 43.5e12),
    Allocation(1e12, 5.65e26, 94.1e12),
    Allocation(10e12, 8.55e28, 1425.5e12),
)

#: Hoffmann et al. 2022: the budget of Gopher, at which the paper asks for the best model.
GOPHER_COMPUTE = 5.76e23

#: Hoffmann et al. 2022: Chinchilla itself, parameters and tokens.
CHINCHILLA_N, CHINCHILLA_D = 70e9, 1.4e12

#: Grattafiori et al. 2024: the budget of the Llama 3 flagship and the allocation their law gives for it.
LLAMA3_COMPUTE = 3.8e25

LLAMA3_N, LLAMA3_D = 402e9, 16.55e12

#: Grattafiori et al. 2024: their token law D* = 0.29 C^0.53, as printed.
LLAMA3_TOKEN_COEFFICIENT, LLAMA3_TOKEN_EXPONENT = 0.29, 0.53


class WasteEstimate(NamedTuple):
    """A published estimate of compute wasted by Approach 2: a fraction, dollars, and a 90 % interval."""

    fraction: float
    dollars: float
    low: float
    high: float


#: Czech et al. 2026: Llama 3 at 3.8e25 FLOPs, reference surface by Approach 3.
LLAMA3_WASTE = WasteEstimate(fraction=0.065, dollars=1.4e6, low=412e3, high=2.9e6)

#: Czech et al. 2026: the relative error of the base-10 intercept on grids of +-16x ("4.1 %").
INTERCEPT_ERROR_PRINTED = 0.041

#: Kaplan et al. 2020: FLOPs in one petaflop/s-day, the unit of compute of every law below.
PF_DAY = 8.64e19


class KaplanLaw(NamedTuple):
    """Kaplan's law ``L(x) = (scale / x)^exponent`` in one resource, nats per token; no irreducible loss."""

    scale: float
    exponent: float

    def __call__(self, x: ArrayLike) -> Any:
        """Loss at ``x``, in the unit of the scale."""
        return plain((self.scale / positive("x", x)) ** self.exponent)


class KaplanJoint(NamedTuple):
    """Kaplan's joint law ``L(N, D) = [(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D``, in nats per token."""

    N_c: float
    D_c: float
    alpha_N: float
    alpha_D: float

    def __call__(self, N: ArrayLike, D: ArrayLike) -> Any:
        """Loss of N non-embedding parameters trained on D distinct tokens until it stops falling."""
        size = (self.N_c / positive("N", N)) ** (self.alpha_N / self.alpha_D)
        return plain((size + self.D_c / positive("D", D)) ** self.alpha_D)


class KaplanSteps(NamedTuple):
    """Kaplan's law of steps ``L(N, S_min) = (N_c/N)^alpha_N + (S_c/S_min)^alpha_S``, in nats per token."""

    N_c: float
    S_c: float
    alpha_N: float
    alpha_S: float

    def __call__(self, N: ArrayLike, S_min: ArrayLike) -> Any:
        """Loss of N non-embedding parameters after S_min steps at a very large batch."""
        size = (self.N_c / positive("N", N)) ** self.alpha_N
        return plain(size + (self.S_c / positive("S_min", S_min)) ** self.alpha_S)


class KaplanBatch(NamedTuple):
    """Kaplan's critical batch ``B_crit(L) = B / L^(1/alpha_B)``, in tokens."""

    B: float
    alpha_B: float

    def __call__(self, L: ArrayLike) -> Any:
        """Critical batch in tokens at a loss of L nats per token."""
        return plain(self.B / positive("L", L) ** (1 / self.alpha_B))


#: Kaplan et al. 2020, eqs. 1.1 and 1.2: loss against non-embedding parameters, and against tokens.
KAPLAN_L_N = KaplanLaw(scale=8.8e13, exponent=0.076)

KAPLAN_L_D = KaplanLaw(scale=5.4e13, exponent=0.095)

#: Kaplan et al. 2020, eq. 1.3: loss against the least compute that reaches it; scale in PF-days.
KAPLAN_L_C_MIN = KaplanLaw(scale=3.1e8, exponent=0.050)

#: Kaplan et al. 2020, Table 5: loss against compute at a fixed batch; scale in PF-days.
KAPLAN_L_C = KaplanLaw(scale=1.6e7, exponent=0.057)

#: Kaplan et al. 2020, eq. 1.5 and Table 2: the joint fit has constants of its own.
KAPLAN_JOINT = KaplanJoint(N_c=6.4e13, D_c=1.8e13, alpha_N=0.076, alpha_D=0.103)

#: Kaplan et al. 2020, eq. 1.6 and Table 3: parameters and steps; again its own constants.
KAPLAN_STEPS = KaplanSteps(N_c=6.5e13, S_c=2.1e3, alpha_N=0.077, alpha_S=0.76)

#: Kaplan et al. 2020, eq. 1.4 (Table 5 prints B = 2.1e8).
KAPLAN_BATCH = KaplanBatch(B=2e8, alpha_B=0.21)

#: Kaplan et al. 2020, eq. 6.1 and Table 6: best parameters, batch in tokens, steps and tokens;
#: C_min in PF-days.
KAPLAN_N_OPT = PowerLaw(coefficient=1.3e9, exponent=0.73)

KAPLAN_B_OPT = PowerLaw(coefficient=2.0e6, exponent=0.24)

KAPLAN_S_OPT = PowerLaw(coefficient=5.4e3, exponent=0.03)

KAPLAN_D_OPT = PowerLaw(coefficient=2e10, exponent=0.27)

#: Kaplan et al. 2020, Figure 14: best parameters at a fixed batch; C in PF-days, not C_min.
KAPLAN_N_OPT_FIXED_BATCH = PowerLaw(coefficient=1.6e9, exponent=0.88)

#: Kaplan et al. 2020, eq. 6.7: tokens of the best one-epoch run; C_min in PF-days.
KAPLAN_D_ONE_EPOCH = PowerLaw(coefficient=4e10, exponent=0.26)

#: Kaplan et al. 2020, eq. 4.4: tokens that N non-embedding parameters need not to overfit.
KAPLAN_D_NEEDED = PowerLaw(coefficient=5e3, exponent=0.74)

#: Kaplan et al. 2020, eqs. 6.4 and B.7: the exponent of L(C_min) predicted from the others, printed twice.
KAPLAN_ALPHA_C_MIN_PREDICTED = (0.054, 0.052)

#: Kaplan et al. 2020, eq. 6.5: the exponent of N_opt predicted from the others.
KAPLAN_N_OPT_EXPONENT_PREDICTED = 0.71

#: Kaplan et al. 2020: the smallest and the largest model, non-embedding parameters (768, not 768 million),
#: and the fewest and the most tokens.
KAPLAN_N_RANGE, KAPLAN_D_RANGE = (768.0, 1.5e9), (22e6, 23e9)

#: Pearce and Song 2024: total parameters are N + omega N^(1/3); a vocabulary of 32000.
PEARCE_OMEGA, PEARCE_VOCABULARY = 47491.0, 32000.0

#: Pearce and Song 2024: the simulation's models (non-embedding), recorded tokens and budgets.
PEARCE_N_RANGE, PEARCE_D_RANGE = (10**2.9, 10**9.2), (1e6, 1e25)

PEARCE_C_RANGE = (10**12.95, 10**20.7)

#: Vance 2022: loss against FLOPs, Kaplan's law, and Chinchilla's two terms above 1.69.
VANCE_KAPLAN = PowerLaw(coefficient=26.387, exponent=-0.05)

VANCE_CHINCHILLA = (
    PowerLaw(coefficient=514.5, exponent=-0.156),
    PowerLaw(coefficient=560.2, exponent=-0.1512),
)


class PorianStep(NamedTuple):
    """One step from Kaplan's setting to Chinchilla's: exponents a of N* ~ C^a, N* at 5.88e23 FLOPs."""

    name: str
    a: float
    low: float
    high: float
    a_openwebtext2: float | None
    N_opt: float | None


#: Porian et al. 2024: RefinedWeb with 95 % bootstrap intervals, and OpenWebText2.
PORIAN_STEPS = (
    PorianStep("Kaplan's setting", 0.835, 0.82, 0.85, 0.864, 3.0e12),
    PorianStep("count the head's FLOPs", 0.706, 0.69, 0.72, 0.699, 787e9),
    PorianStep("shorten the warm-up", 0.602, 0.59, 0.62, 0.603, 292e9),
    PorianStep("decay the learning rate", 0.571, 0.56, 0.59, 0.574, 183e9),
    PorianStep("tune each size, no decay", 0.497, 0.49, 0.50, 0.518, 76.9e9),
)

#: Porian et al. 2024: everything tuned, but counted in Kaplan's way (RefinedWeb).
PORIAN_TUNED_KAPLAN_COUNT = PorianStep("tuned, Kaplan's count", 0.711, 0.70, 0.72, None, None)

#: Bibliography key of each constant.
SOURCES = {
    "MUENNIGHOFF": "muennighoff2023",
    "MUENNIGHOFF_R_D": "muennighoff2023",
    "MUENNIGHOFF_R_N": "muennighoff2023",
    "CHINCHILLA": "hoffmann2022",
    "CHINCHILLA_UNROUNDED": "besiroglu2024",
    "CHINCHILLA_REFIT": "besiroglu2024",
    "SYMMETRIC": "czech2026",
    "ASYMMETRIC": "czech2026",
    "SODA": "manakul2026",
    "SPARSE_NMM": "shukor2025",
    "CHINCHILLA_TABLE_3": "hoffmann2022",
    "CHINCHILLA_TABLE_A3": "hoffmann2022",
    "GOPHER_COMPUTE": "hoffmann2022",
    "CHINCHILLA_N": "hoffmann2022",
    "CHINCHILLA_D": "hoffmann2022",
    "LLAMA3_COMPUTE": "grattafiori2024",
    "LLAMA3_N": "grattafiori2024",
    "LLAMA3_D": "grattafiori2024",
    "LLAMA3_TOKEN_COEFFICIENT": "grattafiori2024",
    "LLAMA3_TOKEN_EXPONENT": "grattafiori2024",
    "LLAMA3_WASTE": "czech2026",
    "INTERCEPT_ERROR_PRINTED": "czech2026",
    "PF_DAY": "kaplan2020",
    "KAPLAN_L_N": "kaplan2020",
    "KAPLAN_L_D": "kaplan2020",
    "KAPLAN_L_C_MIN": "kaplan2020",
    "KAPLAN_L_C": "kaplan2020",
    "KAPLAN_JOINT": "kaplan2020",
    "KAPLAN_STEPS": "kaplan2020",
    "KAPLAN_BATCH": "kaplan2020",
    "KAPLAN_N_OPT": "kaplan2020",
    "KAPLAN_B_OPT": "kaplan2020",
    "KAPLAN_S_OPT": "kaplan2020",
    "KAPLAN_D_OPT": "kaplan2020",
    "KAPLAN_N_OPT_FIXED_BATCH": "kaplan2020",
    "KAPLAN_D_ONE_EPOCH": "kaplan2020",
    "KAPLAN_D_NEEDED": "kaplan2020",
    "KAPLAN_ALPHA_C_MIN_PREDICTED": "kaplan2020",
    "KAPLAN_N_OPT_EXPONENT_PREDICTED": "kaplan2020",
    "KAPLAN_N_RANGE": "kaplan2020",
    "KAPLAN_D_RANGE": "kaplan2020",
    "PEARCE_OMEGA": "pearce2024",
    "PEARCE_VOCABULARY": "pearce2024",
    "PEARCE_N_RANGE": "pearce2024",
    "PEARCE_D_RANGE": "pearce2024",
    "PEARCE_C_RANGE": "pearce2024",
    "VANCE_KAPLAN": "vance2022",
    "VANCE_CHINCHILLA": "vance2022",
    "PORIAN_STEPS": "porian2024",
    "PORIAN_TUNED_KAPLAN_COUNT": "porian2024",
}
