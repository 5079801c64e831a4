"""Both editions of the problem sets, from one source each.

A source ``notebooks/problems/<name>.md`` is a MyST notebook with its solutions.
``python tools/editions.py instructor`` runs every source and writes the solved editions, with rubric and
pictures, to ``_build/course/instructor``. ``python tools/editions.py student`` then lets nbgrader make the
student editions in ``_build/course/student``: stubs that say what is to be done, each followed by the picture
that its solution draws; the tests, without solutions, go to ``_build/course/tests``. ``_build/course`` is a
course directory of nbgrader: inside it, ``nbgrader autograde ps2`` grades what lies in ``submitted``.
"""

import argparse
import os
import shutil
import sys
from ast import ClassDef, FunctionDef, Name, Store, alias, parse, walk
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import wrap
from typing import Any

import jupytext
import nbformat
from kernels import QuickManager
from nbclient import NotebookClient
from nbconvert.exporters.exporter import ResourcesDict
from nbconvert.preprocessors import TagRemovePreprocessor
from nbformat import NotebookNode
from nbgrader.apps import NbGraderAPI
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
    NbGraderPreprocessor,
    SaveCells,
)
from nbgrader.utils import is_solution
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "notebooks" / "problems"
COURSE = ROOT / "_build" / "course"
#: Attached pictures must be PNG: not every front end shows another kind.
AS_PNG = "from matplotlib_inline.backend_inline import set_matplotlib_formats as f; f('png')"
SETTINGS = Path(__file__).with_name("nbgrader_config.py")
#: What grading needs in the course directory.
GRADING = [SETTINGS, *map(SETTINGS.with_name, ["grading.py", "answering.py", "kernels.py"])]


class ExampleOutput(NbGraderPreprocessor):
    """After a solution that draws, a cell with its picture; it stays when the student runs the stub."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Insert the example cells and drop what only the page of a solution needs."""
        cells = []
        for cell in nb.cells:
            alt = cell.metadata.pop("mystnb", {}).get("image", {}).get("alt", "")
            cells.append(cell)
            if cell.cell_type == "code" and is_solution(cell):
                cells.extend(examples(cell, alt))
        nb.cells = cells
        return nb, resources


class Stubs(ClearSolutions):
    """A stub that says in words what is to be done: the cell's own ``todo``."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Replace the solution of one cell."""
        if is_solution(cell):
            mark, todo = cell.metadata.nbgrader, cell.metadata.pop("todo")
            what = f"{mark.grade_id}, {mark.points} points" if mark.grade else mark.grade_id
            self.text_stub = f"*Your answer ({what}): {todo}*"
            self.code_stub = {"python": stub(f"Problem ({what}): {todo}")}
        return super().preprocess_cell(cell, resources, cell_index)


def stub(message: str) -> str:
    """The line that stands in for a solution, broken so that it can be read."""
    pieces = wrap(message, 64, drop_whitespace=False, break_long_words=False)
    quoted = "\n".join(f'    "{piece}"' for piece in pieces)
    return f"raise NotImplementedError(\n{quoted}\n)"


def examples(cell: NotebookNode, alt: str) -> Iterable[NotebookNode]:
    """One Markdown cell for each picture among the outputs of a cell."""
    slug = cell.metadata.nbgrader.grade_id
    pictures = [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]
    for i, picture in enumerate(pictures):
        name = f"{slug}-{i}.png"
        yield nbformat.v4.new_markdown_cell(
            f"*Example output: what your code should draw.*\n\n![{alt}](attachment:{name})",
            id=f"example-{slug}-{i}"[:64],
            attachments={name: {"image/png": picture}},
        )


def sources() -> dict[str, Path]:
    """The problem sets there are, by name."""
    return {path.stem: path for path in sorted(SOURCES.glob("*.md"))}


def solve(source: Path) -> NotebookNode:
    """The executed notebook of a source; a cell that fails is an error."""
    notebook = jupytext.read(source)
    check_cells(notebook, source)
    client = NotebookClient(
        notebook,
        kernel_manager_class=QuickManager,
        timeout=120,
        resources={"metadata": {"path": str(source.parent)}},
    )
    with client.setup_kernel():
        assert client.kc is not None
        for i, cell in enumerate(notebook.cells):
            cell.id = f"cell-{i}"  # the same at every run
            client.execute_cell(cell, i)
            cell.metadata.pop("execution", None)  # times of the day
            if cell.cell_type == "code" and "use_style" in cell.source:
                client.kc.execute(AS_PNG, silent=True)
    return notebook


def check_cells(notebook: NotebookNode, source: Path) -> None:
    """Refuse a source in which a problem's text would vanish with the cell it fell into."""
    for cell in notebook.cells:
        hidden = "instructor" in cell.metadata.get("tags", []) or is_solution(cell)
        problem = cell.cell_type == "markdown" and ("## " in cell.source or "**Deliverable" in cell.source)
        if hidden and problem:
            raise ValueError(
                f"{source.name}: the text of a problem stands in the cell that begins "
                f"{cell.source.strip()[:60]!r}, which students do not see; end that cell with +++."
            )
        if is_solution(cell) and "todo" not in cell.metadata:
            raise ValueError(
                f"{source.name}: cell {cell.metadata.nbgrader.grade_id} has no metadata 'todo'; say there "
                "what is to be done."
            )


def write_instructor(names: Iterable[str], course: Path = COURSE) -> None:
    """Run the sources and write the solved editions into a course directory."""
    course.mkdir(parents=True, exist_ok=True)
    for file in GRADING:
        shutil.copy(file, course)
    for name in names:
        path = course / "instructor" / name / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(solve(sources()[name]), path)


def grader(course: Path, **settings: dict[str, Any]) -> NbGraderAPI:
    """Return nbgrader on a course directory, with our way of making the student edition."""
    # its gradebook calls a program of its own, which stands beside the interpreter
    programs = str(Path(sys.executable).parent)
    if programs not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([programs, os.environ["PATH"]])
    config = PyFileConfigLoader(str(SETTINGS)).load_config()
    config.CourseDirectory.root = str(course.resolve())
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_cell_tags = {"instructor"}
    config.GenerateAssignment.preprocessors = [
        *(TagRemovePreprocessor, ExampleOutput, LockCells, Stubs, ClearOutput, CheckCellMetadata),
        # nbgrader keeps the cells with their hidden tests before the release loses them
        *(
            ComputeChecksums,
            SaveCells,
            ClearHiddenTests,
            ClearMarkScheme,
            ComputeChecksums,
            CheckCellMetadata,
        ),
    ]
    config.merge(Config(settings))
    return NbGraderAPI(config=config)


def write_student(names: Iterable[str], course: Path = COURSE) -> None:
    """Make the student editions from the solved ones, and tell the gradebook about them."""
    api = grader(course)
    for name in names:
        answer = api.generate_assignment(name)
        if not answer["success"]:
            raise RuntimeError(f"{name}: {answer.get('error')}\n{answer.get('log')}")
        write_tests(name, course)


def write_tests(name: str, course: Path) -> None:
    """What grading needs of a solved edition: the code of text and tests, and what solutions are called."""
    solved = nbformat.read(course / "instructor" / name / f"{name}.ipynb", 4)
    cells = [
        cell
        for cell in solved.cells
        if cell.cell_type == "code" and "instructor" not in cell.metadata.get("tags", [])
    ]
    for cell in cells:
        cell.outputs = []
        if is_solution(cell):
            cell.metadata["names"], cell.source = sorted(set(bound(cell.source))), ""
    path = course / "tests" / name / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def bound(source: str) -> Iterator[str]:
    """Names that the statements of a cell bind, outside of functions."""
    for statement in parse(source).body:
        if isinstance(statement, FunctionDef | ClassDef):
            yield statement.name
            continue
        for node in walk(statement):
            if isinstance(node, Name) and isinstance(node.ctx, Store):
                yield node.id
            elif isinstance(node, alias):
                yield (node.asname or node.name).partition(".")[0]


def main() -> None:
    """Write one edition of the named problem sets, or of all."""
    parser = argparse.ArgumentParser(description="Write the editions of the problem sets.")
    parser.add_argument("edition", choices=["instructor", "student"])
    parser.add_argument("names", nargs="*", help="problem sets such as ps2; all without a name")
    arguments = parser.parse_args()
    names = arguments.names or list(sources())
    unknown = [name for name in names if name not in sources()]
    if unknown:
        sys.exit(f"There is no problem set {', '.join(unknown)}; there are {', '.join(sources())}.")
    if arguments.edition == "instructor":
        write_instructor(names)
    else:
        write_student(names)
    for name in names:
        print((COURSE / arguments.edition / name / f"{name}.ipynb").relative_to(ROOT))


if __name__ == "__main__":
    main()
