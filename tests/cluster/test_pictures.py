"""Pictures on several workers: the same files as one writes, whoever dies meanwhile."""

from __future__ import annotations

import shutil
from functools import partial

import cv2
import pytest

from sav.cluster import pictures as sharing
from sav.cluster.pictures import share_pictures
from sav.cluster.placing import Share, Workers
from sav.config import DetectionConfig
from sav.folder.ledger import Ledger
from sav.runs.events import Note, Problem, Reached
from sav.runs.pictures.plan import plan_pictures
from sav.runs.pictures.run import run_pictures
from sav.segmenter import Segmenter
from tests.cluster.stub_models import Blind, Mortal, picture
from tests.conftest import DEMO_SAM, DEMO_YOLO, ROOT
from tests.torture.kills import difference, staging_left, tree

pytestmark = pytest.mark.long

FORMATS = ["coco", "yolo", "labelme", "csv", "png", "cvat"]


@pytest.fixture(autouse=True)
def two_workers(cluster, monkeypatch):
    """Who asks for workers gets two of the Ray that is there."""
    from contextlib import contextmanager

    @contextmanager
    def opened(workers):
        yield cluster, Share(2, 1, 0)

    monkeypatch.setattr(sharing, "opened", opened)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(6):
        cv2.imwrite(str(tmp_path / "in" / f"{number}.png"), picture(number))
    return tmp_path


def plan(folder, out="out", **settings):
    pictures = sorted((folder / "in").iterdir())
    return plan_pictures(pictures, folder / out, FORMATS, regions=False, **settings)


def share(plan, load=Mortal):
    events = []
    report = share_pictures(plan, load, Workers(2), events.append)
    return report, events


def problems(events):
    return [event.line for event in events if isinstance(event, Problem)]


@pytest.mark.parametrize("batch", [1, 4])
def test_several_workers_write_what_one_writes(folder, batch):
    (folder / "in" / "3b.png").write_bytes(b"no picture")
    alone = []
    one = run_pictures(plan(folder, "one", batch=batch), Mortal(), alone.append)
    report, events = share(plan(folder, "two", batch=batch))
    assert not difference(tree(folder / "two"), tree(folder / "one"))
    have, want = (folder / run / ".sav" / "run.sqlite" for run in ("two", "one"))
    assert have.read_bytes() == want.read_bytes()
    have, want = (Ledger(folder / run) for run in ("two", "one"))
    assert list(have.keys()) == list(want.keys()) and len(list(have.keys())) == 6
    assert all(have.claim(key).files == want.claim(key).files for key in ("", *have.keys()))
    assert str(report).replace("two", "one") == str(one) and report.status == one.status == 1
    assert problems(events) == problems(alone)
    assert not staging_left(folder)
    assert [event.position for event in events if isinstance(event, Reached)][-1] == 7
    assert any("a second" in event.line for event in events if isinstance(event, Note))


def test_a_picture_that_kills_its_worker_once_is_done_and_one_that_always_does_is_named(folder):
    run_pictures(plan(folder, "want"), Mortal())
    want = tree(folder / "want")
    cv2.imwrite(str(folder / "in" / "1b.png"), picture(9, red=0))
    cv2.imwrite(str(folder / "in" / "1c.png"), picture(9, red=1))
    report, events = share(plan(folder), partial(Mortal, marks=folder))
    (line,) = problems(events)
    assert "1b.png" in line and "killed the worker" in line
    assert (report.done, report.wanted, report.status) == (7, 8, 1)
    have = tree(folder / "out")
    assert "our/1c_our.jpg" in have and "our/1b_our.jpg" not in have
    assert all(have[name] == content for name, content in want.items() if name.startswith("our"))


def test_workers_that_see_no_disk_of_the_drivers_give_the_same_bytes(folder, monkeypatch):
    run_pictures(plan(folder, "one"), Mortal())
    report, events = share(plan(folder, "two"), Blind())
    assert report.status == 0 and not problems(events)
    assert not difference(tree(folder / "two"), tree(folder / "one"))


def test_a_run_goes_on_with_what_another_has_done(folder):
    few = plan_pictures(sorted((folder / "in").iterdir())[:3], folder / "out", FORMATS, regions=False)
    run_pictures(few, Mortal())
    report, events = share(plan(folder, resume=True))
    assert report.done == 6 and any("going on after 3" in getattr(event, "line", "") for event in events)
    run_pictures(plan(folder, "want"), Mortal())
    assert not difference(tree(folder / "out"), tree(folder / "want"))


def test_real_models_find_the_same_on_two_workers(tmp_path, cluster):
    (tmp_path / "in").mkdir()
    for name in ("clear.jpg", "dusk.jpg", "rain.jpg"):
        shutil.copy(ROOT / "TestImages" / name, tmp_path / "in" / name)
    load = partial(
        Segmenter.load, DEMO_YOLO, DEMO_SAM, device="cpu", detect=DetectionConfig(imgsz=256), regions=False
    )
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as many as each worker has: sums are rounded otherwise with others
    try:
        run_pictures(plan(tmp_path, "one"), load())
    finally:
        torch.set_num_threads(before)
    report, events = share(plan(tmp_path, "two"), load)
    assert report.status == 0, problems(events)
    assert not difference(tree(tmp_path / "two"), tree(tmp_path / "one"))
    have, want = (tmp_path / run / ".sav/run.sqlite" for run in ("two", "one"))
    assert have.read_bytes() == want.read_bytes()
