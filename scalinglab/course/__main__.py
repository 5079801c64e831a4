"""Command line of the course: ``python -m scalinglab.course leaderboard FOLDER``."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

from scalinglab.course.leaderboards import leaderboard, sheet
from scalinglab.course.oracle import BUDGET


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the leaderboard of a folder of submissions."""
    parser = argparse.ArgumentParser(prog="python -m scalinglab.course", description="The capstone One shot.")
    commands = parser.add_subparsers(required=True, metavar="command")
    board = commands.add_parser("leaderboard", help="rank the submissions of a folder")
    board.add_argument("folder", help="holds the files that students handed in, *.json")
    board.add_argument("--budget", type=float, default=BUDGET, help="FLOPs everybody had (%(default)g)")
    board.add_argument("--term", default="", help="the word set for this term")
    board.add_argument("--roster", metavar="FILE", help="lines `file,name`, if files have other names")
    board.add_argument("--csv", metavar="FILE", help="write the table to a file too")
    options = parser.parse_args(arguments)
    try:
        table = leaderboard(options.folder, options.budget, options.term, _roster(options.roster))
        if options.csv:
            Path(options.csv).write_text(sheet(table), encoding="utf-8")
    except OSError as error:
        parser.error(f"{error.filename}: {error.strerror}.")
    except ValueError as error:
        parser.error(str(error))
    if reconfigure := getattr(sys.stdout, "reconfigure", None):
        reconfigure(errors="backslashreplace")  # names may have letters that a terminal lacks
    if table.empty:
        print(f"There are no *.json files in {options.folder}.")
        return
    print(
        table.to_string(
            formatters={
                "waste": "{:.2%}".format,
                "interval score": "{:.4f}".format,
                "spent": "{:.0%}".format,
            },
            na_rep="",
        )
    )


def _roster(path: str | None) -> dict[str, str] | None:
    """Names of students by the names of their files."""
    if path is None:
        return None
    rows = list(csv.reader(Path(path).read_text(encoding="utf-8-sig").splitlines()))
    for number, row in enumerate(rows, start=1):
        if row and len(row) != 2:
            raise ValueError(f"{path}, line {number}: give the name of the file and that of the student.")
    return {row[0].strip().removesuffix(".json"): row[1].strip() for row in rows if row}


if __name__ == "__main__":
    main()
