"""What visitors got: found by its key alone, bounded in memory, gone after its time."""

import json
import os
import zipfile

import numpy as np
import pytest
from pycocotools.coco import COCO

from sav.errors import ResultsError
from sav.web.picture import Picture
from sav.web.results import Results
from sav.web.uploads import PICTURE


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def results(tmp_path, clock):
    (tmp_path / "root").mkdir()
    return Results(tmp_path / "root", keep_seconds=60, max_bytes=30_000, clock=clock)


@pytest.fixture
def add(results, make_scene):
    def add(visitor="a", name="a.jpg", size=60):
        upload = results.uploads / visitor / name
        upload.parent.mkdir(exist_ok=True)
        upload.write_bytes(b"x")
        masks = np.zeros((2, size, 80), bool)
        masks[0, 5:25, 5:25] = masks[1, 30:40, 40:60] = True
        scene = make_scene(masks, class_ids=[1, 0], name=name)
        return results.add(visitor, upload, PICTURE, Picture(scene))

    return add


def test_each_has_a_key_that_nobody_guesses_and_no_other_opens_it(results, add):
    one, other = add("a"), add("b")
    assert len(one.token) >= 32 and one.token != other.token
    assert results.get(one.token) is one
    for token in ("", "..", f"{one.token}/..", other.token[:-1]):
        with pytest.raises(ResultsError, match="drop the file again"):
            results.get(token)


def test_only_what_was_handed_in_becomes_a_result(results, tmp_path):
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"x")
    link = results.uploads / "link.jpg"
    link.symlink_to(secret)
    for path in (secret, link, results.uploads / ".." / ".." / "secret.jpg", results.uploads / "none.jpg"):
        with pytest.raises(ResultsError):
            results.add("a", path, PICTURE)


def test_files_are_those_that_are_listed_and_nothing_beside_them(results, add):
    found = add(name="a b.jpg")
    assert list(found.files.values())[:4] == ["Overlay", "Masks", "COCO", "Cut-outs"]
    for name in ("../../secret.jpg", "/etc/passwd", "a.jpg", ""):
        with pytest.raises(ResultsError, match="no such file"):
            results.file(found, name)


def test_every_file_can_be_made_and_is_whole(results, add):
    found = add()
    made = {name: results.file(found, name) for name in found.files}
    assert all(path.stat().st_size for path in made.values())
    coco = COCO(made["a_coco.json"])
    assert [annotation["area"] for annotation in coco.anns.values()] == [400, 200]
    with zipfile.ZipFile(made["a_cutout.zip"]) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["cutout/a_001_dog.png", "cutout/a_002_person.png"]


def test_files_tell_of_what_is_selected_now(results, add):
    found = add()
    before = results.file(found, "a_coco.json")
    assert len(json.loads(before.read_text())["annotations"]) == 2
    results.change(found.token, lambda picture: picture.toggled(1))
    after = results.file(found, "a_coco.json")
    assert [one["area"] for one in json.loads(after.read_text())["annotations"]] == [200]
    assert not before.exists()


def test_after_its_time_everything_is_gone_from_memory_and_disk(results, add, clock):
    old = add("a")
    results.file(old, "a_coco.json")
    clock.now = 50
    young = add("b")
    clock.now = 100
    os.utime(old.upload, (0, 0))
    os.utime(young.upload, (0, 0))  # in use, however old
    results.sweep()
    assert not old.folder.exists() and not old.upload.exists()
    assert young.folder.exists() and young.upload.exists()
    with pytest.raises(ResultsError):
        results.get(old.token)


def test_who_leaves_frees_memory_at_once(results, add):
    found = add("a")
    assert results.held_bytes > 14_400
    results.let_go("a")
    assert results.held_bytes == 0
    with pytest.raises(ResultsError, match="drop the file again"):
        results.change(found.token, lambda picture: picture)


def test_what_is_at_work_for_one_who_leaves_is_not_kept(results, add):
    found = add("a")

    def left_meanwhile(picture):
        results.let_go("a")
        return picture

    results.change(found.token, left_meanwhile)
    assert results.held_bytes == 0

    for go_on in (results.let_go, results.expect, None):
        opening = results.expect("a")
        go_on("a") if go_on else results.expect_no_more(opening)
        with pytest.raises(ResultsError, match="drop the file again"):
            results.add("a", found.upload, PICTURE, found.picture, opening)
    assert list(found.folder.parent.iterdir()) == [found.folder]


def test_memory_is_bounded_by_letting_the_oldest_go(results, add, clock):
    held = []
    for now, visitor in enumerate("abcd"):
        clock.now = now
        held.append(add(visitor))
    assert [one.picture is not None for one in held] == [False, False, True, True]
    alone = add("e", size=2000)
    assert alone.picture is not None and held[-1].picture is None
