"""``scalinglab fit``, ``report`` and ``check``: from a table of runs to an answer, without writing Python."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import click

from scalinglab import FitError, Law, Runs, load_chinchilla, load_llama3
from scalinglab.cli.checking import whats_wrong
from scalinglab.cli.plans import bias, plan
from scalinglab.cli.reading import prepared, read_table
from scalinglab.cli.remedies import answer_with_options, in_options, with_options
from scalinglab.cli.writing import command_line, progress_bar, write_whole
from scalinglab.fitting.methods import METHODS
from scalinglab.reporting.answers import Answer, answer
from scalinglab.reporting.printed_answers import title_of, to_dict, to_markdown, to_text

#: Tables that come with the package.
EXAMPLES: dict[str, Callable[[], Runs]] = {"llama3": load_llama3, "chinchilla": load_chinchilla}

#: A search from many starts, and the number of runs beyond which it has to be asked for.
SLOW, MANY = "Approach 3", 200_000

#: Exit codes: runs that cannot answer, and input that is wrong.
CANNOT_ANSWER, WRONG_INPUT = 1, 2


class Honest(click.Group):
    """A group whose commands end with a sentence and an exit code, never with a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what is wrong with the input, or with the runs, is said on standard error."""
        try:
            return super().invoke(ctx)
        except FitError as error:
            _end(str(error), CANNOT_ANSWER)
        except (ValueError, ModuleNotFoundError, OSError, MemoryError) as error:
            _end(str(error) or type(error).__name__, WRONG_INPUT)


def _end(words: str, code: int) -> None:
    click.echo(f"scalinglab: {in_options(words)}", err=True)
    sys.exit(code)


@click.group(cls=Honest, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="scalinglab")
def main() -> None:
    """Fit neural scaling laws to a table of training runs, and say how far to trust the answer.

    Exit code 2 means that the input is wrong, 1 that these runs cannot answer.
    """


@dataclass(frozen=True)
class Source:
    """Where the runs of a command come from."""

    table: Path | None
    example: str | None
    columns: tuple[str, ...]
    units: tuple[str, ...]
    loss_unit: str | None
    drop_incomplete: bool
    budgets: str | None
    group: float | None
    repeats: str

    def runs(self) -> Runs:
        """Read them."""
        if (self.table is None) == (self.example is None):
            raise click.UsageError("give a table of runs, or --example llama3 to try.")
        if self.table is None:
            assert self.example is not None
            runs = EXAMPLES[self.example]()
        else:
            runs = read_table(self.table, self.columns, self.drop_incomplete, self.units, self.loss_unit)
        return with_options(prepared(runs, self.budgets, self.group, self.repeats))


def of_a_table(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of every command that reads a table; the command gets them as one source."""
    options = [
        click.argument("table", required=False, type=click.Path(path_type=Path)),
        click.option("--example", type=click.Choice(list(EXAMPLES)), help="Use a table of the package."),
        click.option(
            "--column",
            "columns",
            multiple=True,
            metavar="LETTER=NAME",
            help="Which column holds N, D, L or C, for instance --column N=params; repeat it. A product will "
            'do, --column "D=step * 2e6", and --column C= leaves C out.',
        ),
        click.option(
            "--unit",
            "units",
            multiple=True,
            metavar="LETTER=UNIT",
            help="What a column is counted in, for instance --unit N=M --unit C=EFLOP; repeat it.",
        ),
        click.option(
            "--loss-unit",
            metavar="UNIT",
            help="nats, bits/token or bits/byte: the answer says which, and keeps the numbers.",
        ),
        click.option("--drop-incomplete", is_flag=True, help="Leave out rows without a number."),
        click.option(
            "--budgets", metavar="FLOPS,...", help="Nominal budgets: each run counts at the nearest."
        ),
        click.option(
            "--group",
            type=float,
            metavar="SHARE",
            help="Computes this close are one budget, such as 0.05; with --budgets, how far runs may lie.",
        ),
        click.option(
            "--repeats",
            type=click.Choice(["keep", "best", "mean"]),
            default="keep",
            show_default=True,
            help="Of runs that share N and D.",
        ),
    ]
    kept = [field.name for field in fields(Source)]

    @functools.wraps(command)
    def with_source(**given: Any) -> Any:
        return command(Source(**{name: given.pop(name) for name in kept}), **given)

    wrapped: Callable[..., Any] = with_source
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped


def of_an_answer(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of the commands that answer."""
    options = [
        click.option("--budget", type=float, required=True, metavar="FLOPS", help="What may be spent."),
        click.option(
            "--method",
            "methods",
            multiple=True,
            type=click.Choice(list(METHODS)),
            help="Only these; repeat it.",
        ),
        click.option("--law", metavar="FORMULA", help='A law of your own, "E + (A/N**a + B/D**b)**k".'),
        click.option("--level", type=float, default=0.9, show_default=True, help="Of the intervals."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _answered(runs: Runs, budget: float, methods: tuple[str, ...], law: str | None, level: float) -> Answer:
    own = Law(law, name="law") if law else None
    wanted, left_out = methods or tuple(METHODS), {}
    if not methods and len(runs) > MANY:
        wanted = tuple(name for name in METHODS if name != SLOW)
        left_out[SLOW] = (
            f"left out of {len(runs):,} runs, for its search from many starts takes a minute a million; "
            f'VPNLS fits the same law. To have it all the same: --method "{SLOW}"'
        )
    with progress_bar(f"{len(runs):,} runs", len(wanted) + (own is not None) + 2) as began:
        found = answer(runs, budget, own, wanted, level, progress=began)
    return answer_with_options(replace(found, refused={**found.refused, **left_out}))


@main.command()
@of_a_table
@of_an_answer
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def fit(
    source: Source,
    budget: float,
    methods: tuple[str, ...],
    law: str | None,
    level: float,
    as_json: bool,
) -> None:
    """Answer what to train with a budget: every method side by side, what an error costs, and concerns."""
    found = _answered(source.runs(), budget, methods, law, level)
    click.echo(json.dumps(to_dict(found), indent=1) if as_json else f"{title_of(found)}\n\n{to_text(found)}")


@main.command()
@of_a_table
@of_an_answer
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    help="Where to write: .html, one page that works offline, or .md.",
)
def report(
    source: Source,
    budget: float,
    methods: tuple[str, ...],
    law: str | None,
    level: float,
    output: Path,
) -> None:
    """Write the answer as a page with figures, and how to reproduce it."""
    if output.suffix not in (".html", ".md"):
        raise click.UsageError(f"--output is {output}; give a name that ends in .html or .md.")
    if not output.parent.is_dir():
        raise click.UsageError(f"--output is {output}, but there is no folder {output.parent}.")
    found = _answered(source.runs(), budget, methods, law, level)
    if output.suffix == ".md":
        page = to_markdown(found)
    else:
        from scalinglab.cli.report_page import report_page

        page = report_page(found, command_line(), source.table)
    write_whole(output, page)
    click.echo(f"wrote {output}", err=True)


@main.command()
@of_a_table
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def check(source: Source, as_json: bool) -> None:
    """Read and screen a table, and say what is wrong with it."""
    runs = source.runs()
    told = [in_options(one) for one in whats_wrong(runs)]
    if as_json:
        click.echo(json.dumps({"runs": len(runs), "notes": list(runs.notes), "concerns": told}, indent=1))
        return
    click.echo(runs)
    for note in runs.notes:
        click.echo(f"note      {note}")
    for one in told or ["nothing is wrong with this table that reading and screening can see."]:
        click.echo(f"  - {one}")


main.add_command(plan)
main.add_command(bias)
