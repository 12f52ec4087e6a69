"""Runs that are refined while they are at work, or when they are over: the same comes out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from sav.data.types import Detections, Frame
from sav.errors import DONE, PARTLY_DONE, ResultsError, SettingError
from sav.folder.ledger import STATE
from sav.media.writer import VideoWriter
from sav.runs.export import ExportJob, run_export
from sav.runs.refine import RefineJob, run_refine
from sav.runs.stored import REFINED, STORE, find_store, opened
from sav.runs.videos.job import VideoJob
from sav.runs.videos.run import run_video
from sav.segmenter import Segmenter
from sav.stages.refine import RefineConfig
from tests.media.videos import make_video
from tests.runs.stored_runs import picture_run
from tests.stubs import StubDetector, StubSam

FRAMES, MISSING = 40, range(20, 24)
FORMATS = ("mot", "coco")


class BlinkingDetector(StubDetector):
    """Sees a thing walk, and misses it for a while."""

    def in_frames(self, frames: Sequence[Frame]) -> list[Detections]:
        return [self._see(frame.index) for frame in frames]

    def _see(self, number: int) -> Detections:
        if number in MISSING:
            return Detections.empty()
        box = np.array([[number, 10, number + 20, 40]], np.float32)
        return Detections(box, np.array([0.9], np.float32), np.array([number % 3 == 0], np.int64))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("in"), "a.mp4", count=FRAMES, size_hw=(60, 80))


def job(source: Path, folder: Path, **more: object) -> VideoJob:
    folder.mkdir(exist_ok=True)
    return VideoJob(str(source), folder / "v.mp4", tracker="bytetrack", formats=FORMATS, **more)  # type: ignore[arg-type]


def segmenter() -> Segmenter:
    return Segmenter(BlinkingDetector(), StubSam(), regions=False)


def run(made: VideoJob) -> int:
    return run_video(made, segmenter()).status


def written_by(made: VideoJob) -> dict[str, bytes]:
    folder = made.save_path.with_name("v_annotations")
    return {path.name: path.read_bytes() for path in sorted(folder.glob("[!.]*"))}


def frames_of(text: bytes) -> list[int]:
    return [int(line.split(b",")[0]) for line in text.splitlines()]


def test_a_refined_run_shows_what_came_out_and_keeps_what_was_found(source: Path, tmp_path: Path) -> None:
    plain, better = job(source, tmp_path / "plain"), job(source, tmp_path / "better", refine=RefineConfig())
    assert run(plain) == run(better) == DONE
    assert frames_of(written_by(better)["mot.txt"]) == list(range(1, FRAMES + 1))
    assert len(frames_of(written_by(plain)["mot.txt"])) < FRAMES

    with opened(plain.save_path) as before, opened(better.save_path, as_found=True) as found:
        assert list(found.scenes()) == list(before.scenes())
        assert found.about == before.about and found.is_finished
    with opened(better.save_path) as store:
        assert store.path.name == REFINED and store.is_finished
        scenes = list(store.scenes())
    assert {class_id for scene in scenes for class_id in scene.class_ids.tolist()} == {0}
    assert all(scene.masks.areas[0] > 500 for scene in scenes)


def test_a_run_that_is_refined_when_it_is_over_is_as_one_that_was_refined_at_once(
    source: Path, tmp_path: Path
) -> None:
    at_once, later = job(source, tmp_path / "at_once", refine=RefineConfig()), job(source, tmp_path / "later")
    assert run(at_once) == run(later) == DONE
    report = run_refine(RefineJob(later.save_path), StubSam)
    assert report.status == DONE and report.done == FRAMES
    run_export(ExportJob(later.save_path, FORMATS))
    assert written_by(later) == written_by(at_once)
    # Once more, otherwise: what was found is still there to begin with.
    run_refine(RefineJob(later.save_path, RefineConfig(longest_gap=0)), StubSam)
    run_export(ExportJob(later.save_path, FORMATS))
    assert len(frames_of(written_by(later)["mot.txt"])) == FRAMES - len(MISSING)


def test_a_sam_is_only_loaded_where_a_mask_is_missing(source: Path, tmp_path: Path) -> None:
    made = job(source, tmp_path)
    run(made)

    def load() -> StubSam:
        raise AssertionError("nothing is to be filled in")

    config = RefineConfig(longest_gap=0, extend_iou=1)
    assert run_refine(RefineJob(made.save_path, config), load).status == DONE  # type: ignore[arg-type]


def test_a_run_that_is_not_refined_leaves_nothing_refined_of_another(source: Path, tmp_path: Path) -> None:
    run(job(source, tmp_path, refine=RefineConfig()))
    plain = job(source, tmp_path)
    run(plain)
    assert find_store(plain.save_path).name == STORE


def test_an_interrupted_run_that_goes_on_gives_what_an_undisturbed_one_gives(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = job(source, tmp_path / "undisturbed", refine=RefineConfig())
    run(undisturbed)
    write, written = VideoWriter.write, []

    def interrupted(self: VideoWriter, frame: Frame) -> None:
        if len(written) == 12:
            raise KeyboardInterrupt
        written.append(frame.index)
        write(self, frame)

    with monkeypatch.context() as patched:
        patched.setattr(VideoWriter, "write", interrupted)
        assert run(job(source, tmp_path / "out", refine=RefineConfig())) == PARTLY_DONE
    with opened(tmp_path / "out" / "v.interrupted.mp4") as store:
        assert store.path.name == REFINED and len(store) >= 12

    again = job(source, tmp_path / "out", refine=RefineConfig(), resume=True)
    assert run(again) == DONE
    assert written_by(again) == written_by(undisturbed)


def test_what_cannot_be_refined_is_told_and_leaves_nothing(source: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="is of pictures"):
        run_refine(RefineJob(picture_run(tmp_path / "pictures", ["coco"])), StubSam)
    moved = tmp_path / "moved.mp4"
    moved.write_bytes(source.read_bytes())
    made = job(moved, tmp_path / "out")
    run(made)
    moved.unlink()
    with pytest.raises(ResultsError, match="is gone"):
        run_refine(RefineJob(made.save_path), StubSam)
    hidden = (tmp_path / "out" / "v_annotations" / STATE).glob("*.sqlite*")
    assert sorted(path.name for path in hidden) == ["ledger.sqlite", STORE]
