"""What a run was about is told later, exactly; a source is known again, and so is a change to it."""

import pytest

from sav.store import About, source_content
from tests.store.conftest import PICTURES, VIDEO


@pytest.mark.parametrize("about", [VIDEO, PICTURES])
def test_what_a_run_was_about_comes_back(about):
    assert About.from_json(about.to_json()) == about
    assert About.from_json(about.to_json()).to_json() == about.to_json()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"categories": 3}', VIDEO.to_json().replace("(", "")[:-5]])
def test_what_is_something_else_is_told(text):
    with pytest.raises(ValueError):
        About.from_json(text)


def test_a_changed_file_has_another_content(tmp_path):
    path = tmp_path / "a.mp4"
    whole = bytes(5_000_000)
    path.write_bytes(whole)
    known = {source_content(path)}
    for place in (0, 2_500_001, 4_999_999):
        path.write_bytes(whole[:place] + b"x" + whole[place + 1 :])
        known.add(source_content(path))
    path.write_bytes(whole[:-1])
    known.add(source_content(path))
    assert len(known) == 5
    path.rename(tmp_path / "b.mp4")
    assert source_content(tmp_path / "b.mp4") in known


def test_a_folder_is_known_by_what_is_in_it(tmp_path):
    for name in ("2.png", "10.png"):
        (tmp_path / name).write_bytes(b"123")
    before = source_content(tmp_path)
    assert source_content(tmp_path) == before
    (tmp_path / "10.png").write_bytes(b"12")
    assert source_content(tmp_path) != before
