"""A video that several workers have done cannot be told from one that one worker has done."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sav.cluster.placing import Share
from sav.cluster.pool import Pool
from sav.cluster.stretch_work import StretchWork
from sav.cluster.stretches import StretchVideoModels
from sav.errors import DONE, PARTLY_DONE, DeviceMemoryError
from sav.media.pictures import write_picture
from sav.runs.events import Event, OnEvent, Reached, ignore
from sav.runs.videos.job import VideoJob
from sav.runs.videos.run import run_video
from sav.stages.refine import RefineConfig
from tests.cluster.walking import FAIL, KILL, KILL_ONCE, NOTHING, walking, walking_image
from tests.runs import stored_runs

pytestmark = pytest.mark.long

FRAMES = 50
FEW = ("coco", "mot", "yolo")


@pytest.fixture(scope="module")
def marks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("marks")


@pytest.fixture(scope="module")
def pool(cluster: Any, marks: Path) -> Iterator[Pool[Any, Any]]:
    make = partial(StretchWork, partial(walking, marks))
    with Pool(cluster, Share(2, 1, 0), make, concurrency=2) as pool:
        yield pool


@pytest.fixture
def source(tmp_path: Path) -> Callable[..., str]:
    def make(trick: int = NOTHING, at: int = 21, frames: int = FRAMES) -> str:
        (tmp_path / "in").mkdir()
        for number in range(frames):
            image = walking_image(number, trick if number == at else NOTHING)
            write_picture(tmp_path / "in" / f"{number:03}.png", image)
        return str(tmp_path / "in")

    return make


def run(
    models: Any, source: str, out: Path, on_event: OnEvent = ignore, **more: Any
) -> tuple[Any, dict[str, bytes]]:
    """The report of a run, without its place, and its files."""
    out.mkdir(exist_ok=True)
    report = run_video(VideoJob(source, out / "v.mp4", **{"formats": FEW, **more}), models, on_event)
    report = replace(report, saved=tuple(path.relative_to(out) for path in report.saved))
    return report, stored_runs.seen(out)


@pytest.mark.parametrize(
    "more",
    [{}, {"batch": 3, "tracker": "botsort", "stride": 2}, {"refine": RefineConfig(), "start": "5"}],
    ids=["plain", "batches", "refined"],
)
def test_results_are_those_of_one_worker(pool, marks, source, tmp_path, more):
    video = source()
    many = run(StretchVideoModels(pool), video, tmp_path / "many", **more)
    assert many == run(walking(marks), video, tmp_path / "one", **more)
    assert many[0].status == DONE


def test_a_worker_that_dies_has_its_stretch_done_again(pool, marks, source, tmp_path):
    video, deaths = source(KILL_ONCE), pool.deaths
    many = run(StretchVideoModels(pool), video, tmp_path / "many")
    assert pool.deaths > deaths
    assert many == run(walking(marks), video, tmp_path / "one")


@pytest.mark.slow
def test_a_stretch_that_kills_two_workers_ends_the_video_which_can_be_gone_on_with(
    pool, marks, source, tmp_path
):
    report, files = run(StretchVideoModels(pool), source(KILL), tmp_path / "many")
    assert report.status == PARTLY_DONE
    assert report.done == 20
    assert report.problem == (
        "frames 20 to 23 ended two workers that were at them; the frames before that are good"
    )
    assert "v.interrupted_annotations/coco.json" in files


def test_what_the_models_raise_comes_out_as_with_one_worker(pool, source, tmp_path):
    with pytest.raises(DeviceMemoryError, match="too large"):
        run(StretchVideoModels(pool), source(FAIL), tmp_path / "many")
    assert (tmp_path / "many" / "v.interrupted.mp4").exists()


def test_a_run_goes_on_after_the_driver_was_ended(pool, marks, source, tmp_path):
    video = source()

    def end(event: Event) -> None:
        if isinstance(event, Reached) and event.position == 30:
            raise KeyboardInterrupt

    first = run(StretchVideoModels(pool), video, tmp_path / "many", on_event=end)
    assert first[0].status == PARTLY_DONE
    again = run(StretchVideoModels(pool), video, tmp_path / "many", resume=True)
    one = run(walking(marks), video, tmp_path / "one")
    assert one[1].items() <= again[1].items()


@pytest.mark.slow
def test_workers_that_are_killed_at_any_moment_leave_no_trace(pool, marks, source, tmp_path):
    video = source()
    one = run(walking(marks), video, tmp_path / "one")
    models = StretchVideoModels(pool)
    moments = random.Random(0)
    for turn in range(8):
        deaths, last = pool.deaths, moments.randrange(FRAMES)

        def kill(event: Event, last: int = last) -> None:
            if isinstance(event, Reached) and event.position == last:
                pids = [worker.pid for worker in pool.workers]
                os.kill(moments.choice(pids), signal.SIGKILL)

        assert run(models, video, tmp_path / f"many{turn}", on_event=kill) == one
        assert run(models, video, tmp_path / f"after{turn}") == one
        assert pool.deaths == deaths + 1
