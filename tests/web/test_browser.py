"""The page in a real browser: by mouse, by keyboard alone, on a phone, with several visitors."""

import base64
import json
import os
import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import av
import cv2
import numpy as np
import pytest

from tests.media.videos import make_video

pytestmark = pytest.mark.long
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
# Where pictures of the page go, for people to look at.
SHOTS = os.environ.get("SAV_SHOTS")


class Visitor:
    """One browser window at the page."""

    def __init__(self, browser, address, size=DESK):
        self.context = browser.new_context(
            viewport=size, has_touch=size is PHONE, is_mobile=size is PHONE, accept_downloads=True
        )
        self.context.set_default_timeout(60_000)  # others may be at work on the machine
        self.page = self.context.new_page()
        self.asked, self.wrong = [], []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("response", lambda answer: answer.status >= 400 and self.wrong.append(answer.url))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.goto(address)
        self.page.locator("#sav-canvas .empty").wait_for()

    def drop(self, path):
        self.page.locator("#sav-file input[type=file]").set_input_files(str(path))

    def drop_by_mouse(self, path, where):
        """Let a file fall on a part of the page, as a file manager does."""
        content = base64.b64encode(Path(path).read_bytes()).decode()
        dropped = self.page.evaluate_handle(
            """([content, name]) => {
                const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
                const dropped = new DataTransfer();
                dropped.items.add(new File([bytes], name));
                return dropped;
            }""",
            [content, Path(path).name],
        )
        self.page.dispatch_event(where, "drop", {"dataTransfer": dropped})

    def wait_until_told(self, words):
        self.page.locator("#sav-status", has_text=words).wait_for()

    def button(self, name):
        return self.page.get_by_role("button", name=name, exact=True)

    def click_at(self, x, y):
        """Click the pixel of a picture of 80 by 60 pixels."""
        box = self.page.locator(".frame").bounding_box()
        self.page.mouse.click(box["x"] + box["width"] * x / 80, box["y"] + box["height"] * y / 60)

    def can_press(self, name):
        return self.button(name).is_enabled()

    def slid_to(self):
        return self.page.locator(".slide input").input_value()

    def rows(self):
        return self.page.locator("#sav-canvas tbody tr").all_inner_texts()

    def shoot(self, name):
        if SHOTS:
            self.page.wait_for_timeout(600)
            self.page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)

    def download(self, title):
        with self.page.expect_download() as waiting:
            self.page.get_by_role("link", name=title, exact=True).click()
        return Path(waiting.value.path()), waiting.value.suggested_filename


@pytest.fixture
def visit(browser, site):
    visitors = []

    def visit(size=DESK):
        visitors.append(Visitor(browser, site.address, size))
        return visitors[-1]

    yield visit
    for visitor in visitors:
        hosts = {urlsplit(url).hostname for url in visitor.asked if not url.startswith(("data:", "blob:"))}
        visitor.context.close()
        assert hosts == {urlsplit(site.address).hostname}
        assert visitor.wrong == []


@pytest.fixture
def picture_file(tmp_path):
    rows, columns = np.mgrid[:600, :800]
    image = np.stack([rows // 3, columns // 4, ((rows // 75 + columns // 100) % 2) * 200], -1).astype(
        np.uint8
    )
    path = tmp_path / "Straße <b>1.png"
    cv2.imwrite(str(path), cv2.resize(image, (80, 60)))
    return path


@pytest.fixture
def slow(models):
    models.sam.seconds = 0.1
    yield
    models.sam.seconds = 0.0


def wait_for(question, seconds=120):
    end = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_picture_is_dropped_found_in_clicked_and_taken_home(visit, picture_file):
    visitor = visit()
    visitor.drop(picture_file)
    visitor.wait_until_told("80x60 pixels")
    visitor.button("Segment").click()
    visitor.wait_until_told("2 objects")
    assert [row.split("\t")[1:4] for row in visitor.rows()] == [
        ["1", "person", "0.90"],
        ["2", "person", "0.60"],
    ]

    visitor.click_at(15, 15)
    visitor.wait_until_told("1 selected")
    assert visitor.page.locator("#sav-canvas tbody input").first.is_checked()
    assert visitor.slid_to() == "0"  # or the source would cover it
    visitor.page.get_by_role("cell", name="0.60").click()
    visitor.wait_until_told("2 selected")
    visitor.page.get_by_role("cell", name="0.60").click()
    visitor.wait_until_told("1 selected")
    visitor.shoot("desk_selected")
    path, name = visitor.download("COCO")
    coco = json.loads(path.read_text(encoding="utf-8"))
    assert [one["area"] for one in coco["annotations"]] == [400] and name.endswith("_coco.json")
    visitor.button("Select none").click()
    wait_for(lambda: not visitor.page.locator("#sav-canvas tbody input").first.is_checked())
    for title in ("Overlay", "Masks", "Cut-outs"):
        path, _ = visitor.download(title)
        assert path.stat().st_size > 100

    visitor.page.get_by_label("Point", exact=True).check()
    visitor.page.get_by_label("Name of what a point or box adds").fill("lamp")
    visitor.click_at(75, 5)
    visitor.wait_until_told("lamp: 81 pixels")
    visitor.page.get_by_label("Box", exact=True).check()
    box = visitor.page.locator(".frame").bounding_box()
    visitor.page.mouse.move(box["x"] + box["width"] / 8, box["y"] + box["height"] / 2)
    visitor.page.mouse.down()
    visitor.page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] * 3 / 4, steps=4)
    visitor.shoot("desk_box")
    visitor.page.mouse.up()
    visitor.wait_until_told("lamp: 150 pixels")
    assert len(visitor.rows()) == 4
    visitor.button("Remove selected").click()
    wait_for(lambda: len(visitor.rows()) == 3)

    visitor.button("Segment").click()
    visitor.wait_until_told("2 objects; 1 that you pointed at stays")
    assert [row.split("\t")[2] for row in visitor.rows()] == ["person", "person", "lamp"]


def test_what_can_be_pressed_is_what_makes_sense_now(visit, tmp_path, picture_file, slow):
    visitor = visit()
    assert not visitor.can_press("Segment") and not visitor.can_press("Stop")
    visitor.shoot("desk_empty")
    visitor.drop(make_video(tmp_path, "v.mp4", count=60, size_hw=(60, 80)))
    visitor.button("Segment").click()  # waits until it can be pressed
    visitor.wait_until_told("of 60 frames")
    assert not visitor.can_press("Segment")
    visitor.button("Stop").click()
    visitor.wait_until_told("stopped")
    wait_for(lambda: visitor.can_press("Segment") and not visitor.can_press("Stop"))
    visitor.page.locator("#sav-file").get_by_label("Clear").first.click()
    wait_for(lambda: not visitor.can_press("Segment"))


def test_a_file_that_is_dropped_anywhere_takes_the_place_of_the_one_before(visit, tmp_path, picture_file):
    visitor = visit()
    visitor.drop_by_mouse(picture_file, "#sav-canvas")
    visitor.wait_until_told("80x60 pixels")
    other = tmp_path / "other.png"
    cv2.imwrite(str(other), np.zeros((30, 40, 3), np.uint8))
    visitor.drop_by_mouse(other, "#sav-file")
    visitor.wait_until_told("40x30 pixels")
    assert "other" in visitor.page.locator("#sav-file").inner_text()
    visitor.page.get_by_label("Point", exact=True).check()
    box = visitor.page.locator(".frame").bounding_box()
    visitor.page.mouse.click(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
    visitor.wait_until_told(re.compile(r"object: \d+ pixels"))
    assert visitor.slid_to() == "0"


def test_classes_are_chosen_from_the_detectors_own(visit, picture_file, models):
    visitor = visit()
    visitor.page.get_by_label("Classes").click()
    visitor.page.get_by_role("option", name="dog", exact=True).click()
    visitor.page.keyboard.press("Escape")
    visitor.drop(picture_file)
    visitor.wait_until_told("80x60 pixels")
    visitor.button("Segment").click()
    visitor.wait_until_told("2 objects")
    assert models.detector.configs[-1].classes == ("dog",)


def test_the_slider_shows_more_or_less_of_the_source(visit, picture_file):
    visitor = visit()
    visitor.drop(picture_file)
    visitor.wait_until_told("80x60 pixels")
    visitor.button("Segment").click()
    visitor.wait_until_told("2 objects")
    slider = visitor.page.get_by_label("How much of the source is shown beside the result")
    for share in ("0", "100", "25"):
        slider.fill(share)
        clip = visitor.page.locator("img.result").evaluate("image => image.style.clipPath")
        assert clip.rstrip(")").split()[-1] in (f"{share}%", "0px" if share == "0" else "")


def test_all_can_be_done_by_keyboard_alone(visit, picture_file):
    visitor = visit()
    page = visitor.page

    def tab_to(what):
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(f"document.activeElement?.matches({json.dumps(what)}) ?? false"):
                return
        raise AssertionError(f"no way to {what}")

    with page.expect_file_chooser() as chooser:
        tab_to("#sav-file button")
        page.keyboard.press("Enter")
    chooser.value.set_files(str(picture_file))
    visitor.wait_until_told("80x60 pixels")
    tab_to("button.primary")
    page.keyboard.press("Enter")
    visitor.wait_until_told("2 objects")
    tab_to("input[value=choose]")
    page.keyboard.press("ArrowRight")  # to points
    tab_to(".frame")
    page.keyboard.press("ArrowLeft")
    visitor.shoot("desk_keyboard")
    page.keyboard.press("Enter")
    visitor.wait_until_told("object: 72 pixels")  # a fifth of a pixel left of a pixel's edge
    tab_to("[data-row]")
    page.keyboard.press("Space")
    visitor.wait_until_told("2 selected")
    assert page.evaluate("document.activeElement.dataset.row") == "0"


def test_a_phone_shows_all_of_it_without_sideways_scrolling(visit, picture_file):
    visitor = visit(PHONE)
    visitor.drop(picture_file)
    visitor.wait_until_told("80x60 pixels")
    visitor.button("Segment").tap()
    visitor.wait_until_told("2 objects")
    wide = visitor.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide[0] <= wide[1]
    visitor.page.get_by_label("Point", exact=True).tap()
    box = visitor.page.locator(".frame").bounding_box()
    visitor.page.locator(".frame").tap(position={"x": box["width"] * 15 / 16, "y": box["height"] / 12})
    visitor.wait_until_told(re.compile(r"object: \d+ pixels"))
    visitor.shoot("phone")
    assert box["width"] > 0.8 * PHONE["width"]


def test_a_video_tells_how_far_it_is_and_comes_back_with_sound(visit, tmp_path, slow):
    path = make_video(tmp_path, "v.mp4", count=24, size_hw=(60, 80), audio="aac")
    visitor = visit()
    visitor.drop(path)
    visitor.wait_until_told("a video")
    visitor.button("Segment").click()
    visitor.wait_until_told("of 24 frames")
    assert visitor.page.locator("#sav-status progress").count() == 1
    visitor.shoot("desk_video_at_work")
    visitor.wait_until_told("24 frames, 2 objects")
    assert any("/glimpse?" in url for url in visitor.asked)
    visitor.page.locator("img.glimpse").wait_for(state="hidden")
    visitor.shoot("desk_video")
    assert visitor.page.locator("video.result").evaluate("video => video.error") is None
    made, name = visitor.download("Video (MP4)")
    assert name == "v_sav.mp4"
    with av.open(str(made)) as container:
        assert len(container.streams.audio) == 1 and sum(1 for _ in container.decode(video=0)) == 24


def test_a_click_on_a_video_selects_the_track_in_the_frame_at_which_it_pauses(visit, tmp_path):
    visitor = visit()
    visitor.drop(make_video(tmp_path, "v.mp4", count=24, size_hw=(60, 80)))
    visitor.wait_until_told("a video")
    visitor.button("Segment").click()
    visitor.wait_until_told("24 frames, 2 objects")
    assert [row.split("\t")[1:5] for row in visitor.rows()] == [
        ["1", "person", "0.90", "24"],
        ["2", "person", "0.60", "24"],
    ]

    visitor.button("Play").click()
    visitor.click_at(15, 15)
    visitor.wait_until_told("1 selected")
    assert visitor.page.locator("video.result").evaluate("video => video.paused")
    still = visitor.page.locator("img.still")
    still.wait_for()
    assert visitor.slid_to() == "0"  # or the source would cover it
    shown = still.get_attribute("src")
    visitor.page.locator(".slide input").fill("100")
    visitor.page.get_by_role("cell", name="0.60").click()
    visitor.wait_until_told("2 selected")
    assert visitor.slid_to() == "0"
    visitor.shoot("desk_video_selected")
    _, name = visitor.download("Cut-outs of this frame")
    assert name.endswith("_cutout.zip")

    visitor.page.get_by_label("Time in the video").fill("0.9")
    wait_for(lambda: still.is_visible() and still.get_attribute("src") != shown)
    visitor.button("Select none").click()
    still.wait_for(state="hidden")


def test_a_video_that_is_stopped_is_there_up_to_that_frame(visit, tmp_path, slow):
    path = make_video(tmp_path, "v.mp4", count=60, size_hw=(60, 80))
    visitor = visit()
    visitor.drop(path)
    visitor.wait_until_told("a video")
    visitor.button("Segment").click()
    visitor.wait_until_told("of 60 frames")
    visitor.button("Stop").click()
    visitor.wait_until_told("stopped: the video ends there")
    made, _ = visitor.download("Video (MP4)")
    with av.open(str(made)) as container:
        assert 0 < sum(1 for _ in container.decode(video=0)) < 60


def test_who_closes_the_tab_in_mid_run_frees_the_models_and_the_next_is_served(
    visit, site, tmp_path, picture_file, slow
):
    path = make_video(tmp_path, "v.mp4", count=60, size_hw=(60, 80))
    first, second = visit(), visit()
    first.drop(path)
    first.wait_until_told("a video")
    first.button("Segment").click()
    first.wait_until_told("of 60 frames")
    second.drop(picture_file)
    second.wait_until_told("80x60 pixels")
    second.button("Segment").click()
    second.wait_until_told("waiting: 1 job before yours")
    second.shoot("desk_waiting")
    first.page.close()
    second.wait_until_told("2 objects")
    wait_for(lambda: site.desk.line._current is None)
    held = list(site.desk.results._all.values())[-1]
    assert held.weight > 0
    second.page.close()
    wait_for(lambda: held.is_left)
    assert held.weight == 0


def test_what_is_wrong_with_a_file_is_said_and_the_page_stays_up(visit, tmp_path, picture_file):
    visitor = visit()
    visitor.drop(picture_file)
    visitor.wait_until_told("80x60 pixels")
    visitor.page.locator("#sav-file").get_by_label("Clear").first.click()
    program = tmp_path / "holiday.jpg"
    program.write_bytes(b"\x7fELF" + bytes(300))
    visitor.drop(program)
    visitor.wait_until_told("neither a picture nor a video")
    assert visitor.page.locator(".sav .frame").is_hidden()
    visitor.shoot("desk_wrong")
    visitor.page.locator("#sav-file").get_by_label("Clear").first.click()
    visitor.drop(picture_file)
    visitor.wait_until_told("80x60 pixels")
