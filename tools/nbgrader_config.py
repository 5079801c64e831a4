"""Settings of nbgrader for the course directory `_build/course`."""

c = get_config()  # noqa: F821  (nbgrader defines it)

c.CourseDirectory.course_id = "scaling-laws"
c.CourseDirectory.source_directory = "instructor"
c.CourseDirectory.release_directory = "student"

c.Execute.timeout = 60  # seconds a cell may take before it is interrupted
c.LimitOutput.max_lines = 1000
c.ExecutePreprocessor.iopub_timeout = 10
