from .answers import Answer as Answer, answer as answer
from .checklists import checklist as checklist
