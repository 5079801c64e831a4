"""Settings of nbgrader for the course directory `_build/course`."""

import sys
from pathlib import Path

from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearOutput,
    IgnorePattern,
    LimitOutput,
    SaveAutoGrades,
)

sys.path.insert(0, str(Path(__file__).resolve().parent))
from grading import CleanCells, Feedback, Grade, RestoreCells, Submission, tidy

c = get_config()  # noqa: F821  (nbgrader defines it)

c.CourseDirectory.course_id = "scaling-laws"
c.CourseDirectory.source_directory = "instructor"
c.CourseDirectory.release_directory = "student"

c.Autograde.pre_convert_hook = tidy
c.Autograde.exporter_class = Submission
c.Autograde.sanitize_preprocessors = [CleanCells, ClearOutput, RestoreCells, CheckCellMetadata]
c.Autograde.autograde_preprocessors = [
    *(Grade, IgnorePattern, ClearMetadataPreprocessor, LimitOutput, SaveAutoGrades),
    *(AssignLatePenalties, CheckCellMetadata),
]
c.RestoreCells.add_missing_cells = True
c.Execute.timeout = 60  # seconds a cell may take before it is interrupted
c.LimitOutput.max_lines = 1000
c.ExecutePreprocessor.iopub_timeout = 10
c.GenerateFeedback.exporter_class = Feedback
