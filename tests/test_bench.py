"""The benchmarks measure what they say, on a tiny SAM; how fast anything is, is not tested."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from sav.data.masks import Masks
from tests.conftest import random_sam as tiny_sam
from tools.bench import __main__ as command
from tools.bench import presets, sams
from tools.bench.agreement import agree
from tools.bench.case import Goal
from tools.bench.compare import measure_row, rows_of, take_turns
from tools.bench.inputs import moving_boxes, random_boxes
from tools.bench.measure import Sample
from tools.bench.models import stretch
from tools.bench.observed import busy
from tools.bench.options import ROOT, Options
from tools.bench.report import lines, write_json
from tools.bench.stages import STAGES
from tools.bench.worker import Runner, stage_module

pytestmark = pytest.mark.long

HARDWARE = {"bfloat16_tflops": 1.0, "float32_tflops": 0.5}


class Here:
    """A side in this process instead of in one of its own."""

    def __init__(self, stage, side, options):
        self._runner = Runner(stage, side, options)

    def begin(self, method, *arguments):
        self._answer = getattr(self._runner, method)(*arguments)

    def finish(self):
        return self._answer


@pytest.fixture
def options(tmp_path):
    """Everything small."""
    checkpoint = tmp_path / "tiny.pth"
    torch.save(tiny_sam().state_dict(), checkpoint)
    return Options(
        tmp_path,
        precision="float32",
        models=(str(checkpoint),),
        batches=(2,),
        boxes=(3,),
        repeats=1,
        budget=0.0,
        frames=(2, 2),
        size_hw=(180, 320),
        points=4,
    )


def row_of(stage, options, position=0):
    case = stage_module(stage).cases(options)[position]
    sides = [Here(stage, side, options) for side in ("ours", "theirs")]
    return measure_row(stage, case, sides, options, HARDWARE)


@pytest.mark.parametrize(
    "stage",
    ["encoder", "boxes", "everything", "drawing", "annotations", "store", "decode", "encode", "trackers"],
)
def test_a_stage_measures_both_sides_and_they_agree(stage, options):
    row = row_of(stage, options)
    assert row.agreement is not None
    assert row.agreement.agrees, row.agreement.how
    assert row.theirs is not None
    assert min(*row.ours.seconds, *row.theirs.seconds) > 0
    assert row.figures["times_faster"] == row.theirs.median / row.ours.median
    assert row.ours.peak_mib > 10
    assert row.case in lines(row)


def test_everything_of_a_stretched_random_sam_has_masks_and_they_are_upstreams(options):
    sam = tiny_sam()
    stretch(sam, options)
    torch.save(sam.state_dict(), options.models[0])
    row = row_of("everything", replace(options, points=8))
    assert row.figures["masks"] > 0
    assert row.agreement.agrees
    assert "identical at float32" in row.agreement.how


def test_track_py_is_observed_from_outside(options):
    case = replace(stage_module("track").cases(options)[1], model=options.models[0])
    side = Here("track", "ours", options)
    for call in (("prepare", case), ("run",), ("evidence",)):
        side.begin(*call)
    unions, report = side.finish()
    assert len(unions) == 2
    assert unions[0].any()
    assert 0 < report["models_s"] <= report["run_s"]
    assert report["ready_s"] > 0
    assert 0 <= stage_module("track").figures(case, 1.0, (unions, report), {})["outside_models"] < 1


def test_the_command_prints_and_writes_rows_as_they_come(options, tmp_path, capsys):
    out = tmp_path / "out.json"
    flags = ["drawing", "--repeats", "1", "--budget", "0", "--json", str(out)]
    assert command.main(flags) == 0
    written = json.loads(out.read_text())
    (row,) = written["rows"]
    assert row["stage"] == "drawing"
    assert written["hardware"]["bfloat16_tflops"] > 0
    assert "torch" in written["versions"]
    assert "20 instances" in capsys.readouterr().out


def test_a_case_that_fails_is_a_row_that_says_why(options):
    (row,) = rows_of("decode", replace(options, models=("nowhere.pth",)), HARDWARE)
    assert row.is_good
    (row,) = rows_of("boxes", replace(options, models=("nowhere.pth",)), HARDWARE)
    assert not row.is_good
    assert "nowhere.pth" in lines(row)


def test_an_unknown_stage_or_file_is_one_line(capsys):
    for flags in (["speed"], ["--sam", "nowhere.pth"]):
        with pytest.raises(SystemExit) as end:
            command.parse(flags)
        assert end.value.code == 2
    assert "nowhere.pth" in capsys.readouterr().err


def test_every_stage_has_what_a_stage_needs(options):
    for stage in STAGES:
        module = stage_module(stage)
        assert module.REFERENCE
        assert module.cases(options)
        assert all(callable(getattr(module, name)) for name in ("ours", "theirs", "agreement", "figures"))
    assert {path.stem for path in (ROOT / "tools" / "bench" / "stages").glob("[!_]*.py")} == set(STAGES)


class Clock:
    """A side whose runs take as long as they are told to."""

    def __init__(self, seconds):
        self.seconds, self.runs = seconds, 0

    def begin(self, method, *arguments):
        self.runs += 1

    def finish(self):
        return Sample(self.seconds, 1.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("seconds", "runs", "warm_ups"), [(0.1, 6, 1), (5.0, 3, 1), (15.0, 2, 1), (100.0, 1, 0)]
)
def test_slow_work_is_repeated_less_and_needs_no_warm_up(seconds, runs, warm_ups, options):
    sides = [Clock(seconds), Clock(seconds)]
    samples, left_out = take_turns(sides, replace(options, repeats=5, budget=20.0))
    assert [side.runs for side in sides] == [runs, runs]
    assert (len(samples[0]), left_out) == (runs, warm_ups)


def test_the_peak_of_memory_is_that_of_the_run_alone():
    # In a process of its own: what this one has started before counts as its memory too.
    code = """
import numpy as np
from tools.bench.measure import measured
measured(lambda: np.ones(300 * 2**20, np.uint8))
sample, result = measured(lambda: np.ones(100 * 2**20, np.uint8))
print(sample.growth_mib, sample.peak_mib, len(result) / 2**20)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    growth, peak, size = map(float, done.stdout.split())
    assert 99 <= growth < 130
    assert peak >= growth
    assert size == 100


def test_masks_that_differ_do_not_agree():
    dense = np.zeros((2, 20, 20), bool)
    dense[:, 2:12, 2:12] = True
    other = dense.copy()
    other[1, 2:12, 12] = True
    theirs, ours = Masks.from_dense(dense), Masks.from_dense(other)
    assert agree({"float32": theirs}, theirs).agrees
    assert agree({"bfloat16": theirs, "float32": theirs}, theirs, in_order=False).agrees
    assert not agree({"float32": ours}, theirs).agrees
    assert not agree({"bfloat16": ours}, theirs).agrees
    assert not agree({"bfloat16": theirs[:1]}, theirs).agrees
    assert not agree({"bfloat16": Masks.empty((20, 20))}, theirs, in_order=False).agrees


def test_spans_that_overlap_count_once():
    assert busy([(0.0, 2.0), (1.0, 3.0), (5.0, 6.0), (5.2, 5.5)]) == 4.0
    assert busy([]) == 0.0


def test_goals_are_met_from_either_side():
    assert Goal("times_faster", 3.0).is_met(3.1)
    assert not Goal("times_faster", 3.0).is_met(2.9)
    assert Goal("ours_ms", 10.0, at_least=False).is_met(9.0)


def test_generated_boxes_lie_inside_and_are_the_same_every_time():
    for boxes in (random_boxes(50, (1080, 1920)), moving_boxes(7, 10, (1080, 1920))):
        assert (boxes >= 0).all() and (boxes <= [1920, 1080, 1920, 1080]).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert (random_boxes(9, (100, 100)) == random_boxes(9, (100, 100))).all()


def test_rows_are_written_whole(options, tmp_path):
    row = row_of("drawing", options)
    write_json(tmp_path / "a.json", {"hardware": HARDWARE}, [row])
    write_json(tmp_path / "a.json", {"hardware": HARDWARE}, [row, row])
    assert len(json.loads((tmp_path / "a.json").read_text())["rows"]) == 2
    assert [path.name for path in tmp_path.glob("*a.json*")] == ["a.json"]


def test_each_preset_and_what_takes_words_is_measured():
    known = presets.pairs()
    assert known["best"] == ("yolov8x", "sam_vit_h") and known["light"] == ("yolov8n", "mobile_sam")
    assert {sam for _, sam in known.values()} <= set(sams.builders())
    assert any("world" in detector for detector, _ in known.values())


def test_a_pair_is_measured_as_it_works(options, monkeypatch, capsys):
    monkeypatch.setattr(presets, "_SIZE_HW", options.size_hw)
    monkeypatch.setattr(presets, "builders", lambda: {"tiny": tiny_sam})
    monkeypatch.setattr(presets, "pairs", lambda: {"words": ("yolov8n-worldv2", "tiny")})
    assert presets.main(["words", "--only", "--runs", "1", "--busy"]) == 0
    named, everything, masks, memory = json.loads(capsys.readouterr().out)
    assert 0 < named < everything and 0 < masks < 3072 and memory > 0


def test_each_format_has_a_row_with_its_milliseconds(capsys):
    from tools.bench import formats

    assert formats.main(["csv", "mot", "--count", "1", "--runs", "1"]) == 0
    _, _, csv, mot = (line.split(" | ") for line in capsys.readouterr().out.splitlines())
    assert csv[0] == "| csv" and float(csv[1]) > 0 and float(csv[2].rstrip(" |")) > 0
    assert mot[:2] == ["| mot", ""] and float(mot[2].rstrip(" |")) > 0
