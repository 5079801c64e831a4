from .checklists import checklist as checklist
