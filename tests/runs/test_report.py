"""What a run says at its end of what it found."""

from __future__ import annotations

from pathlib import Path

import pytest

from sav.errors import DONE, FAILED, PARTLY_DONE
from sav.media.pictures import list_pictures, write_picture
from sav.runs.pictures.plan import plan_pictures
from sav.runs.pictures.run import run_pictures
from sav.runs.report import Found, Report
from sav.runs.videos.job import VideoJob
from sav.runs.videos.run import run_video
from sav.segmenter import Segmenter
from tests.media.videos import make_video
from tests.stubs import StubDetector, StubSam, picture

# The second box is the first one again; the third object has no pixel.
SEGMENTER = Segmenter(
    StubDetector(boxes_xyxy=[(5, 5, 25, 25), (5, 5, 25, 25), (40, 10, 70, 50)]),
    StubSam(empty=[2]),
    regions=False,
)


def test_masks_in_doubt_and_doubles_of_pictures_are_counted(tmp_path: Path) -> None:
    for number in range(2):
        write_picture(tmp_path / f"{number}.png", picture(number))
    plan = plan_pictures(list_pictures(tmp_path), tmp_path / "out", [])
    report = run_pictures(plan, SEGMENTER)
    assert report.found == Found(objects=4, regions=0, doubtful=2, duplicates=2)
    assert str(report) == (
        f"2 of 2 pictures: 4 labelled objects (2 masks doubtful, 2 doubles left out) in {tmp_path / 'out'}"
    )


def test_masks_in_doubt_and_doubles_of_a_video_are_counted_in_each_frame(tmp_path: Path) -> None:
    source = make_video(tmp_path, "a.mp4", count=6, size_hw=(60, 80))
    job = VideoJob(str(source), tmp_path / "out.mp4", tracker="bytetrack", formats=())
    report = run_video(job, SEGMENTER)
    assert (report.done, report.found.objects) == (6, 2)  # under the ids 1 and 3
    assert (report.found.doubtful, report.found.duplicates) == (6, 6)
    assert str(report).startswith("6 frames, 2 objects (6 masks doubtful, 6 doubles left out) in ")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Found(objects=1), "1 object in a.mp4"),
        (Found(objects=3, doubtful=1), "3 objects (1 mask doubtful) in a.mp4"),
        (Found(objects=3, duplicates=1), "3 objects (1 double left out) in a.mp4"),
        (Found(objects=3, regions=2), "3 objects and 2 unlabelled regions in a.mp4"),
    ],
)
def test_only_what_is_there_is_told(found: Found, words: str) -> None:
    assert str(Report(6, None, found, (Path("a.mp4"),))) == f"6 frames, {words}"


@pytest.mark.parametrize(
    ("report", "words", "status"),
    [
        (
            Report(2, 2, Found(3, regions=1), (Path("out"),)),
            "3 labelled objects and 1 unlabelled region",
            DONE,
        ),
        (Report(2, 2, Found(3), (Path("out"),)), "3 labelled objects and 0 unlabelled regions in out", DONE),
        (Report(2, 2, Found(3), (Path("out"),), with_regions=False), "3 labelled objects in out", DONE),
        (Report(0, 2, Found(), ()), "nothing is saved", FAILED),
        (Report(0, 2, Found(), (Path("out"),), is_begun=True), "some files are in out", PARTLY_DONE),
    ],
)
def test_what_was_not_looked_for_or_not_saved_is_not_told_of(report: Report, words: str, status: int) -> None:
    assert f"{report.done} of 2 pictures: {words}" in str(report)
    assert report.status == status
