"""Sphinx extension: the book on paper.

LaTeX knows nothing of HTML, so what a cell printed as HTML is rebuilt for it: tables as tables, shown
code as a listing, an Explorer as its middle frame with the sentence below it.  Figures are drawn as PDF.
Parts are printed, and chapters are numbered where and as they are on the screen.
"""

import base64
import hashlib
import os
from pathlib import Path

from bs4 import BeautifulSoup
from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform


def text_of(tag):
    """The text of an element without its line breaks."""
    return " ".join(tag.get_text(" ", strip=True).split())


def rows_of(tags):
    """Rows of a docutils table from HTML rows."""
    rows = []
    for tag in tags:
        row = nodes.row()
        for cell in tag.find_all(["th", "td"], recursive=False):
            entry = nodes.entry()
            if (wide := int(cell.get("colspan", 1))) > 1:
                entry["morecols"] = wide - 1
            if (tall := int(cell.get("rowspan", 1))) > 1:
                entry["morerows"] = tall - 1
            content = text_of(cell)
            paragraph = nodes.paragraph(content, content)
            if cell.name == "th" and cell.find_parent("thead") is None:
                paragraph = nodes.paragraph("", "", nodes.strong(content, content))
            entry += paragraph
            row += entry
        rows.append(row)
    return rows


def table(tag):
    """A docutils table from an HTML one."""
    lines = tag.find_all("tr")
    columns = max(
        sum(int(cell.get("colspan", 1)) for cell in line.find_all(["th", "td"], recursive=False))
        for line in lines
    )
    widths = [1] * columns
    for line in lines:
        cells = line.find_all(["th", "td"], recursive=False)
        if len(cells) == columns and not any(int(cell.get("colspan", 1)) > 1 for cell in cells):
            widths = [
                max(width, min(len(text_of(cell)), 40)) for width, cell in zip(widths, cells, strict=True)
            ]
    group = nodes.tgroup(cols=columns)
    group += [nodes.colspec(colwidth=width) for width in widths]
    heads = [line for line in lines if line.find_parent("thead")]
    if heads:
        group += nodes.thead("", *rows_of(heads))
    group += nodes.tbody("", *rows_of([line for line in lines if not line.find_parent("thead")]))
    built = nodes.table("", group, classes=["colwidths-given"])
    if tag.caption:
        built.insert(0, nodes.title("", text_of(tag.caption)))
    return built


def still(tag, folder):
    """Write the picture of an Explorer's middle frame; returns its path."""
    _, data = tag.img["src"].split(",", 1)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"explorer-{hashlib.sha256(data.encode()).hexdigest()[:16]}.png"
    path.write_bytes(base64.b64decode(data))
    return path


class Rebuild(SphinxPostTransform):
    """Replace HTML outputs by what LaTeX can set."""

    default_priority = 200
    formats = ("latex",)

    def run(self, **kwargs):
        """Visit every raw HTML node of the document."""
        for raw in list(self.document.findall(nodes.raw)):
            if "html" in raw.get("format", "").split():
                raw.replace_self(self.rebuilt(BeautifulSoup(raw.astext(), "html.parser")))

    def rebuilt(self, soup):
        """Nodes for one HTML output."""
        found = []
        for tag in soup.find_all(["figure", "table", "pre"]):
            if "explorer" in tag.get("class", []):
                found.append(self.explorer(tag))
            elif tag.name == "table":
                found.append(table(tag))
            elif tag.name == "pre":
                text = tag.get_text().rstrip("\n")
                found.append(nodes.literal_block(text, text, language="python"))
        return found

    def explorer(self, tag):
        """The middle frame of an Explorer, with its label and its sentence."""
        path = still(tag, Path(self.app.doctreedir) / "explorers")
        uri = os.path.relpath(path, self.app.srcdir)
        self.env.images.add_file(self.env.docname, uri)
        image = nodes.image(uri=uri, candidates={"*": uri}, alt=tag.img["alt"], width="90%")
        label, readout = f"{text_of(tag.label)}: {text_of(tag.output)}", text_of(tag.figcaption)
        return nodes.container(
            "", image, nodes.paragraph("", "", nodes.strong(label, label)), nodes.paragraph(readout, readout)
        )


class Divide(SphinxPostTransform):
    """Print the parts of the contents, and number no chapter that the screen does not number."""

    default_priority = 300
    formats = ("latex",)

    def run(self, **kwargs):
        """Mark the beginning of every file."""
        trees = self.env.get_doctree(self.env.docname).findall(addnodes.toctree)
        parts = {tree["entries"][0][1]: tree["caption"] for tree in trees if tree.get("caption")}
        for file in list(self.document.findall(addnodes.start_of_file)):
            name = file["docname"]
            # a chapter counts if its number is that of a chapter of the screen
            depth = 2 if self.env.toc_secnumbers.get(name) else -1
            marks = f"\\setcounter{{secnumdepth}}{{{depth}}}"
            if name in parts:
                marks = (
                    f"\\part*{{{parts[name]}}}\n\\addcontentsline{{toc}}{{part}}{{{parts[name]}}}\n{marks}"
                )
            file.parent.insert(file.parent.index(file), nodes.raw("", marks, format="latex"))
        # the front page is no chapter, and so its sections are none
        front = self.document.next_node(nodes.section)
        for section in [child for child in front.children if isinstance(child, nodes.section)]:
            title, *content = section.children
            section.replace_self([nodes.rubric("", *title.children), *content])


def draw_for_paper(app):
    """Ask the notebooks for figures that LaTeX can include."""
    if app.builder.format == "latex":
        os.environ["SCALINGLAB_STATIC"] = "paper"


def setup(app):
    """Register with Sphinx."""
    app.add_post_transform(Rebuild)
    app.add_post_transform(Divide)
    app.connect("builder-inited", draw_for_paper)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
