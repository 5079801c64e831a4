"""Questions of all checked exercises of the book, by their labels.

A question is a few lines in the file of its part: its label, what it asks, the package's answer,
random cases, and the mistakes worth a sentence.
"""

from scalinglab.course.question import Question
from scalinglab.course.questions import beyond, law, parabola, planning, practice, studies, surface

QUESTIONS: dict[str, Question] = {
    question.label: question
    for part in (law, parabola, surface, beyond, planning, practice, studies)
    for question in part.QUESTIONS
}
