"""A video that is done: its tracks, the frame at which it is paused, and what is selected there."""

import csv
import io
import zipfile

import numpy as np
import pytest

from sav.data.types import UNLABELLED
from sav.errors import SettingError
from sav.runs.videos.job import VideoJob
from sav.runs.videos.run import run_video
from sav.segmenter import Segmenter
from sav.web.film import Film
from tests.media.videos import make_video
from tests.stubs import StubDetector, StubSam
from tests.web.test_desk import WISH, drop_video, opened, told


class Passing(StubDetector):
    """Of its two objects the second is seen in frames 2 to 5 alone, and followed from 3 on."""

    frame = -1

    def __call__(self, images_bgr):
        found = []
        for _ in images_bgr:
            self.frame += 1
            found.append(self.found if 2 <= self.frame <= 5 else self.found[np.array([0])])
        return found


@pytest.fixture
def film(tmp_path):
    source = make_video(tmp_path, "v.mp4", count=8, size_hw=(60, 80))
    job = VideoJob(str(source), tmp_path / "made.mp4", formats=(), tracker="bytetrack")
    run_video(job, Segmenter(Passing(), StubSam()))
    return Film.of(tmp_path / "made.mp4", source)


def test_its_table_has_a_row_for_each_track(film):
    assert film.size_hw == (60, 80) and len(film.times) == 8
    one, other = film.table()
    assert (one["number"], one["name"], one["frames"], one["first"]) == ("1", "person", 8, film.times[0])
    assert (other["frames"], other["first"], other["last"]) == (3, film.times[3], film.times[5])
    assert other["score"] == pytest.approx(0.6)


def test_a_click_finds_the_track_in_the_frame_at_that_time(film):
    before, during = film.position_at(film.times[1] + 0.01), film.position_at(film.times[3])
    assert (before, during) == (1, 3)
    assert film.track_at(during, 50, 20) == 1 and film.track_at(before, 50, 20) is None
    assert film.track_at(during, 1, 1) is None
    assert (film.position_at(-5), film.position_at(1e6)) == (0, 7)


def test_a_frame_shows_what_is_selected_or_else_all(film):
    assert film.still(3).scene.track_ids.tolist() == [1, 2]
    chosen = film.toggled(1)
    still = chosen.still(3)
    assert chosen.chosen_ids == (2,) and still.scene.track_ids.tolist() == [2]
    assert still.scene.frame.image.shape == (60, 80, 3)
    assert chosen.still(0).scene.track_ids.tolist() == []
    assert chosen.still(3, still.scene.frame).scene.frame is still.scene.frame
    assert chosen.toggled(1).chosen_ids == chosen.none_chosen().chosen_ids == ()
    with pytest.raises(SettingError, match="no such object"):
        film.toggled(2)


def test_a_frame_has_the_pixels_of_the_source(film):
    first, later = (film.still(position).scene.frame.image.astype(int) for position in (0, 5))
    assert np.abs(first - later).mean() > 1
    assert film.still(5).scene.frame.name == "v_000005.jpg"


def test_a_video_in_which_nothing_is_seen_has_no_rows(tmp_path):
    source = make_video(tmp_path, "v.mp4", count=3, size_hw=(60, 80))
    nothing = StubDetector(boxes_xyxy=())
    run_video(VideoJob(str(source), tmp_path / "made.mp4", formats=()), Segmenter(nothing, StubSam()))
    film = Film.of(tmp_path / "made.mp4", source)
    assert film.table() == [] and film.track_at(0, 5, 5) is None
    assert UNLABELLED not in film.names


def test_clicks_on_a_paused_video_select_tracks_and_downloads_have_them_alone(make_desk):
    desk = make_desk()
    result = opened(desk, drop_video(desk))

    def act(**said):
        return told(desk.act("a", result.token, WISH, said))[-1]

    assert act(do="choose", x=15, y=15, time=0.1).line == "press Segment first"
    told(desk.find("a", result.token, WISH))
    made = result.made
    assert act(do="choose", x=15, y=15, time=0.1).line.startswith("1 selected")
    assert result.film.chosen_ids == (1,) and result.picture.scene.track_ids.tolist() == [1]
    titles = {title: name for name, title in result.files.items()}
    with zipfile.ZipFile(desk.results.file(result, titles["Cut-outs of this frame"])) as archive:
        assert len(archive.namelist()) == 1
    assert desk.results.file(result, titles["Overlay of this frame"]).stat().st_size > 0
    with zipfile.ZipFile(desk.results.file(result, "v_csv.zip")) as archive:
        rows = [*csv.DictReader(io.StringIO(archive.read("csv/tracks.csv").decode()))]
    assert [row["track_id"] for row in rows] == ["1"]

    act(do="toggle", row=1, time=0.2)
    assert result.film.chosen_ids == (1, 2) and result.paused == result.film.position_at(0.2)
    act(do="look", time=0)
    assert result.paused == 0 and result.film.chosen_ids == (1, 2)
    assert act(do="none").line == "nothing is selected"
    assert result.film.chosen_ids == () and result.made == made
    for wrong in ({"do": "choose", "x": 1, "y": 1, "time": "now"}, {"do": "toggle", "row": 9}):
        assert act(**wrong).is_error


def test_a_video_at_work_shows_the_frame_that_it_is_at_and_nothing_of_it_afterwards(make_desk):
    desk = make_desk()
    result = opened(desk, drop_video(desk))
    said = told(desk.find("a", result.token, WISH))
    assert result.glimpses >= 1 and result.glimpse.startswith(b"\xff\xd8") and not result.is_at_work
    assert said[-1].result is result
