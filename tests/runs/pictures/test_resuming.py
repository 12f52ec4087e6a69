"""A run over a video that was ended goes on, and nobody sees from its results that it was ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from sav.config import DetectionConfig
from sav.data.instances import Instances
from sav.data.masks import Masks
from sav.data.types import Detections
from sav.errors import DONE, PARTLY_DONE, ResultsError, SettingError
from sav.folder.ledger import STATE
from sav.formats.registry import format_names
from sav.looks import DrawConfig
from sav.media.pictures import list_pictures, write_picture
from sav.runs.events import Event, Note, Reached
from sav.runs.pictures.plan import PicturePlan, plan_pictures
from sav.runs.pictures.run import run_pictures
from sav.runs.videos.job import VideoJob
from sav.runs.videos.run import run_video
from sav.runs.videos.store import STORE, check_resumable
from sav.segmenter import Segmenter
from sav.stages.regions import follower
from sav.store import Store
from tests.conftest import cases
from tests.media.videos import make_video
from tests.runs.stored_runs import seen
from tests.stubs import StubDetector, StubSam, picture

FRAMES = 23
ALL = tuple(format_names(True))
FEW = ("coco", "mot", "yolo")


class MovingDetector(StubDetector):
    """Sees two boxes walk, now and then weakly or not at all: ids hang on what the tracker remembers."""

    def __init__(self, kill_at: int | None = None) -> None:
        super().__init__()
        self.seen = 0
        self.kill_at = kill_at

    def with_config(self, config: Any) -> MovingDetector:
        self.config = config
        return self  # counts all that it sees

    def __call__(self, images_bgr: Any) -> list[Detections]:
        return [self._see(image) for image in images_bgr]

    def _see(self, image: np.ndarray) -> Detections:
        step = int(image[2, 2, 0]) // 10  # the frame's own number, whatever was seen before it
        if self.seen == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.seen += 1
        boxes = np.array([[step, 5, step + 20, 25], [60 - step, 30, 75 - step, 50]], np.float32)
        scores = np.array([0.9 if step % 5 else 0.15, 0.8 if step % 7 else 0.2], np.float32)
        return Detections(boxes, scores, np.array([0, step % 2], np.int64))[: 1 if step % 6 == 0 else 2]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    pictures = tmp_path / "in"
    pictures.mkdir()
    for number in range(FRAMES):
        image = np.full((60, 80, 3), 90, np.uint8)
        image[20:40, number : number + 20] = 200
        image[:5, :5] = number * 10
        write_picture(pictures / f"{number:03}.png", image)
    return pictures


def job(source: Path, out: Path, **more: Any) -> VideoJob:
    return VideoJob(str(source), out / "v.mp4", **{"formats": FEW, **more})


def run(made: VideoJob, kill_at: int | None = None, told: list[Event] | None = None) -> tuple[Any, int]:
    """The report, and how many frames the detector saw."""
    made.save_path.parent.mkdir(exist_ok=True)
    detector = MovingDetector(kill_at)
    with mock.patch.object(follower, "segment_everything", _everything):
        report = run_video(
            made, Segmenter(detector, StubSam(), regions=False), (told if told is not None else []).append
        )
    return report, detector.seen


def _everything(sam: Any, size_hw: tuple[int, int], config: Any, on_progress: Any) -> Instances:
    """The same two regions whenever they are asked for; one of them lies where objects pass."""
    dense = np.zeros((2, *size_hw), np.bool_)
    dense[0, 5:50, 10:60] = dense[1, 52:, 20:70] = True
    return Instances.unlabelled(Masks.from_dense(dense), np.full(2, 0.9, np.float32), np.arange(2))


# Its processes are made of one that never had a thread, which is what a fork needs.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload([__name__])


def killed(made: VideoJob, at: int) -> None:
    """A run in a process that is killed when the detector has seen so many frames."""
    process = processes.Process(target=run, args=(made, at))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


@cases(
    ("kills", "batch", "formats"),
    [
        ([5, 9], 4, FEW),
        ([11, 3, 1], 1, ALL),
        ([1], 1, FEW),
        ([5, 6], 1, FEW),
        ([13], 4, FEW),
        ([FRAMES - 1], 1, FEW),
    ],
    quick=1,
)
def test_a_run_that_was_killed_goes_on_and_gives_what_an_undisturbed_one_gives(
    source: Path, tmp_path: Path, kills: list[int], batch: int, formats: tuple[str, ...]
) -> None:
    run(job(source, tmp_path / "undisturbed", batch=batch, formats=formats))
    for at in kills:
        killed(job(source, tmp_path / "out", batch=batch, formats=formats, resume=True), at)
    told: list[Event] = []
    report, count = run(job(source, tmp_path / "out", batch=batch, formats=formats, resume=True), told=told)
    assert (report.status, report.done) == (DONE, FRAMES)
    assert seen(tmp_path / "out") == seen(tmp_path / "undisturbed")
    (note,) = (event.line for event in told if isinstance(event, Note))
    assert note == f"going on after {FRAMES - count} frame{'s' * (FRAMES - count != 1)} of an earlier run"
    hidden = sorted(path.name for path in (tmp_path / "out").rglob("*") if STATE in path.parts)
    assert hidden == sorted({*hidden} - {"unfinished.sqlite"})


@pytest.mark.long
def test_regions_of_a_run_that_goes_on_are_those_of_an_undisturbed_one(source: Path, tmp_path: Path) -> None:
    def made(out: str, **more: Any) -> VideoJob:
        return job(source, tmp_path / out, regions=True, formats=("coco", "png"), **more)

    report, _ = run(made("undisturbed"))
    assert report.found.regions >= 2
    for at in (9, 4):
        killed(made("out", resume=True), at)
    run(made("out", resume=True))
    assert seen(tmp_path / "out") == seen(tmp_path / "undisturbed")


def test_a_run_that_was_interrupted_goes_on(source: Path, tmp_path: Path) -> None:
    class Interrupting(StubSam):
        def embed(self, images_bgr: Any) -> Any:
            if self.embedded >= 9:
                raise KeyboardInterrupt
            return super().embed(images_bgr)

    run(job(source, tmp_path / "undisturbed"))
    (tmp_path / "out").mkdir()
    segmenter = Segmenter(MovingDetector(), Interrupting(), regions=False)
    report = run_video(job(source, tmp_path / "out"), segmenter)
    assert report.status == PARTLY_DONE
    assert 0 < report.done < FRAMES
    done = report.done
    report, count = run(job(source, tmp_path / "out", resume=True))
    assert (report.status, count) == (DONE, FRAMES - done)
    made = seen(tmp_path / "out")
    assert {name: made[name] for name in made if "interrupted" not in name} == seen(tmp_path / "undisturbed")


def test_a_run_that_is_done_asks_the_models_nothing(source: Path, tmp_path: Path) -> None:
    run(job(source, tmp_path / "out"))
    before = seen(tmp_path / "out")
    report, count = run(job(source, tmp_path / "out", resume=True))
    assert (report.status, report.done, count) == (DONE, FRAMES, 0)
    assert seen(tmp_path / "out") == before


def test_a_run_that_goes_on_with_other_looks_draws_all_anew_without_models(
    source: Path, tmp_path: Path
) -> None:
    run(job(source, tmp_path / "out", draw=DrawConfig(opacity=0.9)))
    wanted = seen(tmp_path / "out")["v.mp4"]
    run(job(source, tmp_path / "out"))
    assert seen(tmp_path / "out")["v.mp4"] != wanted
    told: list[Event] = []
    made = job(source, tmp_path / "out", resume=True, draw=DrawConfig(opacity=0.9))
    assert run(made, told=told)[1] == 0
    assert seen(tmp_path / "out")["v.mp4"] == wanted
    assert [event.line for event in told if isinstance(event, Note)] == [
        f"going on after {FRAMES} frames of an earlier run; drawn anew: the earlier run has the usual looks,"
        " this one opacity 0.9"
    ]


def test_without_the_flag_a_run_begins_anew(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    killed(job(source, tmp_path / "out"), 12)
    report, count = run(job(source, tmp_path / "out"))
    assert (report.status, count) == (DONE, FRAMES)


def test_the_store_lies_beside_the_annotations_and_is_finished(source: Path, tmp_path: Path) -> None:
    run(job(source, tmp_path / "out"))
    with Store.open(tmp_path / "out" / "v_annotations" / STATE / STORE) as store:
        assert (len(store), store.is_finished) == (FRAMES, True)
        assert [scene.frame.index for scene in store.scenes()] == list(range(FRAMES))


def test_where_nothing_was_found_nothing_is_left(tmp_path: Path) -> None:
    class Broken(StubDetector):
        def __call__(self, images_bgr: Any) -> list[Detections]:
            raise KeyboardInterrupt

    (tmp_path / "out").mkdir()
    video = make_video(tmp_path, "a.mp4", count=4, size_hw=(60, 80))
    run_video(job(video, tmp_path / "out"), Segmenter(Broken(), StubSam(), regions=False))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"stride": 2}, "has --stride 1, this one 2"),
        ({"end": "9"}, "has no --end, this one 9"),
    ],
)
def test_other_settings_are_named_and_nothing_is_lost(
    source: Path, tmp_path: Path, more: dict[str, Any], words: str
) -> None:
    (tmp_path / "out").mkdir()
    killed(job(source, tmp_path / "out"), FRAMES - 1)  # where stages overlap, many frames are under way
    with pytest.raises(ResultsError, match=words):
        run(job(source, tmp_path / "out", resume=True, **more))
    other = Segmenter(MovingDetector(), StubSam(), detect=DetectionConfig(conf=0.3), regions=False)
    with pytest.raises(ResultsError, match=r"has --conf 0\.1, this one 0\.3"):
        run_video(job(source, tmp_path / "out", resume=True), other)
    (source / "000.png").unlink()
    with pytest.raises(ResultsError, match="over another video"):
        run(job(source, tmp_path / "out", resume=True))
    assert (tmp_path / "out" / "v_annotations" / STATE / "unfinished.sqlite").exists()


@pytest.mark.parametrize("source", ["0", "rtsp://user:secret@camera/1", "http://host/live.ts"])
def test_what_comes_once_cannot_be_gone_on_with(tmp_path: Path, source: str) -> None:
    with pytest.raises(SettingError, match="comes only once: leave out --resume") as told:
        check_resumable(VideoJob(source, tmp_path / "v.mp4", resume=True))
    assert "secret" not in str(told.value)
    check_resumable(VideoJob(source, tmp_path / "v.mp4"))


def picture_job(folder: Path, out: Path, **more: Any) -> PicturePlan:
    return plan_pictures(list_pictures(folder), out, format_names(False), resume=True, regions=False, **more)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    for number in range(5):
        write_picture(tmp_path / "pictures" / f"{number}.png", picture(number))
    return tmp_path / "pictures"


def run_plan(plan: PicturePlan, told: list[Event] | None = None, **settings: Any) -> tuple[Any, int]:
    """The report, and how many pictures the detector saw."""
    detector = StubDetector()
    segmenter = Segmenter(detector, StubSam(), regions=False, **settings)
    report = run_pictures(plan, segmenter, (told if told is not None else []).append)
    return report, len(detector.configs)


def test_pictures_that_are_done_and_unchanged_are_skipped(pictures: Path, tmp_path: Path) -> None:
    whole, _ = run_plan(picture_job(pictures, tmp_path / "undisturbed"))
    out = tmp_path / "out"
    first = list_pictures(pictures)[:3]
    run_plan(plan_pictures(first, out, format_names(False), regions=False))
    report, count = run_plan(picture_job(pictures, out))
    assert (report.status, report.done, count) == (DONE, 5, 2)
    assert report.found == whole.found
    assert seen(out) == seen(tmp_path / "undisturbed")
    report, count = run_plan(picture_job(pictures, out))
    assert (report.status, report.done, count) == (DONE, 5, 0)
    assert seen(out) == seen(tmp_path / "undisturbed")


def test_what_is_not_as_it_was_is_done_again(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_plan(picture_job(pictures, out))
    write_picture(pictures / "1.png", picture(99))
    (out / "our" / "3_our.jpg").unlink()
    assert run_plan(picture_job(pictures, out))[1] == 2
    assert run_plan(picture_job(pictures, out))[1] == 0
    (out / "annotations" / "labelme" / "2.json").unlink()  # the picture beside it is still there
    assert run_plan(picture_job(pictures, out))[1] == 1
    assert (out / "annotations" / "labelme" / "2.json").exists()
    assert run_plan(picture_job(pictures, out))[1] == 0
    other = DetectionConfig(conf=0.4)
    assert run_plan(picture_job(pictures, out), detect=other)[1] == 5
    assert run_plan(picture_job(pictures, out), detect=other)[1] == 0
    looks = DrawConfig(opacity=0.9)
    assert run_plan(picture_job(pictures, out, draw=looks), detect=other)[1] == 5
    assert run_plan(picture_job(pictures, out, draw=looks), detect=other)[1] == 0


def notes(plan: PicturePlan, **settings: Any) -> list[str]:
    told: list[Event] = []
    run_plan(plan, told, **settings)
    return [event.line for event in told if isinstance(event, Note)]


def test_why_pictures_are_done_again_is_said(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    new = pictures / "4.png"
    new.rename(tmp_path / "4.png")
    assert notes(picture_job(pictures, out)) == ["going on after 0 pictures of an earlier run"]
    (tmp_path / "4.png").rename(new)
    write_picture(pictures / "1.png", picture(99))
    for number in (2, 3):
        (out / "our" / f"{number}_our.jpg").unlink()
    assert notes(picture_job(pictures, out)) == [
        "going on after 1 picture of an earlier run; done again: 2 (not all results are there),"
        " 1 (changed since)"
    ]
    assert notes(picture_job(pictures, out), detect=DetectionConfig(conf=0.4)) == [
        "going on after 0 pictures of an earlier run; done again:"
        " 5 (the earlier run has --conf 0.25, this one 0.4)"
    ]
    assert notes(
        picture_job(pictures, out, draw=DrawConfig(legend=True)), detect=DetectionConfig(conf=0.4)
    ) == [
        "going on after 0 pictures of an earlier run; done again:"
        " 5 (the earlier run has the usual looks, this one legend True)"
    ]


def test_the_pace_is_that_of_the_pictures_done_now(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_plan(picture_job(pictures, out))
    for number in (0, 3):
        (out / "our" / f"{number}_our.jpg").unlink()
    told: list[Event] = []
    run_plan(picture_job(pictures, out), told)
    reached = [event for event in told if isinstance(event, Reached)]
    assert {(event.before, event.total) for event in reached} == {(3, 5)}
    assert [event.position for event in reached if event.name and event.position % 1 == 0] == [3, 4]
    assert reached[-1].position == 5


def test_pictures_that_were_moved_are_known_where_they_are_now(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_plan(picture_job(pictures, out))
    before = seen(out)
    pictures.rename(tmp_path / "moved")
    told: list[Event] = []
    assert run_plan(picture_job(tmp_path / "moved", out), told)[1] == 0
    assert not any("no longer at" in event.line for event in told if isinstance(event, Note))
    assert seen(out) == before
    with Store.open(out / STATE / STORE) as store:
        assert [source for source, _ in store.sources()] == [f"../moved/{number}.png" for number in range(5)]


def test_files_changed_by_hand_are_no_problem_where_nothing_new_comes(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_plan(picture_job(pictures, out))
    (out / "annotations" / "labelme" / "2.json").write_text("mine")
    plan = picture_job(pictures, out)
    assert plan.kept_lines == []
    report, count = run_plan(plan)
    assert (report.status, report.done, count) == (DONE, 5, 0)
    write_picture(pictures / "2.png", picture(77))
    report, count = run_plan(picture_job(pictures, out))
    assert (report.status, report.done, count) == (PARTLY_DONE, 5, 1)
    assert (out / "annotations" / "labelme" / "2.json").read_text() == "mine"
