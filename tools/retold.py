"""Redo two published stories on the runs behind them, and store what was found for the chapters.

``python tools/retold.py [file]`` writes ``book/stored/retold.json``: the misfitting table fitted in both
counts of parameters, beside a noise-free surface on the same design; and the constants of repetition,
profiled on the 182 runs that Muennighoff et al. 2023 fitted. Those runs stand inside a notebook of theirs and
have no file of their own: without a copy in the folder that ``SCALINGLAB_DATA`` names, their part stays as it
is stored.
"""

import csv
import hashlib
import os
import sys
from pathlib import Path
from typing import Any

from studies import ROOT, keep, plain, stored, today

STORED = ROOT / "book" / "stored" / "retold.json"

#: The 182 runs, with columns run, params, tokens, unique_tokens, val_loss.
REPEATED = "datablations_182.csv"


def counting() -> dict[str, Any]:
    """The misfitting table in both counts."""
    from scalinglab.data import best_of_repeats, data_card, open_runs
    from scalinglab.laws import CHINCHILLA_REFIT
    from scalinglab.studies import counts_compared

    runs = best_of_repeats(open_runs("misfitting"))
    without = runs.extra["N_no_emb"]
    shares = 1 - without / runs.N
    return {
        "sha256": data_card("misfitting").sha256,
        "N": [runs.N.min(), runs.N.max()],
        "share": [shares.max(), shares.min()],
        "surface": CHINCHILLA_REFIT.name,
        "rows": counts_compared(runs, without, CHINCHILLA_REFIT),
    }


def repetition(path: Path) -> dict[str, Any]:
    """The constants of repetition on the runs of a file."""
    import numpy as np

    from scalinglab import Huber, Runs
    from scalinglab.laws import published, published_law
    from scalinglab.studies import repetition_objective, repetition_profile

    text = path.read_bytes()
    rows = list(csv.DictReader(text.decode("utf-8").splitlines()))
    names = ("params", "tokens", "val_loss", "unique_tokens")
    N, D, L, U = (np.array([float(row[name]) for row in rows]) for name in names)
    runs = Runs(N, D, L, extra={"U": U})
    printed = (published.MUENNIGHOFF_R_D, published.MUENNIGHOFF_R_N)
    found = repetition_profile(runs, [*np.geomspace(4, 4000, 61), 1e6])
    fine = repetition_profile(runs, np.geomspace(60, 160, 41))
    free = published_law("muennighoff").law.fit(runs, Huber(1e-3, log=True))
    return {
        "sha256": hashlib.sha256(text).hexdigest(),
        "runs": len(runs),
        "printed": {"R_D": printed[0], "R_N": printed[1], "objective": repetition_objective(runs, *printed)},
        "best": {name: float(getattr(fine, name)[fine.best]) for name in ("R_D", "R_N", "objective")},
        "profile": {name: getattr(found, name).tolist() for name in ("R_D", "R_N", "objective")},
        "all free": {**{name: free[name] for name in free.names}, "objective": free.objective},
    }


def main(path: Path) -> None:
    """Run, compare, and write what is new."""
    old = stored(path)
    new = {"date": today(), "counting": plain(counting())}
    copy = Path(os.environ.get("SCALINGLAB_DATA", ""), REPEATED)
    if copy.is_file():
        new["repetition"] = plain(repetition(copy))
    elif "repetition" in old:
        print(f"{REPEATED} is not at hand: what is stored of its runs stays")
        new["repetition"] = old["repetition"]
    keep(path, new, old, ("counting", "repetition"))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else STORED)
    except (OSError, ModuleNotFoundError) as error:  # a table is not at hand
        sys.exit(f"make studies: {error}")
