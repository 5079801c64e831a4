"""One reader: what people's tables are taken for, what is asked, and remedies that work when followed."""

import bz2
import gzip
import importlib
import io
import json
import lzma
import re
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from scalinglab import Runs, best_of_repeats, fit_vpnls, read_runs
from scalinglab.data.units import UNITS, factor_of, flops_of
from scalinglab.data.usual_names import meaning_of

PUBLIC = Path(__file__).parents[3] / "shared" / "data" / "public"
needs_tables = pytest.mark.skipif(
    not PUBLIC.is_dir(), reason="the public tables are not beside the repository"
)

N, D, L = [1e8, 2e8, 4e8], [2e9, 4e9, 1e9], [3.1, 3.0, 2.9]


def table(separator=",", **columns):
    """The three runs under other people's names, as lines."""
    rows = zip(*columns.values(), strict=True)
    return "\n".join([separator.join(columns), *(separator.join(map(str, row)) for row in rows)]) + "\n"


@pytest.mark.parametrize(
    ("names", "letter", "size"),
    [
        (
            ["params", "n_params", "Parameters", "parameter_count", "model_size", "non_embedding_params"],
            "N",
            1,
        ),
        (
            ["ModelSize", "num parameters", "params.n_params", "model/params", "N_no_emb", "active_params"],
            "N",
            1,
        ),
        (["params_m", "N (M)", "params in millions", "Params [Million]"], "N", 1e6),
        (
            ["tokens", "n_tokens", "train_tokens", "throughput/total_tokens", "TrainTokens", "tokens_seen"],
            "D",
            1,
        ),
        (["tokens (B)", "train_tokens_b", "tokens_in_billions", "D (1e9)"], "D", 1e9),
        (
            ["loss", "val_loss", "eval/loss", "final_loss", "metrics.val_loss", "eval/paloma/macro_loss"],
            "L",
            1,
        ),
        (["bpb", "eval/bpb", "Loss (nats)", "bits per byte", "validation cross-entropy"], "L", 1),
        (["flops", "total_flops", "FLOPs", "Training FLOP", "compute", "budget", "C", "C_6ND"], "C", 1),
        (["total_gflops", "throughput/total_gflops", "compute (GFLOP)"], "C", 1e9),
        (["EFLOP", "compute [EFLOPs]", "exaflops", "C (1e18)", "flops x1e18"], "C", 1e18),
        (["PF-days", "petaflop/s-days", "PFdays", "compute_pf_days"], "C", 8.64e19),
    ],
)
def test_usual_names(names, letter, size):
    for name in names:
        for written in (name, f"  {name} ", name.replace(" ", "_")):
            meaning = meaning_of(written)
            assert meaning is not None, written
            assert (meaning.letter, meaning.size) == (letter, size), written


@pytest.mark.parametrize(
    "name",
    [
        *(
            "tokens_per_second",
            "max_tokens",
            "d_model",
            "n_layers",
            "D/N",
            "loss_scale",
            "aux_loss",
            "peak_lr",
        ),
        *(
            "flops_per_step",
            "FLOP/s",
            "tflops",
            "throughput/tflops",
            "embedding params",
            "num_experts",
            "",
            "k",
        ),
        *("loss__MIN", "params/step", "total_steps", "vocab params", "loss std", "unique_tokens"),
    ],
)
def test_names_that_say_nothing(name):
    assert meaning_of(name) is None


def test_units_that_concerns_name_are_read():
    for unit, flops in UNITS.items():
        assert flops_of(unit) == pytest.approx(flops)
        assert factor_of("C", unit)[0] == pytest.approx(flops)
    with pytest.raises(ValueError, match="C is in 'parsec'; give GFLOP"):
        factor_of("C", "parsec")
    with pytest.raises(ValueError, match="L is in 2; give nats"):
        factor_of("L", 2)


def test_what_was_understood_is_told():
    text = table(params=["100M", "200M", "400M"], total_gflops=[1.2e9, 4.8e9, 2.4e9], val_loss=L)
    runs = read_runs(io.StringIO(text))
    assert runs.notes == (
        "read N from 'params', L from 'val_loss', C from 'total_gflops' in GFLOP",
        "D is C/6N, for no column holds tokens",
    )
    np.testing.assert_allclose(runs.D, D, rtol=1e-12)
    assert read_runs(io.StringIO(table(N=N, D=D, L=L))).notes == ()
    swapped = read_runs(
        io.StringIO(table(tokens=D, loss=L, compute=[6 * n * d for n, d in zip(N, D, strict=True)]))
    )
    np.testing.assert_allclose(swapped.N, N, rtol=1e-12)


@pytest.mark.parametrize(
    ("columns", "letter"),
    [
        ({"params": N, "non_embedding_params": D, "tokens": D, "loss": L}, "N"),
        ({"params": N, "tokens": D, "loss": L, "val_loss": L[::-1]}, "L"),
        ({"params": N, "tokens": D, "train_tokens": N, "loss": L}, "D"),
        ({"params": N, "tokens": D, "loss": L, "flops": N, "compute": D}, "C"),
    ],
)
def test_two_columns_for_a_letter_are_a_question_whose_remedy_works(columns, letter):
    with pytest.raises(ValueError, match=rf"may each be {letter}") as asked:
        read_runs(io.StringIO(table(**columns)))
    chosen = json.loads(re.search(r"columns=(\{.*?\})", str(asked.value))[1])  # the message's own words
    runs = read_runs(io.StringIO(table(**columns)), chosen)
    assert getattr(runs, letter).tolist() == columns[chosen[letter]]
    other = [name for name in columns if meaning_of(name).letter == letter and name != chosen[letter]]
    assert (
        getattr(read_runs(io.StringIO(table(**columns)), {letter: other[0]}), letter).tolist()
        == (columns[other[0]])
    )
    if letter == "C":
        assert "C=, for 6ND" in str(asked.value)
        assert read_runs(io.StringIO(table(**columns)), {"C": None}).C[0] == 6 * N[0] * D[0]


def test_every_question_is_asked_at_once():
    text = table(params=N, active_params=D, tokens=D, eval_loss=L, train_loss=L[::-1])
    with pytest.raises(ValueError, match=r"'params', 'active_params' .* 'eval_loss', 'train_loss' "):
        read_runs(io.StringIO(text))


def test_equal_columns_are_no_question_and_a_letters_own_name_is_taken():
    runs = read_runs(io.StringIO(table(params=N, tokens=D, loss=L, val_loss=L)))
    assert runs.notes[0].endswith("L from 'loss' (as val_loss)")
    assert read_runs(io.StringIO(table(params=D, N=N, D=D, L=L, loss=N))).N.tolist() == N


def test_products_of_columns():
    text = table(**{"params": N, "step": [10, 20, 30], "flops/step": [1e15, 2e15, 3e15], "loss": L})
    runs = read_runs(io.StringIO(text), {"D": "step * 2e6", "C": "flops/step*step"})
    assert runs.D.tolist() == [2e7, 4e7, 6e7]
    assert runs.C.tolist() == [1e16, 4e16, 9e16]
    for wrong in ("step * ", "step + 2", "stop * 2", "2 * 3", "step ** 2"):
        with pytest.raises(ValueError, match=r"no column '.*' for D .*it has params, step, flops/step, loss"):
            read_runs(io.StringIO(text), {"D": wrong})
    with pytest.raises(ValueError, match="Did you mean 'params'"):
        read_runs(io.StringIO(text), {"N": "parms"})


def test_units_of_compute_are_named_and_converted_on_request():
    for unit, flops in UNITS.items():
        text = table(N=N, D=D, L=L, C=[6 * n * d / flops for n, d in zip(N, D, strict=True)])
        runs = read_runs(io.StringIO(text))
        assert f"C looks like {unit}" in runs.notes[0]
        units = json.loads(re.search(r"units=(\{.*?\})", runs.notes[0])[1])  # the note's own words
        converted = read_runs(io.StringIO(text), units=units)
        np.testing.assert_allclose(converted.C, 6 * converted.N * converted.D, rtol=1e-9)
        assert converted.notes == (f"read C from 'C' in {unit}",)


def test_a_loss_keeps_its_numbers_whatever_its_unit():
    text = table(params=N, tokens=D, bpb=L)
    assert "L from 'bpb' in bits per byte" in read_runs(io.StringIO(text)).notes[0]
    runs = read_runs(io.StringIO(table(params=N, tokens=D, loss=L)), units={"L": "bits/token"})
    assert "L from 'loss' in bits per token" in runs.notes[0]
    assert runs.L.tolist() == L


@pytest.mark.parametrize("word", ["", "NaN", "nan", "diverged", "inf", "-", "N/A", "crashed", "null"])
def test_incomplete_rows_are_listed_and_left_out_on_request(tmp_path, word):
    rng = np.random.default_rng(len(word))
    lines = [
        f"run{k},{n:.0f},{d:.0f},{3 - k / 100:.2f}" for k, (n, d) in enumerate(rng.uniform(1e8, 1e9, (9, 2)))
    ]
    gone = sorted(rng.choice(9, 3, replace=False).tolist())
    for k in gone:
        cells = lines[k].split(",")
        cells[int(rng.integers(1, 4))] = word
        lines[k] = ",".join(cells)
    path = tmp_path / "sweep.csv"
    path.write_text("# mine\nname,params,tokens,val_loss\n" + "\n".join(lines), encoding="utf-8")
    with pytest.raises(ValueError, match=r"3 of 9 rows of sweep.csv are incomplete") as asked:
        read_runs(path)
    assert [int(line) for line in re.findall(r"line (\d+): '", str(asked.value))] == [k + 3 for k in gone]
    assert "drop_incomplete=True" in str(asked.value)
    runs = read_runs(path, drop_incomplete=True)
    assert runs.extra["name"].tolist() == [f"run{k}" for k in range(9) if k not in gone]
    assert "left out 3 incomplete of 9 rows" in runs.notes[0]
    for row in range(6):
        line = int(re.search(r"line (\d+) of sweep.csv", runs.label(row))[1])
        assert f"run{line - 3}" == runs.extra["name"][row]


def test_runs_without_a_step_are_incomplete():
    with pytest.raises(ValueError, match="line 2: 'tokens' is 0"):
        read_runs(io.StringIO("params,tokens,loss\n1e8,0,11\n1e8,1e9,3.1\n"))
    with pytest.raises(ValueError, match="every row"):
        read_runs(io.StringIO("params,tokens,loss\n1e8,0,11\n"), drop_incomplete=True)


def test_a_typo_is_no_missing_number():
    with pytest.raises(ValueError, match=r"line 3 of the file\) \('val_loss'\) is '3.O1', not a number"):
        read_runs(io.StringIO("params,tokens,val_loss\n1e8,1e9,3.1\n2e8,1e9,3.O1\n"), drop_incomplete=True)


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zip", "utf-16", "latin-1", "crlf", "tsv"])
def test_files_as_programs_write_them(tmp_path, kind):
    text = table(
        "\t" if kind in ("utf-16", "tsv") else ",", Größe=["ä", "ö", "ü"], params=N, tokens=D, loss=L
    )
    content = text.encode({"utf-16": "utf-16", "latin-1": "latin-1"}.get(kind, "utf-8"))
    path = tmp_path / "runs.csv"  # what packs a file is told by its first bytes
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as folder:
            folder.writestr("runs.csv", content)
    else:
        pack = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}.get(kind, bytes)
        path.write_bytes(pack(content.replace(b"\n", b"\r\n") if kind == "crlf" else content))
    runs = read_runs(path)
    assert runs.L.tolist() == L
    assert runs.extra["Größe"].tolist() == ["ä", "ö", "ü"]
    assert runs.label(2) == "row 2 (line 4 of runs.csv)"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x1f\x8b broken", "packed, and broken"),
        (b"PK\x03\x04broken", "packed, and broken"),
        (b"a\x00b\x01", "no text table"),
        (b"", "is empty"),
        (b"# nothing\n\n", "is empty"),
        (b"1e8,1e9,3.1\n2e8,1e9,3.0\n", "no column of runs.csv says that it is 'N'"),
        (b"params,tokens,loss,loss\n1e8,1e9,3,3\n", r"header of runs.csv \(line 1\) names 'loss' twice"),
        (b"N,D,L\n\n# x\n1e8,1e9,3\n1,2,3,4,5\n", "line 5, saw 5"),
        (b'{"N": 1e8, "D": 1e9, "L": 3}\n{"N": 1e8,\n', "line 2 of runs.csv is no JSON object"),
        (b'{"N": 1e8, "D": 1e9, "L": 3}\n[1, 2]\n', "line 2 of runs.csv is no JSON object"),
    ],
)
def test_what_is_no_table_is_refused_in_words(tmp_path, content, says):
    path = tmp_path / "runs.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=says):
        read_runs(path)


def test_a_workbook_is_refused_with_a_cure(tmp_path):
    path = tmp_path / "runs.xlsx"
    with zipfile.ZipFile(path, "w") as folder:
        folder.writestr("[Content_Types].xml", "")
    with pytest.raises(ValueError, match=r"runs\.xlsx is a workbook; save its sheet as CSV"):
        read_runs(path)


def test_json_lines_and_lists(tmp_path):
    rows = [
        {"config": {"n_params": n}, "tokens": d, "eval": {"loss": one}}
        for n, d, one in zip(N, D, L, strict=True)
    ]
    lines = "\n".join(map(json.dumps, rows))
    path = tmp_path / "runs.jsonl.gz"
    path.write_bytes(gzip.compress(f"\n{lines}\n".encode()))
    runs = read_runs(path)
    assert (runs.N.tolist(), runs.D.tolist(), runs.L.tolist()) == (N, D, L)
    assert runs.notes == ("read N from 'config/n_params', D from 'tokens', L from 'eval/loss'",)
    assert runs.label(0) == "row 0 (line 2 of runs.jsonl.gz)"
    assert read_runs(io.StringIO(json.dumps(rows))).L.tolist() == L
    rows[1]["eval"] = {"loss": "NaN"}
    with pytest.raises(ValueError, match="line 2: 'eval/loss' is empty or NaN"):
        read_runs(io.StringIO("\n".join(map(json.dumps, rows))))


def test_frames_of_every_kind():
    columns = {"params": N, "tokens": D, "val_loss": L}
    frame = pd.DataFrame(columns)
    arrow = SimpleNamespace(column_names=list(columns), columns=[[1], [2]], to_pandas=lambda: frame)
    for given in (frame, columns, arrow, frame.convert_dtypes(), SimpleNamespace(to_pandas=lambda: frame)):
        assert read_runs(given).L.tolist() == L
    with pytest.raises(ValueError, match="differ in length"):
        read_runs({"N": N, "D": D, "L": [1]})
    with pytest.raises(ValueError, match="give a pandas table"):
        read_runs(Runs(N, D, L))


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_frames_of_other_libraries(library):
    module = pytest.importorskip(library, reason=f"{library} is not installed")
    columns = {"params": N, "tokens": D, "val_loss": [3.1, None, 2.9]}
    given = module.DataFrame(columns) if library == "polars" else module.table(columns)
    with pytest.raises(ValueError, match="row 1: 'val_loss' is empty"):
        read_runs(given)
    assert read_runs(given, drop_incomplete=True).N.tolist() == [N[0], N[2]]


def test_parquet_is_read_or_names_its_extra(tmp_path):
    path = tmp_path / "runs.parquet"
    try:
        importlib.import_module("pyarrow")
    except ModuleNotFoundError:
        path.write_bytes(b"PAR1....PAR1")
        with pytest.raises(ModuleNotFoundError, match=r"Parquet file needs pyarrow.*scalinglab\[parquet\]"):
            read_runs(path)
    else:
        pd.DataFrame({"params": N, "tokens": D, "loss": L}).to_parquet(path)
        assert read_runs(path).L.tolist() == L
        path.write_bytes(b"PAR1....PAR1")
        with pytest.raises(ValueError, match="cannot be read as Parquet"):
            read_runs(path)


#: Options that each public table needs: one for each column that is truly ambiguous.
PUBLIC_TABLES = {
    "epoch-chinchilla.csv": ({}, 245),
    "kyo-takano.csv": ({}, 234),
    "misfitting.csv": ({}, 261),
    "steplaw-dense.csv": ({"L": "loss"}, 1911),
    "routing.csv.gz": (
        {"N": "dense_parameter_count", "L": "loss_validation", "C": "flops_per_step * step"},
        5568,
    ),
    "vocabulary.csv": ({"L": "Lossu"}, 1200),
    "marin-dclm.csv": ({}, 85),
    "marin-nemotron.csv": ({}, 96),
    "fineweb-c4.csv": ({}, 176),
}


@needs_tables
@pytest.mark.parametrize("name", PUBLIC_TABLES)
def test_public_tables(name):
    columns, count = PUBLIC_TABLES[name]
    runs = read_runs(PUBLIC / name, columns, drop_incomplete=name.startswith("routing"))
    assert len(runs) == count
    assert runs.notes
    assert set(columns) <= {letter for letter in "NDLC" if f"{letter} from" in " ".join(runs.notes)}


@needs_tables
def test_a_public_table_gives_what_its_columns_give():
    frame = pd.read_csv(PUBLIC / "steplaw-dense.csv")
    runs = best_of_repeats(read_runs(PUBLIC / "steplaw-dense.csv", {"L": "loss"}))
    fit, same = fit_vpnls(runs), fit_vpnls(best_of_repeats(Runs(frame["N"], frame["D"], frame["loss"])))
    assert fit.surface == same.surface


def test_decimal_commas_of_one_column_beside_points_of_another(tmp_path):
    """An export that a person went on with: points among the sizes, commas among the losses."""
    table = tmp_path / "mixed.csv"
    table.write_text("params;tokens;val_loss\n12M;210M;5,1\n125M;2.5B;3,9\n1.3B;26B;2,95\n", encoding="utf-8")
    assert pytest.approx([5.1, 3.9, 2.95]) == read_runs(table).L
    table.write_text("params;tokens;val_loss\n12M;210M;5,100\n125M;2.5B;3,900\n", encoding="utf-8")
    with pytest.raises(ValueError, match="val_loss"):  # thousands, or thousandths: nothing tells
        read_runs(table, columns={"L": "val_loss"})
