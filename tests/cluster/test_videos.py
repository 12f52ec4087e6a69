"""A folder of videos on several workers: the same files as one makes, whoever dies meanwhile."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from sav.cluster import videos as sharing
from sav.cluster.placing import Share, Workers
from sav.cluster.videos import share_videos
from sav.runs.events import Note, Problem, Reached
from sav.runs.videos.several import plan_videos, run_videos
from sav.segmenter import Segmenter
from tests.media.videos import make_video
from tests.runs.stored_runs import segmenter
from tests.runs.videos.test_several import LIKE, lines
from tests.stubs import StubDetector, StubSam
from tests.torture.kills import difference, staging_left, tree

pytestmark = pytest.mark.long


class Mortal(StubDetector):
    """Dies of the fourth frame that the first such sees."""

    def __init__(self, mark: Path) -> None:
        super().__init__(class_ids=[0, 1])
        self.mark = mark

    def __call__(self, images_bgr):
        if len(self.configs) >= 3 and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(images_bgr)


def mortal(mark: Path) -> Segmenter:
    return Segmenter(Mortal(mark), StubSam(shift_xy=(2, 0)), regions=False)


def test_videos_are_shared_out_and_one_whose_worker_died_is_gone_on_with(cluster, tmp_path, monkeypatch):
    @contextmanager
    def opened(workers):
        yield cluster, Share(2, 1, 0)

    monkeypatch.setattr(sharing, "opened", opened)
    (tmp_path / "in").mkdir()
    for number in range(3):
        make_video(tmp_path / "in", f"{number}.mp4", count=6 + number, size_hw=(60, 80))
    (tmp_path / "in" / "1b.mp4").write_bytes(b"no video")
    one = run_videos(plan_videos(tmp_path / "in", tmp_path / "one", LIKE), segmenter())

    events = []
    jobs = plan_videos(tmp_path / "in", tmp_path / "two", LIKE)
    report = share_videos(jobs, partial(mortal, tmp_path / "mark"), Workers(2), events.append)
    assert (tmp_path / "mark").exists()
    assert str(report).replace("two", "one") == str(one) and report.status == one.status == 1
    assert not difference(tree(tmp_path / "two"), tree(tmp_path / "one"))
    assert not staging_left(tmp_path)
    (problem,) = lines(events, Problem)
    assert "1b.mp4" in problem
    assert any("going on after" in line for line in lines(events, Note))
    assert [event.position for event in events if isinstance(event, Reached)][-1] == 4

    jobs = [replace(job, resume=True) for job in jobs]
    again = share_videos(jobs, partial(mortal, tmp_path / "mark"), Workers(2))
    assert again.taken_over == 3
