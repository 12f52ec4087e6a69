"""Videos whose names differ in their suffix alone, and whose the annotations beside them are."""

import os

import pytest

from sav.folder.ledger import RUN, Claim, Ledger
from sav.folder.twins import other_video


def written(folder, *names):
    """Videos that runs have written one after the other, and whose ledger remembers them."""
    for number, name in enumerate(names):
        (folder / name).write_text(name)
        os.utime(folder / name, (number, number))
    files = {f"../{name}": ("1-ab",) for name in names}
    Ledger(folder / "a_annotations").write(RUN, Claim(files, {}))


@pytest.mark.parametrize(
    ("names", "path", "other"),
    [
        (["a.mov"], "a.mp4", "a.mov"),
        (["a.mov"], "a.mov", None),
        (["a.mov"], "b.mp4", None),
        (["a.MP4"], "a.mp4", "a.MP4"),
        (["a.mov", "a.mp4"], "a.mov", "a.mp4"),  # as earlier versions left them
        (["a.mov", "a.mp4"], "a.mp4", None),
        (["a.mov", "a.mp4"], "a.m4v", "a.mp4"),
    ],
)
def test_annotations_are_of_the_video_that_was_written_last(tmp_path, names, path, other):
    written(tmp_path, *names)
    assert other_video(tmp_path / path) == (other and tmp_path / other)


def test_a_video_of_the_users_own_has_no_annotations_here(tmp_path):
    written(tmp_path, "a.mp4")
    (tmp_path / "a.mov").write_text("mine")
    (tmp_path / "b.mov").write_text("mine")
    assert other_video(tmp_path / "a.mp4") is None
    assert other_video(tmp_path / "b.mp4") is None


def test_a_video_that_is_gone_may_have_been_the_last(tmp_path):
    written(tmp_path, "a.mov", "a.mp4")
    (tmp_path / "a.mp4").unlink()
    assert other_video(tmp_path / "a.mp4") is None
