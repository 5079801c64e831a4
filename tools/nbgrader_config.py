"""Settings of nbgrader for the course directory `_build/course`."""

from nbformat import from_dict
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearOutput,
    DeduplicateIds,
    OverwriteCells,
    OverwriteKernelspec,
)
from nbgrader.utils import is_grade, is_solution


class RestoreCells(OverwriteCells):
    """Put graded cells that were deleted back, each behind the solution it belongs to, with a notice."""

    def add_missing_grade_cells(self, nb, resources):
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
                nb.cells.insert(place + 1, from_dict({**lost, "id": f"restored-{cell.id}"[:64]}))
        return nb, resources


c = get_config()  # noqa: F821  (nbgrader defines it)

c.CourseDirectory.course_id = "scaling-laws"
c.CourseDirectory.source_directory = "instructor"
c.CourseDirectory.release_directory = "student"

c.Autograde.sanitize_preprocessors = [
    *(ClearOutput, DeduplicateIds, OverwriteKernelspec, RestoreCells, CheckCellMetadata)
]
c.RestoreCells.add_missing_cells = True
c.Execute.timeout = 60  # seconds a cell may take before it is interrupted
c.LimitOutput.max_lines = 1000
c.ExecutePreprocessor.iopub_timeout = 10
