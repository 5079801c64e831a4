"""Sphinx extension: the workbench, widgets that compute in the page, with no kernel, server or network.

``{workbench} isoflop`` shows what Approach 2 makes of an IsoFLOP study, ``{workbench} fit`` fits pasted runs.
Their mathematics stands in modules in ``book/_static/workbench``, of which pages get one script
(``workbench_script.py``). What the directive itself writes, a picture and a sentence, is computed by the
package: paper shows it, and browsers that run no scripts.
"""

import hashlib
import json
import os
import shutil
from importlib.resources import files
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective
from workbench_script import SOURCES, bundle

#: The widgets, each a module of that name.
KINDS = ("isoflop", "fit")
#: What a study of parabolas is made of, as the directive's options give it.
STUDY = {"surface": "Asymmetric", "reach": 16.0, "points": 15, "offset": 1.0, "drift": 1.0, "target": 1e24}
BUDGETS = "1e17 1e21 5"
#: Roles that a widget draws, and their names in the stylesheet.
DRAWN = {"runs": "runs", "Approach 2": "approach2", "VPNLS": "vpnls"}


class widget(nodes.General, nodes.Element):
    """The place of a widget; its children are what paper shows."""


def visit_html(translator, node):
    """Open the element that the script brings to life."""
    from figures import in_the_dark

    from scalinglab.plotting.style import ROLES

    colours = [(name, ROLES[role]["color"].lower()) for role, name in DRAWN.items()]
    style = ";".join(f"--wb-{name}-light:{one};--wb-{name}-dark:{in_the_dark(one)}" for name, one in colours)
    attributes = {"data-widget": node["kind"], "data-options": json.dumps(node["options"]), "style": style}
    translator.body.append(translator.starttag(node, "div", CLASS="workbench", **attributes))


def depart_html(translator, node):
    """Close it."""
    translator.body.append("</div>\n")


def pass_through(translator, node):
    """Other pages show the children."""


class Workbench(SphinxDirective):
    """``{workbench} isoflop`` or ``{workbench} fit``.

    The options of a study are what it begins with; ``brief`` folds the controls of surface and budgets. A fit
    takes a ``budget``.
    """

    required_arguments = 1
    option_spec: ClassVar = {
        **{name: type(value) for name, value in STUDY.items()},
        **{"budgets": str, "brief": directives.flag, "budget": float},
    }

    def run(self):
        """A place for the widget, with a picture and a sentence for paper."""
        kind = directives.choice(self.arguments[0], KINDS)
        options, draw, alt, *words = (isoflop if kind == "isoflop" else fit)(self.options)
        place = widget("", kind=kind, options=options)
        uri = self.still(draw, repr((kind, sorted(self.options.items()))))
        place += nodes.image(uri=uri, alt=alt, width="80%")
        texts = [nodes.literal(one, one) if k % 2 else nodes.Text(one) for k, one in enumerate(words)]
        place += nodes.paragraph("", "", *texts)
        return [place]

    def still(self, draw, key):
        """Draw the picture for readers without scripts and for paper; returns where it stands."""
        import matplotlib.pyplot as plt
        from matplotlib.backends.backend_pdf import FigureCanvasPdf
        from matplotlib.backends.backend_svg import FigureCanvasSVG

        from scalinglab import plotting

        kind = "pdf" if self.env.app.builder.format == "latex" else "svg"
        folder = Path(self.env.app.doctreedir) / "workbench"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.{kind}"
        with plt.rc_context():
            plotting.use_style()
            draw()
            # savefig would draw it three times: for its measures, for the file and for a window
            if kind == "pdf":
                FigureCanvasPdf(plt.gcf()).print_pdf(path, metadata={"CreationDate": None})
            else:
                FigureCanvasSVG(plt.gcf()).print_svg(path, metadata={"Date": None})
            plt.close()
        return os.path.relpath(path, Path(self.env.doc2path(self.env.docname)).parent)


def isoflop(given):
    """Options, picture, alt text and sentence of a study of parabolas."""
    import numpy as np

    from scalinglab import CHINCHILLA, IsoflopDesign, approach2_bias, deadweight_loss, fit_approach2, plotting
    from scalinglab._text import typeset
    from scalinglab.laws import ASYMMETRIC, CHINCHILLA_REFIT, SODA, SPARSE_NMM, SYMMETRIC

    surfaces = {s.name: s for s in (ASYMMETRIC, CHINCHILLA, CHINCHILLA_REFIT, SYMMETRIC, SODA, SPARSE_NMM)}
    chosen = {**STUDY, **given}
    lowest, highest, count = (float(part) for part in given.get("budgets", BUDGETS).split())
    surface, target = surfaces[chosen["surface"]], chosen["target"]
    grids = {name: chosen[name] for name in ("reach", "points", "offset", "drift")}
    design = IsoflopDesign(np.geomspace(lowest, highest, int(count)), **grids)
    runs = design.runs(surface)
    fitted, bias = fit_approach2(runs, extrapolate=True), approach2_bias(surface, design)
    N = float(bias.N_factor(target))
    waste = deadweight_loss(surface, surface.N_opt(target) * N, surface.D_opt(target) / N)
    words = typeset(
        f"On the surface {surface.name}, with {int(count)} budgets from {lowest:.3g} to {highest:.3g} FLOPs "
        f"and {design.points} points at each, from 1/{design.reach:g} to {design.reach:g} times a centre at "
        f"{design.offset:g} times D*, drifting by {design.drift:g}, Approach 2 misses N* at {target:.3g} "
        f"FLOPs by {percent(N - 1)} and D* by {percent(1 / N - 1)}; its exponent a is off by "
        f"{bias.exponent_error + 0.0:+.4f}, and following it wastes {percent(waste)[1:]} of the compute."
    )
    options = {
        "surfaces": {name: s.parameters for name, s in surfaces.items()},
        **{"name": surface.name, "lowest": lowest, "highest": highest, "count": int(count), "target": target},
        **grids,
        "brief": "brief" in given,
    }
    alt = (
        f"Loss against model size at {int(count)} budgets: parabolas beside the true curves, and their "
        "vertices beside the true minima."
    )
    return options, lambda: plotting.isoflops(runs, fitted, truth=surface), alt, words


def fit(given):
    """Options, picture, alt text and sentence of a fit of the example's runs."""
    from scalinglab import fit_approach2, fit_vpnls, load_llama3, plotting
    from scalinglab._text import format_count, typeset

    budget = given.get("budget", 3.8e25)
    runs = load_llama3()
    parabolas, surface = fit_approach2(runs), fit_vpnls(runs)
    two, one = (
        f"{format_count(plan.N_opt(budget))} parameters on {format_count(plan.D_opt(budget))} tokens"
        for plan in (parabolas, surface)
    )
    words = typeset(
        f"Of the {len(runs)} runs of Llama 3, at {budget:.3g} FLOPs: Approach 2 recommends {two}, the "
        f"surface fitted by variable projection {one}. In a browser that runs scripts this place fits a "
        "table of yours; in a terminal "
    )
    command, more = f"scalinglab fit runs.csv --budget {budget:g}", " says the same and more."
    table = (files("scalinglab.data.tables") / "llama3.csv").read_text(encoding="utf-8")
    options = {"budget": budget, "example": f"Llama 3's {len(runs)} runs", "table": table}
    alt = "Loss of the Llama 3 runs against size at ten budgets: parabolas, and curves of the fitted surface."
    return options, lambda: plotting.isoflops(runs, parabolas, truth=surface), alt, words, command, more


def percent(share):
    """A signed share in per cent, to three digits or so."""
    return f"{100 * share:+.3g} %"


def write_script(app):
    """Write what pages load, before the first asks for its checksum, and keep the modules out of the site."""
    if app.builder.format != "html":
        return
    app.config.exclude_patterns.append("**/workbench")
    target = Path(app.outdir, "_static")
    target.mkdir(parents=True, exist_ok=True)
    (target / "workbench.js").write_text(bundle(), encoding="utf-8")
    shutil.copy(SOURCES / "workbench.css", target)


def load_script(app, pagename, templatename, context, doctree):
    """Let pages with widgets, and only these, load them."""
    if doctree and next(doctree.findall(widget), None):
        app.add_js_file("workbench.js", loading_method="defer")
        app.add_css_file("workbench.css")


def setup(app):
    """Register with Sphinx."""
    shown = dict.fromkeys(("latex", "text", "man", "texinfo"), (pass_through, pass_through))
    app.add_node(widget, html=(visit_html, depart_html), **shown)
    app.add_directive("workbench", Workbench)
    app.connect("builder-inited", write_script)
    app.connect("html-page-context", load_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
