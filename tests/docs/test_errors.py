"""docs/python/errors.md is true: each line of its table raises what it says, in one line."""

import re

import pytest

import sav
from tests.conftest import ROOT
from tests.stubs import StubDetector, StubSam, picture

TEXT = (ROOT / "docs" / "python" / "errors.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (`.*`.*) \| `(\w+)` \|$", TEXT, re.M)
WRONG = [(wrong, kind) for cell, kind in ROWS for wrong in re.findall(r"`([^`]+)`", cell)]
BUILT_IN = {kind.__name__: kind for kind in (FileNotFoundError, IsADirectoryError, ValueError, TypeError)}


@pytest.mark.parametrize(("wrong", "kind"), WRONG, ids=[wrong for wrong, _ in WRONG])
def test_what_is_wrong_raises_the_named_error_in_one_line(wrong, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("notes")
    segmenter, image = sav.Segmenter(StubDetector(), StubSam(), regions=False), picture()
    names = {name: getattr(sav, name) for name in sav.__all__}
    names |= {"segmenter": segmenter, "image": image, "scene": segmenter(image)}
    with pytest.raises(Exception) as raised:
        eval(wrong, names)
    assert type(raised.value) is (BUILT_IN.get(kind) or getattr(sav, kind))
    assert len(str(raised.value).splitlines()) == 1


def test_every_kind_is_a_built_in_one_too():
    kinds = set(re.findall(r"^::: sav\.(\w+)$", TEXT, re.M)) - {"SavError"}
    assert len(WRONG) > 20 and {kind for _, kind in WRONG} - set(BUILT_IN) <= kinds
    for name in kinds:
        kind = getattr(sav, name)
        assert issubclass(kind, sav.SavError)
        assert issubclass(kind, (OSError, ValueError, ImportError, MemoryError))
