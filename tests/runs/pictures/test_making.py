"""Files of pictures that other processes make: the same, in order, and nothing left where one ends."""

import psutil
import pytest

from sav.errors import DONE, PARTLY_DONE
from sav.folder.ledger import STATE
from sav.media.pictures import list_pictures, write_picture
from sav.runs.events import Problem
from sav.runs.pictures import making
from sav.runs.pictures.making import Making
from sav.runs.pictures.plan import plan_pictures
from sav.runs.pictures.run import run_pictures
from sav.segmenter import Segmenter
from tests.stubs import StubDetector, StubSam, picture

FORMATS = ("coco", "labelme", "yolo")
COUNT = 8


@pytest.fixture
def source(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(COUNT):
        write_picture(tmp_path / "in" / f"{number}.png", picture(number))
    (tmp_path / "in" / "3.png").write_bytes(b"no picture")
    return tmp_path / "in"


@pytest.fixture(autouse=True)
def three_processes(monkeypatch):
    monkeypatch.setattr(making, "usable_cores", lambda: 12)
    before = processes()
    yield
    assert processes() <= before


def processes():
    return {child.pid for child in psutil.Process().children(recursive=True)}


def run(source, save_dir, batch, lines=None, **more):
    plan = plan_pictures(list_pictures(source), save_dir, FORMATS, batch=batch, **more)
    told = [] if lines is None else lines

    def on_event(event):
        if isinstance(event, Problem):
            told.append(event.line)

    return run_pictures(plan, Segmenter(StubDetector(), StubSam(), regions=False), on_event)


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and STATE not in path.parts
    }


def test_they_are_what_one_process_makes_byte_for_byte(source, tmp_path, monkeypatch):
    made = []
    for batch in (1, 2, 5):
        lines = []
        report = run(source, tmp_path / "out", batch, lines)
        assert (report.status, report.done, report.found.objects) == (PARTLY_DONE, COUNT - 1, 2 * (COUNT - 1))
        assert ["3.png" in line for line in lines] == [True]
        made.append(files(tmp_path / "out"))
        (tmp_path / "out").rename(tmp_path / f"out {batch}")
    assert made[0] == made[1] == made[2]
    assert len(made[0]) > 3 * COUNT


@pytest.mark.parametrize("at", [0, 2])
def test_a_process_that_ends_ends_the_run_and_resume_does_the_rest(source, tmp_path, monkeypatch, at):
    ready, seen = Making.ready, []

    def killed(self, position, begun):
        seen.append(position)
        if len(seen) == at + 1:
            begun[1]._process.kill()
        return ready(self, position, begun)

    monkeypatch.setattr(Making, "ready", killed)
    lines = []
    report = run(source, tmp_path / "out", 2, lines)
    assert at <= report.done < COUNT - 1
    assert any("run again with --resume" in line for line in [*lines, report.problem])
    assert not [*(tmp_path / "out" / STATE).glob("workers/*")]

    monkeypatch.undo()
    (source / "3.png").unlink()
    again = run(source, tmp_path / "out", 2, resume=True)
    assert (again.status, again.done) == (DONE, COUNT - 1)
    run(source, tmp_path / "undisturbed", 1)
    assert files(tmp_path / "out") == files(tmp_path / "undisturbed")


def test_where_none_can_be_started_files_are_made_here(source, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert run(source, tmp_path / "out", 2).done == COUNT - 1
