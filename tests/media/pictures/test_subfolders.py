"""Pictures in subfolders are left out with a line that says how to take them, too."""

import logging

import pytest

from sav.media.pictures import find_pictures, subfolders


@pytest.fixture
def folder(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    for name in (
        "a.jpg",
        "train/b.jpg",
        "train/notes.txt",
        "val/deep/c.png",
        "val/deep/d.png",
        ".hidden/e.png",
    ):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).touch()
    (tmp_path / "in" / "SegOut" / ".sav").mkdir(parents=True)
    (tmp_path / "in" / "SegOut" / "our").mkdir()
    (tmp_path / "in" / "SegOut" / "our" / "a_our.jpg").touch()
    return tmp_path / "in"


def test_they_are_counted_and_it_is_said_how_to_take_them(folder, caplog):
    assert [path.name for path in find_pictures([str(folder)])] == ["a.jpg"]
    assert caplog.messages == [
        f"left out: 3 pictures in subfolders of {folder} (train, val/deep): name those, too, or take all with"
        f" --img_path '{folder}/**'"
    ]


def test_what_the_line_says_takes_them_all(folder, caplog):
    names = [path.name for path in find_pictures([f"{folder}/**"])]
    assert names == ["a.jpg", "b.jpg", "c.png", "d.png"]
    assert [path.name for path in find_pictures([f"{folder}/SegOut/**"])] == ["a_our.jpg"]
    assert len(find_pictures([str(folder), str(folder / "train"), str(folder / "val" / "deep")])) == 4
    assert not any("subfolders" in line for line in caplog.messages)


def test_a_folder_of_nothing_but_subfolders_is_told(folder):
    (folder / "a.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"no pictures in .*; left out: 3 pictures in subfolders"):
        find_pictures([str(folder)])


def test_nobody_looks_further_than_is_asked_for(folder, caplog, monkeypatch):
    monkeypatch.setattr(subfolders, "_MOST", 2)
    find_pictures([str(folder)])
    assert "left out: at least 1 picture in subfolders" in caplog.text
