"""docs/evaluate.md: its Python runs, its columns are those of the table."""

import re
from pathlib import Path

from sav.commands import evaluate
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "evaluate.md").read_text(encoding="utf-8")
PYTHON = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
TRUTH = ROOT / "TestImages" / "ground_truth" / "pictures.json"


def test_its_python_prints_scores(tmp_path, monkeypatch, capsys):
    (tmp_path / "SegOut").mkdir()
    (tmp_path / "SegOut" / "coco.json").write_bytes(TRUTH.read_bytes())
    (tmp_path / "TestImages").symlink_to(ROOT / "TestImages")
    monkeypatch.chdir(tmp_path)
    exec(compile(PYTHON, "evaluate.md", "exec"), {"Path": Path})
    assert capsys.readouterr().out.split() == ["1.0", "1.0"]


def test_its_columns_are_those_of_the_table():
    told = re.findall(r"^\| `([^`]+)` \| (?:mean|share)", PAGE, re.MULTILINE)
    assert told == list(evaluate._MASK_COLUMNS.values())[:4]
