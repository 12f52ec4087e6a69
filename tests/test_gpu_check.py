"""The check of a GPU tells what it measured, and what failed, here without one."""

import time
from contextlib import closing
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest
import torch

from sav.config import EverythingConfig
from sav.data.masks import Masks
from sav.device import choose_precision
from sav.sam.everything import point_grid, segment_everything
from sav.sam.model import SamModel
from tests.conftest import random_sam as tiny_sam
from tools.bench.case import Goal
from tools.bench.gpu import __main__ as gpu_check
from tools.bench.gpu.known_masks import KnownMasks, KnownPicture
from tools.bench.gpu.lab import Settings
from tools.bench.gpu.sheet import Figure
from tools.bench.gpu.staged import Staged
from tools.bench.gpu.stages import busy as busy_stage
from tools.bench.gpu.stages import tests as gpu_tests
from tools.bench.inputs import ellipses, moving_boxes, read_picture
from tools.bench.models import our_sam
from tools.bench.options import Options

pytestmark = pytest.mark.long


@pytest.fixture
def options(tmp_path):
    """Everything small."""
    checkpoint = tmp_path / "tiny.pth"
    torch.save(tiny_sam().state_dict(), checkpoint)
    return Options(tmp_path, models=(str(checkpoint),), size_hw=(180, 320), points=4, repeats=1)


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda:1"])
def test_the_check_of_a_gpu_says_in_one_line_that_there_is_none(tmp_path, capsys, monkeypatch, device):
    monkeypatch.setattr(gpu_check, "in_a_process", lambda best_device: "cpu")
    assert gpu_check.main(["--device", device, "--out", str(tmp_path / "out"), "encoder"]) == 2
    told = capsys.readouterr()
    assert told.err == "no GPU here that PyTorch can use; --tiny tries all stages on the CPU\n"
    assert not told.out and not (tmp_path / "out").exists()


def test_the_check_of_a_gpu_goes_on_after_a_stage_that_fails(tmp_path, options):
    without = replace(options, models=("nowhere.pth",), batches=(1,))
    settings = Settings(without, tmp_path / "errors.log", is_tiny=True)
    with closing(Staged(settings)) as staged:
        (failed,) = staged.figures("everything", 60)
        rows = [*staged.figures("embed", 60)]
        (late,) = staged.figures("boxes", 0)
    assert "failed: sav.errors.CheckpointError: nowhere.pth" in failed.note
    assert "nowhere.pth" in (tmp_path / "errors.log").read_text()
    assert all(row.value for row in rows)
    assert late.note == "failed: it took longer than 0 s"


def test_known_masks_take_the_place_of_noise(options):
    picture = cv2.resize(read_picture(options.picture), (320, 180))
    demo, noisy = our_sam(options, "demo", "float32"), SamModel(tiny_sam(), torch.device("cpu"))
    model = KnownMasks(noisy, [(picture, KnownPicture.seen_by(demo, picture, 6))])
    known, other = model.embed([picture, picture[::-1].copy()])

    boxes = moving_boxes(0, 10, (180, 320))
    ious = model.masks_from_boxes(known, boxes).iou_matrix(Masks.from_dense(ellipses(boxes, (180, 320))))
    assert ious.diagonal().mean() > 0.7 and (ious.argmax(axis=1) == np.arange(10)).all()
    assert len(model.masks_from_boxes(other, boxes[:0])) == 0

    config = EverythingConfig(points_per_side=6, points_per_batch=16)
    found = segment_everything(model, known, config)
    wanted = segment_everything(demo, demo.embed([picture])[0], config)
    assert len(wanted) > 5 and abs(len(found) - len(wanted)) <= 2
    assert found.masks.iou_matrix(wanted.masks).max(axis=0).mean() > 0.7
    points = point_grid(6)[7:9] * (320, 180)
    assert not torch.equal(model.decode_points(known, points)[1], noisy.decode_points(known, points)[1])
    assert torch.equal(model.decode_points(other, points)[1], noisy.decode_points(other, points)[1])


def test_points_in_batches_are_known_too(options):
    picture = cv2.resize(read_picture(options.picture), (320, 180))
    fast = SamModel(tiny_sam(), torch.device("cpu"), choose_precision("auto", torch.device("cpu")))
    known = KnownPicture.seen_by(our_sam(options, "demo", "float32"), picture, 6)
    model, points = KnownMasks(fast, [(picture, known)]), point_grid(6) * (320, 180)
    (embedding,) = model.embed([picture])
    with torch.inference_mode():
        some = [*model.decode_points_in_batches(embedding, points, 7)]
    assert len(some) > 1 and sum(one.prompts for one in some) == 36
    assert torch.equal(torch.cat([one.predicted_iou for one in some]), known.predicted_iou)
    assert torch.equal(torch.cat([one.logits for one in some]), model.decode_points(embedding, points)[0])


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_where_a_runs_time_goes_is_told_with_and_without_a_gpu(device, options, monkeypatch):
    lab = Settings(replace(options, device=device), options.folder / "errors.log").lab()
    clock = Clock()
    monkeypatch.setattr(lab, "once", clock.once)
    monkeypatch.setattr(busy_stage, "_processor_seconds", lambda: clock.processor)
    monkeypatch.setattr(busy_stage, "demo_run", lambda lab: Works("demo", clock))
    monkeypatch.setattr(busy_stage, "large_run", lambda lab: Works("large", clock, "note"))
    spans = [(0.0, 0.004), (0.002, 0.006), (1.0, 1.002)]
    monkeypatch.setattr(busy_stage, "_profiled", lambda lab, run: (0.02, spans))
    rows = [*busy_stage.figures(lab)]
    assert rows[0].value == pytest.approx(30) and rows[0].note == "in all threads, of 10.0 ms"
    assert "note" in rows[-2 if device == "cpu" else -3].note
    if device == "cpu":
        assert len(rows) == 4 and rows[1].note == "not measured: no GPU"
    else:
        assert rows[1].note.startswith("4.00 of 10.00 ms") and rows[1].value == pytest.approx(40)
        assert rows[2].value == 1.5


def test_the_profilers_events_are_found():
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        torch.ones(300, 300) @ torch.ones(300, 300)
    spans = busy_stage.spans_of(profiler, "CPU")
    assert spans and all(0 < end - start < 10 for start, end in spans)
    assert not busy_stage.spans_of(profiler, "CUDA")


def test_the_processors_time_is_this_processs():
    before, used = busy_stage._processor_seconds(), time.process_time()
    sum(range(3_000_000))
    assert busy_stage._processor_seconds() - before == pytest.approx(time.process_time() - used, abs=0.01)


@dataclass
class Clock:
    """What the clock and the processor's counter say, in seconds, since a run was last begun."""

    wall: float = 0.0
    processor: float = 0.0

    def once(self, run):
        before = self.wall
        run()
        return self.wall - before


@dataclass
class Works:
    """A run of two frames, in 20 ms with three threads."""

    name: str
    clock: Clock
    note: str = ""
    frames: int = 2

    def __call__(self, lab, frames):
        self.clock.wall += 0.02
        self.clock.processor += 0.06


def test_what_pytest_tells_becomes_rows(tmp_path):
    told = [
        "collected 3 items\n",
        "tests/gpu/test_a.py::test_one PASSED [ 25%]\n",
        "tests/gpu/test_a.py::test_two[x y] FAILED [ 50%]\n",
        "tests/gpu/test_b.py::test_one SKIPPED (no GPU) [ 75%]\n",
        "tests/gpu/test_b.py::test_two PASSED [100%]\n",
        "E   assert 1 == 2\n",
    ]
    found = [(row.name, row.value, row.note) for row in gpu_tests.rows(told, tmp_path / "errors.log")]
    assert found == [
        ("tests/gpu/test_a.py::test_two[x y]", None, "failed: see errors.log"),
        ("tests/gpu/test_a.py", 1.0, "1 failed"),
        ("tests/gpu/test_b.py", 1.0, "1 skipped"),
    ]
    assert "assert 1 == 2" in (tmp_path / "errors.log").read_text()


@pytest.mark.parametrize(
    ("told", "status", "note"),
    [
        (
            [
                "collecting ... collected 3 items\n",
                "tests/gpu/test_a.py::test_one PASSED [ 33%]\n",
                "tests/gpu/test_a.py::test_two[x y] Fatal Python error: Segmentation fault\n",
            ],
            -11,
            "status -11, in tests/gpu/test_a.py::test_two[x y], 1 of 3 tests ended, see errors.log",
        ),
        (
            [
                "collected 9 items / 7 deselected / 2 selected\n",
                "tests/gpu/test_a.py::test_one PASSED [ 50%]\n",
            ],
            0,
            "status 0, 1 of 2 tests ended, see errors.log",
        ),
        (["ERROR: usage\n"], 4, "status 4, see errors.log"),
    ],
)
def test_a_pytest_that_does_not_come_to_its_end_has_failed(told, status, note, tmp_path):
    *_, last = gpu_tests.rows(told, tmp_path / "errors.log", lambda: status)
    assert (last.name, last.note) == ("tests/gpu", f"failed: pytest ended with {note}")


def test_a_pytest_that_ends_well_has_no_row_of_its_own(tmp_path):
    told = [
        "collected 3 items / 1 deselected / 2 selected\n",
        "tests/gpu/test_a.py::test_one PASSED [ 50%]\n",
        "tests/gpu/test_a.py::test_two a warning that nothing caught\n",
        "PASSED [100%]\n",
    ]
    (row,) = gpu_tests.rows(told, tmp_path / "errors.log", lambda: 0)
    assert (row.name, row.value, row.note) == ("tests/gpu/test_a.py", 2.0, "")


def test_a_crash_of_the_tests_is_a_row_of_the_check(tmp_path, options, monkeypatch):
    folder = tmp_path / "tests" / "gpu"
    folder.mkdir(parents=True)
    (folder / "test_a.py").write_text(
        "import os, signal\ndef test_fine(): pass\ndef test_crash(): os.kill(os.getpid(), signal.SIGSEGV)\n"
    )
    monkeypatch.setattr(gpu_tests, "ROOT", tmp_path)
    lab = Settings(options, tmp_path / "errors.log").lab()
    file, end = gpu_tests.figures(lab)
    assert (file.name, file.value) == ("tests/gpu/test_a.py", 1.0)
    assert "status -11, in tests/gpu/test_a.py::test_crash, 1 of 2 tests ended" in end.note


def test_a_stage_of_the_check_leaves_the_others_their_usual_time():
    usual, most = gpu_check.STAGES["boxes"].usual, gpu_check.STAGES["encoder"].most
    assert gpu_check.seconds_for(["encoder", "boxes"], 1000) == most
    assert gpu_check.seconds_for(["encoder", "boxes"], usual + 30) == 30
    assert gpu_check.seconds_for(["encoder", "boxes"], 5) == 5


def test_a_row_of_the_check_tells_its_goal_and_whether_it_is_missed():
    figure = Figure("masks", 7.25, "ms", Goal("ms", 6.0, at_least=False), 30.0, "a | b")
    assert figure.line() == "| masks | 7.25 ms | 30 ms | at most 6, **missed** | a / b |"
    assert replace(figure, value=5.0).wanted == "at most 6"
    assert Figure("masks", note="not measured: no GPU").line() == "| masks |  |  |  | not measured: no GPU |"
