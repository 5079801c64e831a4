"""Print a run of the benchmarks as ratios: ``python benchmarks/report.py RUN.json [STORED.json]``.

With a second path the figures the book shows are stored there, with machine, versions and date.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import pandas as pd


def figures(run: dict) -> pd.DataFrame:
    """One row a benchmark: group, method, runs, seconds (median), scale, objective."""
    rows = [
        {
            "group": one["group"],
            "method": one["extra_info"]["method"],
            "runs": one["extra_info"].get("runs"),
            "seconds": one["stats"]["median"] * one["extra_info"]["scale"],
            "rounds": one["stats"]["rounds"],
            "scale": one["extra_info"]["scale"],
            "objective": one["extra_info"].get("objective"),
        }
        for one in run["benchmarks"]
    ]
    return pd.DataFrame(rows)


def conditions(run: dict) -> dict[str, str]:
    """On what, with what and when the figures were measured."""
    machine, cpu = run["machine_info"], run["machine_info"]["cpu"]
    return {
        "processor": cpu["brand_raw"],
        "cores": str(cpu["count"]),
        "threads": "1",
        "python": machine["python_version"],
        **{name: version(name) for name in ("numpy", "scipy", "scalinglab")},
        "date": run["datetime"][:10],
    }


def main(source: str, target: str | None = None) -> None:
    run = json.loads(Path(source).read_text(encoding="utf-8"))
    table = figures(run)
    print(", ".join(f"{key} {value}" for key, value in conditions(run).items()))
    for group, rows in table.groupby("group", sort=False):
        print(f"\n{group}")
        first = rows["seconds"].iloc[0]
        for row in rows.itertuples():
            runs = "" if pd.isna(row.runs) else f"{row.runs:.0e} runs"
            part = "" if row.scale == 1 else f"  (1/{row.scale} of it timed)"
            above = row.objective / rows["objective"].min() - 1
            reached = "" if pd.isna(above) else f"  objective {above:.0e} above the best"
            time = f"{row.seconds * 1e3:12.2f} ms {row.seconds / first:9.1f}x"
            print(f"  {row.method:38} {runs:11}{time}{reached}{part}")
    if target:
        stored = {
            "conditions": conditions(run),
            "figures": json.loads(table.to_json(orient="records", double_precision=15)),
        }
        Path(target).write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
