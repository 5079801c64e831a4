"""Training runs: the columns N, D, L and C, their checks, their budgets, and their readers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd

from scalinglab._arrays import FloatArray, blocks, floats, function, of_kind, places, shortened
from scalinglab._extras import needs
from scalinglab.data.budgets import BUDGET_TOLERANCE, Budgets
from scalinglab.data.columns import MEANING, column
from scalinglab.laws.surface import FLOPS_PER_PARAMETER_TOKEN


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Runs:
    """Training runs: parameters, training tokens, final loss and compute of each.

    Parameters
    ----------
    N : array_like, shape (n,)
        Parameters of each run; positive.
    D : array_like, shape (n,)
        Training tokens of each run; positive.
    L : array_like, shape (n,)
        Final loss of each run; finite.
    C : array_like, shape (n,), optional
        Training compute in FLOPs, or the nominal budget of an IsoFLOP curve; ``6 N D`` when absent.

    Attributes
    ----------
    N, D, L, C : ndarray, shape (n,)
        Read-only float64 copies.

    Raises
    ------
    ValueError
        If an entry is missing, not a number, not finite or not positive, or if lengths differ. The
        message names the column and the row.

    See Also
    --------
    load_llama3, load_chinchilla
    IsoflopDesign : Runs simulated on a surface.
    TrainingCurves : The loss along each run, not its end alone.
    screen : Leaves out runs by rules.

    Notes
    -----
    Any unit of N and D will do as long as C is in the same units: no fit depends on them.

    Examples
    --------
    >>> runs = Runs(N=[1e8, 2e8], D=[4e9, 2e9], L=[3.1, 3.0])
    >>> len(runs), runs.budgets
    (2, array([2.4e+18]))
    """

    N: FloatArray
    D: FloatArray
    L: FloatArray
    C: FloatArray

    def __init__(self, N: ArrayLike, D: ArrayLike, L: ArrayLike, C: ArrayLike | None = None) -> None:
        columns = {"N": column("N", N), "D": column("D", D), "L": column("L", L)}
        if C is not None:
            columns["C"] = column("C", C)
        lengths = {letter: len(values) for letter, values in columns.items()}
        if len(set(lengths.values())) > 1:
            counts = ", ".join(f"{letter} has {count}" for letter, count in lengths.items())
            raise ValueError(f"Runs: {counts} entries; give one of each for every run.")
        if not lengths["N"]:
            raise ValueError("Runs: there are no runs; give at least one row.")
        if C is None:
            with np.errstate(over="ignore", under="ignore"):
                columns["C"] = column("C", FLOPS_PER_PARAMETER_TOKEN * columns["N"] * columns["D"])
        for letter, values in columns.items():
            object.__setattr__(self, letter, values)

    def __len__(self) -> int:
        return len(self.N)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are made anew, so that they are read-only too."""
        return type(self), (self.N, self.D, self.L, self.C)

    def __repr__(self) -> str:
        def span(values: FloatArray, digits: int = 3) -> str:
            return f"{values.min():.{digits}g} to {values.max():.{digits}g}"

        return (
            f"{len(self)} runs at {len(self.budgets)} budgets, {span(self.C)} FLOPs\n"
            f"N {span(self.N)} parameters\nD {span(self.D)} tokens\nL {span(self.L, 4)}"
        )

    @property
    def budgets(self) -> FloatArray:
        """The distinct compute budgets, ascending; computes within 1 % of each other are one budget."""
        return self._budgets.medians.copy()

    def at(self, C: float) -> Runs:
        """Return the runs of one budget, C FLOPs.

        Raises
        ------
        ValueError
            If no run has that budget.
        """
        budget = floats("Runs.at: C", C)
        if budget.ndim or not 0 < budget < np.inf:
            raise ValueError(f"Runs.at: C, the budget, is a positive number of FLOPs, got {shortened(C)}.")
        single = float(budget)
        values, member = self.by_budget()
        with np.errstate(over="ignore"):
            near = np.flatnonzero(np.abs(np.log(values / single)) <= BUDGET_TOLERANCE)
        if not len(near):
            raise ValueError(
                f"Runs: no run has a budget of {single:.3g} FLOPs; budgets are {_listed(values)}."
            )
        return self.take(member == near[np.argmin(np.abs(np.log(values[near] / single)))])

    def take(self, which: ArrayLike) -> Runs:
        """Return the runs that a mask or a list of row numbers picks, in that order."""
        rows = places("Runs.take: which", which)
        if rows.dtype == bool and rows.shape != (len(self),):
            raise ValueError(f"Runs: the mask has {rows.size} entries for {len(self)} runs.")
        if not rows.size or (rows.dtype == bool and not rows.any()):
            raise ValueError("Runs.take: which is empty, nothing was picked; there must be at least one run.")
        if rows.dtype != bool and not (np.abs(rows + 0.5) < len(self)).all():
            raise ValueError(f"Runs: row {rows.max()} was asked for; rows are 0 to {len(self) - 1}.")
        return Runs(self.N[rows], self.D[rows], self.L[rows], self.C[rows])

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, columns: Mapping[str, str] | None = None) -> Runs:
        """Make runs from a pandas table.

        Parameters
        ----------
        frame : pandas.DataFrame
            One row a run.
        columns : mapping, optional
            Which column holds which letter, for instance ``{"N": "params", "L": "val_loss"}``;
            letters not named are looked up under their own name. ``C`` may be absent.

        Raises
        ------
        ValueError
            If a column is missing or its content is refused.
        """
        if not (hasattr(frame, "columns") and hasattr(frame, "__getitem__")) or isinstance(frame, type):
            raise ValueError(
                f"Runs.from_frame: frame is {shortened(frame)}; give a pandas table, or Runs(N, D, "
                "L) columns."
            )
        of_kind(
            "Runs.from_frame: columns", columns, (Mapping, type(None)), 'give {"N": "params"} or the like'
        )
        names = {"N": "N", "D": "D", "L": "L", "C": "C", **(columns or {})}
        unknown = set(names) - set(MEANING)
        if unknown:
            raise ValueError(
                f"Runs: columns maps {', '.join(sorted(map(str, unknown)))}; the letters are N, D, L and C."
            )
        picked: dict[str, Any] = {}
        for letter, name in names.items():
            if not isinstance(name, Hashable):
                raise ValueError(
                    f"Runs.from_frame: columns names {shortened(name)} for {letter}; give a name."
                )
            if (found := list(frame.columns).count(name)) > 1:
                raise ValueError(
                    f"Runs: {found} columns of the frame are called {name!r}; rename all but one."
                )
            if found:
                picked[letter] = frame[name]
            elif letter != "C" or "C" in (columns or {}):
                raise ValueError(
                    f"Runs: no column {name!r} for {letter} ({MEANING[letter]}); the table has "
                    f"{', '.join(map(str, frame.columns)) or 'no columns'}. "
                    f'Name yours: columns={{"{letter}": ...}}.'
                )
        return cls(**picked)

    @classmethod
    def read_csv(cls, path: str | PathLike[str] | Any, columns: Mapping[str, str] | None = None) -> Runs:
        r"""Read runs from a CSV file with a header line.

        Parameters
        ----------
        path : str, path or file
            Whatever :func:`pandas.read_csv` opens.
        columns : mapping, optional
            As in :meth:`from_frame`.

        Raises
        ------
        ValueError
            If the file is empty or not a table, or its content is refused.

        Examples
        --------
        >>> import io
        >>> Runs.read_csv(io.StringIO("params,tokens,loss\n1e8,2e9,3.2\n2e8,2e9,3.1"),
        ...               columns={"N": "params", "D": "tokens", "L": "loss"})
        2 runs at 2 budgets, 1.2e+18 to 2.4e+18 FLOPs
        N 1e+08 to 2e+08 parameters
        D 2e+09 to 2e+09 tokens
        L 3.1 to 3.2
        """
        with needs("tables"):
            import pandas as pd

        of_kind("Runs.read_csv: columns", columns, (Mapping, type(None)), 'give {"N": "params"} or the like')
        if isinstance(path, (bool, int, float, bytes, type(None))):
            raise ValueError(f"Runs.read_csv: path is {shortened(path)}; give a file or the path to one.")
        try:
            frame = pd.read_csv(path)
        except pd.errors.EmptyDataError:
            raise ValueError(f"Runs: {path} is empty; it needs a header line and one line a run.") from None
        except (pd.errors.ParserError, UnicodeDecodeError) as error:
            raise ValueError(f"Runs: {path} is not a CSV table: {error}") from None
        except (OSError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(
                f"Runs.read_csv: path is {shortened(path)}, which cannot be read ({shortened(error)})."
            ) from None
        if not isinstance(frame.index, pd.RangeIndex):
            raise ValueError(
                f"Runs: the file at path {shortened(path)} has lines with more fields than its "
                "header has names; mend the header."
            )
        twice = [name for name in frame.columns if f"{name}.1" in frame.columns]
        if twice:
            raise ValueError(
                f"Runs: the header of {shortened(path)} names {twice[0]!r} twice, or the column "
                f"'{twice[0]}.1' beside it; rename one."
            )
        return cls.from_frame(frame, columns)

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas table with columns N, D, L, C."""
        with needs("tables"):
            import pandas as pd

        return pd.DataFrame({"N": self.N, "D": self.D, "L": self.L, "C": self.C})

    def by_budget(self) -> tuple[FloatArray, NDArray[np.intp]]:
        """Return the budgets, ascending, and for each run the place of its budget among them."""
        return self._budgets.medians.copy(), self._budgets.places(self.C)

    def sums_by_budget(self, columns: Callable[[slice], Sequence[FloatArray]]) -> FloatArray:
        """Sums over the runs of each budget, shape (columns, budgets).

        ``columns`` answers for a slice of the runs, so that no column as long as the runs need exist.
        """
        function("Runs.sums_by_budget: columns", columns, "a slice")
        sums: FloatArray = np.zeros(())
        for rows in blocks(len(self)):
            places, count = self._budgets.places(self.C[rows]), len(self._budgets.medians)
            sums = sums + np.array([np.bincount(places, values, count) for values in columns(rows)])
        return sums

    @cached_property
    def _budgets(self) -> Budgets:
        return Budgets.of(self.C)


def _listed(values: FloatArray) -> str:
    shown = [f"{value:.3g}" for value in values[:12]]
    return ", ".join(shown) + (f" and {len(values) - 12} more" if len(values) > 12 else "")


def require_runs(who: str, runs: Any, name: str = "runs") -> None:
    """Raise ValueError unless these are runs, and say how a table, a file or columns become some."""
    if not isinstance(runs, Runs):
        what = (
            f"a {type(runs).__name__}"
            if hasattr(runs, "shape") or isinstance(runs, Mapping)
            else shortened(runs)
        )
        raise ValueError(
            f"{who}: {name} is {what}; give Runs.from_frame(table), Runs.read_csv(path) or Runs(N, D, L)."
        )
