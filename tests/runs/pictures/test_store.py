"""What is stored of pictures makes the files that the scenes themselves make, and is told in numbers."""

import sqlite3
from dataclasses import replace

import numpy as np
import pytest

from sav.config import SaveOptions
from sav.errors import ResultsError
from sav.folder.ledger import Ledger
from sav.formats.registry import FORMATS, format_names
from sav.runs.pictures.files import PictureFiles
from sav.runs.pictures.store import PictureStore
from sav.runs.report import Found
from sav.store import About
from sav.store.rows import Packed
from tests.store.conftest import THIRD_VERSION

CATEGORIES = {0: "person", 3: "=dog", 9: "person"}
ABOUT = About(categories=CATEGORIES)
JOINED = [name for name in format_names(False) if not FORMATS[name].each]


@pytest.fixture
def scenes(make_scene):
    """Scenes by key: 0 to 4 objects and 0 to 2 regions, some without a pixel, some that cover all."""
    random = np.random.default_rng(3)

    def masks(count):
        dense = random.random((count, 21, 17)) > random.random((count, 1, 1))
        dense[random.random(count) < 0.2] = False
        dense[random.random(count) < 0.1] = True
        return dense

    def scene(number):
        count = number % 5
        return make_scene(
            masks(count),
            masks(number % 3),
            class_ids=random.choice(list(CATEGORIES), count).tolist(),
            categories=CATEGORIES,
            name=f"{number * 7 % 20:02}.{'png' if number % 4 else 'gif'}",
            boxes_xyxy=random.random((count, 4)) * 25 - 2,
        )

    return {f"key {number:02}": replace(scene(number), duplicates=number % 2) for number in range(20)}


@pytest.fixture
def store(tmp_path):
    (tmp_path / "out").mkdir()
    store = PictureStore(Ledger(tmp_path / "out"), ABOUT)
    yield store
    store.close()


def add(store, scenes, is_measured):
    store.add_all(
        [
            (key, Packed.of(scene, is_measured), {"source": "", "content": key})
            for key, scene in scenes.items()
        ]
    )


def files(folder, scenes):
    PictureFiles(folder, JOINED, SaveOptions()).write_formats(JOINED, scenes, CATEGORIES, folder, pytest.fail)
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def numbered(scenes):
    """The scenes as they come out of a store: by name, with numbers and names for their files."""
    in_order = sorted(scenes.items(), key=lambda item: (item[1].frame.name, item[0]))
    for index, (key, scene) in enumerate(in_order):
        yield replace(scene, frame=replace(scene.frame, index=index, stem=key))


@pytest.mark.parametrize("is_measured", [False, True])
def test_files_about_all_pictures_are_made_of_the_store_as_of_the_scenes(
    store, scenes, tmp_path, is_measured
):
    add(store, scenes, is_measured)
    made = files(tmp_path / "stored", store.scenes(lambda key: True))
    assert made == files(tmp_path / "direct", numbered(scenes))
    assert made.keys() == {"coco.json", "objects.csv", "cvat.xml"}


@pytest.mark.parametrize("is_measured", [False, True])
def test_scenes_come_back_whole(store, scenes, is_measured):
    add(store, scenes, is_measured)
    for scene, direct in zip(store.scenes(lambda key: True), numbered(scenes), strict=True):
        assert scene == replace(direct, frame=replace(direct.frame, time=scene.frame.time))


def test_files_of_numbers_ask_for_no_pixels(store, scenes, tmp_path):
    add(store, scenes, is_measured=True)
    stored = list(store.scenes(lambda key: True))
    PictureFiles(tmp_path, []).write_formats(["coco", "csv"], stored, CATEGORIES, tmp_path, pytest.fail)
    tables = [table.masks for scene in stored for table in (scene.objects, scene.regions)]
    assert Found().with_scene(stored[7]) == store.found(stored[7].frame.stem, stored[7].frame.stem)
    assert not any("packed" in vars(masks) for masks in tables if len(masks))


def test_masks_that_are_damaged_are_told(store, scenes):
    add(store, scenes, is_measured=True)
    with sqlite3.connect(store.path) as database:
        database.execute("UPDATE objects SET mask = CAST(replace(mask, '1', '2') AS BLOB)")
    with pytest.raises(ResultsError, match="damaged"):
        list(store.scenes(lambda key: True))


def test_only_pictures_that_are_wanted_are_told_of_and_numbered(store, scenes):
    add(store, scenes, is_measured=True)
    wanted = list(scenes)[3:11]
    found = list(store.scenes(lambda key: key in wanted))
    assert [scene.frame.index for scene in found] == list(range(8))
    assert sorted(scene.frame.stem for scene in found) == wanted


@pytest.mark.parametrize("is_measured", [False, True])
def test_what_a_picture_holds_is_told_in_numbers(store, scenes, is_measured):
    assert store.found("key 00", "key 00") is None
    add(store, scenes, is_measured)
    for key, scene in scenes.items():
        assert store.found(key, key) == Found().with_scene(scene)
        assert store.found(key, "changed") is None
    other = PictureStore(Ledger(store.path.parent.parent), replace(ABOUT, settings={"conf": 0.5}))
    assert other.found("key 00", "key 00") is None
    other.close()


def test_a_store_of_an_earlier_version_gives_the_same(store, scenes, tmp_path):
    add(store, scenes, is_measured=False)
    store.close()
    with sqlite3.connect(store.path) as database:
        database.executescript(THIRD_VERSION)
    key, scene = next((key, scene) for key, scene in scenes.items() if len(scene) == 4)
    assert store.found(key, key) == Found().with_scene(scene)
    add(store, {key: scene}, is_measured=True)
    assert files(tmp_path / "a", store.scenes(lambda key: True)) == files(tmp_path / "b", numbered(scenes))


def test_keys_come_sorted_while_pictures_come_and_go(store, scenes):
    assert (list(store.keys()), "key 03" in store) == ([], False)
    add(store, scenes, is_measured=False)
    assert "key 03" in store
    keys = store.keys()
    for key in keys:
        store.remove(key)
    assert (list(store.keys()), "key 03" in store) == ([], False)


def test_a_store_without_a_picture_stays_while_somebody_else_has_it_open(store, scenes):
    other = PictureStore(Ledger(store.path.parent.parent), ABOUT)
    add(other, {"a": scenes["key 01"]}, is_measured=True)
    add(store, {"a": scenes["key 01"]}, is_measured=True)
    store.remove("a")
    store.close()
    add(other, {"b": scenes["key 02"]}, is_measured=True)
    assert list(store.keys()) == ["b"]
    other.remove("b")
    other.close()
    store.close()
    assert not store.path.exists()


def test_two_that_have_one_open_that_is_removed_write_one_anew(store, scenes):
    other = PictureStore(Ledger(store.path.parent.parent), ABOUT)
    for one, name in ((store, "key 01"), (other, "key 02")):
        add(one, {name: scenes[name]}, is_measured=True)
    for path in store.path.parent.glob("run.*"):
        path.unlink()
    assert "key 02" in store
    for one, name in ((other, "key 03"), (store, "key 04")):
        add(one, {name: scenes[name]}, is_measured=True)
    assert list(other.keys()) == list(store.keys()) == [f"key 0{number}" for number in range(1, 5)]
    other.close()
    store.close()
    assert [path.name for path in store.path.parent.iterdir()] == ["run.sqlite"]
