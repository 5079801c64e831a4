"""Sphinx extension: the reference pages are made from the package.

A line ``% api: bias certificate`` in a page becomes one section a module, made from the docstrings (a
star stands for the modules that no page names).  A line ``% api-overview: law fits`` becomes the list
of all modules on those pages.  In docstrings a chapter's title in emphasis becomes a link to the
chapter, and every link to a glossary term carries the term's definition.
"""

import ast
import functools
import importlib
import re
from pathlib import Path

from docutils import nodes

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "scalinglab"
GLOSSARY = "book/glossary"


@functools.cache
def public_names():
    """Module -> names that ``scalinglab`` offers, from its stub; a module offered itself maps to []."""
    offered = {}
    for node in ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8")).body:
        if node.module is None:
            for alias in node.names:
                offered.setdefault(alias.name, [])
        else:
            offered.setdefault(node.module, []).extend(alias.name for alias in node.names)
    return offered


@functools.cache
def whole_modules():
    """Modules offered as such: all their public objects are documented."""
    tree = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    return {alias.name for node in tree.body if node.module is None for alias in node.names}


@functools.cache
def module_files(module):
    """The files of a module: one, or those of its folder."""
    single = PACKAGE / f"{module}.py"
    folder = (path for path in sorted((PACKAGE / module).glob("*.py")) if path.stem != "__main__")
    return (single,) if single.exists() else tuple(folder)


def docstring(module):
    """The module's own docstring."""
    single = PACKAGE / f"{module}.py"
    path = single if single.exists() else PACKAGE / module / "__init__.py"
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


@functools.cache
def definitions(module):
    """Public name -> (kind, comment) in the order of the source."""
    found = {}
    for path in module_files(module):
        source = path.read_text(encoding="utf-8")
        lines = source.splitlines()
        comment = ""
        for node in ast.parse(source).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                names, kind = [node.name], "function" if isinstance(node, ast.FunctionDef) else "class"
            elif isinstance(node, (ast.Assign, ast.AnnAssign)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]
                kind = "data"
                above = []
                row = node.lineno - 2
                while row >= 0 and lines[row].startswith("#:"):
                    above.insert(0, lines[row][2:].strip())
                    row -= 1
                # a comment speaks for all assignments that follow it without a blank line
                comment = " ".join(above) or (comment if lines[node.lineno - 2].strip() else "")
            else:
                continue
            for name in names:
                if not name.startswith("_"):
                    found[name] = (kind, comment if kind == "data" else "")
    return found


def documented(module):
    """(path of the owner, name, kind, comment) of all that a module's section shows."""
    ours = definitions(module)
    names = public_names().get(module, [])
    shown = [("scalinglab", name) for name in ours if name in names]
    if module in whole_modules():
        owner = importlib.import_module(f"scalinglab.{module}")
        local = {"plotting": lambda name: name in vars(owner)}.get(
            module, lambda name: ours[name][1] or ours[name][0] == "class"
        )
        shown += [(f"scalinglab.{module}", name) for name in ours if name not in names and local(name)]
    return [(owner, name, *ours[name]) for owner, name in shown]


def entry(owner, name, kind, comment):
    """The reStructuredText of one object."""
    place = f".. currentmodule:: {owner}\n\n"
    if kind == "function":
        return f"{place}.. autofunction:: {name}\n"
    if kind == "class":
        return f"{place}.. autoclass:: {name}\n   :members:\n   :special-members: __call__\n"
    module = importlib.import_module(owner)
    value = getattr(module, name)
    source = importlib.import_module("scalinglab.published").SOURCES.get(name)
    text = comment.rstrip(".") + "." + (f" :cite:p:`{source}`" if source else "")
    shown = (
        re.sub(r"\b\d{13,}\.0\b", lambda one: f"{float(one[0]):g}", repr(value))
        if not isinstance(value, (dict, tuple)) or len(repr(value)) < 90
        else ""
    )
    option = f"   :value: {shown}\n" if shown and "\n" not in shown and len(shown) < 130 else ""
    return f".. currentmodule:: {owner}\n\n.. py:data:: {name}\n   :no-contents-entry:\n{option}\n   {text}\n"


def section(module):
    """The Markdown of one module."""
    body = "\n".join(entry(*one) for one in documented(module))
    text = f".. currentmodule:: scalinglab\n\n{docstring(module)}\n\n{body}"
    return f"(api-{module})=\n## {module}\n\n````{{eval-rst}}\n{text}\n````\n"


def overview():
    """A definition list of all modules that have a section somewhere."""
    rows = []
    for module in modules_of_pages():
        shown = [one for one in documented(module) if module == "plotting" or one[0] == "scalinglab"]
        names = ", ".join(f"{{py:obj}}`~{owner}.{name}`" for owner, name, *_ in shown)
        idea = docstring(module).split("\n\n")[0].replace("\n", " ")
        rows.append(f"{{ref}}`{module} <api-{module}>`\n: {idea}\n\n  {names}\n")
    return "\n".join(rows)


@functools.cache
def modules_of(line):
    """Modules that a line names; a star stands for those that no page names."""
    named = line.split()
    if "*" not in named:
        return named
    pages = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "book/api").glob("*.md"))
    elsewhere = set(" ".join(re.findall(r"^% api: (.+)$", pages, re.M)).split())
    left = sorted(set(public_names()) - elsewhere)
    star = named.index("*")
    return named[:star] + left + named[star + 1 :]


def modules_of_pages():
    """Modules in the order in which the pages show them."""
    return [
        module
        for page in re.search(
            r"^% api-overview: (.+)$", (ROOT / "book/api.md").read_text(encoding="utf-8"), re.M
        )[1].split()
        for line in re.findall(
            r"^% api: (.+)$", (ROOT / f"book/api/{page}.md").read_text(encoding="utf-8"), re.M
        )
        for module in modules_of(line)
    ]


def expand(app, docname, source):
    """Put the sections in the place of their line."""
    if not docname.startswith("book/api"):
        return
    text = re.sub(
        r"^% api: (.+)$", lambda m: "\n".join(map(section, modules_of(m[1]))), source[0], flags=re.M
    )
    source[0] = re.sub(r"^% api-overview: .*$", lambda _: overview(), text, flags=re.M)


@functools.cache
def chapter_links():
    """(pattern of a chapter's title in emphasis, link to the chapter)."""
    links = []
    for path in sorted((ROOT / "notebooks").glob("*.md")):
        title = re.search(r"^# (.+)$", path.read_text(encoding="utf-8"), re.M)[1]
        words = r"\s+".join(re.escape(word) for word in title.split())
        # a title that asks ends its sentence without a full stop
        stop = r"\.?" if title.endswith("?") else ""
        links.append(
            (re.compile(rf"(?<!\*)\*{words}\*(?!\*){stop}"), f":doc:`{title} </notebooks/{path.stem}>`")
        )
    return links


def link_chapters(app, what, name, obj, options, lines):
    """Turn titles of chapters into links."""
    text = "\n".join(lines)
    for pattern, link in chapter_links():
        text = pattern.sub(link, text)
    lines[:] = text.split("\n")


def split_attributes(app, what, name, obj, options, lines):
    """Give each name of ``N, D : float`` under Attributes an entry of its own, as parameters have."""
    text = "\n".join(lines)
    head, rule, body = text.partition("Attributes\n----------\n")

    def each(entry):
        return "".join(f"{one.strip()} :{entry[2]}{entry[3]}" for one in entry[1].split(","))

    lines[:] = (
        head + rule + re.sub(r"^(\w+(?:, \w+)+) :(.*\n)((?:[ ]+.*\n)+)", each, body, flags=re.M)
    ).split("\n")


def skip_fields(app, what, name, obj, skip, options):
    """Leave out the fields of a named tuple: its signature shows them."""
    return True if str(getattr(obj, "__doc__", "")).startswith("Alias for field number") else None


def first_sentences(app):
    """Anchor of a glossary term -> its definition as plain text."""
    if GLOSSARY not in app.env.all_docs:
        return {}
    cache = getattr(app, "_scalinglab_terms", None)
    if cache is None:
        cache = app._scalinglab_terms = {
            anchor: " ".join(item.next_node(nodes.definition).next_node(nodes.paragraph).astext().split())
            for item in app.env.get_doctree(GLOSSARY).findall(nodes.definition_list_item)
            for term in item.findall(nodes.term)
            for anchor in term["ids"]
        }
    return cache


def define_terms(app, doctree, docname):
    """Give links to glossary terms the definition as their title: it shows when the pointer rests."""
    for link in doctree.findall(nodes.reference):
        if any(
            "std-term" in child.get("classes", [])
            for child in link.children
            if isinstance(child, nodes.Element)
        ):
            anchor = link.get("refid") or link.get("refuri", "").partition("#")[2]
            link["reftitle"] = first_sentences(app).get(anchor, "")


def setup(app):
    """Register with Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.napoleon")
    app.connect("source-read", expand)
    app.connect("autodoc-process-docstring", link_chapters, priority=400)
    app.connect("autodoc-process-docstring", split_attributes, priority=400)
    app.connect("autodoc-skip-member", skip_fields)
    app.connect("doctree-resolved", define_terms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
