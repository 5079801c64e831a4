"""Published exponents of compute-optimal allocation by field, each with its source and how it was read."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import cast

from scalinglab.laws import published
from scalinglab.laws.law_records import FIRST_HAND, SECOND_HAND
from scalinglab.laws.published import CHINCHILLA_REFIT, CHINCHILLA_UNROUNDED, SODA, SPARSE_NMM
from scalinglab.laws.published_laws import PUBLISHED_LAWS
from scalinglab.laws.surface import LossSurface


@dataclass(frozen=True)
class PublishedExponents:
    r"""Exponents of one study: :math:`N^* \propto C^a` and :math:`D^* \propto C^b`, or alpha and beta.

    Attributes
    ----------
    field : str
        What was modelled: text, code, protein, ...
    what : str
        Which data, model or fit of the study.
    key : str
        The study's key in the bibliography.
    place : str
        Table, figure or equation; empty where whoever collected it does not say.
    method : str
        How it was fitted: ``"Approach 1"`` to ``"Approach 3"``, or in words.
    read : str
        ``"first-hand"`` in the study or in what its authors released, or ``"second-hand"``.
    collected : str
        Key of the work in which it was read, where that is another one.
    a, b : float, optional
        Exponents of best size and best tokens, as printed; fitted apart, they need not add up to one.
    alpha, beta : float, optional
        Exponents of the surface, where they are printed.
    printed_ratio : float, optional
        alpha over beta, where nothing else is printed.

    See Also
    --------
    PUBLISHED_EXPONENTS : All of them.
    PublishedLaw : Whole laws of the literature, with their constants.
    """

    field: str
    what: str
    key: str
    place: str
    method: str
    read: str
    collected: str = ""
    a: float | None = None
    b: float | None = None
    alpha: float | None = None
    beta: float | None = None
    printed_ratio: float | None = None

    @property
    def first_hand(self) -> bool:
        """Whether it was read in the study itself."""
        return self.read == FIRST_HAND

    @property
    def ratio(self) -> float:
        r""":math:`\alpha/\beta`, which is b/a; where one of the two is missing, a + b = 1."""
        if self.printed_ratio is not None:
            return self.printed_ratio
        if self.alpha is not None and self.beta is not None:
            return self.alpha / self.beta
        if self.a is not None:
            return (1 - self.a if self.b is None else self.b) / self.a
        return cast(float, self.b) / (1 - cast(float, self.b))

    @property
    def total(self) -> float | None:
        """Sum of alpha and beta; None where only a and b, or their ratio, are printed."""
        return None if self.alpha is None or self.beta is None else self.alpha + self.beta

    def __repr__(self) -> str:
        printed = [
            f"{name} {value:.4g}"
            for name in ("a", "b", "alpha", "beta")
            if (value := getattr(self, name)) is not None
        ]
        numbers = ", ".join([*printed, f"alpha/beta {self.ratio:.3g}"])
        source = ", ".join(part for part in (self.key, self.place, self.read) if part)
        by = f" by way of {self.collected}" if self.collected else ""
        return f"{self.field}, {self.what}: {numbers} ({source}{by})"


def _collected(
    field: str, what: str, key: str, place: str, a: float, b: float, method: str = "Approach 2"
) -> PublishedExponents:
    """A row of the table that Czech et al. 2026 collect."""
    return PublishedExponents(field, what, key, place, method, SECOND_HAND, "czech2026", a, b)


def _hoffmann(
    field: str, what: str, place: str, method: str, a: float, b: float | None
) -> PublishedExponents:
    """A row of Hoffmann et al. 2022."""
    return PublishedExponents(field, what, "hoffmann2022", place, method, FIRST_HAND, a=a, b=b)


def _porian(what: str, a: float | None) -> PublishedExponents:
    """A row of what Porian et al. 2024 released, everything tuned."""
    return PublishedExponents(
        "text", f"{what}, tuned", "porian2024", "released analysis", "best run a budget", FIRST_HAND, a=a
    )


def _surface(
    field: str, surface: LossSurface, what: str, key: str, place: str, read: str, collected: str = ""
) -> PublishedExponents:
    """Exponents of a surface of ``laws.published``."""
    return PublishedExponents(
        field, what, key, place, "Approach 3", read, collected, alpha=surface.alpha, beta=surface.beta
    )


def _law(field: str, name: str, what: str, alpha: str, beta: str) -> PublishedExponents:
    """Exponents of N and of D of a law of ``PUBLISHED_LAWS``."""
    one = PUBLISHED_LAWS[name]
    return PublishedExponents(
        field, what, one.key, "", "a law with more variables", one.constants,
        alpha=one.parameters[alpha], beta=one.parameters[beta],
    )  # fmt: skip


def _experts(experts: float) -> PublishedExponents:
    """Exponents of ``PUBLISHED_LAWS["ludziejewski"]`` at a number of experts."""
    one = PUBLISHED_LAWS["ludziejewski"]
    p = one.parameters
    effective = 1 / (1 / (experts - 1 + 1 / (1 / p["Es"] - 1 / p["Em"])) + 1 / p["Em"])
    return PublishedExponents(
        "mixture of experts", f"{experts:g} experts" if experts > 1 else "one expert", one.key, "",
        "a law with more variables", one.constants,
        alpha=-(p["alpha"] + p["gamma"] * log(effective)), beta=-(p["beta"] + p["zeta"] * log(effective)),
    )  # fmt: skip


def _hybrid(what: str, alpha: float, beta: float) -> PublishedExponents:
    """A row of the OLMo hybrid study, whose surface Czech et al. 2026 note down."""
    return PublishedExponents(
        "text", what, "merrill2026", "fig. 8", "Approach 3", SECOND_HAND, "czech2026", alpha=alpha, beta=beta
    )


def _form_of_kaplan(field: str, what: str, key: str, place: str, ratio: float) -> PublishedExponents:
    """A row of the table of Czech et al. 2026 whose surface has Kaplan's form: its ratio alone compares."""
    return PublishedExponents(
        field, what, key, place, "Kaplan's form", SECOND_HAND, "czech2026", printed_ratio=ratio
    )


_TUNED = published.PORIAN_STEPS[-1]

#: Exponents of the literature by field. Of rows that two works print, the older work has the row.
PUBLISHED_EXPONENTS: tuple[PublishedExponents, ...] = (
    PublishedExponents(
        "text", "WebText2, embedding not counted", "kaplan2020", "eq. 6.1", "fixed sizes", SECOND_HAND,
        a=published.KAPLAN_N_OPT.exponent, b=published.KAPLAN_D_OPT.exponent,
    ),
    _hoffmann("text", "MassiveText", "table 2", "Approach 1", 0.50, 0.50),
    _hoffmann("text", "MassiveText", "table 2", "Approach 2", 0.49, 0.51),
    _surface("text", CHINCHILLA_UNROUNDED, "MassiveText", "hoffmann2022", "source of eq. 10", FIRST_HAND),
    _surface("text", CHINCHILLA_REFIT, "MassiveText, refitted", "besiroglu2024", "notebook", FIRST_HAND),
    _hoffmann("text", "C4", "appendix C", "Approach 2", 0.50, None),
    _hoffmann("code", "GitHub", "appendix C", "Approach 2", 0.53, None),
    PublishedExponents(
        "text", "tokens of Llama 3", "grattafiori2024", "text, D* = 0.29 C^0.53", "Approach 2", FIRST_HAND,
        b=published.LLAMA3_TOKEN_EXPONENT,
    ),
    _porian("RefinedWeb", _TUNED.a),
    _porian("OpenWebText2", _TUNED.a_openwebtext2),
    _collected("text", "DeepSeek, early data", "deepseek2024", "table 4", 0.450, 0.550),
    _collected("text", "DeepSeek, current data", "deepseek2024", "table 4", 0.524, 0.476),
    _collected("text", "DeepSeek on OpenWebText2", "deepseek2024", "table 4", 0.578, 0.422),
    _collected("text", "discrete diffusion", "vonrutte2025", "table 1", 0.589, 0.411),
    _collected("text", "transformer on DCLM", "beck2025", "", 0.575, 0.424),
    _collected("text", "xLSTM on DCLM", "beck2025", "", 0.547, 0.417),
    _hybrid("OLMo, transformer", 0.252, 0.213),
    _hybrid("OLMo, hybrid", 0.226, 0.219),
    _hybrid("OLMo, gated DeltaNet", 0.183, 0.227),
    _law("text", "frantar", "T5 on C4, weights that are not zero", "bN", "bD"),
    _law("mixture of experts", "krajewski", "fine-grained experts", "alpha", "beta"),
    _law("mixture of experts", "abnar", "idle experts counted", "alpha", "beta"),
    _experts(1),
    _experts(64),
    _collected("multimodal", "early fusion, average", "shukor2025", "table 2", 0.5262, 0.473, "Approach 3"),
    _collected("multimodal", "late fusion", "shukor2025", "table 2", 0.6358, 0.4619, "Approach 3"),
    _collected("multimodal", "sparse early fusion", "shukor2025", "table 2", 0.361, 0.656, "Approach 3"),
    _surface("multimodal", SPARSE_NMM, "sparse, its surface", "shukor2025", "", SECOND_HAND, "czech2026"),
    _collected("audio", "audio and text", "manakul2026", "fig. 4", 0.367, 0.579),
    _surface("audio", SODA, "audio and text, its surface", "manakul2026", "", SECOND_HAND, "czech2026"),
    PublishedExponents(
        "images", "images, video and more", "henighan2020", "about 0.7", "fixed sizes", SECOND_HAND, a=0.7
    ),
    _collected("images", "diffusion transformer", "liang2024", "eqs. 5 and 6", 0.5681, 0.4319),
    _collected("protein", "causal", "cheng2024", "", 0.578, 0.422),
    _collected("protein", "masked", "cheng2024", "", 0.776, 0.230),
    PublishedExponents(
        "protein", "masked, UniRef50", "serrano2024", "a summary", "not known", SECOND_HAND, a=0.27, b=0.71
    ),
    _form_of_kaplan("protein", "ProGen3", "bhatnagar2025", "", 1 / 1.479),
    _collected("DNA", "Transformer++", "nguyen2024", "fig. S5", 0.552, 0.551),
    _collected("DNA", "Mamba", "nguyen2024", "fig. S5", 0.388, 0.487),
    _collected("DNA", "Hyena", "nguyen2024", "fig. S5", 0.504, 0.499),
    _collected("DNA", "StripedHyena", "nguyen2024", "fig. S5", 0.483, 0.539),
    _collected("health records", "MIMIC-IV", "zhang2025", "fig. 1", 0.58, 0.44),
    _collected("games", "NetHack", "tuyls2024", "", 0.61, 0.39),
    _collected("games", "Battle Zone", "tuyls2024", "", 0.58, 0.51),
    _collected("games", "Breakout", "tuyls2024", "", 0.74, 0.46),
    _form_of_kaplan("retrieval", "query and document", "fang2024", "section 4.4", 0.56 / 1.31),
)  # fmt: skip
