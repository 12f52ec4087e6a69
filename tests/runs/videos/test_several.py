"""A folder of videos: each done as it would be alone, whatever becomes of the others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image as Pillow

from sav.config import DetectionConfig, EverythingConfig, MaskConfig, SaveOptions
from sav.errors import SettingError, VideoError
from sav.looks import DrawConfig
from sav.media.video_files import has_videos, list_videos
from sav.runs.events import Note, Problem, Reached, Saved
from sav.runs.videos.job import VideoJob
from sav.runs.videos.models import Asked
from sav.runs.videos.run import run_video
from sav.runs.videos.several import done_before, plan_videos, run_videos
from sav.segmenter import Segmenter
from sav.stages.refine import RefineConfig
from tests.conftest import DEMO_YOLO
from tests.media.videos import make_video
from tests.runs.stored_runs import segmenter
from tests.stubs import StubDetector, StubSam
from tests.torture.kills import difference, tree

LIKE = VideoJob("", Path(), tracker="bytetrack", formats=("coco", "mot"))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    for number, name in enumerate(("b.mp4", "a.mov", "a.mp4")):
        make_video(tmp_path / "in", name, count=3 + number, size_hw=(60, 80))
    return tmp_path


def run(folder, **more):
    events = []
    jobs = plan_videos(folder / "in", folder / "out", replace(LIKE, **more))
    return run_videos(jobs, segmenter(), events.append), events


def lines(events, kind):
    return [event.line for event in events if isinstance(event, kind)]


def test_each_video_is_done_as_it_is_alone(folder):
    report, events = run(folder)
    assert str(report) == f"3 of 3 videos: 12 frames, 6 objects in {folder / 'out'}" and report.status == 0
    (folder / "alone").mkdir()
    for name, saved in (("a.mov", "a_mov"), ("a.mp4", "a_mp4"), ("b.mp4", "b")):
        job = replace(LIKE, source=str(folder / "in" / name), save_path=folder / "alone" / f"{saved}.mp4")
        run_video(job, segmenter())
    assert not difference(tree(folder / "out"), tree(folder / "alone"))
    assert [event.position for event in events if isinstance(event, Reached)][-1] == 3
    assert sum(isinstance(event, Saved) for event in events) == 1


def test_a_video_that_cannot_be_read_does_not_stop_the_others(folder):
    (folder / "in" / "aa.mp4").write_bytes(b"no video")
    report, events = run(folder)
    assert (report.done, report.wanted, report.status) == (3, 4, 1)
    assert len(lines(events, Problem)) == 1 and "aa.mp4" in lines(events, Problem)[0]


def test_what_is_done_is_not_done_again(folder):
    run(folder)
    want = tree(folder / "out")
    (folder / "out" / "b.mp4").unlink()
    report, events = run(folder, resume=True)
    assert report.taken_over == 2 and report.done == 3 and report.status == 0
    assert any("b.mp4: going on after 3 frames" in line for line in lines(events, Note))
    assert not difference(tree(folder / "out"), want)
    assert run(folder, resume=True)[0].taken_over == 3


@pytest.mark.long
@pytest.mark.parametrize(
    "more",
    [
        {"formats": ("coco", "mot", "csv")},
        {"refine": RefineConfig()},
        {"draw": DrawConfig(legend=True)},
        {"options": SaveOptions(yolo_track_ids=True)},
    ],
)
def test_what_was_done_in_other_ways_is_done_in_these(folder, more):
    run(folder)
    report, events = run(folder, resume=True, **more)
    assert report.taken_over == 0 and report.status == 0
    assert any("going on after 3 frames" in line for line in lines(events, Note))  # without the models
    assert run(folder, resume=True, **more)[0].taken_over == 3
    if "draw" in more:
        assert run(folder, resume=True)[0].taken_over == 0


def test_what_was_found_with_other_settings_stays_and_is_told_of(folder):
    run(folder)
    before = tree(folder / "out")
    report, events = run(folder, resume=True, tracker="botsort")
    assert report.status == 2 and not difference(tree(folder / "out"), before)
    told = lines(events, Problem)
    assert len(told) == 3
    assert all("the earlier run has" in line and "leave out --resume" in line for line in told)


def test_a_folder_of_pictures_is_one_video_and_one_of_both_or_neither_is_refused(folder):
    assert has_videos(folder / "in")
    with pytest.raises(VideoError, match="neither videos nor pictures"):
        has_videos(folder)
    (folder / "1.png").touch()
    assert not has_videos(folder)
    (folder / "in" / ".x.png").touch()
    (folder / "in" / "notes.txt").touch()
    assert has_videos(folder / "in")
    assert [path.name for path in list_videos(folder / "in")] == ["a.mov", "a.mp4", "b.mp4"]
    (folder / "in" / "1.png").touch()
    with pytest.raises(VideoError, match="both videos"):
        has_videos(folder / "in")


def test_a_gif_that_moves_is_a_video_and_one_that_does_not_is_a_picture(tmp_path):
    still, moved = Pillow.new("L", (40, 30)), Pillow.new("L", (40, 30), 200)
    still.save(tmp_path / "a.gif", save_all=True, append_images=[moved])
    make_video(tmp_path, "b.mp4", count=2)
    assert has_videos(tmp_path)
    assert [path.name for path in list_videos(tmp_path)] == ["a.gif", "b.mp4"]
    still.save(tmp_path / "c.gif")
    with pytest.raises(VideoError, match="both videos"):
        has_videos(tmp_path)
    (tmp_path / "c.gif").write_bytes(b"no gif")
    with pytest.raises(VideoError, match="both videos"):
        has_videos(tmp_path)


@pytest.mark.parametrize(("place", "says"), [("out.mp4", "give --save_path a folder"), ("in", "another")])
def test_results_go_into_a_folder_of_their_own(folder, place, says):
    with pytest.raises(SettingError, match=says):
        plan_videos(folder / "in", folder / place, LIKE)


def test_a_video_of_the_users_own_is_kept_and_the_others_are_done(folder):
    (folder / "out").mkdir()
    (folder / "out" / "b.mp4").write_bytes(b"mine")
    report, events = run(folder)
    assert (report.done, report.wanted, report.status) == (2, 3, 1)
    (line,) = lines(events, Problem)
    assert "b.mp4 is in the way" in line
    assert (folder / "out" / "b.mp4").read_bytes() == b"mine"
    for name in ("a_mov.mp4", "a_mp4.mp4"):
        (folder / "out" / name).write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=r"a_mov\.mp4, .*a_mp4\.mp4, .*b\.mp4 are in the way"):
        plan_videos(folder / "in", folder / "out", LIKE)


def test_a_folder_that_nothing_is_saved_in_is_not_left_behind(folder):
    for path in (folder / "in").iterdir():
        path.write_bytes(b"no video")
    report, _ = run(folder)
    assert report.status == 2 and not (folder / "out").exists()


def test_where_all_is_done_no_model_is_loaded_and_no_video_opened(folder, monkeypatch):
    def load():
        raise AssertionError("models are loaded")

    run(folder)
    jobs = plan_videos(folder / "in", folder / "out", replace(LIKE, resume=True))
    monkeypatch.setattr(VideoJob, "open", load)
    report = run_videos(jobs, load, asked=segmenter())
    assert (report.taken_over, report.status) == (3, 0)
    assert str(report) == f"3 of 3 videos: done before, in {folder / 'out'}"


def test_only_what_is_left_is_done_by_models_that_are_loaded_then(folder):
    run(folder)
    (folder / "out" / "a_mp4.mp4").unlink()
    jobs, loaded = plan_videos(folder / "in", folder / "out", replace(LIKE, resume=True)), []
    events = []
    report = run_videos(jobs, lambda: loaded.append(segmenter()) or loaded[0], events.append, segmenter())
    assert (len(loaded), report.taken_over, report.done, report.status) == (1, 2, 3, 0)
    reached = [(event.position, event.before) for event in events if isinstance(event, Reached)]
    assert reached[0] == (2, 2) and reached[-1] == (3, 2)


def test_a_video_that_was_done_on_another_device_is_done(folder):
    class Elsewhere(Segmenter):
        def settings(self, for_video):
            return {**super().settings(for_video), "device": "cuda"}

    run(folder)
    jobs = plan_videos(folder / "in", folder / "out", replace(LIKE, resume=True))
    there = Elsewhere(StubDetector(class_ids=[0, 1]), StubSam(shift_xy=(2, 0)), regions=False)
    assert done_before(jobs, there) == {0, 1, 2}
    assert done_before([replace(job, tracker="botsort") for job in jobs], there) == set()


def test_what_is_asked_for_is_what_loaded_models_say_of_themselves(tiny_sam_file):
    files = {"sam": Path(tiny_sam_file), "yolo": DEMO_YOLO}
    detect, masks = DetectionConfig(conf=0.3, classes=("person",), slices="640x640"), MaskConfig(0.5)
    everything = EverythingConfig(points_per_side=16)
    asked = Asked(files, detect, masks, everything, "float32")
    loaded = Segmenter.load(
        DEMO_YOLO,
        tiny_sam_file,
        device="cpu",
        precision="float32",
        detect=detect,
        masks=masks,
        everything=everything,
    )
    assert asked.checkpoint_hashes == loaded.checkpoint_hashes
    assert {**asked.settings(True), "device": "cpu"} == loaded.settings(True)
