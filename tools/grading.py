"""How nbgrader grades here: the tests run outside the submission's process.

A submission's code runs in a kernel, and can change everything in it: ``abs``, ``assert``, numpy, IPython
itself. So its kernel is only asked for values, and for what its functions return to arguments; it answers in
plain data (``answering.py``). The tests themselves run in nbgrader's process, on their own copies of all that
is not the student's.
"""

import base64
import contextlib
import copy
import functools
import io
import json
import linecache
import os
import pickle
import re
import secrets
import shutil
import socket
import stat
import sys
import threading
import types
import warnings
from ast import Name, parse, walk
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from answering import HEAD, RECORDS
from kernels import QuickManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbconvert.exporters import HTMLExporter, NotebookExporter
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.preprocessors import Execute, NbGraderPreprocessor, OverwriteCells
from nbgrader.utils import compute_checksum, is_grade, is_solution
from traitlets import Integer

from scalinglab.course import Oracle

Resources = dict[str, Any]

#: Largest notebook that is opened, and largest cell that is run, in characters.
LONGEST_NOTEBOOK, LONGEST_CELL = 50_000_000, 100_000
#: Largest answer, and most output that a cell keeps, in bytes and characters.
LONGEST_ANSWER, LONGEST_OUTPUT = 4_000_000, 1_000_000
#: Times the kernel of one submission is started anew.
MOST_RESTARTS = 3
KINDS = {kind.__name__: kind for kind in RECORDS}


class AnswerError(Exception):
    """The submission did not answer, or not with data."""


# What was handed in


def tidy(assignment: str, student: str, notebooks: list[str]) -> None:
    """Before a submission is graded: no links, no pipes, and a renamed notebook under its own name.

    A hook of nbgrader's; ``notebooks`` is its list of what it found, and is put right in place.
    """
    folder = Path(notebooks[0]).parent
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            path.unlink()
            if path.suffix == ".ipynb":
                nbformat.write(refusal(f"{path.name} was a link or no file; hand in the notebook."), path)
    wanted = folder / f"{folder.name}.ipynb"
    if not wanted.exists():
        latest = max(folder.glob("*.ipynb"), key=lambda path: path.stat().st_mtime)
        print(f"{latest} is graded as {wanted.name}.")
        shutil.copy(latest, wanted)
    notebooks[:] = [str(wanted)]


def refusal(sentence: str) -> NotebookNode:
    """The notebook that is graded in place of one that cannot be."""
    return new_notebook(cells=[new_markdown_cell(f"**Not graded as handed in:** {sentence}", id="refused")])


class Submission(NotebookExporter):
    """Reads a submission; what is no notebook becomes one that says so."""

    def from_file(
        self, file_stream: Any, resources: Resources | None = None, **kw: Any
    ) -> tuple[NotebookNode, Resources]:
        """Convert a notebook from a file."""
        try:
            text = file_stream.read(LONGEST_NOTEBOOK + 1)
            if len(text) > LONGEST_NOTEBOOK:
                raise ValueError(f"it has more than {LONGEST_NOTEBOOK:,} characters")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                notebook = nbformat.reads(text, as_version=4)
            if not isinstance(notebook.get("cells"), list):
                raise ValueError("it has no cells")
        except Exception as error:
            name = Path(getattr(file_stream, "name", "the file")).name
            why = " ".join(str(error).split())[:200]
            notebook = refusal(f"{name} is not a notebook ({type(error).__name__}: {why}).")
        return self.from_notebook_node(notebook, resources=resources, **kw)


class CleanCells(NbGraderPreprocessor):
    """Takes from a submission what can be relied on: sources, pictures, and which cell answers what."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Make every cell anew; of copies, the last that was worked on keeps the mark."""
        cells = [self.made_anew(cell, i) for i, cell in enumerate(nb.cells) if isinstance(cell, dict)]
        owner: dict[str, NotebookNode] = {}
        for cell in cells:
            if mark := cell.metadata.get("nbgrader"):
                rival = owner.get(mark.grade_id)
                if rival is None or not (untouched(cell) and not untouched(rival)):
                    owner[mark.grade_id] = cell
        for cell in cells:
            if (mark := cell.metadata.get("nbgrader")) and owner[mark.grade_id] is not cell:
                del cell.metadata["nbgrader"]
        spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        return new_notebook(cells=cells, metadata={"kernelspec": spec}), resources

    def made_anew(self, cell: dict[str, Any], number: int) -> NotebookNode:
        """A valid cell with the source of this one and, if it has a sound one, its mark."""
        source = cell.get("source", "")
        source = "".join(map(str, source)) if isinstance(source, list) else str(source)
        code = cell.get("cell_type") == "code"
        if len(source) > LONGEST_CELL:
            words = f"This cell has {len(source):,} characters and was not run; {LONGEST_CELL:,} are allowed."
            source = f"raise ValueError({words!r})" if code else words
        fresh = (new_code_cell if code else new_markdown_cell)(source, id=f"cell-{number}")
        attached = cell.get("attachments")
        if not code and isinstance(attached, dict):
            fresh.attachments = {
                name: {"image/png": data["image/png"]}
                for name, data in attached.items()
                if isinstance(data, dict) and isinstance(data.get("image/png"), str)
            }
        metadata = cell.get("metadata")
        mark = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        mark = mark if isinstance(mark, dict) else {}
        slug = mark.get("grade_id")
        if isinstance(slug, str) and slug:
            flags = {key: mark.get(key) is True for key in ("grade", "solution", "locked", "task")}
            points = mark.get("points")
            fresh.metadata["nbgrader"] = NotebookNode(
                grade_id=slug,
                schema_version=3,
                points=points if type(points) in (int, float) else 0,
                checksum=str(mark.get("checksum")),
                **flags,
            )
        return fresh


def untouched(cell: NotebookNode) -> bool:
    """Whether a cell is as it was handed out."""
    return bool(cell.metadata.nbgrader.checksum == compute_checksum(cell))


class RestoreCells(OverwriteCells):
    """Gives every cell of the set its kind and points, and puts deleted graded cells back with a notice."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Restore one notebook; what the gradebook knows of its cells is read once."""
        self.known: dict[str, tuple[bool, bool, float | None]] | None = None
        return super().preprocess(nb, resources)

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Believe the gradebook and not the submission; drop the marks that the set does not know."""
        if mark := cell.metadata.get("nbgrader"):
            if self.known is None:
                kept = self.gradebook.find_notebook(self.notebook_id, self.assignment_id)
                worth = {one.name: one.max_score for one in kept.grade_cells}
                answers = {one.name for one in kept.solution_cells}
                self.known = {
                    one.name: (one.name in answers, one.locked, worth.get(one.name))
                    for one in kept.source_cells
                }
            if mark.grade_id not in self.known:
                del cell.metadata["nbgrader"]
                return cell, resources
            answer, locked, points = self.known[mark.grade_id]
            mark.update(grade=points is not None, solution=answer, locked=locked, task=False)
            if points is not None:
                mark.points = points
            else:
                mark.pop("points", None)
        return super().preprocess_cell(cell, resources, cell_index)

    def add_missing_grade_cells(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Insert the cells; nbgrader's own way stops if the solution was deleted with its tests."""
        kept = self.gradebook.find_notebook(self.notebook_id, self.assignment_id)
        sources = {cell.name: cell for cell in kept.source_cells}
        answers = {cell.name for cell in kept.solution_cells}
        for cell in kept.grade_cells:
            there = {
                one.metadata.nbgrader.grade_id: i
                for i, one in enumerate(nb.cells)
                if is_grade(one) or is_solution(one)
            }
            if cell.name not in there:
                lost = self.missing_cell_transform(sources[cell.name], cell.max_score, cell.name in answers)
                place = there.get(cell.name.rpartition("-")[0], len(nb.cells) - 1)
                nb.cells.insert(place + 1, nbformat.from_dict({**lost, "id": f"restored-{cell.id}"[:64]}))
        return nb, resources


# The tests, outside the submission


class Paper:
    """The tests of one set, with all they need that is not the student's."""

    def __init__(self, path: Path) -> None:
        self.tests: dict[str, tuple[types.CodeType, set[str], dict[str, Any]]] = {}
        asked: set[str] = set()
        names: dict[str, Any] = {"__name__": "tests"}
        for cell in nbformat.read(path, 4).cells:
            if is_solution(cell):
                asked |= set(cell.metadata.names)
                continue
            slug = cell.metadata.nbgrader.grade_id if is_grade(cell) else f"cell {cell.id}"
            file = f"<{slug}>"
            linecache.cache[file] = (len(cell.source), None, cell.source.splitlines(keepends=True), file)
            code = compile(cell.source, file, "exec")
            if is_grade(cell):
                read = {node.id for node in walk(parse(cell.source)) if isinstance(node, Name)}
                self.tests[slug] = code, read & set(globals_of(code)) & asked, dict(names)
            else:
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(code, names)


def globals_of(code: types.CodeType) -> Iterator[str]:
    """Names that a program looks up among its globals, and those of attributes."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from globals_of(constant)


@functools.lru_cache(maxsize=8)
def paper(path: Path, changed: float) -> Paper:
    """The tests of a set, read once for all students."""
    return Paper(path)


class Line:
    """A line to the kernel of a submission."""

    def __init__(self, server: socket.socket) -> None:
        self.socket, _ = server.accept()
        self.stream = self.socket.makefile("rwb")

    def greet(self, token: str) -> None:
        """Make sure that it is the kernel that called."""
        if self.stream.read(len(token)) != token.encode():
            raise AnswerError("the submission's kernel did not answer.")

    def ask(self, name: str, call: Any = None) -> dict[str, Any]:
        """One question, one answer: data or an exception."""
        question = pickle.dumps((name, call))
        try:
            self.stream.write(HEAD.pack(len(question)) + question)
            self.stream.flush()
            (length,) = HEAD.unpack(self.stream.read(HEAD.size))
            if length > LONGEST_ANSWER:
                raise AnswerError(f"{name}: an answer of {length:,} bytes; {LONGEST_ANSWER:,} are allowed.")
            reply = json.loads(self.stream.read(length))
        except AnswerError:
            raise
        except Exception:
            raise AnswerError(f"{name} did not answer: it stopped, or took too long.") from None
        if "error" in reply:
            kind, words, where = map(str, reply["error"])
            raise AnswerError(f"{name} raised {kind[:100]}: {words[:2000]}\n{where[:2000]}")
        return dict(reply)

    def fetch(self, name: str, names: dict[str, Any]) -> None:
        """Put what a name of the submission stands for among the names of a test."""
        reply = self.ask(name)
        if "missing" in reply:
            names.pop(name, None)  # the test meets a NameError
        else:
            names[name] = Function(name, self) if "function" in reply else rebuilt(reply["value"])

    def close(self) -> None:
        """Hang up, which ends the kernel's side too."""
        for thing in (self.stream, self.socket):
            with contextlib.suppress(OSError):
                thing.close()


class Function:
    """A function of the submission: called here, run there."""

    def __init__(self, name: str, line: Line) -> None:
        self._name, self._line = name, line

    def __call__(self, *positional: Any, **named: Any) -> Any:
        """Ask for the answer; games are played there and replayed here."""
        reply = self._line.ask(self._name, (positional, named))
        games = [one for one in positional if isinstance(one, Oracle)]
        for oracle, text in zip(games, reply["games"], strict=True):
            played = Oracle.replay(text)
            if (played.student, played.term, played.budget) != (oracle.student, oracle.term, oracle.budget):
                raise AnswerError(f"{self._name} played a game of somebody else.")
            vars(oracle).update(vars(played))
        return rebuilt(reply["value"])

    def __bool__(self) -> bool:
        raise TypeError(f"{self._name} is a function, not a value.")


def rebuilt(said: Any) -> Any:
    """The value that :func:`answering.plain` wrote, of types that compare as they should."""
    if said is None or type(said) in (bool, int, float, str):
        return said
    match said:
        case {"list": items} | {"tuple": items}:
            values = [rebuilt(item) for item in items]
            return values if "list" in said else tuple(values)
        case {"pairs": pairs}:
            return {rebuilt(key): rebuilt(value) for key, value in pairs}
        case {"record": str(kind), "fields": fields}:
            return KINDS[kind](*map(rebuilt, fields))
        case {"array": [str(kind), shape, str(raw)]}:
            dtype = np.dtype(kind)
            if dtype.kind not in "biufcU" or not dtype.itemsize:
                raise AnswerError(f"an array of {dtype}; the tests take numbers and texts.")
            array = np.frombuffer(base64.b64decode(raw), dtype).reshape(shape).copy()
            if not array.size:  # all() of nothing is true
                raise AnswerError("an answer is an empty array.")
            return array[()]
    raise AnswerError("an answer is no data.")


class Examination(threading.Thread):
    """One test, put to a submission, beside the thread that runs the submission's kernel."""

    def __init__(self, code: types.CodeType, asked: Iterable[str], names: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self.code, self.asked, self.names = code, asked, names
        self.server = socket.create_server(("127.0.0.1", 0))
        self.token = secrets.token_hex(16)
        self.printed: list[str] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        """Fetch the student's names, then run the test."""
        line = None
        try:
            line = Line(self.server)
            line.greet(self.token)
            for name in sorted(self.asked):
                line.fetch(name, self.names)
            self.names["print"] = self.print
            with np.errstate(all="ignore"):
                exec(self.code, self.names)
        except BaseException as error:
            self.error = error
        finally:
            if line:
                line.close()

    def print(self, *things: Any, sep: str = " ", end: str = "\n") -> None:
        """Keep for the page what a test prints."""
        self.printed.append(sep.join(map(str, things)) + end)

    def end(self) -> None:
        """Wait for the verdict; whoever still waits for the kernel is told that nobody comes."""
        with contextlib.suppress(OSError):
            socket.create_connection(self.server.getsockname(), timeout=1).close()
        self.join(10)
        self.server.close()
        if self.is_alive():
            self.error = AnswerError("the test took too long with these answers.")

    def verdict(self) -> Iterator[NotebookNode]:
        """Outputs of the test's cell, an error among them unless it was passed."""
        if self.printed:
            yield new_output("stream", name="stdout", text="".join(self.printed)[:LONGEST_OUTPUT])
        if (error := self.error) is not None:
            lines, step = [], error.__traceback__
            while step:
                if step.tb_frame.f_code.co_filename == self.code.co_filename:
                    text = linecache.getline(self.code.co_filename, step.tb_lineno).strip()
                    lines.append(f"line {step.tb_lineno} of the test: {text}")
                step = step.tb_next
            words = str(error)[:4000].strip()
            yield error_output(type(error).__name__, words, lines)


def error_output(name: str, words: str, lines: Iterable[str] = ()) -> NotebookNode:
    """An error among the outputs of a cell."""
    return new_output("error", ename=name, evalue=words, traceback=[*lines, f"{name}: {words}"])


#: Run in the kernel before the submission: memory and files have an end.
LIMITS = """
try:
    import resource as _r
    _r.setrlimit(_r.RLIMIT_AS, ({memory}, {memory}))
    _r.setrlimit(_r.RLIMIT_FSIZE, (10**8, 10**8))
    del _r
except (ImportError, ValueError, OSError):
    pass
"""
SERVE = "__import__('runpy').run_path({path!r})['serve']({port}, {token!r}, get_ipython().user_ns)"


class Grade(Execute):
    """Runs a submission in its kernel and the tests here; what kills the kernel loses its problem only."""

    memory = Integer(4 * 2**30, help="bytes of address space that a submission may use").tag(config=True)

    def __init__(self, **settings: Any) -> None:
        super().__init__(kernel_manager_class=QuickManager, **settings)

    def preprocess(
        self, nb: NotebookNode, resources: Any = None, km: Any = None
    ) -> tuple[NotebookNode, Resources]:
        """Run all cells."""
        about = resources["nbgrader"]
        path = Path("tests", about["assignment"], f"{about['notebook']}.ipynb").resolve()
        if not path.exists():
            raise FileNotFoundError(f"{path} has the tests; `make student` writes it.")
        # nothing that a test imports comes from the folder of a submission
        sys.path[:] = [entry for entry in sys.path if os.path.isabs(entry)]
        self.paper = paper(path, path.stat().st_mtime)
        self.names: dict[str, Any] = {}
        self.done: list[NotebookNode] = []
        self.restarts, self.fresh = 0, False
        return super().preprocess(nb, resources, km)

    def preprocess_cell(
        self, cell: NotebookNode, resources: Resources, index: int
    ) -> tuple[NotebookNode, Resources]:
        """A test is examined, everything else is run."""
        if cell.cell_type == "code" and is_grade(cell) and not is_solution(cell):
            self.examine(cell, index)
        elif self.run(cell, index):
            self.done.append(copy.deepcopy(cell))
        return self.nb.cells[index], resources

    def examine(self, cell: NotebookNode, index: int) -> None:
        """Put a test to the submission; its cell gets the verdict."""
        code, asked, names = self.paper.tests[cell.metadata.nbgrader.grade_id]
        self.names |= names
        examination = Examination(code, asked, self.names)
        serving = Path(__file__).with_name("answering.py").resolve()
        cell_there = new_code_cell(
            SERVE.format(path=str(serving), port=examination.server.getsockname()[1], token=examination.token)
        )
        with contextlib.chdir(self.resources["metadata"]["path"] or "."), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            examination.start()
            self.run(cell_there, index)
            examination.end()
        said = [one for one in cell_there.outputs if one.output_type in ("stream", "display_data")]
        for one in said:
            if one.output_type == "stream":
                one.name = "stdout"
        cell.outputs = [*said, *examination.verdict()]
        self.nb.cells[index] = cell
        self._display_id_map.clear()

    def run(self, cell: NotebookNode, index: int) -> bool:
        """Run one cell of the submission; whether it went through."""
        if cell.cell_type != "code" or not cell.source.strip():
            return False
        if self.restarts > MOST_RESTARTS:
            cell.outputs = [error_output("NotRun", "the cells before ended the kernel too often.")]
            return False
        if not self.fresh:
            self.fresh = True
            self.execute_cell(new_code_cell(LIMITS.format(memory=self.memory)), index, store_history=False)
        self.size = 0
        try:
            self.execute_cell(cell, index)
        except DeadKernelError:
            cell.outputs.append(error_output("KernelDied", "this cell ended its kernel: memory or a crash."))
            self.start_again(index)
        except CellTimeoutError:
            cell.outputs.append(error_output("CellTimeoutError", "this cell did not end, or printed on."))
            self.start_again(index)
        else:
            if any(one.get("ename") == "CellTimeoutError" for one in cell.outputs) and not self.responds():
                self.start_again(index)
        self.nb.cells[index] = cell
        return not any(one.output_type == "error" for one in cell.outputs)

    def responds(self) -> bool:
        """Whether the kernel came back from its interruption."""
        timeout = self.trait_values()["timeout"]
        self.timeout = 4
        try:
            assert self.kc is not None
            return self.wait_for_reply(self.kc.execute("None", silent=True)) is not None
        except DeadKernelError:
            return False
        finally:
            self.timeout = timeout

    def start_again(self, index: int) -> None:
        """A new kernel, in which the cells that went well are run once more."""
        self.restarts += 1
        self._cleanup_kernel()
        self.km = self.create_kernel_manager()
        self.start_new_kernel()
        self.start_new_kernel_client()
        self.fresh = False
        if self.restarts <= MOST_RESTARTS:
            earlier, self.done = self.done, []
            for cell in earlier:
                if self.restarts <= MOST_RESTARTS and self.run(copy.deepcopy(cell), index):
                    self.done.append(cell)

    def output(self, outs: Any, msg: Any, display_id: Any, cell_index: Any) -> Any:
        """Keep an output, until there are too many."""
        self.size += len(json.dumps(msg["content"], default=str))
        if self.size > LONGEST_OUTPUT and msg["msg_type"] != "error":
            return None
        return super().output(outs, msg, display_id, cell_index)


# Feedback


class Feedback(HTMLExporter):
    """A page that runs and loads nothing: formulas stay as they were typed."""

    ACTIVE = re.compile(r"<script\b.*?</script\s*>|<(base|link|meta[^>]*http-equiv)\b[^>]*>", re.S | re.I)
    POLICY = "default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'"

    def from_notebook_node(
        self, nb: NotebookNode, resources: Resources | None = None, **kw: Any
    ) -> tuple[Any, Resources]:
        """The page without scripts and links to other hosts, and with a policy that browsers enforce."""
        page, resources = super().from_notebook_node(nb, resources=resources, **kw)
        before = None
        while page != before:  # what is left may have come together to another tag
            before, page = page, self.ACTIVE.sub("", page)
        policy = f'<meta http-equiv="Content-Security-Policy" content="{self.POLICY}">'
        return page.replace("<head>", f"<head>\n{policy}", 1), resources
