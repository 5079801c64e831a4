"""Tables as people keep them: separators, comments, blanks, counts written out; and cures that work."""

import gzip
import io
import re

import numpy as np
import pandas as pd
import pytest

from scalinglab import Runs

NAMES = {"N": "params", "D": "tokens", "L": "val loss"}


def table(rng, separator, decimal=".", blanks=""):
    """A random table as lines of text, and its columns."""
    count = int(rng.integers(2, 9))
    columns = np.array([rng.integers(10**7, 10**9, count), rng.integers(10**9, 10**11, count)]).astype(float)
    L = rng.uniform(2, 4, count).round(3)
    rows = [
        (separator + blanks).join([f"run {k}", f"{N:.0f}", f"{D:.0f}", str(loss).replace(".", decimal)])
        for k, (N, D, loss) in enumerate(zip(*columns, L, strict=True))
    ]
    return [(separator + blanks).join(["name", "params", "tokens", "val loss"]), *rows], columns, L


@pytest.mark.parametrize(
    ("separator", "decimal", "blanks"),
    [(",", ".", ""), (",", ".", " "), (";", ".", ""), (";", ",", ""), ("\t", ".", ""), ("\t", ".", " ")],
)
def test_any_separator_and_lines_without_runs(tmp_path, separator, decimal, blanks):
    rng = np.random.default_rng(0)
    for trial in range(6):
        lines, (N, D), L = table(rng, separator, decimal, blanks)
        for _ in range(rng.integers(0, 5)):
            lines.insert(
                int(rng.integers(0, len(lines) + 1)),
                str(rng.choice(["# a comment, with; all\tof it", "", "  "])),
            )
        text = ("\ufeff" if trial % 2 else "") + "\n".join(lines) + "\n" * int(rng.integers(0, 3))
        path = tmp_path / f"{trial}.csv.gz"
        path.write_bytes(gzip.compress(text.encode()))
        for source in (path, io.StringIO(text.lstrip("\ufeff"))):
            runs = Runs.read_csv(source, NAMES)
            assert (runs.N.tolist(), runs.D.tolist(), runs.L.tolist()) == (N.tolist(), D.tolist(), L.tolist())
            row = int(rng.integers(0, len(runs)))
            line = int(re.search(r"line (\d+) of ", runs.label(row))[1])
            assert lines[line - 1].startswith(f"run {row}")
            assert runs.label(row).endswith(f"'run {row}')")


def test_columns_between_blanks():
    assert Runs.read_csv(io.StringIO("N D   L\n1e8 2e9 3.1\n2e8  2e9 3.0\n")).L.tolist() == [3.1, 3.0]


def test_lines_are_counted_through_quoted_texts():
    text = 'note,N,D,L\n"one\ntwo\n\n# three",1e8,2e9,3.1\n\nplain,2e8,2e9,3.0\n"x, y",3e8,2e9,2.9\n'
    runs = Runs.read_csv(io.StringIO(text))
    assert [re.search(r"line \d+", runs.label(row))[0] for row in range(3)] == ["line 2", "line 7", "line 8"]


def test_counts_written_out_are_counts():
    columns = np.random.default_rng(1).integers(1, 999, (2, 20)) * 1e6
    for size, tokens in (
        (lambda N: f"{N / 1e6:.0f}M", lambda D: f"{D / 1e9:.3f} B"),
        (lambda N: f"{N:,.0f}", lambda D: f"{D:,.0f}"),
        (lambda N: f"{N / 1e9:.3f}b", lambda D: f"{D / 1e12:.6f}T"),
        (lambda N: f"{N / 1e6:.6e}M", lambda D: f"{D / 1e9:.6e}B"),
    ):
        N, D, L = [*map(size, columns[0])], [*map(tokens, columns[1])], [3.0] * 20
        lines = "".join(f'"{n}","{d}",3.0\n' for n, d in zip(N, D, strict=True))
        for runs in (
            Runs(N, D, L),
            Runs.read_csv(io.StringIO(f"N,D,L\n{lines}")),
            Runs.from_frame(pd.DataFrame({" N": N, "D ": D, "L": L})),
        ):
            np.testing.assert_allclose([runs.N, runs.D], columns, rtol=1e-12)


@pytest.mark.parametrize("entry", ["12X", "1,23", "1_000", "M", "12 M B", "about 12M", "-12M"])
def test_what_is_no_count_is_named(entry):
    with pytest.raises(ValueError, match=r"N \(parameters\) of row 1 is .* correct it or drop the run"):
        Runs(["12M", entry], [1e9, 1e9], [3.0, 2.9])


def test_a_loss_is_not_written_out():
    with pytest.raises(ValueError, match="of row 0 is '3k', not a number"):
        Runs([1e8], [1e9], ["3k"])


def test_the_cure_of_a_text_names_the_tables_own_column_and_works():
    frame = pd.DataFrame({"params": ["1e8", "unknown", "2e8"], "tokens": 2e9, "val loss": [3.1, 3.0, 2.9]})
    with pytest.raises(ValueError, match="of row 1 is 'unknown'") as refused:
        Runs.from_frame(frame, NAMES)
    cure = re.search(r"\(pandas: (.*)\)\.$", str(refused.value))[1]
    cured = eval(cure, {"pd": pd, "df": frame})  # the message's own words
    assert Runs.from_frame(cured, NAMES).N.tolist() == [1e8, 2e8]


def test_the_cure_of_a_missing_loss_in_a_file_works():
    text = "params,tokens,val loss\n1e8,2e9,3.1\n2e8,2e9,\n"
    with pytest.raises(ValueError, match=r"line 3: 'val loss' is empty or NaN") as refused:
        Runs.read_csv(io.StringIO(text), NAMES)
    options = dict([re.search(r"(drop_incomplete)=(True)", str(refused.value)).groups()])
    assert len(Runs.read_csv(io.StringIO(text), NAMES, **dict.fromkeys(options, True))) == 1
    frame = pd.read_csv(io.StringIO(text))
    with pytest.raises(ValueError, match="'val loss' is empty or NaN") as refused:
        Runs.from_frame(frame, NAMES)
    cure = re.search(r"\(pandas: (.*)\)\.$", str(refused.value))[1]
    assert len(Runs.from_frame(eval(cure, {"df": frame}), NAMES)) == 1  # the message's own words
