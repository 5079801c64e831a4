"""Random tables, as people and programs might keep them, and what the commands make of them.

Run as a script, with a number of examples, this draws fresh ones:
``.venv/bin/python tests/cli/random_tables.py 2000``.
"""

import gzip
import json
import math
import sys
import tempfile
from pathlib import Path

import numpy as np
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings, strategies as st

from scalinglab.cli.commands import main

NAMES = {
    "N": ["N", "params", "n_params", "Model Size", "parameter_count", "active_params", "params (M)", "größe"],
    "D": ["D", "tokens", "train_tokens", "throughput/total_tokens", "tokens_b", "seen", "steps"],
    "L": ["L", "loss", "val_loss", "eval/loss", "bpb", "Loss (nats)", "score", "val_loss "],
    "C": ["C", "flops", "total_gflops", "EFLOP", "PF-days", "compute", "budget"],
}
WORDS = [
    "",
    "NaN",
    "nan",
    "diverged",
    "-",
    "inf",
    "None",
    "null",
    "3.O1",
    "12X",
    "running",
    "1e999",
    "-1",
    "0",
]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "latin-1"]


@st.composite
def tables(draw):
    """The bytes of a file, the end of its name, and options."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.sampled_from([0, 1, 2, 5, 9, 18, 30, 60]))
    budgets = 10.0 ** rng.integers(17, 22, draw(st.integers(1, 4)))
    C = rng.choice(budgets, count)
    D = np.sqrt(C / 6) * 4 * np.exp(rng.normal(0, 1, count))
    N = C / 6 / D
    L = 1.7 + 400 * N**-0.34 + 410 * D**-0.28 + rng.normal(0, draw(st.sampled_from([0, 0.01, 1.0])), count)
    letters = {"N": N, "D": D, "L": L, "C": C * draw(st.sampled_from([1, 1e-9, 1e-18, 1 / 8.64e19]))}
    columns, styles = [], {}
    for letter in "NDLC":
        for name in draw(
            st.sampled_from(
                [[draw(st.sampled_from(NAMES[letter][:5]))]] * 8
                + [NAMES[letter][-2:]]
                + [[]] * (1 + 4 * (letter == "C"))
            )
        ):
            columns.append((name, letter))
            styles[len(columns)] = draw(st.sampled_from(["plain", "repr", "human", "commas", "quoted"]))
    columns += [
        (name, "text")
        for name in draw(st.lists(st.sampled_from(["name", "lr", "id", "N", "ä"]), max_size=2, unique=True))
    ]
    columns = draw(st.permutations(list(enumerate(columns, 1))))
    separator = draw(st.sampled_from([",", ";", "\t", "  ", "|"]))
    decimal = draw(st.sampled_from([".", ".", "," if separator in ";\t" else "."]))
    rows = []
    for row in range(count):
        cells = []
        for place, (_, letter) in columns:
            cell = (
                "run 1"
                if letter == "text"
                else written(float(letters[letter][row]), styles.get(place, "plain"))
            )
            cells.append(cell.replace(".", decimal) if letter != "text" else cell)
        if rng.random() < draw(st.sampled_from([0.0, 0.0, 0.05])):
            cells[int(rng.integers(len(cells)))] = draw(st.sampled_from(WORDS))
        if rng.random() < 0.001:
            cells = cells[:-1] if rng.random() < 0.5 else [*cells, "1"]
        rows.append(cells)
    header = [name for _, (name, _) in columns]
    if draw(st.sampled_from(["text"] * 4 + ["json"])) == "json":
        text = "\n".join(json.dumps(dict(zip(header, cells, strict=False)), allow_nan=True) for cells in rows)
        ending = ".jsonl"
    else:
        lines = [separator.join(cells) for cells in [header, *rows]]
        for _ in range(draw(st.integers(0, 2))):
            lines.insert(
                int(rng.integers(len(lines) + 1)),
                draw(st.sampled_from(["# mine", "", "  ", "# mine", "", '"'])),
            )
        text = draw(st.sampled_from(["\n", "\r\n"])).join(lines)
        ending = ".csv"
    content = text.encode(draw(st.sampled_from(ENCODINGS)), errors="replace")
    if draw(st.integers(0, 19)) == 0:
        content = content[: len(content) // 2] + rng.bytes(20)
    if draw(st.booleans()):
        content, ending = gzip.compress(content), ending + ".gz"
    options = draw(
        st.lists(
            st.sampled_from(
                [
                    ["--drop-incomplete"],
                    ["--column", f"N={header[0] if header else 'x'}"],
                    ["--column", "L=loss"],
                    ["--column", "C="],
                    ["--column", "D=tokens * 2"],
                    ["--unit", "C=EFLOP"],
                    ["--unit", "N=M"],
                    ["--unit", "D=parsec"],
                    ["--loss-unit", "bits/byte"],
                    ["--group", "0.05"],
                    ["--budgets", "1e18,1e19,1e20"],
                    ["--repeats", "best"],
                ]
            ),
            max_size=draw(st.sampled_from([0, 1, 2])),
            unique_by=tuple,
        )
    )
    return content, ending, [word for option in options for word in option]


def written(value, style):
    """A number as people write it."""
    if style == "human" and value >= 1e6:
        for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
            if value >= size and value < 1e15:
                return f"{value / size:.6g}{letter}"
    if style == "commas" and 1e4 <= value < 1e15:
        return f'"{value:,.0f}"'
    if style == "quoted":
        return f'"{value!r}"'
    return repr(value) if style == "repr" or not math.isfinite(value) else f"{value:.6g}"


def outcome(content, ending, options, folder, command="check"):
    """Exit code and words of a command on such a table; AssertionError if it is neither answer nor words."""
    path, report = Path(folder) / f"table{ending}", Path(folder) / "report.md"
    path.write_bytes(content)
    before = set(Path(folder).iterdir())
    arguments = [command, str(path), *options]
    if command != "check":
        arguments += ["--budget", "1e23"]
    arguments += ["-o", str(report)] if command == "report" else ["--json"]
    done = CliRunner().invoke(main, arguments, catch_exceptions=True)
    said = (arguments[3:], done.exit_code, done.output[-600:], content[:600])
    assert done.exception is None or isinstance(done.exception, SystemExit), (said, repr(done.exception))
    assert done.exit_code in (0, 1, 2), said
    if done.exit_code == 0 and command != "report":
        assert json.loads(done.stdout)["concerns"] is not None, said
    if done.exit_code:
        assert done.stderr.strip(), said
        assert "Traceback" not in done.output, said
        assert done.stdout == "", said
    whole = {report} if command == "report" and done.exit_code == 0 else set()
    assert set(Path(folder).iterdir()) == before | whole, said
    report.unlink(missing_ok=True)
    return done.exit_code, done.output


if __name__ == "__main__":
    import collections
    import warnings

    warnings.simplefilter("error")
    counts = collections.Counter()

    @settings(
        max_examples=int(sys.argv[1]), deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(tables(), st.sampled_from(["check", "check", "fit", "report"]))
    def campaign(table, command):
        with tempfile.TemporaryDirectory() as folder:
            code, words = outcome(*table, folder, command)
        counts[command, code] += 1
        counts[words[:60]] += code > 0

    campaign()
    for said, count in counts.most_common(40):
        print(count, said)
