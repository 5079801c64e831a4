"""Sphinx extension: what an entry of the reference says, and where its links lead.

What follows the first words of an entry is folded. A reference by any path of a name leads to its one entry.
In docstrings a chapter's title in emphasis becomes a link to the chapter, and every link to a glossary term
carries the term's definition.
"""

import functools
import re

from docutils import nodes
from inventory import ROOT, of_bare_name, shortest_paths
from sphinx import addnodes
from sphinx.util.nodes import make_refnode

GLOSSARY = "book/glossary"


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
    if not any("*" in line for line in lines):
        return
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
    app.connect("autodoc-process-docstring", link_chapters, priority=400)
    app.connect("autodoc-process-docstring", split_attributes, priority=400)
    app.connect("autodoc-skip-member", skip_fields)
    app.connect("doctree-read", tidy_entries)
    app.connect("missing-reference", resolve)
    app.connect("doctree-resolved", define_terms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
