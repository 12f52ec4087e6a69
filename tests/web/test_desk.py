"""What visitors are told and get: dropped files, the line, clicks, stops, and twenty of them at once."""

import asyncio
import gc
import json
import threading
import time
import zipfile
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from sav.web import desk as desk_module
from sav.web.result import GONE
from sav.web.uploads import PICTURE, VIDEO
from sav.web.work import Wish
from tests.media.videos import make_video
from tests.stubs import picture
from tests.web.conftest import StubModels

WISH = Wish("yolo.pt", "sam.pth")


def drop(desk, visitor="a", name="a.png", image=None):
    folder = desk.results.uploads / visitor
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(cv2.imencode(".png", picture() if image is None else image)[1].tobytes())
    return str(path)


def drop_video(desk, visitor="a", name="v.mp4", **settings):
    folder = desk.results.uploads / visitor
    folder.mkdir(exist_ok=True)
    return str(make_video(folder, name, **{"count": 8, "size_hw": (60, 80), **settings}))


async def all_of(said):
    return [one async for one in said]


def told(said):
    return asyncio.run(all_of(said))


def opened(desk, path, visitor="a"):
    return told(desk.open(visitor, path))[-1].result


def test_a_picture_that_is_dropped_is_shown_and_found_in(make_desk):
    desk = make_desk()
    reading, shown = told(desk.open("a", drop(desk)))
    assert reading.clears and shown.line.startswith("80x60 pixels")
    assert shown.result.kind == PICTURE and shown.result.picture.table() == []
    *waiting, done = told(desk.find("a", shown.result.token, WISH))
    assert done.line == "2 objects" and done.result.picture.scene.class_names == ["person", "person"]
    assert {one.line for one in waiting} <= {"loading the models"}


def test_classes_and_everything_are_what_the_models_are_asked_for(make_desk):
    models = StubModels()
    desk = make_desk(models)
    token = opened(desk, drop(desk)).token
    told(desk.find("a", token, Wish("yolo.pt", "sam.pth", classes=("dog",))))
    assert models.detector.configs[-1].classes == ("dog",)
    told(desk.find("a", token, WISH))
    assert models.detector.configs[-1].classes == ()


def test_checkpoints_that_are_not_in_the_lists_are_refused(make_desk):
    desk = make_desk()
    token = opened(desk, drop(desk)).token
    for wish in (Wish("../../etc/passwd", "sam.pth"), Wish("yolo.pt", "/etc/passwd"), Wish(None, [])):
        (*_, last) = told(desk.find("a", token, wish))
        assert last.is_error and "from the lists" in last.line


def test_clicks_select_add_and_remove(make_desk):
    desk = make_desk()
    token = opened(desk, drop(desk)).token
    told(desk.find("a", token, WISH))

    def act(**said):
        return told(desk.act("a", token, WISH, said))[-1]

    assert act(do="choose", x=15, y=15).line.startswith("1 selected")
    assert act(do="toggle", row=1).result.picture.chosen.tolist() == [True, True]
    assert act(do="none").result.picture.chosen.tolist() == [False, False]
    point = act(do="mask", x=75, y=5, name="lamp")
    assert point.line == "lamp: 81 pixels" and point.result.picture.scene.class_names[-1] == "lamp"
    box = act(do="mask", x=50, y=50, x1=20, y1=30, name="box")
    assert box.line == "box: 600 pixels" and box.result.picture.chosen.tolist() == [False] * 3 + [True]
    assert act(do="remove").result.picture.scene.class_names == ["person", "person", "lamp"]
    (*_, again) = told(desk.find("a", token, WISH))
    assert again.line == "2 objects; 1 that you pointed at stays"
    assert again.result.picture.scene.class_names == ["person", "person", "lamp"]


def test_what_is_told_says_whether_models_are_at_work(make_desk):
    desk = make_desk()
    reading, shown = told(desk.open("a", drop(desk)))
    assert reading.clears and shown.at_work is False
    for served in (
        desk.find("a", shown.result.token, WISH),
        desk.find("a", shown.result.token, Wish("none.pt", "sam.pth")),
        desk.act("a", shown.result.token, WISH, {"do": "mask", "x": 9, "y": 9, "name": "a"}),
    ):
        *working, last = told(served)
        assert all(said.at_work for said in working) and last.at_work is False
    assert told(desk.act("a", shown.result.token, WISH, {"do": "none"}))[-1].at_work is None


def test_a_picture_is_embedded_once_for_all_clicks(make_desk):
    models = StubModels()
    desk = make_desk(models)
    token = opened(desk, drop(desk)).token
    for x in (10, 20, 30):
        told(desk.act("a", token, WISH, {"do": "mask", "x": x, "y": 9, "name": "a"}))
    assert models.sam.embedded == 1


@pytest.mark.parametrize(
    "said",
    [
        None,
        {"do": ["choose"]},
        {"do": "choose"},
        {"do": "choose", "x": "much", "y": 1},
        {"do": "choose", "x": float("nan"), "y": 1},
        {"do": "toggle", "row": 10**30},
        {"do": "toggle", "row": None},
        {"do": "mask", "x": 1, "y": 1, "name": ""},
        {"do": "mask", "x": [1], "y": {}, "name": "a"},
        {"do": "mask", "x": 1, "y": 1, "x1": 1, "y1": 1, "name": "a"},
    ],
)
def test_clicks_that_make_no_sense_are_told_in_one_line(said, make_desk, caplog):
    desk = make_desk()
    token = opened(desk, drop(desk)).token
    last = told(desk.act("a", token, WISH, said))[-1]
    assert last.is_error and last.line and last.result is None
    assert not caplog.records


def test_what_is_not_read_is_one_line_without_the_folders_of_this_machine(make_desk):
    desk = make_desk(max_megapixels=0.004)
    bad = desk.results.uploads / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xff" + bytes(100))
    for path in (drop(desk), str(bad), drop_video(desk)):
        last = told(desk.open("a", path))[-1]
        assert last.is_error and str(desk.results.uploads) not in last.line, last
    outside = told(desk.open("a", "/etc/hostname"))[-1]
    assert outside.is_error


def test_a_picture_of_500_megapixels_is_refused_unread(make_desk):
    desk = make_desk()
    path = desk.results.uploads / "huge.png"
    Pillow.new("1", (25_000, 20_000)).save(path, compress_level=1)
    last = told(desk.open("a", str(path)))[-1]
    assert last.is_error and "500" in last.line


def test_a_video_comes_back_with_sound_and_files(make_desk):
    desk = make_desk()
    result = opened(desk, drop_video(desk, audio="aac"))
    assert result.kind == VIDEO
    *_, done = told(desk.find("a", result.token, WISH))
    assert done.line == "8 frames, 2 objects"
    assert [*result.files.values()][:3] == ["Video (MP4)", "COCO", "Cut-outs"]
    with av.open(str(desk.results.file(result, "v_sav.mp4"))) as made:
        assert len(made.streams.audio) == 1 and sum(1 for _ in made.decode(video=0)) == 8
    assert len(json.loads(desk.results.file(result, "v_coco.json").read_text())["images"]) == 8
    for name in result.files:
        assert desk.results.file(result, name).stat().st_size > 0
    with zipfile.ZipFile(desk.results.file(result, "v_cutout.zip")) as archive:
        assert {"cutout/matte.mp4", "cutout/objects.mov"} <= {*archive.namelist()}


def test_a_video_that_is_stopped_is_whole_up_to_there(make_desk):
    models = StubModels()
    models.sam.seconds = 0.05
    desk = make_desk(models)
    result = opened(desk, drop_video(desk, count=60))

    async def stopped():
        lines = []
        async for said in desk.find("a", result.token, WISH):
            lines.append(said)
            if said.line.endswith("of 60 frames") and not said.line.startswith("0"):
                desk.stop("a")
        return lines

    *_, last = asyncio.run(stopped())
    assert "stopped: the video ends there" in last.line
    with av.open(str(desk.results.file(result, result.film.run.name))) as made:
        frames = sum(1 for _ in made.decode(video=0))
    assert 0 < frames < 60
    assert len(json.loads(desk.results.file(result, "v_coco.json").read_text())["images"]) == frames


def test_a_video_that_lies_about_its_length_ends_at_the_limit(make_desk, monkeypatch):
    desk = make_desk(max_seconds=0.2)
    monkeypatch.setattr("sav.web.desk.check_video", lambda path, config: None)
    result = opened(desk, drop_video(desk, count=60))
    *_, done = told(desk.find("a", result.token, WISH))
    assert done.line.startswith("6 frames")


def test_a_broken_video_is_saved_up_to_the_break_and_the_next_is_served(make_desk):
    desk = make_desk()
    path = drop_video(
        desk, count=60, size_hw=(240, 320), options={"g": "5"}, muxer_options={"movflags": "faststart"}
    )
    whole = Path(path).read_bytes()
    Path(path).write_bytes(whole[: len(whole) // 2])
    *_, shown = told(desk.open("a", path))
    if not shown.is_error:
        *_, last = told(desk.find("a", shown.result.token, WISH))
        assert last.line and str(desk.results.uploads) not in last.line
    token = opened(desk, drop(desk, "b"), "b").token
    assert told(desk.find("b", token, WISH))[-1].line == "2 objects"


def test_a_fault_in_the_models_is_noted_and_the_next_is_served(make_desk, caplog):
    models = StubModels()
    desk = make_desk(models)
    token = opened(desk, drop(desk)).token
    good, models.sam.embed = models.sam.embed, lambda images: 1 / 0
    last = told(desk.find("a", token, WISH))[-1]
    assert last.is_error and "nobody foresaw" in last.line and "ZeroDivisionError" in caplog.text
    models.sam.embed = good
    assert told(desk.find("a", token, WISH))[-1].line == "2 objects"


def test_twenty_visitors_at_once_all_get_their_own(make_desk):
    models = StubModels()
    models.sam.seconds = 0.02
    desk = make_desk(models)

    async def visit(number):
        image = np.full((60 + number, 80, 3), number, np.uint8)
        visitor = f"v{number}"
        *_, shown = await all_of(desk.open(visitor, drop(desk, visitor, f"{number}.png", image)))
        said = await all_of(desk.find(visitor, shown.result.token, WISH))
        return said, shown.result

    async def visits():
        return await asyncio.gather(*map(visit, range(20)))

    seen = asyncio.run(visits())
    for number, (said, result) in enumerate(seen):
        assert said[-1].line == "2 objects"
        assert result.picture.scene.size_hw == (60 + number, 80)
        assert (result.picture.scene.frame.image == number).all()
    assert any("before yours" in one.line for said, _ in seen for one in said)
    for number in range(20):
        desk.leave(f"v{number}")
    assert desk.results.held_bytes == 0


@pytest.mark.long
def test_who_goes_away_in_mid_run_stops_it_and_leaves_no_memory(make_desk):
    models = StubModels()
    models.sam.seconds = 0.05
    desk = make_desk(models)
    result = opened(desk, drop_video(desk, count=60))

    async def gone():
        served = desk.find("a", result.token, WISH)
        async for said in served:
            if "of 60 frames" in said.line:
                break
        await served.aclose()

    asyncio.run(gone())
    end = time.monotonic() + 30
    while desk.line._current is not None and time.monotonic() < end:
        time.sleep(0.02)
    assert desk.line._current is None and models.sam.embedded < 60
    gc.collect()
    assert not [thread.name for thread in threading.enumerate() if "overlap" in thread.name]


def test_who_drops_another_file_in_mid_run_sees_no_more_of_the_first(make_desk):
    models = StubModels()
    models.sam.seconds = 0.05
    desk = make_desk(models)
    result = opened(desk, drop_video(desk, count=60))

    async def gone_on():
        shown = []
        async for said in desk.find("a", result.token, WISH):
            if "of 60 frames" in said.line and not shown:
                shown += await all_of(desk.open("a", drop(desk)))
            elif shown:
                shown.append(said)
        return shown

    reading, last = asyncio.run(gone_on())
    assert reading.clears and last.result.kind == PICTURE


def test_a_file_that_is_read_slowly_does_not_take_the_place_of_one_dropped_after_it(make_desk, monkeypatch):
    desk = make_desk()
    read = desk_module.read_picture
    go_on = threading.Event()

    def slowly(path, *more):
        assert path.name != "first.png" or go_on.wait(60)
        return read(path, *more)

    monkeypatch.setattr(desk_module, "read_picture", slowly)

    async def both():
        first = asyncio.create_task(all_of(desk.open("a", drop(desk, name="first.png"))))
        await asyncio.sleep(0.1)
        second = await all_of(desk.open("a", drop(desk, name="second.png")))
        go_on.set()
        return await first, second

    first, second = asyncio.run(both())
    assert [said.line for said in first] == ["reading the file"]
    assert second[-1].result.picture is not None
    desk.leave("a")
    assert desk.results.held_bytes == 0


def test_what_is_gone_is_told(make_desk):
    desk = make_desk()
    assert told(desk.find("a", "", WISH))[-1].line == "drop a picture or a video first"
    assert told(desk.find("a", "no such", WISH))[-1].line == GONE
    assert told(desk.act("a", "no such", WISH, {"do": "none"}))[-1].line == GONE
    token = opened(desk, drop(desk)).token
    desk.leave("a")
    for last in (told(desk.find("a", token, WISH))[-1], told(desk.act("a", token, WISH, {"do": "none"}))[-1]):
        assert last.is_error and last.line == GONE


def test_what_is_drawn_can_be_chosen(make_desk):
    desk = make_desk()
    token = opened(desk, drop(desk)).token
    told(desk.find("a", token, WISH))
    said = asyncio.run(desk.draw(token, ["boxes"]))
    draw = said.result.picture.draw
    assert (draw.masks, draw.contours, draw.boxes, draw.labels, draw.regions) == (
        False,
        False,
        True,
        False,
        False,
    )
