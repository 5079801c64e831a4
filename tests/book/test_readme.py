import re
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_the_example_prints_what_the_readme_says(capsys):
    text = README.read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.S)
    printed = re.search(r"prints\n\n```text\n(.*?)```", text, re.S)
    assert code
    assert printed
    exec(code.group(1), {})
    assert capsys.readouterr().out == printed.group(1)
