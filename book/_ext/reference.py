"""Sphinx extension: the reference pages are made from the package, one page a folder.

A line ``% api: laws surface power_laws`` in a page becomes the reference of the folder ``laws``: a list of
its files, then a section a file, the files named first and the others after them.  A line ``% api-
overview:`` becomes the list of folders, ``% cli-help:`` what the commands print when asked for help.  Every
name that a stub offers has one entry, under its shortest path. On a crowded page the entries of each file
are folded.
"""

import importlib
import inspect
import re

from inventory import DEEP, ROOT, docstring, documented, files, rooms, sentence

#: Letters of a file's docstring, after its first paragraph, beyond which they are folded.
LONG = 400
#: Entries of a page beyond which those of each file are folded.
CROWDED = 80


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


def setup(app):
    """Register with Sphinx."""
    app.connect("source-read", expand)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
