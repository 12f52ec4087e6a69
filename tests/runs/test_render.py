"""What is drawn out of a store is what the run itself drew; other settings change what they say, no more."""

import shutil

import numpy as np
import pytest

from sav.drawing import DrawConfig
from sav.errors import DONE, PARTLY_DONE, ResultsError, SettingError
from sav.folder.ledger import STATE
from sav.media.pictures import read_picture
from sav.runs.events import Problem, Reached
from sav.runs.render import RenderJob, run_render
from sav.runs.stored import STORE
from sav.segmenter import Segmenter
from sav.store import Store
from tests.media import videos
from tests.runs.stored_runs import seen, video_run

pytestmark = pytest.mark.usefixtures("no_models")

NOTHING = {"masks": False, "contours": False, "boxes": False, "labels": False, "regions": False}
_SEGMENTER = Segmenter.__init__


def pictures_of(path):
    return [image for _, image in videos.pictures_of(path)]


@pytest.mark.parametrize(
    "more", [{}, {"start": "2"}, {"stride": 2}, {"draw": DrawConfig(labels=False)}, {"end": "0.2s"}]
)
def test_with_the_same_settings_a_video_is_that_of_the_run_byte_for_byte(tmp_path, monkeypatch, more):
    monkeypatch.setattr(Segmenter, "__init__", _SEGMENTER)
    video = video_run(tmp_path, ["mot"], count=9, **more)
    report = run_render(RenderJob(video, draw=more.get("draw", DrawConfig())))
    assert (report.status, report.saved) == (DONE, (video.with_name("v_render.mp4"),))
    assert report.saved[0].read_bytes() == video.read_bytes()
    assert sorted(path.name for path in video.parent.iterdir()) == ["v.mp4", "v_annotations", "v_render.mp4"]


def test_with_the_same_settings_pictures_are_those_of_the_run(pictures):
    report = run_render(RenderJob(pictures))
    assert (report.status, report.done, report.saved) == (DONE, 3, (pictures / "render",))
    drawn = {path.removesuffix("_our.jpg"): content for path, content in seen(pictures / "our").items()}
    assert {
        path.removesuffix(".jpg"): content for path, content in seen(pictures / "render").items()
    } == drawn


def test_only_the_chosen_objects_are_shown(pictures, video):
    hidden = DrawConfig(**NOTHING, hide="black")
    for chosen in ({"classes": ("dog",)}, {"ids": (2,)}, {"classes": (1,), "ids": (1, 2)}):
        run_render(RenderJob(pictures, draw=hidden, **chosen))
        drawn = read_picture(pictures / "render" / "b.jpg")
        assert drawn[16:44, 48:66].max() < 60 < drawn[5:25, 7:27].mean()
    run_render(RenderJob(video, draw=hidden, classes=("dog",)))
    assert len(pictures_of(video.with_name("v_render.mp4"))) == 6


def test_hidden_objects_are_hidden_in_a_video_and_in_pictures(video, pictures):
    draw = DrawConfig(**NOTHING, hide="black", background=(255, 255, 255))
    run_render(RenderJob(video, draw=draw))
    run_render(RenderJob(pictures, draw=draw))
    for image in [*pictures_of(video.with_name("v_render.mp4")), read_picture(pictures / "render" / "b.jpg")]:
        assert image[8:22, 10:24].max() < 40
        assert image[55:].min() > 215


def test_a_class_or_an_object_that_there_is_not_is_told(video):
    with pytest.raises(SettingError, match="dogg"):
        run_render(RenderJob(video, classes=("dogg",)))
    with pytest.raises(SettingError, match="no object of this run has the id 7"):
        run_render(RenderJob(video, ids=(1, 7)))


def test_what_is_counted_is_what_is_drawn(video, pictures, make_scene):
    assert str(run_render(RenderJob(video, classes=("dog",)))).startswith("6 frames, 1 object in")
    report = run_render(RenderJob(pictures, draw=DrawConfig(**NOTHING, background=(255, 255, 255))))
    assert "6 labelled objects in" in str(report)
    one = np.ones((1, 60, 80), np.bool_)
    with Store.open(pictures / STATE / STORE) as store:
        for is_drawn in (True, False):
            choose = RenderJob(pictures, draw=DrawConfig(regions=is_drawn)).chooser(store)
            assert len(choose(make_scene(one[:0], one)).regions) == is_drawn


def render(job):
    """The report, and the lines about what went wrong."""
    lines = []
    report = run_render(job, lambda event: lines.append(event.line) if isinstance(event, Problem) else None)
    return report, lines


def test_a_second_drawing_replaces_the_first_and_not_a_video_of_the_users(video):
    path = video.with_name("v_render.mp4")
    for _ in range(2):
        assert run_render(RenderJob(video)).status == DONE
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="--overwrite"):
        run_render(RenderJob(video))
    assert path.read_text() == "mine"
    assert run_render(RenderJob(video, overwrite=True)).status == DONE
    assert path.read_bytes() != b"mine"


def test_pictures_of_the_users_are_kept_and_the_others_are_drawn(pictures):
    run_render(RenderJob(pictures))
    drawn = seen(pictures / "render")
    for path in (pictures / "render").iterdir():
        path.unlink() if path.name == "a_jpg.jpg" else path.write_text("mine")
    report, (line,) = render(RenderJob(pictures))
    assert (report.status, report.done) == (PARTLY_DONE, 1)
    assert "2 files are not as this program wrote them" in line and "b.jpg" in line
    mine = dict.fromkeys(drawn, b"mine")
    assert seen(pictures / "render") == {**mine, "a_jpg.jpg": drawn["a_jpg.jpg"]}
    assert run_render(RenderJob(pictures, overwrite=True)).status == DONE
    assert seen(pictures / "render") == drawn


def test_results_go_where_they_are_asked_for(video, pictures, tmp_path):
    report = run_render(RenderJob(video, tmp_path / "other.mov"))
    assert report.saved == (tmp_path / "other.mov",)
    report = run_render(RenderJob(pictures, tmp_path / "other" / "folder"))
    assert sorted(seen(tmp_path / "other" / "folder")) == ["a_jpg.jpg", "a_png.jpg", "b.jpg"]


def test_the_source_is_never_replaced(video, pictures):
    source = video.parent.parent / "in" / "a.mp4"
    with pytest.raises(ValueError, match="is the video that is read"):
        run_render(RenderJob(video, source, overwrite=True))
    before = seen(pictures.parent / "in")
    report, (line,) = render(RenderJob(pictures, pictures.parent / "in", overwrite=True))
    assert report.status == PARTLY_DONE
    assert line.startswith(f"{pictures.parent / 'in' / 'b.jpg'} is read by this run: it is kept")
    assert "--overwrite" not in line
    assert before.items() <= seen(pictures.parent / "in").items()


@pytest.mark.parametrize("change", ["gone", "changed"])
def test_without_its_source_no_video_is_drawn(video, change):
    source = video.parent.parent / "in" / "a.mp4"
    source.unlink() if change == "gone" else source.write_bytes(source.read_bytes()[:-1])
    before = seen(video.parent)
    with pytest.raises(ResultsError, match=f"a.mp4 {'is gone' if change == 'gone' else 'has changed'}"):
        run_render(RenderJob(video))
    assert seen(video.parent) == before


def test_pictures_that_are_gone_or_changed_are_named_and_the_others_drawn(pictures):
    (pictures.parent / "in" / "a.jpg").unlink()
    (pictures.parent / "in" / "a.png").write_bytes(b"another")
    report, (line,) = render(RenderJob(pictures))
    assert (report.status, report.done) == (PARTLY_DONE, 1)
    assert "2 pictures are gone or have changed since" in line and "a.jpg" in line and "a.png" in line
    assert list(seen(pictures / "render")) == ["b.jpg"]
    before = seen(pictures)
    shutil.rmtree(pictures.parent / "in")
    with pytest.raises(ResultsError, match="3 pictures are gone"):
        run_render(RenderJob(pictures))
    assert seen(pictures) == before


def test_ctrl_c_leaves_what_is_done_under_a_name_that_says_so(video, pictures):
    def interrupt(event):
        if isinstance(event, Reached) and event.position == 2:
            raise KeyboardInterrupt

    report = run_render(RenderJob(video), interrupt)
    assert (report.status, report.problem) == (PARTLY_DONE, "interrupted")
    assert report.saved == (video.with_name("v_render.interrupted.mp4"),)
    assert len(pictures_of(report.saved[0])) == 2
    report = run_render(RenderJob(pictures), interrupt)
    assert (report.status, report.done) == (PARTLY_DONE, 2)
    assert len(seen(pictures / "render")) == 2


def test_what_ctrl_c_leaves_takes_the_place_of_nothing_of_the_users(video):
    def interrupt(event):
        if isinstance(event, Reached) and event.position == 2:
            raise KeyboardInterrupt

    users = video.with_name("v_render.interrupted.mp4")
    users.write_text("mine")
    assert run_render(RenderJob(video), interrupt).saved == (video.with_name("v_render.interrupted-2.mp4"),)
    assert users.read_text() == "mine"


def test_a_drawing_does_not_pass_for_the_video_of_the_run(video):
    with pytest.raises(SettingError, match="in its suffix alone"):
        run_render(RenderJob(video, save_path=video.with_suffix(".mov")))
    assert run_render(RenderJob(video)).status == DONE


def test_a_run_that_was_ended_is_drawn_as_far_as_it_came(video):
    path = video.parent / "v_annotations" / ".sav" / "run.sqlite"
    with Store.open(path) as store:
        about, entries = store.about, list(store.entries())
    with Store.create(path, about) as store:
        for entry in entries[:3]:
            store.add(entry.scene)
    assert run_render(RenderJob(video)).done == 3
    shown, whole = pictures_of(video.with_name("v_render.mp4")), pictures_of(video)
    assert len(shown) == 3
    assert np.abs(shown[0].astype(int) - whole[0]).mean() < 10
