"""Numbers at the ends of what a float can hold are written as numbers, too."""

import itertools
import math
import sys

import numpy as np

from scalinglab._text import format_count, typeset, with_error
from scalinglab.plotting import duration
from scalinglab.plotting.style import count_label, power_of_ten

TINY, HUGE, INF, NAN = 5e-324, sys.float_info.max, math.inf, math.nan
ENDS = [0.0, -0.0, TINY, -TINY, 1e-310, HUGE, -HUGE, INF, -INF, NAN]
PATTERNS = ["{:.0e}", "{:.2e}", "{:.3g}", "{:.1%}", "{:+.1%}", "{:.2f}", "{}"]


def plain(text):
    return typeset(text).replace("\N{NO-BREAK SPACE}", " ")


def test_a_zero_has_no_power_and_no_sign_and_inf_is_a_symbol():
    cases = [
        ("off by 0e+00", "off by 0"),
        ("0.00e+00 nats", "0.00 nats"),
        ("3.1e+00 of them", "3.1 of them"),
        ("off by -0.0%.", "off by 0.0 %."),
        ("+0.00%, (-0), -0.04 and -0.50", "0.00 %, (0), −0.04 and −0.50"),
        ("-0e+00 to inf", "0 to ∞"),
        ("(-inf)", "(−∞)"),
        ("inf%", "∞ %"),
        ("5e-324", "5 × 10⁻³²⁴"),
        ("1.8e+308", "1.8 × 10³⁰⁸"),
        ("information, np.inf, $\\inf x$ and `inf`", "information, np.inf, $\\inf x$ and `inf`"),
        ("loss of row 17 is nan", "loss of row 17 is nan"),
    ]
    assert [(text, plain(text)) for text, _ in cases] == cases


def test_no_end_of_the_floats_comes_out_as_zero_times_a_power():
    for pattern, value in itertools.product(PATTERNS, ENDS):
        text = plain(pattern.format(value))
        assert "10⁰" not in text, (pattern, value)
        assert "inf" not in text, (pattern, value)
        if value == 0:
            assert float(text.removesuffix(" %")) == 0, (pattern, value)
            assert text[0] == "0", (pattern, value)


def test_counts_at_the_ends():
    cases = [
        (0.0, 3, "0"),
        (-0.0, 3, "0"),
        (INF, 3, "inf"),
        (-INF, 3, "-inf"),
        (NAN, 3, "nan"),
        (np.float64("inf"), 3, "inf"),
        (TINY, 3, "4.94e-324"),
        (HUGE, 3, "1.8e+308"),
        (1e16, 3, "1e+16"),
        (9.994e15, 3, "9990T"),
        (-2e13, 3, "-20T"),
        (-2e15, 3, "-2000T"),
        (99.95e3, 2, "100k"),
        (12345, 1, "10k"),
        (999.96e3, 4, "1M"),
        (12345, 7, "12.345k"),
    ]
    assert [(value, digits, format_count(value, digits)) for value, digits, _ in cases] == cases


def test_errors_at_the_ends():
    cases = [
        (NAN, 0.1, "nan"),
        (INF, 0.1, "inf"),
        (0.3, INF, "0.3"),
        (-1e-7, 0.1, "0.00 ± 0.10"),
        (0.1, 9.999e14, "(0.0 ± 1.0)e+15"),
        (TINY, TINY, "(4.9 ± 4.9)e-324"),
        (1e-310, 2e-311, "(1.00 ± 0.20)e-310"),
        (1e308, 1e307, "(1.00 ± 0.10)e+308"),
    ]
    assert [(value, error, with_error(value, error)) for value, error, _ in cases] == cases


def test_labels_at_the_ends():
    cases = [
        (0.0, "0"),
        (-0.0, "0"),
        (3, "3"),
        (INF, "∞"),
        (-INF, "−∞"),
        (NAN, "nan"),
        (TINY, "4.9×10⁻³²⁴"),
    ]
    assert [(value, power_of_ten(value)) for value, _ in cases] == cases
    assert all(count_label(value) in (text, format_count(value)) for value, text in cases)


def test_times_at_the_ends():
    cases = [(0.0, "0 s"), (0.9996, "1 s"), (59.96, "1 min"), (3599, "1 h"), (INF, "inf s"), (1e-6, "1 µs")]
    assert [(seconds, duration(seconds)) for seconds, _ in cases] == cases
