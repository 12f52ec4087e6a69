"""Annotation files out of a store are those of the run itself; what cannot be written is one clear line."""

import shutil

import numpy as np
import pytest

from sav.config import SaveOptions
from sav.errors import DONE, PARTLY_DONE, ResultsError, SettingError
from sav.formats.registry import FORMATS, format_names
from sav.media.pictures import write_picture
from sav.runs.events import Problem
from sav.runs.export import ExportJob, run_export
from sav.runs.pictures.plan import plan_pictures
from sav.runs.pictures.run import run_pictures
from sav.runs.videos.job import VideoJob
from sav.runs.videos.run import run_video
from sav.segmenter import Segmenter
from sav.store import About, Store
from tests.runs.stored_runs import seen, segmenter, video_run
from tests.stubs import StubDetector, StubSam, picture

pytestmark = pytest.mark.usefixtures("no_models")

WITHOUT_PIXELS = [name for name in format_names(True) if not FORMATS[name].pixels]


def export(run, formats=("all",), save_dir=None, **more):
    """The report, and the lines about what went wrong."""
    lines = []
    job = ExportJob(run, tuple(formats), save_dir, **more)
    report = run_export(job, lambda event: lines.append(event.line) if isinstance(event, Problem) else None)
    return report, lines


def test_all_formats_of_a_video_have_the_bytes_of_the_run(video, tmp_path):
    report, lines = export(video, save_dir=tmp_path / "new" / "folder")
    assert (report.status, lines) == (DONE, [])
    assert seen(tmp_path / "new" / "folder") == seen(video.parent / "v_annotations")


def test_all_formats_of_pictures_have_the_bytes_of_the_run(pictures, tmp_path):
    report, lines = export(pictures, save_dir=tmp_path / "new" / "folder")
    assert (report.status, report.done, lines) == (DONE, 3, [])
    assert seen(tmp_path / "new" / "folder") == seen(pictures / "annotations")


@pytest.mark.parametrize("more", [{"start": "2"}, {"stride": 2, "end": "0.2s"}])
def test_a_stretch_of_a_video_is_read_again_as_it_was(tmp_path, monkeypatch, more):
    monkeypatch.undo()
    video = video_run(tmp_path, ["labelme", "cvat"], count=9, **more)
    assert export(video, ["labelme", "cvat"], tmp_path / "new")[0].status == DONE
    assert seen(tmp_path / "new") == seen(video.parent / "v_annotations")


def test_objects_are_chosen_by_their_ids(video, tmp_path):
    report, _ = export(video, ["mot"], tmp_path / "one", ids=(2,))
    assert (report.status, report.found.objects) == (DONE, 1)
    rows = (tmp_path / "one" / "mot.txt").read_text().splitlines()
    assert {row.split(",")[1] for row in rows} == {"2"}
    with pytest.raises(SettingError, match="no object of this run has the id 9"):
        export(video, ["mot"], tmp_path / "none", ids=(2, 9))
    assert not (tmp_path / "none").exists()


def test_regions_of_pictures_have_no_ids_to_be_chosen_by(tmp_path, make_scene):
    masks = np.zeros((4, 60, 80), np.bool_)
    for number, mask in enumerate(masks):
        mask[:10, number * 20 : number * 20 + 10] = True
    with Store.create(
        tmp_path / "out" / ".sav" / "run.sqlite", About(categories={0: "person", 1: "dog"})
    ) as store:
        store.add(make_scene(masks[:2], masks[2:]), key="a", source="../a.jpg")
    report, _ = export(tmp_path / "out", ["csv"], tmp_path / "new", ids=(1,))
    assert (report.found.objects, report.found.regions) == (1, 0)
    with pytest.raises(SettingError, match="no object of this run has the id 3"):
        export(tmp_path / "out", ["csv"], tmp_path / "new", ids=(3,))


def test_by_default_files_go_where_the_runs_own_are_and_replace_only_those(video, pictures):
    for run, folder in ((video, video.parent / "v_annotations"), (pictures, pictures / "annotations")):
        before = seen(run if run.is_dir() else run.parent)
        (folder / "coco.json").unlink()
        (folder / "labelme" / "notes.txt").write_text("mine")
        report, lines = export(run, ["coco", "labelme", "cvat"])
        assert (report.status, lines, report.saved) == (DONE, [], (folder,))
        (folder / "labelme" / "notes.txt").unlink()
        assert seen(run if run.is_dir() else run.parent) == before


def test_what_is_not_ours_is_kept_and_the_rest_is_written(pictures, video):
    for run, folder in ((pictures, pictures / "annotations"), (video, video.parent / "v_annotations")):
        whole = seen(folder)
        names = ["coco.json", "yolo/classes.txt", min(name for name in whole if name.startswith("labelme/"))]
        for name in whole:
            (folder / name).write_text("mine") if name in names else (folder / name).unlink()
        report, (line,) = export(run, [name for name in format_names(run is video) if name != "cutout"])
        assert report.status == PARTLY_DONE
        assert line.startswith(
            "3 files are not as this program wrote them: they are kept, and the new results"
        )
        assert all(str(folder / name) in line for name in names) and "(--overwrite replaces them)" in line
        rest = {name: content for name, content in whole.items() if not name.startswith("cutout/")}
        assert seen(folder) == {**rest, **dict.fromkeys(names, b"mine")}
        assert export(run, ["coco", "labelme"], overwrite=True)[0].status == DONE
        assert (folder / "coco.json").read_bytes() == whole["coco.json"]


def test_where_all_that_is_wanted_is_not_ours_nothing_is_begun(pictures, video):
    for run, folder in ((pictures, pictures / "annotations"), (video, video.parent / "v_annotations")):
        for name in ("coco.json", "cvat.xml"):
            (folder / name).write_text("mine")
        before = seen(folder)
        with pytest.raises(FileExistsError, match=r"coco\.json, .*cvat\.xml are in the way.*--overwrite"):
            export(run, ["coco", "cvat"])
        assert seen(folder) == before


def test_many_files_that_are_kept_are_ten_names_and_a_number(video):
    folder = video.parent / "v_annotations"
    for path in (folder / "labelme").iterdir():
        path.write_text("mine")
    _, (line,) = export(video, ["labelme", "coco"])
    assert line.startswith("12 files are not") and line.endswith(" and 2 more")


def test_options_hold_as_in_a_run(video, tmp_path):
    options = SaveOptions(yolo_track_ids=True, cutout_matte="png")
    assert export(video, ["yolo", "cutout"], tmp_path / "new", options=options)[0].status == DONE
    (label, *_) = sorted((tmp_path / "new" / "yolo" / "labels").iterdir())
    assert [line.split()[-1] for line in label.read_text().splitlines()] == ["1", "2"]
    assert len(list((tmp_path / "new" / "cutout" / "matte").iterdir())) == 6


def test_options_of_videos_are_refused_for_pictures(pictures):
    with pytest.raises(SettingError, match="for videos"):
        export(pictures, options=SaveOptions(yolo_track_ids=True))
    with pytest.raises(SettingError, match="for video alone"):
        export(pictures, ["mot"])


@pytest.mark.parametrize("change", ["gone", "changed"])
def test_without_its_source_a_video_gives_what_holds_no_pictures(video, tmp_path, change):
    path = video.parent.parent / "in" / "a.mp4"
    path.unlink() if change == "gone" else path.write_bytes(path.read_bytes()[:-1])
    report, lines = export(video, save_dir=tmp_path / "new")
    assert report.status == PARTLY_DONE
    assert len(lines) == 1
    assert f"a.mp4 {'is gone' if change == 'gone' else 'has changed since'}" in lines[0]
    assert "yolo, labelme, cutout" in lines[0]
    formats = {path.partition("/")[0].partition(".")[0] for path in seen(tmp_path / "new")}
    assert formats == set(format_names(True)) - {"yolo", "labelme", "cutout"}
    with pytest.raises(ResultsError, match=r"a\.mp4"):
        export(video, ["labelme"], tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("change", ["gone", "changed", "a folder"])
def test_a_picture_that_is_gone_or_changed_is_left_out_where_it_would_be_shown(pictures, tmp_path, change):
    path = pictures.parent / "in" / "a.png"
    if change == "changed":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.unlink()
    if change == "a folder":
        path.mkdir()
    report, (line,) = export(pictures, save_dir=tmp_path / "new")
    assert (report.status, report.done) == (PARTLY_DONE, 3)
    assert line.startswith("left out of yolo, labelme, cutout: 1 picture is gone or has changed since")
    assert str(path) in line
    whole = seen(pictures / "annotations")
    shown = {name for name in whole if name.startswith(("yolo/", "labelme/", "cutout/")) and "a_png" in name}
    assert seen(tmp_path / "new") == {name: whole[name] for name in whole.keys() - shown}
    assert len(shown) == 6
    shutil.rmtree(pictures.parent / "in")
    with pytest.raises(ResultsError, match="3 pictures are gone"):
        export(pictures, ["labelme"], tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_without_formats_that_hold_pictures_the_source_is_not_asked(video, tmp_path):
    shutil.rmtree(video.parent.parent / "in")
    report, lines = export(video, WITHOUT_PIXELS, tmp_path / "new")
    assert (report.status, lines) == (DONE, [])


def test_a_folder_of_pictures_is_read_again_as_it_was(tmp_path, monkeypatch):
    monkeypatch.undo()
    (tmp_path / "in").mkdir()
    for name in ("9.png", "10.png", "10.jpg"):
        write_picture(tmp_path / "in" / name, picture(len(name)))
    job = VideoJob(str(tmp_path / "in"), tmp_path / "v.mp4", formats=("labelme", "youtubevis", "png"))
    assert run_video(job, segmenter()).done == 3
    assert export(tmp_path / "v.mp4", job.formats, tmp_path / "new")[0].status == DONE
    assert seen(tmp_path / "new") == seen(tmp_path / "v_annotations")
    (tmp_path / "in" / "11.png").write_bytes(b"another")
    with pytest.raises(ResultsError, match="in has changed since"):
        export(tmp_path / "v.mp4", ["labelme"], tmp_path / "nothing")


def test_a_run_of_other_classes_that_was_refused_changes_no_name(pictures, tmp_path, monkeypatch):
    monkeypatch.undo()
    write_picture(tmp_path / "new.jpg", picture(9))
    plan = plan_pictures([tmp_path / "new.jpg"], pictures, ["coco"], regions=False)
    others = StubDetector(class_ids=[0, 1])
    others.categories = {0: "cat", 1: "mouse"}
    with pytest.raises(ResultsError, match="a detector with other classes"):
        run_pictures(plan, Segmenter(others, StubSam(), regions=False))
    report, lines = export(pictures, save_dir=tmp_path / "again")
    assert (report.status, lines) == (DONE, [])
    assert seen(tmp_path / "again") == seen(pictures / "annotations")


def test_a_run_is_found_by_its_video_its_folder_and_its_store(video, tmp_path):
    folder = video.parent / "v_annotations"
    for number, run in enumerate([video, folder, folder / ".sav" / "run.sqlite"]):
        assert export(run, ["mot"], tmp_path / str(number))[0].status == DONE
    (folder / ".sav" / "run.sqlite").rename(
        folder / ".sav" / "unfinished.sqlite"
    )  # as of a run that was killed
    assert export(video, ["mot"], tmp_path / "killed")[0].status == DONE
    with pytest.raises(FileNotFoundError, match="has no store of a run"):
        export(tmp_path, ["mot"])


def test_of_a_run_that_found_nothing_yet_nothing_is_written(video, tmp_path):
    path = video.parent / "v_annotations" / ".sav" / "run.sqlite"
    with Store.open(path) as store:
        about = store.about
    Store.create(path, about).close()
    with pytest.raises(ResultsError, match="no frame or picture is stored"):
        export(video, ["mot"], tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_damaged_store_changes_nothing(video):
    store = video.parent / "v_annotations" / ".sav" / "run.sqlite"
    content = bytearray(store.read_bytes())
    content[-6000:] = bytes(6000)
    store.write_bytes(content)
    before = seen(video.parent)
    with pytest.raises(ResultsError, match="is damaged"):
        export(video)
    assert seen(video.parent) == before


def test_ctrl_c_during_an_export_of_a_video_leaves_what_there_was(video, monkeypatch):
    before = seen(video.parent)

    def interrupt(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_export(ExportJob(video, ("coco", "mot")), interrupt)
    assert seen(video.parent) == before


def test_ctrl_c_during_an_export_of_pictures_leaves_whole_files(pictures, tmp_path):
    export(pictures, save_dir=tmp_path / "new")
    whole = seen(tmp_path / "new")
    calls = iter([None, KeyboardInterrupt])

    def second(event):
        error = next(calls, None)
        if error:
            raise error

    report = run_export(ExportJob(pictures, ("all",), tmp_path / "part"), second)
    assert report.status == PARTLY_DONE
    assert "interrupted; ended after 2 of 3" in report.problem
    part = seen(tmp_path / "part")
    assert part
    assert part.items() <= whole.items()
