"""Runs of stub models, their results, and the store of what was found."""

from __future__ import annotations

from pathlib import Path

from sav.commands import cli
from sav.folder.ledger import STATE
from sav.formats.registry import format_names
from sav.media.pictures import find_pictures, write_picture
from sav.runs.pictures.plan import PicturePlan, plan_pictures
from sav.runs.pictures.run import run_pictures
from sav.runs.report import Report
from sav.runs.videos.job import VideoJob
from sav.runs.videos.run import run_video
from sav.segmenter import Segmenter
from tests.media.videos import make_video
from tests.stubs import StubDetector, StubSam, picture


def segmenter() -> Segmenter:
    return Segmenter(StubDetector(class_ids=[0, 1]), StubSam(shift_xy=(2, 0)), regions=False)


def video_run(folder: Path, formats=None, count=6, **more) -> Path:
    """A run over a video with all formats; returns the MP4."""
    (folder / "in").mkdir(parents=True)
    (folder / "out").mkdir()
    source = make_video(folder / "in", "a.mp4", count=count, size_hw=(60, 80))
    save_path = folder / "out" / "v.mp4"
    formats = tuple(format_names(True) if formats is None else formats)
    job = VideoJob(str(source), save_path, tracker="bytetrack", formats=formats, **more)
    assert run_video(job, segmenter()).status == 0
    return save_path


def picture_run(folder: Path, formats=None) -> Path:
    """A run over pictures with all formats; returns the folder of the results."""
    (folder / "in").mkdir(parents=True)
    for number, name in enumerate(("b.jpg", "a.png", "a.jpg")):
        write_picture(folder / "in" / name, picture(number))
    save_dir = folder / "SegOut"
    formats = format_names(False) if formats is None else formats
    plan = plan_pictures(find_pictures([str(folder / "in")]), save_dir, formats, regions=False)
    assert run_pictures(plan, segmenter()).status == 0

    return save_dir


def done(plan: PicturePlan, segmenter: Segmenter) -> Report:
    """A run over pictures that says what it says to users."""
    with cli.told() as on_event:
        return run_pictures(plan, segmenter, on_event)


def seen(folder: Path) -> dict[str, bytes]:
    """What a user sees in a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and STATE not in path.parts
    }
