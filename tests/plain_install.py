"""What somebody does who installed nothing else, one thing after the other.

``test_install.py`` runs this in an environment that holds the wheel and what it requires, in one process, for
every new one would import the libraries anew. It prints a report as JSON. What must wait for no library comes
before what imports it: first fits, then pictures, then every name, then the command line.
"""

import contextlib
import io
import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # isolated from the folder it stands in, as python -I is


def loaded(*names):
    return sorted(set(names) & set(sys.modules))


def fits():
    """A fit and what is asked of it; what of the heavier libraries that has imported."""
    import scalinglab as sl

    runs = sl.load_llama3()
    fit = sl.fit_vpnls(runs)
    repr(fit)
    sl.fit_approach2(runs)
    sl.certify(fit)
    sl.covariance(fit).interval("N_opt", 1e24)
    sl.screen(runs)
    return loaded("IPython", "click", "joblib", "matplotlib", "pandas", "pooch")


def pictures():
    """A picture, saved; what of a notebook's libraries that has imported."""
    import scalinglab as sl
    from scalinglab import plotting

    plotting.use_style()
    runs = sl.load_llama3()
    plotting.isoflops(runs, sl.fit_approach2(runs)).figure.savefig("runs.png")
    return loaded("IPython", "pandas", "joblib")


def every_name():
    """The report of ``every_name.py``, with what was printed."""
    import every_name

    with contextlib.redirect_stdout(io.StringIO()) as printed:
        report = every_name.main()
    return report | {"printed": printed.getvalue()}


def command(*words):
    """What the command prints."""
    from scalinglab.cli.commands import main

    sys.argv[1:] = words
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            main()
        except SystemExit as end:
            if end.code:
                raise
    return printed.getvalue()


def commands():
    """A fit on the command line, and the figures of a report on nine runs."""
    rows = [
        f"{N},{D},{1.7 + 400 * N**-0.34 + 410 * D**-0.28}\n"
        for N in (10**7, 10**8, 10**9) for D in (10**9, 10**10, 10**11)
    ]  # fmt: skip
    Path("runs.csv").write_text("params,tokens,loss\n" + "".join(rows))
    fit = command("fit", "--example", "llama3", "--budget", "3.8e25", "--method", "VPNLS")
    command("report", "runs.csv", "--budget", "1e22", "-o", "report.html")
    return {"fit": fit, "figures": Path("report.html").read_text(encoding="utf-8").count("<figure")}


if __name__ == "__main__":
    found = {"fits": fits(), "pictures": pictures(), "names": every_name(), "commands": commands()}
    print(json.dumps(found))
