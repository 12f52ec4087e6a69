from pathlib import Path

import numpy as np
import pytest

from sav.data.types import UNLABELLED_ID
from sav.formats.target import Target
from tests.formats.conftest import VIDEO


def names(*categories: str) -> list[str]:
    return list(Target(Path(), dict(enumerate(categories))).names.values())


def test_classes_keep_their_names_and_regions_come_last():
    assert names("person", "Dog", "dog") == ["person", "Dog", "dog", "unlabelled"]
    assert names() == ["unlabelled"]


def test_of_classes_with_one_name_all_but_the_first_get_their_id():
    assert names("dog", "cat", "dog", "dog") == ["dog", "cat", "dog (2)", "dog (3)", "unlabelled"]
    assert names("unlabelled") == ["unlabelled", "unlabelled (1)"]
    assert names("dog", "dog", "dog (1)") == ["dog", "dog (1)_", "dog (1)", "unlabelled"]


def test_a_class_without_a_name_has_one():
    assert names("", "a", " \n") == ["class 0", "a", "class 2", "unlabelled"]


def test_ids_need_not_be_without_gaps():
    target = Target(Path(), {7: "dog", 3: "dog"})
    assert target.names == {3: "dog", 7: "dog (7)", UNLABELLED_ID: "unlabelled"}
    assert target.numbers == {3: 3, 7: 7, UNLABELLED_ID: 8}


@pytest.mark.parametrize(
    ("name", "file"),
    [("a.png", "a.png"), ("b.JPEG", "b.JPEG"), ("street_000007", "street_000007.jpg"), ("", "000007.jpg")],
)
def test_a_picture_keeps_its_file_and_a_videos_frame_gets_one(make_scene, name, file):
    scene = make_scene(np.zeros((0, 4, 4), bool), name=name, index=7)
    assert Target(Path(), {}, VIDEO).file_name(scene) == file


def test_files_about_a_scene_have_names_that_fit(make_scene):
    target = Target(Path(), {}, VIDEO)
    names = ["v" * 250 + "_000000", "v" * 250 + "_000001", "犬" * 80, "half \udc80", "a.b.jpg", ".."]
    stems = [target.stem(make_scene(np.zeros((0, 4, 4), bool), name=name)) for name in names]
    assert len(set(stems)) == len(stems)
    assert all(len(stem.encode("utf-8")) <= 200 for stem in stems)
    assert stems[-3:] == ["half \ufffd", "a.b", ".."]
