"""Which videos are done in stretches, and that the rest are done all the same."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from sav.cluster import stretches
from sav.cluster.long_video import share_video, why_undivided
from sav.cluster.paces import Paces
from sav.cluster.placing import Share, Workers
from sav.cluster.stretches import StretchCrew
from sav.data.types import Frame
from sav.errors import DONE, ClusterError
from sav.media.pictures import write_picture
from sav.runs.events import Event, Note
from sav.runs.videos.job import VideoJob
from tests.cluster.walking import walking, walking_image


def job(folder: Path, **more) -> VideoJob:
    (folder / "in").mkdir()
    for number in range(5):
        write_picture(folder / "in" / f"{number}.png", walking_image(number))
    return VideoJob(str(folder / "in"), folder / "v.mp4", formats=("mot",), **more)


@pytest.mark.parametrize("tracker", ["sav", "botsort", "bytetrack"])
def test_what_all_trackers_follow_by_default_can_be_shared_out(tmp_path, tracker):
    assert why_undivided(job(tmp_path, tracker=tracker)) == ""


@pytest.mark.parametrize("masks", ["auto", "true"])
def test_what_must_be_looked_at_in_order_is_done_by_one_worker_and_said_so(tmp_path, masks):
    (tmp_path / "own.yaml").write_text(f"tracker_type: sav\nwith_masks: {masks}\n")
    told: list[Event] = []
    made = job(tmp_path, tracker=str(tmp_path / "own.yaml"))
    report = share_video(made, partial(walking, tmp_path), Workers(wanted=2), told.append)
    assert report.status == DONE
    (line,) = [event.line for event in told if isinstance(event, Note)]
    assert line == f"one worker does this video, frame after frame: {why_undivided(made)}"
    assert "with_masks" in line


def test_regions_are_followed_by_one_worker(tmp_path):
    assert "--regions" in why_undivided(job(tmp_path, regions=True))


def test_a_full_store_is_one_line_that_says_what_to_do(monkeypatch):
    ray = pytest.importorskip("ray")

    def full(frames):
        raise ray.exceptions.OutOfDiskError("a long text")

    monkeypatch.setattr(ray, "put", full)
    crew = StretchCrew(None, 1, False, Paces("frame"))
    with pytest.raises(ClusterError, match=r"finds no room: .* fewer --workers"):
        crew.place([Frame(walking_image(number), number) for number in (3, 4)])


@pytest.mark.slow
def test_workers_come_with_the_run_and_are_told_of_at_its_end(cluster, tmp_path, monkeypatch):
    @contextmanager
    def opened(workers):
        yield cluster, Share(2, 1, 0)

    monkeypatch.setattr(stretches, "opened", opened)
    told: list[Event] = []
    report = share_video(job(tmp_path), partial(walking, tmp_path), Workers(wanted=2), told.append)
    assert report.status == DONE and report.done == 5
    lines = [event.line for event in told if isinstance(event, Note)]
    assert sum(int(line.split("): ")[1].split()[0]) for line in lines if "a second" in line) == 5
