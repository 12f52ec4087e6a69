"""What is stored comes back, whatever ends the process; what cannot be read or written is one clear line."""

import pickle
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from sav.errors import ResultsError, WriteError
from sav.store import Store
from tests.conftest import ROOT
from tests.store.conftest import PICTURES, THIRD_VERSION, VIDEO, weak


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".sav" / "run.sqlite"


@pytest.fixture
def stored(path, scenes):
    with Store.create(path, VIDEO) as store:
        for scene in scenes:
            store.add(scene)
    return path


def test_scenes_and_detections_come_back_exactly(stored, scenes):
    with Store.open(stored) as store:
        assert (len(store), store.last_index, store.about) == (12, 11, VIDEO)
        assert store.track_ids() == [7, 300]
        for entry, scene in zip(store.entries(), scenes, strict=True):
            assert entry.scene == scene
            assert entry.scene.candidates == weak(scene.frame.index)


def test_a_frame_is_found_by_its_index(stored, scenes):
    with Store.open(stored) as store:
        assert store.at(7) == scenes[7]
        assert {7, 300} < set(store.ids())
        with pytest.raises(ResultsError, match="no frame 12"):
            store.at(12)


def test_an_empty_store_is_a_store(path):
    Store.create(path, VIDEO).close()
    with Store.open(path) as store:
        assert (len(store), store.last_index, list(store.scenes())) == (0, -1, [])


def test_what_is_known_of_objects_and_regions_is_kept(path, make_scene):
    scene = make_scene(np.zeros((0, 5, 7), bool), np.ones((3, 5, 7), bool))
    odd = replace(scene, regions=replace(scene.regions, ids=np.array([2, 5, 9])), duplicates=4)
    with Store.create(path, PICTURES) as store:
        store.add(odd, key="a", source="../caf\udce9.jpg", content="3-ab")
        (entry,) = store.entries()
        assert list(store.sources()) == [("../caf\udce9.jpg", "3-ab")]
    assert (entry.scene.regions, entry.scene.duplicates) == (odd.regions, 4)
    assert (entry.key, entry.source, entry.content) == ("a", "../caf\udce9.jpg", "3-ab")


def test_the_same_scenes_make_the_same_content(tmp_path, scenes):
    dumps = []
    for name in ("a", "b"):
        with Store.create(tmp_path / name, VIDEO) as store:
            for scene in scenes:
                store.add(scene)
        with sqlite3.connect(tmp_path / name) as database:
            dumps.append(list(database.iterdump()))
    assert dumps[0] == dumps[1]


def test_a_finished_run_is_told_from_one_that_was_ended(stored):
    with Store.join(stored, VIDEO) as store:
        assert (store.is_finished, store.end_time) == (False, None)
        store.finish()
        assert (store.is_finished, store.end_time) == (True, None)
        store.finish(Fraction(1001, 30_000))
    with Store.open(stored) as store:
        assert (store.is_finished, store.end_time) == (True, Fraction(1001, 30_000))


def test_a_closed_store_is_one_file(stored):
    assert [path.name for path in stored.parent.iterdir()] == ["run.sqlite"]


def test_creating_begins_anew_and_joining_goes_on(stored, scenes):
    with Store.join(stored, VIDEO) as store:
        store.add(scenes[-1])
        assert (len(store), store.last_index) == (12, 11)
    with Store.create(stored, VIDEO) as store:
        assert len(store) == 0


def test_pictures_come_by_name_and_one_that_is_done_again_replaces_what_there_was(path, scenes):
    with Store.join(path, PICTURES) as store:
        for key, scene in zip("cab", scenes, strict=False):
            store.add(replace(scene, frame=replace(scene.frame, name=f"{key}.jpg")), key=key)
    again = replace(scenes[7], frame=replace(scenes[7].frame, name="b.jpg"))
    with Store.join(path, replace(PICTURES, settings={"conf": 0.5})) as store:
        store.add(again, key="b", content="1-aa")
        assert list(store.keys()) == ["a", "b", "c"]
        entries = list(store.entries())
        assert [entry.scene.frame.index for entry in entries] == [0, 1, 2]
        assert entries[1].scene.masks == again.masks
        store.remove("a")
        assert list(store.keys()) == ["b", "c"]


def test_a_picture_is_held_if_neither_it_nor_the_settings_changed(path, scenes):
    with Store.join(path, PICTURES) as store:
        store.add(scenes[0], key="a", content="1-aa")
    with Store.join(path, PICTURES) as store:
        assert store.holds("a", "1-aa")
        assert not store.holds("a", "1-bb")
        assert not store.holds("b", "1-aa")
    with Store.join(path, replace(PICTURES, checkpoints={"sam": "ee"})) as store:
        assert not store.holds("a", "1-aa")


def test_what_is_added_together_is_there_whole_or_not_at_all(path, scenes):
    with Store.join(path, PICTURES) as store, Store.open(path) as reader:
        store.add(scenes[0], key="a")
        with pytest.raises(KeyboardInterrupt), store.together():
            store.remove("a")
            store.add(scenes[1], key="b")
            raise KeyboardInterrupt
        assert list(store.keys()) == ["a"]
        with store.together():
            for key, scene in zip("bcd", scenes, strict=False):
                with store.together():
                    store.add(scene, key=key)
            assert list(reader.keys()) == ["a"]
        assert list(reader.keys()) == list("abcd")


def test_more_frames_than_are_read_at_once_come_in_order(path, scenes):
    with Store.join(path, PICTURES) as store:
        with store.together():
            for number in range(150):
                frame = replace(scenes[number % 12].frame, name=f"{number * 7 % 150:03}.jpg")
                store.add(replace(scenes[number % 12], frame=frame), key=str(number))
        found = list(store.entries())
    assert [entry.scene.frame.index for entry in found] == list(range(150))
    for number, entry in enumerate(found):
        assert entry.scene.frame.name == f"{number:03}.jpg"
        assert entry.scene.objects == scenes[int(entry.key) % 12].objects


def test_after_a_kill_all_frames_are_there_and_more_can_be_added(path, tmp_path, scenes):
    with Store.create(path, VIDEO) as store:
        for scene in scenes[:-1]:
            store.add(scene)
        shutil.copytree(path.parent, tmp_path / "killed")
    with Store.open(tmp_path / "killed" / path.name) as store:
        assert list(store.scenes()) == scenes[:-1]
    with Store.join(tmp_path / "killed" / path.name, VIDEO) as store:
        store.add(scenes[-1])
        assert list(store.scenes()) == scenes


@pytest.mark.long
@pytest.mark.parametrize("told", [1, 20, 100])
def test_a_process_that_is_killed_leaves_all_that_it_has_added(path, told, scenes):
    code = """
import itertools, pickle, sys
from dataclasses import replace
from sav.store import Store
from tests.conftest import ROOT
from tests.store.conftest import VIDEO, weak
path, scene = pickle.load(sys.stdin.buffer)
with Store.create(path, VIDEO) as store:
    for index in itertools.count():
        store.add(replace(scene, frame=replace(scene.frame, index=index)))
        print(index, flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        pickle.dump((path, scenes[0]), process.stdin)
        process.stdin.close()
        for _ in range(told):
            process.stdout.readline()
        process.kill()
        added = told + len(process.stdout.read().splitlines())

    def scene(index):
        return replace(scenes[0], frame=replace(scenes[0].frame, index=index))

    with Store.join(path, VIDEO) as store:
        assert len(store) >= added
        assert all(found == scene(index) for index, found in enumerate(store.scenes()))
        store.add(scene(len(store)))


def test_after_a_power_cut_anywhere_a_prefix_is_there(path, tmp_path, scenes):
    lengths = set()
    with Store.create(path, VIDEO) as store:
        for scene in scenes:
            store.add(scene)
        log = path.with_name(f"{path.name}-wal").stat().st_size
        for number, size in enumerate(np.linspace(log // 4, log, 9).astype(int).tolist()):
            cut = tmp_path / f"cut{number}"
            shutil.copytree(path.parent, cut)
            (cut / f"{path.name}-shm").unlink()
            with (cut / f"{path.name}-wal").open("r+b") as file:
                file.truncate(size)
            with Store.join(cut / path.name, VIDEO) as found:
                lengths.add(len(found))
                assert list(found.scenes()) == scenes[: len(found)]
    assert len(lengths) > 3


def test_a_kill_while_a_store_is_begun_leaves_what_can_be_begun_again(path):
    path.parent.mkdir()
    path.touch()
    with pytest.raises(ResultsError, match="is no store of a run: nothing is in it"):
        Store.open(path)
    Store.join(path, VIDEO).close()
    assert Store.open(path).about == VIDEO


def test_it_can_be_read_while_it_is_written(path, scenes):
    with Store.create(path, VIDEO) as store:
        store.add(scenes[0])
        with Store.open(path) as reader:
            assert len(reader) == 1
            store.add(scenes[1])
            assert len(reader) == 2


def test_two_runs_over_pictures_take_turns(path, scenes):
    with Store.join(path, PICTURES) as one, Store.join(path, replace(PICTURES, settings={"a": 1})) as other:
        one.add(scenes[0], key="a")
        other.add(scenes[1], key="b")
        one.add(scenes[2], key="c")
        assert list(one.keys()) == list(other.keys()) == ["a", "b", "c"]


def test_what_is_no_store_is_told_and_stays_as_it_is(path):
    path.parent.mkdir()
    with pytest.raises(FileNotFoundError, match="no store of a run"):
        Store.open(path)
    path.write_text("words, and more of them" * 100)
    with sqlite3.connect(path.with_name("mine")) as database:
        database.execute("CREATE TABLE mine (a)")
    for name in (path.name, "mine"):
        before = path.with_name(name).read_bytes()
        for begin in (Store.open, lambda place: Store.join(place, VIDEO)):
            with pytest.raises(ResultsError, match="is no store of a run"):
                begin(path.with_name(name))
        assert path.with_name(name).read_bytes() == before


def test_a_newer_version_is_told(stored):
    with sqlite3.connect(stored) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(ResultsError, match="newer version"):
        Store.open(stored)


# The tables of the first version, filled with what is in today's.
FIRST_VERSION = """
ALTER TABLE objects RENAME TO now;
CREATE TABLE objects (
    frame INTEGER NOT NULL REFERENCES frames ON DELETE CASCADE, place INTEGER NOT NULL,
    track_id INTEGER NOT NULL, class_id INTEGER NOT NULL, score REAL NOT NULL, box BLOB NOT NULL,
    mask_box BLOB NOT NULL, mask BLOB NOT NULL, PRIMARY KEY (frame, place)
);
INSERT INTO objects SELECT * FROM now;
DROP TABLE now;
ALTER TABLE regions RENAME TO now;
CREATE TABLE regions (
    frame INTEGER NOT NULL REFERENCES frames ON DELETE CASCADE, place INTEGER NOT NULL,
    region_id INTEGER NOT NULL, mask_box BLOB NOT NULL, mask BLOB NOT NULL, PRIMARY KEY (frame, place)
);
INSERT INTO regions SELECT frame, place, id, mask_box, mask FROM now;
DROP TABLE now;
PRAGMA user_version = 1;
"""


def test_a_store_of_the_first_version_is_read_as_it_is_and_gone_on_with(stored, scenes):
    with sqlite3.connect(stored) as database:
        database.executescript(THIRD_VERSION + FIRST_VERSION)
    before = stored.read_bytes()
    regions = [replace(scene.regions, scores=np.zeros(len(scene.regions), np.float32)) for scene in scenes]
    known = [
        replace(scene, regions=found, everything=found) for scene, found in zip(scenes, regions, strict=True)
    ]
    with Store.open(stored) as store:
        assert (store.track_ids(), list(store.scenes())) == ([7, 300], known)
    assert stored.read_bytes() == before

    with Store.join(stored, VIDEO) as store:
        store.add(replace(scenes[0], frame=replace(scenes[0].frame, index=12)))
    with Store.open(stored) as store:
        *first, last = store.scenes()
        assert (first, last.regions) == (known, scenes[0].regions)


def test_a_run_of_the_second_version_is_one_of_today_without_masks_and_is_gone_on_with(path, scenes):
    then, now = (
        replace(VIDEO, settings={"tracker": {"tracker_type": "sav", **more}})
        for more in ({}, {"with_masks": False})
    )
    with Store.create(path, then) as store:
        store.add(scenes[0])
    with sqlite3.connect(path) as database:
        database.executescript(f"{THIRD_VERSION} PRAGMA user_version = 2")
    before = path.read_bytes()
    with Store.open(path) as store:
        assert (store.about, list(store.scenes())) == (now, scenes[:1])
    assert path.read_bytes() == before

    with Store.join(path, now) as store:
        store.add(scenes[1])
        store.finish()
    with Store.open(path) as store:
        assert (store.about, store.is_finished, list(store.scenes())) == (now, True, scenes[:2])


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE objects SET mask = x'00' WHERE frame = 3",
        "UPDATE frames SET time = 'soon' WHERE frame = 3",
        "UPDATE frames SET run = 99 WHERE frame = 3",
        "UPDATE frames SET height = 7 WHERE frame = 3",
        "DROP TABLE regions",
        "UPDATE objects SET id = 'one' WHERE frame = 3",
        "UPDATE objects SET class_id = 7 WHERE frame = 3",
        "UPDATE objects SET box = 'a box of text...' WHERE frame = 3",
        "UPDATE frames SET height = 1.5 WHERE frame = 3",
        "UPDATE frames SET detections = 7 WHERE frame = 3",
        "UPDATE frames SET time = '1/0' WHERE frame = 3",
    ],
)
def test_a_damaged_store_gives_what_comes_before_and_says_so(stored, damage):
    with sqlite3.connect(stored) as database:
        database.execute(damage)
    with Store.open(stored) as store, pytest.raises(ResultsError, match=r"run\.sqlite is damaged"):
        list(store.entries())


@pytest.mark.parametrize(
    "about",
    [
        "'{'",
        "'[]'",
        "7",
        f"'{'[' * 100_000}'",
        """replace(about, '"person"', '1')""",
        "replace(about, '40', '\"a\"')",
    ],
)
def test_a_run_that_is_not_told_of_in_our_words_is_damage(stored, about):
    with sqlite3.connect(stored) as database:
        database.execute(f"UPDATE runs SET about = {about}")
    with pytest.raises(ResultsError, match=r"run\.sqlite is damaged: run the models again"):
        Store.open(stored)


def test_names_and_ends_of_a_wrong_type_are_damage(stored):
    with sqlite3.connect(stored) as database:
        database.execute("UPDATE frames SET key = x'00', source = 'text', position = 'at ' || frame")
        database.execute("UPDATE runs SET end = 'soon'")
    with Store.open(stored) as store:
        for ask in (
            lambda: list(store.sources()),
            lambda: list(store.entries()),
            lambda: store.last_index,
            lambda: store.end_time,
        ):
            with pytest.raises(ResultsError, match=r"run\.sqlite is damaged"):
                ask()


def test_a_file_with_a_hole_is_damaged(stored):
    content = bytearray(stored.read_bytes())
    content[4096:20_000] = bytes(20_000 - 4096)
    stored.write_bytes(content)
    with pytest.raises(ResultsError, match=r"run\.sqlite is damaged"), Store.open(stored) as store:
        list(store.entries())


def test_a_full_disk_is_told_and_what_was_added_stays(path, scenes):
    with Store.create(path, VIDEO) as store:
        store.add(scenes[0])
        (pages,) = store._database.execute("PRAGMA page_count").fetchone()
        store._database.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(WriteError, match=r"run\.sqlite.*full") as raised:
            for scene in scenes[1:]:
                store.add(scene)
        assert raised.value.is_final
        assert list(store.scenes()) == scenes[: len(store)]


def test_one_that_another_run_writes_to_for_long_is_told(path, scenes):
    with Store.create(path, VIDEO) as store, sqlite3.connect(path) as other:
        other.execute("BEGIN IMMEDIATE")
        store._database.execute("PRAGMA busy_timeout = 1")
        with pytest.raises(WriteError, match="wait until another run has ended"):
            store.add(scenes[0])
        other.rollback()
        store.add(scenes[0])


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match=r"cannot write .*file"):
        Store.create(tmp_path / "file" / "run.sqlite", VIDEO)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        Store.create(tmp_path / "folder", VIDEO)


def test_what_a_kill_left_half_written_is_undone_also_for_one_who_only_reads(stored, tmp_path):
    writer = sqlite3.connect(stored, isolation_level=None)
    writer.execute("PRAGMA journal_mode = DELETE")
    writer.execute("PRAGMA cache_size = 1")  # so that much of it is in the file before the end
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM objects")
    writer.execute("UPDATE frames SET name = name || hex(randomblob(5000))")
    (tmp_path / "killed").mkdir()
    for path in stored.parent.iterdir():
        shutil.copy(path, tmp_path / "killed" / path.name)
    assert (tmp_path / "killed" / "run.sqlite-journal").stat().st_size
    with Store.open(tmp_path / "killed" / "run.sqlite") as store:
        assert [scene.frame.name for scene in store.scenes()] == [f"a_{index:06d}" for index in range(12)]
    writer.close()


def test_what_a_kill_left_is_read_where_nothing_can_be_written(stored, tmp_path, scenes):
    with Store.join(stored, VIDEO) as writer:
        writer.add(replace(scenes[0], frame=replace(scenes[0].frame, index=12)))
        shutil.copytree(stored.parent, tmp_path / "killed")
    path = tmp_path / "killed" / stored.name
    assert path.with_name("run.sqlite-wal").stat().st_size
    path.with_name("run.sqlite-shm").unlink()
    path.with_name("run.sqlite-shm").mkdir()  # as on a read-only disk, SQLite cannot make it
    with Store.open(path) as store:
        assert (len(store), list(store.scenes())[:12]) == (13, scenes)
    assert path.with_name("run.sqlite-wal").stat().st_size
