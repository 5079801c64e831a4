import copy
import io
import pickle

import numpy as np
import pandas as pd
import pytest

from scalinglab import CHINCHILLA, IsoflopDesign, Runs

N, D, L = [1e8, 2e8, 4e8, 8e8], [8e9, 4e9, 2e9, 1e9], [3.0, 2.9, 2.95, 3.1]


def with_entry(column, row, value):
    changed = list(column)
    changed[row] = value
    return changed


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("letter", ["N", "D", "L", "C"])
def test_entry_that_is_not_finite_is_named(letter, value):
    columns = {"N": N, "D": D, "L": L, "C": [4.8e18] * 4}
    columns[letter] = with_entry(columns[letter], 2, value)
    with pytest.raises(ValueError, match=r"row 2\b") as refused:
        Runs(**columns)
    assert {"N": "parameters", "D": "tokens", "L": "loss", "C": "compute"}[letter] in str(refused.value)


@pytest.mark.parametrize("value", [0, 0.0, -1e8])
@pytest.mark.parametrize("letter", ["N", "D", "C"])
def test_entry_that_is_not_positive_is_named(letter, value):
    columns = {"N": N, "D": D, "L": L, "C": [4.8e18] * 4}
    columns[letter] = with_entry(columns[letter], 3, value)
    with pytest.raises(ValueError, match=rf"row 3 .*\b{letter} must be positive"):
        Runs(**columns)


def test_first_bad_row_is_the_one_named():
    with pytest.raises(ValueError, match=r"row 1\b"):
        Runs(N, D, [3.0, np.nan, 2.9, np.nan])


def test_losses_may_be_negative_or_zero():
    assert Runs([1, 2], [1, 2], [-0.5, 0.0]).L.tolist() == [-0.5, 0.0]


def test_lengths_that_differ_are_listed():
    with pytest.raises(ValueError, match="N has 4, D has 3, L has 4"):
        Runs(N, D[:3], L)
    with pytest.raises(ValueError, match="C has 2"):
        Runs(N, D, L, [1e18, 1e18])


@pytest.mark.parametrize(
    "values", ["1e8", b"1e8", 1e8, None, [[1e8, 2e8], [4e8, 8e8]], np.ones((4, 1)), {1: 2}]
)
def test_what_is_no_column_is_refused(values):
    with pytest.raises(ValueError, match="D must be a one-dimensional list"):
        Runs(N, values, L)


@pytest.mark.parametrize("entry", ["two", "", [1], 1j])
def test_entry_that_is_no_number_is_named(entry):
    column = np.array(N, object)
    column[2] = entry
    with pytest.raises(ValueError, match=r"row 2\b.*not a number"):
        Runs(column, D, L)


def test_missing_entry_is_named():
    with pytest.raises(ValueError, match=r"row 1\b"):
        Runs([1e8, None, 4e8, 8e8], D, L)
    with pytest.raises(ValueError, match=r"row 1\b"):
        Runs(pd.Series([1, None, 4, 8], dtype="Int64"), D, L)


def test_masked_entry_is_named():
    with pytest.raises(ValueError, match=r"row 2\b.*masked"):
        Runs(np.ma.masked_array(N, mask=[0, 0, 1, 0]), D, L)
    assert len(Runs(np.ma.masked_array(N), D, L)) == 4


def test_complex_numbers_are_refused():
    with pytest.raises(ValueError, match=r"N .*complex"):
        Runs(np.array(N) + 1j, D, L)


@pytest.mark.parametrize(("n", "d"), [(1e200, 1e200), (1e-200, 1e-200)])
def test_compute_beyond_the_doubles_is_refused(n, d):
    with pytest.raises(ValueError, match=r"compute of row 1\b"):
        Runs([1.0, n], [1.0, d], [3.0, 2.9])


def test_integer_beyond_the_doubles_is_named():
    with pytest.raises(ValueError, match=r"row 1\b"):
        Runs([1e8, 10**400], [1e9, 1e9], [3.0, 2.9])


def test_ragged_lists_are_refused():
    with pytest.raises(ValueError, match="N must be a one-dimensional list"):
        Runs([[1, 2], [1]], [1, 2], [3.0, 2.9])


def test_no_runs_at_all():
    with pytest.raises(ValueError, match="no runs"):
        Runs([], [], [])


@pytest.mark.parametrize(
    "convert",
    [
        list,
        tuple,
        np.array,
        lambda x: np.array(x, np.float32),
        lambda x: np.array(x, object),
        lambda x: pd.Series(x, index=range(7, 11)),
        lambda x: np.array(x)[::-1][::-1],
    ],
)
def test_any_kind_of_column_works(convert):
    runs = Runs(convert(N), convert(D), convert([3.0, 2.5, 2.75, 3.125]))
    assert runs.N.tolist() == N
    assert runs.D.tolist() == D
    assert runs.L.tolist() == [3.0, 2.5, 2.75, 3.125]
    assert runs.N.dtype == runs.L.dtype == np.float64


def test_integers_become_floats():
    runs = Runs([10**8, 10**9], np.array([10**10, 10**11]), [3, 2])
    assert runs.C.tolist() == [6e18, 6e20]
    assert runs.L.dtype == np.float64


def test_read_only_input_is_copied_and_stays_read_only():
    source = np.array(N)
    source.setflags(write=False)
    runs = Runs(source, D, L)
    assert not np.shares_memory(runs.N, source)


def test_arrays_are_read_only_copies():
    source = np.array(N)
    runs = Runs(source, D, L)
    source[0] = 1.0
    assert runs.N[0] == 1e8
    for column in (runs.N, runs.D, runs.L, runs.C):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1.0


def test_attributes_cannot_be_replaced():
    with pytest.raises(AttributeError):
        Runs(N, D, L).N = np.ones(4)


def test_compute_is_six_n_d_unless_stated():
    np.testing.assert_allclose(Runs(N, D, L).C, 6 * np.array(N) * np.array(D), rtol=1e-15)
    assert Runs(N, D, L, [5e18] * 4).C.tolist() == [5e18] * 4


def test_computes_within_a_percent_are_one_budget():
    C = [1e18, 1.004e18, 0.996e18, 1e19]
    runs = Runs(N, D, L, C)
    assert runs.budgets.tolist() == [1e18, 1e19]
    assert runs.at(1e18).N.tolist() == N[:3]
    assert runs.at(1e19).N.tolist() == N[3:]


def test_computes_further_apart_are_two_budgets():
    assert len(Runs(N, D, L, [1e18, 1.02e18, 1e18, 1.02e18]).budgets) == 2


def test_budgets_ascend_and_cover_every_run():
    rng = np.random.default_rng(3)
    C = rng.choice([1e20, 1e17, 1e19], 60)
    runs = Runs(np.ones(60), np.ones(60), np.arange(60.0), C)
    assert runs.budgets.tolist() == [1e17, 1e19, 1e20]
    together = np.concatenate([runs.at(budget).L for budget in runs.budgets])
    assert sorted(together) == list(range(60))
    assert runs.at(1e19).L.tolist() == np.flatnonzero(C == 1e19).tolist()


def test_unknown_budget_lists_those_there_are():
    with pytest.raises(ValueError, match=r"1e\+20.*4\.8e\+18"):
        Runs(N, D, L).at(1e20)


def test_take_by_mask_rows_and_order():
    runs = Runs(N, D, L)
    assert runs.take([2, 0]).N.tolist() == [4e8, 1e8]
    assert runs.take(runs.L < 3).L.tolist() == [2.9, 2.95]
    assert len(runs.take([1, 1, 1])) == 3


def test_frame_round_trip():
    runs = Runs(N, D, L, [5e18] * 4)
    back = Runs.from_frame(runs.to_frame())
    for letter in "NDLC":
        np.testing.assert_array_equal(getattr(back, letter), getattr(runs, letter))


def test_columns_can_be_named():
    frame = pd.DataFrame({"params": N, "D": D, "val_loss": L})
    runs = Runs.from_frame(frame, {"N": "params", "L": "val_loss"})
    assert runs.N.tolist() == N
    assert runs.L.tolist() == L


def test_missing_column_is_named_with_those_there_are():
    frame = pd.DataFrame({"N": N, "D": D, "val_loss": L})
    with pytest.raises(ValueError, match=r"'L'.*N, D, score"):
        Runs.from_frame(frame.rename(columns={"val_loss": "score"}))
    with pytest.raises(ValueError, match="'flops' for C"):
        Runs.from_frame(frame, {"L": "val_loss", "C": "flops"})
    with pytest.raises(ValueError, match="params"):
        Runs.from_frame(frame, {"params": "N"})


def test_csv_file(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("D,N,note,L\n2e9,1e8,first,3.2\n4e9,2e8,second,3.0\n", encoding="utf-8")
    runs = Runs.read_csv(path)
    assert runs.N.tolist() == [1e8, 2e8]
    assert runs.D.tolist() == [2e9, 4e9]
    assert runs.L.tolist() == [3.2, 3.0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("N,D,L\n", "no runs"),
        ("N,D,L\n1e8,2e9,3.1\n1e8,two,3.0\n", r"D \(tokens\) of row 1 \(line 3 of runs.csv\) is 'two'"),
        ("N,D,L\n1e8,2e9,3.1\n1e8,,3.0\n", "1 of 2 rows of runs.csv are incomplete .line 3: 'D' is"),
        ("N,D\n1e8,2e9\n", "'L'"),
        ("N,D,L\n1e8,2e9,3\n1,2,3,4,5,6\n", "not a CSV"),
    ],
)
def test_bad_csv_says_what_is_wrong(tmp_path, text, says):
    path = tmp_path / "runs.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=says):
        Runs.read_csv(path)


def test_csv_from_an_open_file():
    assert len(Runs.read_csv(io.StringIO("N,D,L\n1e8,2e9,3.1"))) == 1


def test_text_form_gives_counts_and_ranges():
    text = repr(Runs(N, D, L))
    for part in ("4 runs", "1 budgets", "1e+08", "8e+08", "2.9", "3.1"):
        assert part in text


def test_csv_with_more_fields_than_header_names():
    with pytest.raises(ValueError, match="more fields than its header"):
        Runs.read_csv(io.StringIO("N,D,L\n1e8,2e9,3.1,7\n2e8,3e9,3.0,7\n"))


def test_pandas_extension_columns():
    runs = Runs(pd.Series([1, 2], dtype="Int64"), pd.array([1.0, 2.0], dtype="Float64"), [1, 2])
    assert runs.N.tolist() == [1, 2]
    with pytest.raises(ValueError, match="row 1"):
        Runs(pd.Series(["1", "x"]), [1, 2], [1, 2])
    with pytest.raises(ValueError, match="row 1"):
        Runs(pd.Series([1, None], dtype="Int64"), [1, 2], [1, 2])


@pytest.mark.parametrize("loss", [1e160, 1e-160])
def test_a_loss_beyond_any_unit_is_refused(loss):
    with pytest.raises(ValueError, match=r"row 1 .* check its unit"):
        Runs([1, 2], [1, 2], [1.0, loss])


@pytest.mark.parametrize("C", [0, -1, np.nan])
def test_impossible_budget(C):
    with pytest.raises(ValueError, match="a positive number of FLOPs"):
        IsoflopDesign([1e17, 1e18]).runs(CHINCHILLA).at(C)


@pytest.mark.parametrize("rows", [[], [1000], np.ones(3, bool)])
def test_bad_rows(rows):
    with pytest.raises(ValueError, match=r"nothing was picked|row 1000|3 entries for 30 runs"):
        IsoflopDesign([1e17, 1e18]).runs(CHINCHILLA).take(rows)


def test_the_cure_of_a_missing_loss_names_the_tables_own_column_and_works():
    table = pd.DataFrame({"params": [1e8, 2e8], "tokens": [1e9, 2e9], "val_loss": [3.0, np.nan]})
    names = {"N": "params", "D": "tokens", "L": "val_loss"}
    with pytest.raises(ValueError, match=r'dropna\(subset=\["val_loss"\]\)'):
        Runs.from_frame(table, names)
    assert len(Runs.from_frame(table.dropna(subset=["val_loss"]), names)) == 1


def test_further_columns_stay_with_the_runs():
    rng = np.random.default_rng(0)
    for count in rng.integers(2, 40, 8).tolist():
        letters = {letter: rng.uniform(1, 9, count) for letter in "NDLC"}
        extra = {"lr": rng.uniform(1e-4, 1e-2, count), "name": [f"run-{k}" for k in range(count)]}
        runs = Runs(**letters, extra=extra)
        rows = rng.permutation(count)[: max(1, count // 2)]
        part = runs.take(rows)
        for other in (part, pickle.loads(pickle.dumps(part)), copy.deepcopy(part), runs.take(rows % count)):
            assert other.extra["lr"].tolist() == extra["lr"][rows].tolist()
            assert other.extra["name"].tolist() == [f"run-{k}" for k in rows]
            place = f"row {rows[-1]} of the table, " if rows[-1] != len(rows) - 1 else ""
            assert other.label(len(rows) - 1) == f"row {len(rows) - 1} ({place}'run-{rows[-1]}')"
        for column in part.extra.values():
            with pytest.raises(ValueError, match="read-only"):
                column[0] = column[-1]
        back = Runs.from_frame(runs.to_frame())
        assert {name: values.tolist() for name, values in back.extra.items()} == {
            name: list(values) for name, values in extra.items()
        }


def test_a_run_of_a_file_is_named_by_its_line_wherever_it_goes():
    lines = ["id,N,D,L,lr"] + [f"r{k},{1e8 + k},{4e9 - k},{3 + k / 100},0.001" for k in range(9)]
    runs = Runs.read_csv(io.StringIO("\n".join(lines)))
    part = runs.take([8, 2, 5]).take(np.array([False, True, True]))
    for row in range(2):
        line = int(part.label(row).split("line ")[1].split(" ")[0])
        assert lines[line - 1].startswith(f"{part.extra['id'][row]},{part.N[row]:.1f}")
        assert f"'{part.extra['id'][row]}'" in part.label(row)
    assert part.listed([0, 1]) == "rows 0 (line 4 of the file, 'r2') and 1 (line 7 of the file, 'r5')"
    assert runs.listed(range(9), most=1) == "rows 0 (line 2 of the file, 'r0') and 8 more"


def test_a_table_keeps_its_index_and_whatever_its_columns_hold():
    table = pd.DataFrame(
        {
            "params": N,
            "N": [1.0, 2.0, 3.0, 4.0],
            "D": D,
            "L": L,
            "rate": [1e-3, None, 2e-3, np.inf],
            "done": [True, False, True, True],
            "day": pd.to_datetime(["2024-01-01"] * 4),
            "note": ["a", None, "b", np.nan],
        }
    )
    runs = Runs.from_frame(table[table["D"] < 8e9], {"N": "params"})
    assert runs.label(0) == "row 0 (row 1 of the table)"
    assert runs.extra["N of the table"].tolist() == [2, 3, 4]
    assert np.isnan(runs.extra["rate"][0])
    assert runs.extra["rate"][1] == 2e-3
    assert runs.extra["done"].tolist() == [0, 1, 1]
    assert runs.extra["note"].tolist() == ["", "b", ""]
    named = Runs.from_frame(table.set_index(pd.Index(list("wxyz"), name="run")), {"N": "params"})
    assert named.label(3) == "row 3 ('z')"


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ([1, 2], "extra is"),
        ({"N": N}, "no letter"),
        ({3: N}, "no letter"),
        ({"lr": [1, 2]}, "'lr' of extra has 2 entries for 4 runs"),
        ({"lr": 0.1}, "one-dimensional"),
        ({"lr": [1, [2], 3, 4]}, "one-dimensional"),
    ],
)
def test_bad_further_columns(extra, says):
    with pytest.raises(ValueError, match=says):
        Runs(N, D, L, extra=extra)
