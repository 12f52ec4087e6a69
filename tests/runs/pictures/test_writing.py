import errno
from pathlib import Path
from types import SimpleNamespace

import pytest

from sav.errors import PictureError, ResultsError, WriteError
from sav.runs.events import Problem
from sav.runs.pictures import writing
from sav.runs.pictures.writing import PictureWriting
from sav.runs.report import Found

PICTURES = [Path(f"{number}.png") for number in range(7)]


class Results:
    """Takes note of what is put in place together."""

    is_anything_in_place = is_whole = True
    taken_over = 0

    def __init__(self, refused=None):
        self.groups, self.refused = [], refused or {}

    def explained(self, error):
        return error

    def put_all(self, ready):
        self.groups.append([one.position for one in ready])
        if None in self.refused:
            raise self.refused[None]
        return [self.refused.get(one.position, True) for one in ready]

    def finish(self):
        pass


def make(position, outcome):
    return SimpleNamespace(position=position, made=SimpleNamespace(found=Found(objects=outcome)))


def went(outcomes, results, most=3):
    """What a run over some outcomes reports, and what it tells."""
    told = []
    plan = SimpleNamespace(pictures=PICTURES, save_dir=Path("out"))
    writing = PictureWriting(plan, results, make, Found(), told.append, most)
    writing.go_through(outcomes)
    return writing.finish(), [event.line for event in told if isinstance(event, Problem)]


@pytest.fixture
def patient(monkeypatch):
    monkeypatch.setattr(writing, "_LONGEST", 1e9)


def test_pictures_are_put_in_place_together_and_the_last_are_too(patient):
    results = Results()
    report, told = went(((position, 1) for position in range(7)), results)
    assert results.groups == [[0, 1, 2], [3, 4, 5], [6]]
    assert (report.done, report.found.objects, report.problem, told) == (7, 7, "", [])


def test_what_has_waited_long_enough_waits_no_more(monkeypatch):
    monkeypatch.setattr(writing, "_LONGEST", -1.0)
    results = Results()
    went(((position, 1) for position in range(3)), results)
    assert results.groups == [[0], [1], [2]]


def test_what_is_ready_when_ctrl_c_comes_is_put_in_place(patient):
    def interrupted():
        yield from ((position, 1) for position in range(5))
        raise KeyboardInterrupt

    results = Results()
    report, _ = went(interrupted(), results)
    assert results.groups == [[0, 1, 2], [3, 4]]
    complete = "interrupted after 5 of 7 pictures; their results are complete"
    assert report.problem == f"{complete}, and --resume does the rest"


def test_one_that_cannot_be_done_is_told_and_the_others_are_put_in_place(patient):
    results = Results({1: WriteError(Path("out/1.png"), OSError(errno.ENOTDIR, "Not a directory"))})
    outcomes = [(0, 1), (1, 1), (2, PictureError("2.png: broken")), (3, 1)]
    report, told = went(outcomes, results)
    assert (results.groups, report.done) == ([[0, 1, 3]], 2)
    assert told == ["2.png: broken", "cannot write out/1.png: Not a directory"]


@pytest.mark.parametrize("refused", [{1: errno.ENOSPC}, {None: errno.ENOSPC}])
def test_a_full_disk_ends_it_and_says_how_many_are_complete(patient, refused):
    table = {key: WriteError(Path("out/a"), OSError(number, "full")) for key, number in refused.items()}
    report, told = went([(0, 1), (1, 1), (2, 1), (3, 1)], Results(table))
    done = "2 of 7 pictures, whose results are complete" if 1 in refused else "0 of 7 pictures"
    assert report.problem == f"cannot write out/a: full; ended after {done}" and not told


def test_a_ledger_that_is_damaged_meanwhile_ends_it_with_one_line(patient):
    damage = ResultsError("out/ledger is damaged: move it away")
    report, told = went([(position, 1) for position in range(7)], Results({None: damage}))
    assert report.problem == f"{damage}; ended after 0 of 7 pictures" and not told


def test_what_keeps_all_of_a_group_from_its_place_is_told_of_each(patient):
    error = WriteError(Path("out/ledger"), OSError(errno.EBUSY, "wait"))
    report, told = went([(0, 1), (1, 1)], Results({None: error}))
    assert (report.done, told) == (0, ["cannot write out/ledger: wait"] * 2)
