"""What a chapter shows can be retyped: no line that is seen leans on one that the page hides."""

import re

import pytest
from pages import CHAPTERS, cells, globals_of, source

#: A fold that the reader opens counts as seen; these cells cannot be opened.
HIDDEN = {"remove-input", "remove-cell"}
IMPORT = re.compile(r"^(?:from|import) ", re.MULTILINE)
#: The head of a chapter's first cell.
IMPORTS = {
    "tags": ["hide-input"],
    "mystnb": {"code_prompt_show": "Show the imports", "code_prompt_hide": "Hide the imports"},
}


def leaning(text):
    """Names that shown code reads and hidden code bound last, or nothing bound; each with its line."""
    last, lost = {"check": "shown"}, []  # every coded exercise imports its check
    for line, head, code in cells(text):
        free, bound = globals_of(compile(code, str(line), "exec"))
        hidden = head is not None and bool(HIDDEN.intersection(head.get("tags", ())))
        if not hidden:
            lost += [f"line {line}: {name}" for name in sorted(free) if last.get(name) != "shown"]
        if head is not None:  # what a solution binds is not needed by the cells
            last |= dict.fromkeys(bound, "hidden" if hidden else "shown")
    return lost


PAGE = """
```{code-cell} ipython3
---
tags: [hide-input]
---
import numpy as np
```
```{code-cell} ipython3
x = np.arange(3)
```
```{code-cell} ipython3
:tags: [remove-input]

REBOUND
```
```{code-cell} ipython3
y = [k * x for k in range(3)]

def f(z):
    return z + OTHER
```
:::{solution} ex-one
:class: dropdown
```python
mine = f(x)
```
:::
"""


@pytest.mark.parametrize(
    ("hidden", "read", "lost"),
    [
        ("pass", "x", []),
        ("k = 1", "x", []),
        ("h = 1", "h", ["line 16: h"]),
        ("x = 1", "x", ["line 16: x", "line 22: x"]),
        ("pass", "h", ["line 16: h"]),
    ],
)
def test_what_leans_on_a_hidden_line_is_found(hidden, read, lost):
    assert leaning(PAGE.replace("REBOUND", hidden).replace("OTHER", read)) == lost


def test_what_chapters_show_can_be_retyped():
    assert not {chapter: lost for chapter in CHAPTERS if (lost := leaning(source(chapter)))}


def test_imports_are_folded_at_the_top():
    for chapter in CHAPTERS:
        first, *others = cells(source(chapter))
        assert first.head == IMPORTS, chapter
        rest = re.sub(r"^(?:from|import) (?:[^(\n]*|[^(\n]*\([^)]*\))$", "", first.code, flags=re.MULTILINE)
        assert set(rest.split()) <= {"plotting.use_style()"}, chapter
        late = [line for line, head, code in others if head is not None and IMPORT.search(code)]
        assert not late, (chapter, late)
