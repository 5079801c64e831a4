"""Sphinx extension: the reference pages are made from the package, one page a folder.

A line ``% api: laws surface power_laws`` in a page becomes the reference of the folder ``laws``: a list of
its files, then a section a file, the files named first and the others after them.  A line ``% api-
overview:`` becomes the list of folders, ``% cli-help:`` what the commands print when asked for help.  Every
name that a stub offers has one entry, under its shortest path, and a reference by any of its paths leads
there.  What follows the first words of an entry is folded, and on a crowded page the entries of each file
are.  In docstrings a chapter's title in emphasis becomes a link to the chapter, and every link to a glossary
term carries the term's definition.
"""

import ast
import functools
import importlib
import inspect
import re
import tomllib
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.util.nodes import make_refnode

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "scalinglab"
GLOSSARY = "book/glossary"
#: Folders whose names are importable from their files only.
DEEP = ("solvers",)
#: Letters of a file's docstring, after its first paragraph, beyond which they are folded.
LONG = 400
#: Entries of a page beyond which those of each file are folded.
CROWDED = 80


@functools.cache
def rooms():
    """Folders of the package, the lowest first, as the contract of imports lists them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (layers,) = [one["layers"] for one in contracts["contracts"] if one["type"] == "layers"]
    listed = [name.strip() for layer in reversed(layers) for name in re.split("[:|]", layer)]
    return tuple(name for name in listed if (PACKAGE / name).is_dir())


@functools.cache
def offered(room=""):
    """Name -> file that defines it, of what a folder's stub offers; a file offered itself maps to None."""
    stub = PACKAGE / room / "__init__.pyi"
    if not stub.exists():
        return {}
    return {
        alias.name: node.module and node.module.rpartition(".")[2]
        for node in ast.parse(stub.read_text(encoding="utf-8")).body
        for alias in node.names
    }


@functools.cache
def at_the_top(room):
    """Name -> file, of what the package's own stub takes from a folder."""
    return {
        alias.name: node.module.split(".")[1]
        for node in ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8")).body
        if node.module and node.module.split(".")[0] == room
        for alias in node.names
    }


@functools.cache
def files(room):
    """Names of a folder's files, in alphabetical order."""
    return tuple(
        sorted(path.stem for path in (PACKAGE / room).glob("*.py") if not path.stem.startswith("__"))
    )


def docstring(room, file="__init__"):
    """The docstring of a folder or of one of its files."""
    text = (PACKAGE / room / f"{file}.py").read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(text)) or ""


def sentence(text):
    """The first paragraph of a docstring, on one line."""
    return " ".join(text.split("\n\n")[0].split())


@functools.cache
def definitions(room, file):
    """Public name -> (kind, comment) in the order of the source."""
    found = {}
    source = (PACKAGE / room / f"{file}.py").read_text(encoding="utf-8")
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


def documented(room, file):
    """(path of the owner, name, kind, comment) of all that a file's section shows."""
    ours = definitions(room, file)
    top, here = at_the_top(room), offered(room)
    whole = room in DEEP or here.get(file, "") is None
    shown = []
    for name, (kind, comment) in ours.items():
        if top.get(name) == file:
            owner = "scalinglab"
        elif here.get(name) == file:
            owner = f"scalinglab.{room}"
        elif whole and (comment or kind != "data"):
            owner = f"scalinglab.{room}.{file}"
        else:
            continue
        shown.append((owner, name, kind, comment))
    for name in sorted(name for name in here if here[name] == file and name not in ours):
        # the file hands on what stands below all folders
        value = getattr(importlib.import_module(f"scalinglab.{room}"), name)
        shown.append((f"scalinglab.{room}", name, "class" if inspect.isclass(value) else "function", ""))
    return shown


@functools.cache
def shortest_paths():
    """Every path by which a documented name can be imported -> its shortest."""
    found = {}
    for room in rooms():
        for file in files(room):
            for owner, name, *_ in documented(room, file):
                short = f"{owner}.{name}"
                for path in (short, f"scalinglab.{room}.{name}", f"scalinglab.{room}.{file}.{name}"):
                    found[path] = short
    return found


@functools.cache
def of_bare_name():
    """Bare name -> shortest path, of names that mean one thing outside the pictures."""
    meant = {}
    for short in shortest_paths().values():
        if not short.startswith("scalinglab.plotting."):
            meant.setdefault(short.rpartition(".")[2], set()).add(short)
    return {name: next(iter(paths)) for name, paths in meant.items() if len(paths) == 1}


def entry(owner, name, kind, comment):
    """The reStructuredText of one object."""
    place = f".. currentmodule:: {owner}\n\n"
    if kind == "function":
        return f"{place}.. autofunction:: {name}\n"
    value = getattr(importlib.import_module(owner), name)
    if kind == "class":
        foreign = ", ".join(one.__name__ for one in inspect.getmro(value) if not is_ours(one))
        return (
            f"{place}.. autoclass:: {name}\n   :members:\n   :inherited-members: {foreign}\n"
            "   :special-members: __call__\n"
        )
    sources = importlib.import_module("scalinglab.laws.published").SOURCES
    text = cited(comment.rstrip(".") + ".", sources.get(name)) if comment else ""
    shown = (
        re.sub(r"\b\d{7,}\.0\b", lambda one: f"{float(one[0]):g}", repr(value))
        if not isinstance(value, (dict, tuple)) or len(repr(value)) < 90
        else ""
    )
    option = f"   :value: {shown}\n" if shown and "\n" not in shown and len(shown) < 130 else ""
    return f"{place}.. py:data:: {name}\n   :no-contents-entry:\n{option}\n   {text}\n"


def cited(text, source):
    """A comment with the citation of its source, in the place of authors and year if it begins with them."""
    if source is None:
        return text
    link = f":cite:t:`{source}`"
    begun = re.match(rf"[^:,]+ {source[-4:]}\b", text)
    return f"{link}{text[begun.end() :]}" if begun else f"{text} :cite:p:`{source}`"


def is_ours(one):
    """Whether a class belongs to the package."""
    return one.__module__.partition(".")[0] == "scalinglab"


def rst(text, owner="scalinglab"):
    """A Markdown block that holds reStructuredText."""
    return f"````{{eval-rst}}\n.. currentmodule:: {owner}\n\n{text}\n````\n"


def section(room, file, crowded):
    """The Markdown of one file."""
    listed = documented(room, file)
    entries = "\n".join(entry(*one) for one in listed)
    if crowded:
        names = ", ".join(name for _, name, *_ in listed)
        start = f'<details class="api-fold api-members"><summary>{names}</summary>'
        entries = f".. raw:: html\n\n   {start}\n\n{entries}\n\n.. raw:: html\n\n   </details>\n"
    owner = f"scalinglab.{room}"
    first, _, rest = docstring(room, file).partition("\n\n")
    if len(rest) > LONG:
        start = '<details class="api-fold"><summary>How it works</summary>'
        rest = f".. raw:: html\n\n   {start}\n\n{rest}\n\n.. raw:: html\n\n   </details>\n"
    said = rst(f"{first}\n\n{rest}", owner)
    return f"(api-{room}-{file})=\n## {file}\n\n{said}\n{rst(entries)}\n"


def in_order(room, first):
    """A folder's files, those named first before the others: with names to offer, and without."""
    order = sorted(files(room), key=lambda file: first.index(file) if file in first else len(first))
    return [file for file in order if documented(room, file)], [
        file for file in order if not documented(room, file)
    ]


def links(entries):
    """Links to entries, by their bare names."""
    return ", ".join(f":py:obj:`~{owner}.{name}`" for owner, name, *_ in entries)


def contents(room, shown, behind):
    """A definition list of a folder's files."""
    rows = []
    for file in shown:
        entries = documented(room, file)
        listed = [one for one in entries if room in DEEP or not one[0].endswith(f".{file}")]
        rest = len(entries) - len(listed)
        names = links(listed) + (f", and {rest} more" if rest else "")
        idea = sentence(docstring(room, file))
        rows.append(f":ref:`{file} <api-{room}-{file}>`\n   {idea}\n\n   {names}\n")
    rows += [f"``{file}``\n   {sentence(docstring(room, file))}\n" for file in behind]
    return listing(rows)


def listing(rows):
    """A block that holds a definition list."""
    return rst(".. container:: api-contents\n\n" + re.sub("^(?=.)", "   ", "\n".join(rows), flags=re.M))


def command_help():
    """What each command prints when it is asked for help."""
    import click

    from scalinglab.cli.commands import main

    parts = []
    for name, command in (("scalinglab", main), *main.commands.items()):
        words = "scalinglab" if command is main else f"scalinglab {name}"
        with click.Context(command, info_name=words, max_content_width=84, terminal_width=84) as context:
            said = command.get_help(context)
        parts.append(f"(cli-{name})=\n## {words}\n\n```text\n{said}\n```\n")
    return "\n".join(parts)


def page(line):
    """The Markdown of a folder's reference, from the line that asks for it."""
    room, *first = line.split()
    shown, behind = in_order(room, first)
    crowded = sum(len(documented(room, file)) for file in shown) > CROWDED
    sections = "\n".join(section(room, file, crowded) for file in shown)
    return f"{rst(docstring(room))}\n{contents(room, shown, behind)}\n{sections}"


def overview():
    """A definition list of all folders, with the names that the package itself offers."""
    rows = []
    for room in rooms():
        asked = (ROOT / f"book/api/{room}.md").read_text(encoding="utf-8")
        order, _ = in_order(room, re.search(r"^% api: (.+)$", asked, re.M)[1].split()[1:])
        top = [one for file in order for one in documented(room, file) if one[0] == "scalinglab"]
        rows.append(
            f":doc:`{room} </book/api/{room}>`\n   {sentence(docstring(room))}\n"
            + (f"\n   From the top: {links(top)}\n" if top else "")
        )
    return listing(rows)


def expand(app, docname, source):
    """Put the reference in the place of the line that asks for it."""
    if not docname.startswith("book/api"):
        return
    text = re.sub(r"^% api: (.+)$", lambda found: page(found[1]), source[0], flags=re.M)
    text = re.sub(r"^% cli-help:.*$", lambda _: command_help(), text, flags=re.M)
    source[0] = re.sub(r"^% api-overview:.*$", lambda _: overview(), text, flags=re.M)


@functools.cache
def chapter_links():
    """(pattern of a chapter's title in emphasis, link to the chapter)."""
    found = []
    for path in sorted((ROOT / "notebooks").glob("*.md")):
        title = re.search(r"^# (.+)$", path.read_text(encoding="utf-8"), re.M)[1]
        words = r"\s+".join(re.escape(word) for word in title.split())
        # a title that asks ends its sentence without a full stop
        stop = r"\.?" if title.endswith("?") else ""
        found.append(
            (re.compile(rf"(?<!\*)\*{words}\*(?!\*){stop}"), f":doc:`{title} </notebooks/{path.stem}>`")
        )
    return found


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

    def each(found):
        return "".join(f"{one.strip()} :{found[2]}{found[3]}" for one in found[1].split(","))

    lines[:] = (
        head + rule + re.sub(r"^(\w+(?:, \w+)+) :(.*\n)((?:[ ]+.*\n)+)", each, body, flags=re.M)
    ).split("\n")


def skip_fields(app, what, name, obj, skip, options):
    """Leave out the fields of a named tuple: its signature shows them."""
    return True if str(getattr(obj, "__doc__", "")).startswith("Alias for field number") else None


def join_names(field):
    """Join neighbours of a list of parameters that say the same: the docstring described them as one."""
    last = None
    for item in list(field.findall(nodes.list_item)):
        name, *rest = item.next_node(nodes.paragraph).children
        said = "".join(one.astext() for one in rest)
        if last is not None and said == last[1]:
            paragraph = last[0].next_node(nodes.paragraph)
            names = [one for one in paragraph.children if isinstance(one, addnodes.literal_strong)]
            at = paragraph.index(names[-1]) + 1
            paragraph.insert(at, [nodes.Text(", "), name])
            item.parent.remove(item)
        else:
            last = (item, said)


def join_constants(doctree):
    """Join neighbouring constants that one comment describes."""
    last = None
    for one in list(doctree.findall(addnodes.desc)):
        if one["objtype"] != "data":
            last = None
        elif last is not None and (one.parent, one[-1].astext()) == (last.parent, last[-1].astext()):
            one.parent.remove(one)
            last[-1:-1] = one[:-1]
        else:
            last = one


def fold(content):
    """Fold what follows the first words of an entry: its fields, notes and examples, then its members."""
    more = [
        one for one in content.children if isinstance(one, (nodes.field_list, nodes.rubric, addnodes.seealso))
    ]
    members = [one for one in content.children if isinstance(one, addnodes.desc)]
    if not more and not members:
        return
    children = list(content.children)
    start = children.index(more[0]) if more else len(children)
    end = children.index(members[0]) if members else len(children)
    start = min(start, end)
    details, words = children[start:end], []
    for one in details:
        if isinstance(one, nodes.field_list):
            words += [field[0].astext() for field in one.children]
        elif isinstance(one, nodes.rubric):
            words.append(one.astext())
        elif isinstance(one, addnodes.seealso):
            words.append("see also")
    names = [one[0].get("fullname", "").rpartition(".")[2] for one in members]
    content.children = []
    content += children[:start]
    content += folded(", ".join(words).capitalize(), details) if details else []
    content += folded(", ".join(names), children[end:], "api-members") if members else []


def folded(label, children, kind=""):
    """Nodes between the two ends of a fold."""
    label = label.replace("&", "&amp;").replace("<", "&lt;")
    head = f'<details class="api-fold {kind}"><summary>{label}</summary>'
    return [nodes.raw("", head, format="html"), *children, nodes.raw("", "</details>", format="html")]


def tidy_entries(app, doctree):
    """Join, name and fold what the entries of a reference page show."""
    if not app.env.docname.startswith("book/api/"):
        return
    for name in doctree.findall(nodes.field_name):
        if name.astext() == "Variables":
            name.children = [nodes.Text("Attributes")]
        if name.astext() in ("Parameters", "Attributes"):
            join_names(name.parent)
    join_constants(doctree)
    for content in list(doctree.findall(addnodes.desc_content)):
        if content.parent.parent is not None and not isinstance(content.parent.parent, addnodes.desc_content):
            fold(content)


def resolve(app, env, node, contnode):
    """Lead a reference by another path, or by a bare name, to the entry it means."""
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    short = shortest_paths().get(target) or (of_bare_name().get(target) if "." not in target else None)
    objects = env.domaindata["py"]["objects"]
    if short is None:  # a member of a class
        owner, _, member = target.rpartition(".")
        owner = shortest_paths().get(owner) or of_bare_name().get(owner)
        short = f"{owner}.{member}"
    if short not in objects:
        return None
    found = objects[short]
    return make_refnode(app.builder, node["refdoc"], found.docname, found.node_id, contnode, short)


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
    app.connect("doctree-read", tidy_entries)
    app.connect("missing-reference", resolve)
    app.connect("doctree-resolved", define_terms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
