"""Training runs: the columns N, D, L and C, their checks, their budgets, and their readers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd

from scalinglab._arrays import (
    FloatArray,
    blocks,
    function,
    of_kind,
    picked,
    places,
    shortened,
    whole,
)
from scalinglab.data.budgets import Budgets, nominal_budgets, place_of_budget
from scalinglab.data.columns import MEANING, column, entries, extra_column
from scalinglab.data.origin import NAMING, Origin, in_a_row
from scalinglab.data.table_columns import columns_of_table
from scalinglab.data.table_readers import table_of_file, table_of_frame
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
    extra : mapping of str to array_like, shape (n,), optional
        Further columns by name, for instance ``{"name": names, "lr": rates}``: numbers (nan where unknown)
        or texts. No fit uses them; they stay with the runs, and messages call a run by a name found here.
    origin : Origin, optional
        Where each run stands in a table; the readers and :meth:`take` fill it in.

    Attributes
    ----------
    N, D, L, C : ndarray, shape (n,)
        Read-only float64 copies.
    extra : mapping of str to ndarray, shape (n,)
        Read-only copies, numbers as float64.

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
    extra: Mapping[str, NDArray[Any]]
    origin: Origin

    def __init__(
        self,
        N: ArrayLike,
        D: ArrayLike,
        L: ArrayLike,
        C: ArrayLike | None = None,
        extra: Mapping[str, ArrayLike] | None = None,
        origin: Origin | None = None,
    ) -> None:
        of_kind("Runs: extra", extra, (Mapping, type(None)), 'give {"name": names} or the like')
        of_kind("Runs: origin", origin, (Origin, type(None)), "leave it out; readers and take() fill it in")
        origin = Origin() if origin is None else origin

        columns = {
            letter: column(letter, given, origin.label) for letter, given in (("N", N), ("D", D), ("L", L))
        }
        if C is not None:
            columns["C"] = column("C", C, origin.label)
        lengths = {letter: len(values) for letter, values in columns.items()}
        if len(set(lengths.values())) > 1:
            counts = ", ".join(f"{letter} has {count}" for letter, count in lengths.items())
            raise ValueError(f"Runs: {counts} entries; give one of each for every run.")
        if not lengths["N"]:
            raise ValueError("Runs: there are no runs; give at least one row.")
        if C is None:
            with np.errstate(over="ignore", under="ignore"):
                columns["C"] = column(
                    "C", FLOPS_PER_PARAMETER_TOKEN * columns["N"] * columns["D"], origin.label
                )
        for letter, values in columns.items():
            object.__setattr__(self, letter, values)
        for name in extra or ():
            if not isinstance(name, str) or name in MEANING:
                raise ValueError(f"Runs: extra holds {shortened(name)}; give it a name that is no letter.")
        further = {name: extra_column(name, values, len(self.N)) for name, values in (extra or {}).items()}
        object.__setattr__(self, "extra", MappingProxyType(further))
        object.__setattr__(self, "origin", origin)

    def __len__(self) -> int:
        return len(self.N)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are made anew, so that they are read-only too."""
        return type(self), (self.N, self.D, self.L, self.C, dict(self.extra), self.origin)

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
        return self.take(self._budgets.places(self.C) == place_of_budget(self._budgets.medians, C))

    def take(self, which: ArrayLike) -> Runs:
        """Return the runs that a mask or a list of row numbers picks, in that order."""
        rows = places("Runs.take: which", which)
        if rows.dtype == bool and rows.shape != (len(self),):
            raise ValueError(f"Runs: the mask has {rows.size} entries for {len(self)} runs.")
        if not rows.size or (rows.dtype == bool and not rows.any()):
            raise ValueError("Runs.take: which is empty, nothing was picked; there must be at least one run.")
        if rows.dtype != bool and not (np.abs(rows + 0.5) < len(self)).all():
            raise ValueError(f"Runs: row {rows.max()} was asked for; rows are 0 to {len(self) - 1}.")
        taken = object.__new__(Runs)  # checked columns need no second check
        for letter in MEANING:
            object.__setattr__(taken, letter, entries(getattr(self, letter), rows))
        extra = {name: entries(values, rows) for name, values in self.extra.items()}
        object.__setattr__(taken, "extra", MappingProxyType(extra))
        object.__setattr__(taken, "origin", self.origin.taken(rows, len(self)))
        return taken

    def label(self, row: int) -> str:
        """How a message names a run: its row, its line in the file it was read from, and its name.

        Lines are counted from 1 as an editor does, and stay with the runs that :meth:`take` picks. A name
        is looked for among the texts of ``extra`` in a column called name, run, id or the like.

        Raises
        ------
        ValueError
            If there is no such row.

        Examples
        --------
        >>> runs = Runs([1e8, 2e8], [4e9, 2e9], [3.1, 3.0], extra={"name": ["small", "large"]})
        >>> print(runs.label(1), "was", runs.take([1]).label(0))
        row 1 ('large') was row 0 (row 1 of the table, 'large')
        """
        row = whole("Runs.label: row", row, 0, len(self) - 1)
        return self.origin.label(row, "" if self._names is None else str(self._names[row]))

    def listed(self, rows: ArrayLike, most: int = 3) -> str:
        """Name runs by their rows, the first few as :meth:`label` does; the rest are counted.

        Raises
        ------
        ValueError
            If a row is not there, or none is given.

        Examples
        --------
        >>> runs = Runs([1e8, 2e8, 4e8], [4e9, 2e9, 1e9], [3.1, 3.0, 3.2])
        >>> runs.listed([0, 2]), runs.listed([0, 1, 2], most=1)
        ('rows 0 and 2', 'rows 0 and 2 more')
        """
        wanted = np.arange(len(self))[picked("Runs.listed: rows", rows, len(self))]
        if not len(wanted):
            raise ValueError("Runs.listed: rows is empty; give one or more.")
        named = wanted[: whole("Runs.listed: most", most, 1)]
        return in_a_row([self.label(int(row)) for row in named], len(wanted) - len(named))

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the runs before they are fitted, a sentence each: what a checklist has to say."""
        return self.origin.notes

    @cached_property
    def _names(self) -> NDArray[Any] | None:
        """The column of text that names the runs."""
        texts = {name.lower(): values for name, values in self.extra.items() if values.dtype.kind == "U"}
        return next((texts[name] for name in NAMING if name in texts), None)

    def group(self, budgets: ArrayLike | None = None, rtol: float | None = None) -> Runs:
        """Return the runs with nominal budgets as C, where real FLOP counts scatter about them.

        Use it before parabolas, screening or a bootstrap by budget if attention was counted or tokens were
        rounded. The ``notes`` of the answer say how far computes lie from the budgets.

        Parameters
        ----------
        budgets : array_like, optional
            The nominal budgets in FLOPs; each run gets the nearest. Read off the runs when absent.
        rtol : float, optional
            How far a compute may lie from its budget: 0.25 with ``budgets``, 0.05 without.

        Raises
        ------
        ValueError
            If an argument is out of range, or a run lies further from every budget.

        Examples
        --------
        >>> runs = Runs([1e8, 2e8, 4e8], [1e9, 5.1e8, 2.4e8], [3.1, 3.0, 3.2])
        >>> len(runs.budgets), runs.group(rtol=0.05).budgets
        (3, array([6.e+17]))
        """
        nominal, note = nominal_budgets(self.C, budgets, rtol, self.listed)
        return Runs(self.N, self.D, self.L, nominal, self.extra, self.origin.noted(note))

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        columns: Mapping[str, str | None] | None = None,
        units: Mapping[str, Any] | None = None,
        drop_incomplete: bool = False,
    ) -> Runs:
        """Make runs from a pandas, polars or Arrow table, or a mapping of names to columns.

        Parameters
        ----------
        frame : pandas.DataFrame or another table
            One row a run; an index of whole numbers places a row, one of texts names it.
        columns, units, drop_incomplete
            As in :func:`read_runs`.

        Raises
        ------
        ValueError
            If a column is missing, two may be meant, or its content is refused.
        """
        return cls(**columns_of_table(table_of_frame(frame), columns, units, drop_incomplete))

    @classmethod
    def read_csv(
        cls,
        path: str | PathLike[str] | Any,
        columns: Mapping[str, str | None] | None = None,
        units: Mapping[str, Any] | None = None,
        drop_incomplete: bool = False,
    ) -> Runs:
        r"""Read runs from a file with a header line.

        Parameters
        ----------
        path, columns, units, drop_incomplete
            As in :func:`read_runs`.

        Raises
        ------
        ValueError
            If the file is no table or its content is refused.

        Examples
        --------
        >>> import io
        >>> Runs.read_csv(io.StringIO("params,tokens,loss\n1e8,2e9,3.2\n2e8,2e9,3.1")).L
        array([3.2, 3.1])
        """
        return cls(**columns_of_table(table_of_file(path), columns, units, drop_incomplete))

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas table with columns N, D, L, C and those of ``extra``."""
        import pandas as pd

        return pd.DataFrame({"N": self.N, "D": self.D, "L": self.L, "C": self.C, **self.extra})

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
