"""Runs over videos into places that have results, of earlier runs and of the user's own."""

import errno
import json
import shutil
import threading
from contextlib import closing

import av
import cv2
import numpy as np
import psutil
import pytest

from sav import files
from sav.commands import cli
from sav.drawing import DrawConfig
from sav.drawing.apart import DrawnApart, DrawnHere
from sav.errors import DONE, FAILED, PARTLY_DONE, ResultsError, VideoError
from sav.folder.ledger import RUN, STATE, Ledger
from sav.formats.mot import MotWriter
from sav.media.writer import VideoWriter
from sav.runs.events import Reached
from sav.runs.stored import find_store
from sav.runs.videos import run as video_run
from sav.runs.videos.job import VideoJob
from sav.runs.videos.results import VideoResults
from sav.runs.videos.run import run_video
from sav.segmenter import Segmenter
from sav.stages.overlap import overlap
from sav.stages.refine import Step
from tests.media.videos import NTSC, make_video
from tests.runs.stored_runs import seen
from tests.stubs import StubDetector, StubSam

FORMATS = ["coco", "mot", "labelme"]


def run(source, save_path, formats=FORMATS, segmenter=None, **more):
    job = VideoJob(str(source), save_path, tracker="bytetrack", formats=tuple(formats), **more)
    segmenter = segmenter or Segmenter(StubDetector(), StubSam(), regions=False)
    with cli.told() as on_event:
        return run_video(job, segmenter, on_event)


def after(what):
    """What loads models, and lets something happen meanwhile."""

    def load():
        what()
        return Segmenter(StubDetector(), StubSam(), regions=False)

    return load


@pytest.fixture
def source(tmp_path):
    (tmp_path / "in").mkdir()
    make_video(tmp_path / "in", "a.mp4", count=6, size_hw=(60, 80))
    return tmp_path / "in" / "a.mp4"


@pytest.fixture
def save_path(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "v.mp4"


class Interrupting(StubSam):
    """Ctrl-C comes at the fourth frame."""

    def embed(self, images_bgr):
        if self.embedded >= 3:
            raise KeyboardInterrupt
        return super().embed(images_bgr)


def interrupted():
    return Segmenter(StubDetector(), Interrupting(), regions=False)


def test_a_rerun_needs_no_flag_and_gives_the_same_bytes_also_in_what_is_hidden(source, save_path):
    everything = []
    for _ in range(2):
        assert run(source, save_path).status == DONE
        files = [path for path in save_path.parent.rglob("*") if path.is_file()]
        bytes_of = {path: path.read_bytes() for path in files if path.name != "ledger.sqlite"}
        everything.append((files, bytes_of, Ledger(save_path.parent / "v_annotations").claim(RUN)))
    assert everything[0] == everything[1]


@pytest.mark.parametrize("is_ours_once", [True, False])
def test_a_video_that_the_user_made_or_changed_stops_a_run_before_it_begins(source, save_path, is_ours_once):
    if is_ours_once:
        run(source, save_path)
    save_path.write_text("mine")
    before = seen(save_path.parent)
    with pytest.raises(FileExistsError, match="--overwrite") as raised:
        VideoResults(save_path, FORMATS)
    assert str(save_path) in str(raised.value)
    assert seen(save_path.parent) == before
    assert run(source, save_path, overwrite=True).status == DONE
    assert save_path.read_bytes() != b"mine"


def test_another_suffix_does_not_take_the_annotations_of_an_earlier_video(source, save_path, tmp_path):
    run(source, save_path)
    before, twin = seen(save_path.parent), save_path.with_suffix(".mov")
    with pytest.raises(
        FileExistsError, match=r"annotations of .*v\.mp4, .*give it another name.*--overwrite"
    ):
        run(source, twin, segmenter=after(lambda: pytest.fail("the models are loaded")))
    assert seen(save_path.parent) == before
    assert run(source, twin, overwrite=True).status == DONE
    with pytest.raises(ResultsError, match=r"annotations of .*v\.mov, not of .*v\.mp4"):
        find_store(save_path)
    assert find_store(twin) == find_store(save_path.parent / "v_annotations")


def test_another_suffix_that_comes_meanwhile_keeps_its_annotations(source, save_path):
    twin = save_path.with_suffix(".mov")
    report = run(source, save_path, segmenter=after(lambda: run(source, twin)))
    assert report.saved == (save_path.with_name("v-2.mp4"), save_path.with_name("v-2_annotations"))
    assert find_store(twin).exists()


@pytest.mark.parametrize("is_ours_once", [True, False])
def test_annotations_that_the_user_made_or_changed_are_kept_and_the_rest_is_done(
    source, save_path, capsys, is_ours_once
):
    run(source, save_path)
    whole = seen(save_path.parent / "v_annotations")
    if not is_ours_once:
        shutil.rmtree(save_path.parent / "v_annotations")
        save_path.unlink()
    names = ("mot.txt", "labelme/a_000001.json")
    for name in names:
        mine = save_path.parent / "v_annotations" / name
        mine.parent.mkdir(parents=True, exist_ok=True)
        mine.write_text("mine")
    report = run(source, save_path)
    assert (report.status, report.done, report.saved[0]) == (PARTLY_DONE, 6, save_path)
    assert seen(save_path.parent / "v_annotations") == {**whole, **dict.fromkeys(names, b"mine")}
    said = capsys.readouterr().err
    assert said.startswith("error: 2 files are not as this program wrote them: they are kept, and the new")
    assert said.count("\n") == 1 and all(name in said for name in names)
    assert run(source, save_path, overwrite=True).status == DONE
    assert seen(save_path.parent / "v_annotations") == whole


def test_what_the_user_put_beside_the_annotations_stays(source, save_path):
    run(source, save_path)
    notes = save_path.parent / "v_annotations" / "labelme" / "notes.txt"
    notes.write_text("mine")
    assert run(source, save_path).status == DONE
    assert notes.read_text() == "mine"


def test_formats_that_tell_of_an_earlier_run_alone_are_named(source, save_path, capsys):
    run(source, save_path)
    assert capsys.readouterr().err == ""
    assert run(source, save_path, ["mot"]).status == DONE
    folder = save_path.parent / "v_annotations"
    assert f"note: coco, labelme in {folder} stay as an earlier run left them" in capsys.readouterr().err


def test_frames_of_an_earlier_longer_run_go(source, save_path, tmp_path):
    run(source, save_path)
    make_video(tmp_path / "in", "a.mp4", count=3, size_hw=(60, 80))
    assert run(source, save_path).status == DONE
    assert len(list((save_path.parent / "v_annotations" / "labelme").glob("*.json"))) == 3


def test_an_interrupted_run_replaces_only_what_an_interrupted_run_left(source, save_path):
    (save_path.parent / "v.interrupted.mp4").write_text("mine")
    for _ in range(2):
        report = run(source, save_path, segmenter=interrupted())
        assert report.status == PARTLY_DONE
        assert report.saved[0] == save_path.parent / "v.interrupted-2.mp4"
    names = sorted(path.name for path in save_path.parent.iterdir())
    assert names == ["v.interrupted-2.mp4", "v.interrupted-2_annotations", "v.interrupted.mp4"]
    assert (save_path.parent / "v.interrupted.mp4").read_text() == "mine"


@pytest.mark.parametrize("is_changed", [False, True])
def test_what_an_ended_run_left_goes_when_another_has_gone_on_to_the_end(
    source, save_path, capsys, is_changed
):
    report = run(source, save_path, segmenter=interrupted())
    assert report.problem == "interrupted; --resume goes on from there"
    folder = save_path.with_name("v.interrupted_annotations")
    if is_changed:
        (folder / "mot.txt").write_text("mine")
    before = seen(folder)
    assert run(source, save_path, resume=True).status == DONE
    names = sorted(path.name for path in save_path.parent.iterdir())
    left = ["v.interrupted.mp4", folder.name] if is_changed else []
    assert names == [*left, "v.mp4", "v_annotations"]
    assert seen(folder) == (before if is_changed else {})
    assert ("of the run that was ended" in capsys.readouterr().err) == is_changed


def test_what_cannot_be_looked_at_stays_and_the_run_is_done_all_the_same(source, save_path, capsys):
    run(source, save_path, segmenter=interrupted())
    folder = save_path.with_name("v.interrupted_annotations")
    (folder / STATE / "ledger.sqlite").write_text("no ledger")
    assert run(source, save_path, resume=True).status == DONE
    assert "what the run left that was ended stays: " in capsys.readouterr().err
    assert (folder / "mot.txt").exists()


def test_annotations_whose_store_is_not_there_yet_are_those_of_a_run_at_work(source, save_path):
    run(source, save_path, segmenter=interrupted())
    at_work = save_path.with_name("v.interrupted-2_annotations")
    (at_work / STATE).mkdir(parents=True)
    assert run(source, save_path, resume=True).status == DONE
    assert at_work.exists()
    assert not save_path.with_name("v.interrupted_annotations").exists()


def test_what_was_not_gone_on_with_stays(source, save_path):
    run(source, save_path, segmenter=interrupted())
    assert run(source, save_path).status == DONE
    assert save_path.with_name("v.interrupted.mp4").exists()


class ReadingAhead(Segmenter):
    """Has read all of a video before it hands out the first scene."""

    def track(self, source, **settings):
        return super().track(list(source), **settings)


def test_an_interrupted_video_ends_with_its_last_frame_however_far_was_read(source, save_path):
    def end(event):
        if isinstance(event, Reached) and event.position == 2:
            raise KeyboardInterrupt

    job = VideoJob(str(source), save_path, formats=("mot",))
    run_video(job, ReadingAhead(StubDetector(), StubSam(), regions=False), end)
    with av.open(str(save_path.parent / "v.interrupted.mp4")) as written:
        video = written.streams.video[0]
        assert (video.frames, round(video.duration * video.time_base * NTSC)) == (2, 2)


def test_what_came_in_the_way_while_a_run_was_at_work_stays_and_nothing_is_lost(source, save_path):
    report = run(source, save_path, segmenter=after(lambda: save_path.write_text("mine")))
    assert report.saved[0] == save_path.with_name("v-2.mp4")
    assert (save_path.parent / "v-2_annotations" / "coco.json").exists()
    assert save_path.read_text() == "mine"


def test_a_video_that_cannot_be_written_costs_no_annotations(source, save_path, monkeypatch):
    def full(self, frame):
        if self.frame_count == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, frame)

    def fail(self):
        self._discard()
        raise files.WriteError(save_path, OSError(errno.ENOSPC, "No space left on device"))

    write = VideoWriter.write
    monkeypatch.setattr(VideoWriter, "write", full)
    monkeypatch.setattr(VideoWriter, "interrupt", fail)
    report = run(source, save_path)
    folder = save_path.parent / "v.interrupted_annotations"
    assert (report.status, report.saved, report.done) == (PARTLY_DONE, (folder,), 4)
    assert report.problem.count("No space left on device") <= 2
    assert len(json.loads((folder / "coco.json").read_text())["images"]) == 4
    assert [path.name for path in save_path.parent.iterdir()] == ["v.interrupted_annotations"]


def test_a_run_that_fails_before_its_first_frame_leaves_what_there_was(source, save_path, monkeypatch):
    run(source, save_path)
    before = seen(save_path.parent)

    def fail(*arguments, **more):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(VideoWriter, "write", fail)
        report = run(source, save_path)
        assert (report.status, report.done, report.saved) == (FAILED, 0, ())
    assert seen(save_path.parent) == before
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(video_run, "VideoWriter", fail)
        run(source, save_path)
    assert seen(save_path.parent) == before


def test_annotations_without_a_video_do_not_stand_beside_another(source, save_path, monkeypatch):
    run(source, save_path, segmenter=interrupted())
    before = seen(save_path.parent)

    def fail(self):
        self._discard()
        raise files.WriteError(save_path, OSError(errno.ENOSPC, "No space left on device"))

    monkeypatch.setattr(VideoWriter, "interrupt", fail)
    report = run(source, save_path, segmenter=interrupted())
    assert report.saved == (save_path.parent / "v.interrupted-2_annotations",)
    assert seen(save_path.parent).items() > before.items()


def test_a_format_that_fails_is_told_and_the_video_is_whole(source, save_path, monkeypatch, capsys):
    def fail(self, scene):
        raise RuntimeError("odd")

    monkeypatch.setattr(MotWriter, "write", fail)
    report = run(source, save_path)
    assert (report.status, report.saved[0], report.done) == (PARTLY_DONE, save_path, 6)
    assert capsys.readouterr().err == "error: mot is left out: RuntimeError: odd\n"
    assert sorted(path.name for path in (save_path.parent / "v_annotations").glob("[!.]*")) == [
        "coco.json", "labelme"
    ]  # fmt: skip


def test_annotations_that_cannot_be_put_in_place_are_told_and_the_video_stays(source, save_path, capsys):
    def write_mine():
        (save_path.parent / "v_annotations").mkdir()
        (save_path.parent / "v_annotations" / "labelme").write_text("mine")

    report = run(source, save_path, segmenter=after(write_mine))
    assert (report.status, report.saved[0]) == (PARTLY_DONE, save_path)
    assert "labelme" in capsys.readouterr().err
    assert (save_path.parent / "v_annotations" / "labelme").read_text() == "mine"


def test_no_thread_goes_on_after_a_run_that_ends_early():
    def frames():
        for _ in range(1000):
            yield Step(None, None)

    before = threading.active_count()
    inner = overlap(frames())
    with closing(overlap(video_run._drawn(inner, DrawnHere(DrawConfig())))):
        pass
    assert not inner._worker.is_alive()
    assert threading.active_count() == before


def test_frames_that_are_drawn_in_another_process_are_the_same_to_the_last_byte(source, save_path):
    def processes():
        return {child.pid for child in psutil.Process().children(recursive=True)}

    before, made = processes(), []
    for batch in (1, 2, 4):
        assert run(source, save_path, batch=batch, overwrite=True).status == DONE
        made.append(save_path.read_bytes())
        assert processes() <= before
    assert made[0] == made[1] == made[2]


def test_a_process_that_draws_no_more_ends_the_run_and_what_is_done_is_kept(source, save_path, monkeypatch):
    ask, asked = DrawnApart.ask, []

    def killed_at_the_fourth(self, scene):
        asked.append(scene)
        if len(asked) == 4:
            self.process._process.kill()
        ask(self, scene)

    monkeypatch.setattr(DrawnApart, "ask", killed_at_the_fourth)
    report = run(source, save_path, batch=2)
    assert report.status == PARTLY_DONE
    assert "a process that helps has ended with status -9; run again with --resume" in report.problem
    assert 1 <= report.done < 4
    monkeypatch.undo()
    assert run(source, save_path, batch=2, resume=True).done == 6


def test_frames_too_large_to_be_written_are_known_when_the_source_is_opened(tmp_path, save_path):
    (tmp_path / "wide").mkdir()
    cv2.imwrite(str(tmp_path / "wide" / "1.png"), np.zeros((4, 16640, 3), np.uint8))
    with pytest.raises(VideoError, match=r"has frames of 16640x4; H\.264"):
        VideoJob(str(tmp_path / "wide"), save_path).open()
