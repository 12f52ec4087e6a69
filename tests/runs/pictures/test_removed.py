"""What is hidden in a folder of results is removed by somebody while a run is at work there."""

import json

import pytest

from sav.errors import DONE, PARTLY_DONE
from sav.folder.ledger import STATE
from sav.media.pictures import find_pictures, write_picture
from sav.runs.pictures.plan import plan_pictures
from sav.segmenter import Segmenter
from tests.runs.stored_runs import done, seen
from tests.stubs import StubDetector, StubSam, picture


class RemovingSam(StubSam):
    """Does something before it looks at the fourth picture."""

    def __init__(self, remove):
        super().__init__()
        self.remove = remove

    def embed(self, images_bgr):
        if self.embedded == 3:
            self.remove()
        return super().embed(images_bgr)


def run(folder, remove, **more):
    found = find_pictures([str(folder / "in")])
    plan = plan_pictures(found, folder / "out", ["coco", "yolo"], regions=False, batch=1, **more)
    return done(plan, Segmenter(StubDetector(), RemovingSam(remove), regions=False))


def names(folder):
    coco = json.loads((folder / "out" / "annotations" / "coco.json").read_text())
    return [image["file_name"] for image in coco["images"]]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("sav.runs.pictures.writing._LONGEST", -1.0)  # each picture is put in place at once
    (tmp_path / "in").mkdir()
    for number in range(5):
        write_picture(tmp_path / "in" / f"{number}.png", picture(number))
    return tmp_path


@pytest.mark.parametrize("pattern", ["ledger.*", "run.*", "*.sqlite*"])
def test_files_that_go_are_written_anew_and_all_pictures_are_told_of(folder, pattern, caplog):
    def remove():
        for path in (folder / "out" / STATE).glob(pattern):
            path.unlink()

    assert run(folder, remove).status == DONE
    assert len(caplog.messages) == (pattern != "run.*")
    want = seen(folder / "out")
    assert names(folder) == [f"{number}.png" for number in range(5)]
    report = run(folder, lambda: None, resume=True)
    assert (report.status, report.done, seen(folder / "out")) == (DONE, 5, want)


def test_a_folder_that_goes_ends_the_run_with_one_line_and_resume_goes_on(folder, capsys):
    report = run(folder, lambda: (folder / "out" / STATE).rename(folder / "gone"))
    assert report.status == PARTLY_DONE and 1 <= report.done <= 4
    assert report.problem == (
        f"cannot write {folder / 'out' / STATE}: it was removed while this run was at work (go on with"
        f" --resume); ended after {report.done} of 5 pictures, whose results are complete"
    )
    assert "error" not in capsys.readouterr().err.replace(f"error: {report.problem}", "")
    assert names(folder) == [f"{number}.png" for number in range(report.done)]
    assert run(folder, lambda: None, resume=True).status == DONE
    assert names(folder) == [f"{number}.png" for number in range(5)]
