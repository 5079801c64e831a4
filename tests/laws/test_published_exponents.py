import re
from pathlib import Path

import numpy as np
import pytest

from scalinglab.laws import PUBLISHED_EXPONENTS, SODA, SOURCES, PublishedExponents, published_law

ROOT = Path(__file__).parents[2]
READ = {"first-hand", "second-hand", "not checked"}


def entry(**where):
    """The one entry with these attributes."""
    (one,) = [
        one
        for one in PUBLISHED_EXPONENTS
        if all(getattr(one, name) == value for name, value in where.items())
    ]
    return one


def test_every_entry_has_citation_and_says_how_it_was_read():
    keys = set(re.findall(r"@\w+\{(\w+),", (ROOT / "book/references.bib").read_text(encoding="utf-8")))
    for one in PUBLISHED_EXPONENTS:
        assert one.key in keys
        assert one.collected in {"", *keys} - {one.key}
        assert one.read in READ
        assert one.first_hand == (one.read == "first-hand")
        assert one.field
        assert one.what
        assert one.method
        # what is read in the work itself has its place; what is collected has its collector or a place
        assert one.place or one.collected or one.method == "a law with more variables"


def test_collected_rows_are_second_hand():
    assert {one.read for one in PUBLISHED_EXPONENTS if one.collected} == {"second-hand"}


def test_no_row_stands_twice():
    rows = {(one.key, one.field, one.what, one.method) for one in PUBLISHED_EXPONENTS}
    assert len(rows) == len(PUBLISHED_EXPONENTS)


def test_fields_far_from_text_are_there():
    fields = {one.field for one in PUBLISHED_EXPONENTS}
    assert fields >= {"text", "code", "DNA", "protein", "health records", "audio", "images", "games"}


# beta/alpha as the table of Czech et al. 2026 prints it, two digits after the point
@pytest.mark.parametrize(
    ("key", "what", "printed"),
    [
        ("deepseek2024", "DeepSeek, early data", 0.82),
        ("deepseek2024", "DeepSeek on OpenWebText2", 1.37),
        ("zhang2025", "MIMIC-IV", 1.32),
        ("nguyen2024", "Mamba", 0.80),
        ("nguyen2024", "StripedHyena", 0.90),
        ("tuyls2024", "Breakout", 1.61),
        ("liang2024", "diffusion transformer", 1.32),
        ("vonrutte2025", "discrete diffusion", 1.43),
        ("cheng2024", "masked", 3.37),
        ("beck2025", "xLSTM on DCLM", 1.31),
        ("shukor2025", "sparse early fusion", 0.55),
        ("merrill2026", "OLMo, transformer", 0.85),
        ("merrill2026", "OLMo, gated DeltaNet", 1.24),
        ("manakul2026", "audio and text", 0.63),
        ("bhatnagar2025", "ProGen3", 1.48),
        ("fang2024", "query and document", 2.34),
    ],
)
def test_ratio_as_collected(key, what, printed):
    assert 1 / entry(key=key, what=what).ratio == pytest.approx(printed, abs=0.0051)


def test_ratio_from_each_kind_of_print():
    both = {"field": "f", "what": "w", "key": "k", "place": "p", "method": "m", "read": "first-hand"}
    assert PublishedExponents(**both, a=0.25).ratio == pytest.approx(3)
    assert PublishedExponents(**both, b=0.75).ratio == pytest.approx(3)
    assert PublishedExponents(**both, a=0.2, b=0.5).ratio == pytest.approx(2.5)
    surface = PublishedExponents(**both, alpha=SODA.alpha, beta=SODA.beta)
    assert surface.ratio == pytest.approx(SODA.b / SODA.a)
    assert surface.total == SODA.alpha + SODA.beta
    assert PublishedExponents(**both, a=0.2, b=0.5).total is None


def test_exponents_of_experts_are_the_slopes_of_the_whole_law():
    law, h = published_law("ludziejewski"), 1e-4
    for experts, what in ((1, "one expert"), (64, "64 experts")):
        one = entry(key="ludziejewski2025", what=what)

        def term(N, D, experts=experts):
            return law.loss(N=N, D=D, experts=experts)

        # a huge D or N leaves one term; its slope in logs is the exponent
        for value, exponent in (("N", one.alpha), ("D", one.beta)):
            other = "D" if value == "N" else "N"
            up, down = (
                term(**{value: 1e9 * np.exp(s * h), other: 1e200}) - law.parameters["c"] for s in (1, -1)
            )
            assert -np.log(up / down) / (2 * h) == pytest.approx(exponent, rel=1e-4)


def test_surfaces_are_not_a_second_copy():
    one = entry(key="manakul2026", what="audio and text, its surface")
    assert (one.alpha, one.beta) == (SODA.alpha, SODA.beta)
    assert SOURCES["SODA"] == one.key


def test_entry_says_what_it_is():
    assert repr(entry(key="cheng2024", what="masked")) == (
        "protein, masked: a 0.776, b 0.23, alpha/beta 0.296 (cheng2024, second-hand by way of czech2026)"
    )
