"""Command line of the course: ``python -m scalinglab.course leaderboard FOLDER``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from scalinglab.course.leaderboards import leaderboard
from scalinglab.course.oracle import BUDGET


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the leaderboard of a folder of submissions."""
    parser = argparse.ArgumentParser(prog="python -m scalinglab.course", description="The capstone One shot.")
    commands = parser.add_subparsers(required=True, metavar="command")
    board = commands.add_parser("leaderboard", help="rank the submissions of a folder")
    board.add_argument("folder", help="holds the files that students handed in, *.json")
    board.add_argument("--budget", type=float, default=BUDGET, help="FLOPs everybody had (%(default)g)")
    board.add_argument("--term", default="", help="the word set for this term")
    board.add_argument("--csv", metavar="FILE", help="write the table to a file too")
    options = parser.parse_args(arguments)
    try:
        table = leaderboard(options.folder, options.budget, options.term)
    except ValueError as error:
        parser.error(str(error))
    if options.csv:
        table.to_csv(options.csv)
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


if __name__ == "__main__":
    main()
