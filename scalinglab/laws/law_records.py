"""What is kept of a law of the literature: its formula, its constants, and how either was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from scalinglab._arrays import overflow_is_refused
from scalinglab.laws.formulas import Law

#: How a formula or a constant was read: in the work or its authors' code; in another's account of it;
#: quoted without a look; by a fit of ours to the authors' runs; not at all.
FIRST_HAND, SECOND_HAND, NOT_CHECKED = "first-hand", "second-hand", "not checked"

OUR_FIT, NONE = "a fit of ours", "none"


@dataclass(frozen=True, eq=False, repr=False)
class PublishedLaw:
    """A law of the literature, ready to be fitted, with its constants and how they were read.

    Attributes
    ----------
    name : str
        Its short name.
    law : Law
        The formula, its columns declared.
    key : str
        Key in the bibliography; empty where it is of no single work.
    formula, constants : str
        How each was read: ``"first-hand"`` in the work or its authors' code, ``"second-hand"`` in an account
        of it, ``"not checked"``, ``"a fit of ours"`` to the authors' runs, or ``"none"``.
    columns : mapping of str to str
        What each column holds, with its unit.
    parameters : mapping of str to float
        Constants as printed; those that are not known are missing.
    fitted : str
        What was fitted, and what is to be known of it.

    See Also
    --------
    published_law : Looks one up.
    Law.fit : Fits ``one.law`` to runs that have its columns.

    Examples
    --------
    >>> from scalinglab.laws import published_law
    >>> one = published_law("tied")
    >>> one.provenance
    'formula second-hand, constants none'
    """

    name: str
    law: Law
    key: str
    formula: str
    constants: str
    columns: Mapping[str, str]
    parameters: Mapping[str, float] = field(default_factory=dict)
    fitted: str = ""

    def __post_init__(self) -> None:
        for what in ("columns", "parameters"):
            object.__setattr__(self, what, MappingProxyType(dict(getattr(self, what))))

    @property
    def provenance(self) -> str:
        """How its formula and its constants were read."""
        return f"formula {self.formula}, constants {self.constants}"

    @property
    def missing(self) -> tuple[str, ...]:
        """Parameters without a number."""
        return tuple(name for name in self.law.parameters() if name not in self.parameters)

    @overflow_is_refused
    def loss(self, **columns: Any) -> Any:
        """Loss at the published constants, ``one.loss(N=1e9, D=2e10)``.

        Raises
        ------
        ValueError
            If a column is missing, or a constant has no number.
        """
        if self.missing:
            raise ValueError(
                f"PublishedLaw.loss: {self.name} has no number for {', '.join(self.missing)}; give your own "
                "to one.law.loss({...}, N=..., ...), or fit one.law to runs."
            )
        return self.law.loss(self.parameters, **columns)

    def __repr__(self) -> str:
        lines = [("law", f"{self.name}: {self.law.formula}")]
        lines += [("", f"{part} = {definition}") for part, definition in self.law.where.items()]
        lines += [("tied", f"{one} = {other}") for one, other in self.law.tie.items()]
        lines += [("held", f"{one} = {number:g}") for one, number in self.law.fixed.items()]
        lines += [
            ("source", f"{self.key or 'no single work'}; {self.provenance}"),
            ("constants", ", ".join(f"{name} {one:.6g}" for name, one in self.parameters.items()) or "none"),
            ("columns", "; ".join(f"{name} {meaning}" for name, meaning in self.columns.items())),
            *((("fitted", self.fitted),) if self.fitted else ()),
        ]
        return "\n".join(f"{head:<9} {text}" for head, text in lines)
