import errno
import gc
import json
import tracemalloc
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from sav.config import SaveOptions
from sav.errors import WriteError
from sav.folder.ledger import STATE
from sav.formats.coco import CocoWriter
from sav.formats.registry import format_names, writer_class
from sav.formats.target import Target
from sav.runs.saving import Annotations
from tests.conftest import cases
from tests.formats.conftest import NAMES, VIDEO


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and STATE not in path.parts
    }


def test_the_same_pictures_make_the_same_bytes(save, awkward_scene, tmp_path):
    scenes = [awkward_scene(0, "a.jpg", regions=True), awkward_scene(1, "b.jpg")]
    runs = [contents(save(format_names(False), scenes, folder=tmp_path / name)) for name in "xy"]
    assert runs[0] == runs[1]
    assert {name.split("/")[0].split(".")[0] for name in runs[0]} == set(format_names(False))


@pytest.mark.parametrize("cutout", ["prores", "vp9"])
def test_the_same_video_makes_the_same_bytes(save, awkward_video, tmp_path, cutout):
    options = SaveOptions(cutout_video=cutout)
    names = format_names(True)
    runs = [contents(save(names, awkward_video, VIDEO, options, tmp_path / name)) for name in "xy"]
    assert runs[0] == runs[1]
    assert {name.split("/")[0].split(".")[0] for name in runs[0]} == set(names)


def test_nothing_is_seen_until_all_is_whole(tmp_path, awkward_scene):
    folder = tmp_path / "annotations"
    with Annotations(format_names(False), Target(folder, NAMES)) as annotations:
        annotations.write(awkward_scene())
        assert not folder.exists()
    assert folder.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["annotations"]


def test_a_rerun_replaces_what_it_writes_and_leaves_the_rest(save, awkward_scene):
    folder = save(["coco", "yolo", "csv"], [awkward_scene(0, "a.jpg"), awkward_scene(1, "b.jpg")])
    (folder / "notes.txt").write_text("mine")
    table = (folder / "csv" / "objects.csv").read_bytes()
    save(["coco", "yolo"], [awkward_scene(0, "c.jpg")])
    assert [path.name for path in (folder / "yolo" / "labels").iterdir()] == ["c.txt"]
    assert b"b.jpg" not in (folder / "coco.json").read_bytes()
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "csv" / "objects.csv").read_bytes() == table
    assert [path.name for path in folder.parent.rglob(".*")] == [STATE]


def test_what_was_written_before_an_error_is_kept(tmp_path, awkward_scene):
    target = Target(tmp_path / "annotations", NAMES)
    with pytest.raises(KeyboardInterrupt), Annotations(["coco", "csv"], target) as annotations:
        annotations.write(awkward_scene())
        raise KeyboardInterrupt
    assert len((tmp_path / "annotations" / "csv" / "objects.csv").read_text().splitlines()) == 5


def fail(self, *scene):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_format_that_cannot_be_finished_leaves_the_old_file_and_the_others_are_written(
    save, awkward_scene, monkeypatch, caplog
):
    folder = save(["coco", "csv"], [awkward_scene(0, "old.jpg")])
    before = contents(folder)
    monkeypatch.setattr(CocoWriter, "_finish", fail)
    save(["coco", "csv"], [awkward_scene(0, "new.jpg")])
    after = contents(folder)
    assert after["coco.json"] == before["coco.json"]
    assert b"new.jpg" in after["csv/objects.csv"]
    assert f"coco is left out: cannot write {folder}/coco.json: No space left on device" in caplog.text
    assert [path.name for path in folder.parent.iterdir()] == ["annotations"]


@pytest.mark.parametrize("name", format_names(True))
@pytest.mark.parametrize("moment", ["__init__", "write", "_finish"])
@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), RuntimeError("a bug")])
def test_whichever_format_fails_in_a_video_costs_itself_alone(
    save, awkward_video, tmp_path, monkeypatch, caplog, name, moment, error
):
    writer = writer_class(name, True)
    ended = []

    def fail(self, *arguments):
        ended.append(self)
        raise error

    if moment == "__init__":
        real = writer.__init__

        def fail(self, *arguments):
            real(self, *arguments)
            raise error

    monkeypatch.setattr(writer, moment, fail)
    names = ["mot", "csv", "yolo", name]
    folder = save(sorted(set(names)), awkward_video, VIDEO)
    written = {path.split("/")[0].split(".")[0] for path in contents(folder)}
    assert written == {"mot", "csv", "yolo"} - {name}
    assert len([line for line in caplog.messages if line.startswith(f"{name} is left out: ")]) == 1
    assert len(ended) <= 1
    assert [path.name for path in tmp_path.iterdir()] == ["annotations"]


def test_when_the_disk_is_full_all_other_formats_tell_of_the_same_frames(
    tmp_path, awkward_video, monkeypatch, caplog
):
    written = []

    def full(self, scene):
        written.append(scene)
        if len(written) == 2:
            fail(self)

    monkeypatch.setattr(writer_class("yolo", True), "write", full)
    target = Target(tmp_path / "annotations", NAMES, VIDEO)
    with Annotations(["coco", "yolo", "mot"], target) as annotations:
        annotations.write(awkward_video[0])
        with pytest.raises(WriteError, match=r"cannot write .*/yolo: No space left on device"):
            annotations.write(awkward_video[1])
        assert len(list(tmp_path.glob(".*/.reserve"))) == 1
        annotations.make_room()
        assert not list(tmp_path.glob(".*/.reserve"))
    frames = json.loads((tmp_path / "annotations" / "coco.json").read_text())["images"]
    last = (tmp_path / "annotations" / "mot.txt").read_text().splitlines()[-1]
    assert (len(frames), last.split(",")[0]) == (2, "2")
    assert not (tmp_path / "annotations" / "yolo").exists()


def test_a_run_without_a_frame_leaves_no_files_half_made(save):
    folder = save(format_names(True), [], VIDEO)
    assert (folder / "coco.json").exists()
    assert not (folder / "cutout" / "matte.mp4").exists()


def test_pictures_with_the_same_stem_have_files_of_their_own(tmp_path, awkward_scene):
    stems = ["a_jpg", "a_png"]
    scenes = [awkward_scene(index, name) for index, name in enumerate(["a.jpg", "a.png"])]
    with Annotations(["yolo"], Target(tmp_path / "annotations", NAMES)) as annotations:
        for scene, stem in zip(scenes, stems, strict=True):
            annotations.write(replace(scene, frame=replace(scene.frame, stem=stem)))
    labels = tmp_path / "annotations" / "yolo" / "labels"
    assert sorted(path.stem for path in labels.iterdir()) == stems


def test_a_frame_that_is_a_picture_of_a_folder_loses_its_suffix(save, awkward_scene):
    folder = save(["yolo", "png"], [awkward_scene(0, "0001.png", is_tracked=True)], VIDEO)
    assert (folder / "yolo" / "labels" / "0001.txt").exists()
    assert (folder / "png" / "davis" / "0001.png").exists()


@cases("name", format_names(True), quick=2)
def test_memory_does_not_grow_with_the_video(name, save, awkward_video, tmp_path):
    scene = awkward_video[0]

    def frames(count):
        for index in range(count):
            gc.collect()  # or the peak says when Python last collected
            yield replace(scene, frame=replace(scene.frame, index=index, time=Fraction(index, 25)))

    def peak(count):
        gc.freeze()  # all that is not ours, so that collecting is quick
        tracemalloc.start()
        save(name, frames(count), VIDEO, folder=tmp_path / str(count))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        gc.unfreeze()
        return most

    peak(5)
    short, long = peak(50), peak(400)
    assert long < short + 50_000
