"""Files of pictures that other processes make: the same, in order, and nothing left where one ends."""

import pickle
from types import SimpleNamespace

import psutil
import pytest

from sav.errors import DONE, PARTLY_DONE
from sav.folder.ledger import STATE
from sav.media.pictures import list_pictures, write_picture
from sav.runs.events import Problem
from sav.runs.pictures import making
from sav.runs.pictures.making import Making, PictureMaking
from sav.runs.pictures.plan import plan_pictures
from sav.runs.pictures.run import run_pictures
from sav.runs.pictures.writing import PictureWriting
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


@pytest.mark.long
@pytest.mark.parametrize("at", [0, 2])
def test_a_process_that_ends_ends_the_run_and_resume_does_the_rest(source, tmp_path, monkeypatch, at):
    ready, seen = PictureMaking.ready, []

    def killed(self, position, picture):
        seen.append(position)
        if len(seen) == at + 1:
            self._makers[(len(seen) - 1) % 3]._process.kill()
        return ready(self, position, picture)

    monkeypatch.setattr(PictureMaking, "ready", killed)
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


@pytest.mark.parametrize("python", ["/nowhere/python", "/bin/false"])
def test_where_none_can_work_files_are_made_here(source, tmp_path, monkeypatch, python):
    monkeypatch.setattr("sys.executable", python)
    assert run(source, tmp_path / "out", 2).done == COUNT - 1


@pytest.mark.long
@pytest.mark.parametrize("what", [KeyboardInterrupt, SystemExit])
def test_what_is_being_made_when_a_run_ends_is_kept(source, tmp_path, what):
    class Ending(StubSam):
        def embed(self, images_bgr):
            if self.embedded >= 4:
                raise what
            return super().embed(images_bgr)

    plan = plan_pictures(list_pictures(source), tmp_path / "out", FORMATS, batch=2)
    segmenter = Segmenter(StubDetector(), Ending(), regions=False)
    if what is KeyboardInterrupt:
        assert run_pictures(plan, segmenter).done == 5
    else:
        with pytest.raises(what):
            run_pictures(plan, segmenter)
    assert len([*(tmp_path / "out" / "our").iterdir()]) >= 4
    assert not [*(tmp_path / "out" / STATE).glob("workers/*")]


@pytest.mark.long
@pytest.mark.parametrize("batch", [1, 2])
def test_a_name_is_free_again_where_ctrl_c_comes_before_a_picture_is_taken(
    source, tmp_path, monkeypatch, batch
):
    one = PictureWriting._one

    def stopped(self, position, outcome):
        if position == 2:
            raise KeyboardInterrupt
        return one(self, position, outcome)

    with monkeypatch.context() as patch:
        patch.setattr(PictureWriting, "_one", stopped)
        assert run(source, tmp_path / "out", batch).done == 2
    (tmp_path / "other").mkdir()
    write_picture(tmp_path / "other" / "2.png", picture(9))
    run(tmp_path / "other", tmp_path / "out", batch)
    assert (tmp_path / "out" / "mask" / "2_mask.png").exists()


@pytest.mark.long
def test_a_helper_that_cannot_be_started_leaves_the_work_to_the_others(source, tmp_path, monkeypatch):
    started = []

    class Scarce(making.Apart):
        def __init__(self, work):
            if len(started) == 1:
                raise OSError("no more processes")
            super().__init__(work)
            started.append(self)

    monkeypatch.setattr(making, "Apart", Scarce)
    assert run(source, tmp_path / "out", 2).done == COUNT - 1
    assert len(started) == 1


@pytest.mark.long
def test_a_picture_that_cannot_be_sent_does_not_stop_the_others(source, tmp_path, monkeypatch):
    sent = []

    def failing(order, protocol):
        sent.append(order)
        if len(sent) == 3:
            raise MemoryError("there is not enough of it")
        return pickle.dumps(order, protocol)

    monkeypatch.setattr(making, "pickle", SimpleNamespace(dumps=failing, HIGHEST_PROTOCOL=5))
    lines = []
    assert run(source, tmp_path / "out", 2, lines).done == COUNT - 2
    assert len(lines) == 2


@pytest.mark.long
def test_large_pictures_are_at_one_process_at_a_time(source, tmp_path, monkeypatch):
    monkeypatch.setattr(making, "_MOST_PIXELS", 100)
    most = []
    is_enough = PictureMaking._is_enough

    def counted(self):
        most.append(sum(isinstance(one, Making) for _, one in self._waiting))
        return is_enough.fget(self)

    monkeypatch.setattr(PictureMaking, "_is_enough", property(counted))
    assert run(source, tmp_path / "out", 4).done == COUNT - 1
    assert max(most) == 1
