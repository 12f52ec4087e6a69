"""Pairs of a detector and a SAM: files that can be had, chosen by name or by the machine."""

import pytest
import torch

from sav import presets
from sav.checkpoints import OFFICIAL
from sav.commands import seg, track
from sav.commands.cli import heavy_line
from sav.errors import SettingError
from sav.presets import PRESET_NAMES, PRESETS, preset


def test_all_files_of_presets_are_official():
    for pair in PRESETS.values():
        for path in (pair.yolo_checkpoint, pair.sam_checkpoint, pair.words_checkpoint):
            assert path.startswith("model/") and path.removeprefix("model/") in OFFICIAL
    assert PRESETS["light"].megabytes < 50


@pytest.mark.parametrize(
    ("device", "gigabytes", "cores", "name"),
    [
        ("cuda", 80, 4, "best"),
        ("cuda", 6, 32, "balanced"),
        ("mps", 0, 8, "balanced"),
        ("cpu", 0, 2, "light"),
        ("cpu", 0, 32, "balanced"),
    ],
)
def test_a_machine_gets_what_it_does_at_a_bearable_pace(monkeypatch, device, gigabytes, cores, name):
    class Properties:
        total_memory = gigabytes * 10**9

    monkeypatch.setattr("sav.device.choose_device", lambda wanted: torch.device(device))
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: Properties)
    monkeypatch.setattr(presets, "usable_cores", lambda: cores)
    assert preset("auto") == PRESETS[name]


def test_a_preset_that_is_none_is_answered_with_those_there_are():
    assert preset("light") == PRESETS["light"]
    with pytest.raises(SettingError, match="take light, balanced, best, auto"):
        preset("heavy")


@pytest.mark.parametrize("parse", [seg.parse, track.parse])
def test_a_preset_names_the_checkpoints_that_are_not_given(parse):
    best = PRESETS["best"]
    args = parse([])
    assert (args.yolo_checkpoint, args.sam_checkpoint) == (best.yolo_checkpoint, best.sam_checkpoint)
    for name in PRESET_NAMES[:-1]:
        args = parse(["--preset", name])
        assert args.sam_checkpoint == PRESETS[name].sam_checkpoint
        args = parse(["--preset", name, "--sam_checkpoint", "mine.pth"])
        assert (args.yolo_checkpoint, args.sam_checkpoint) == (PRESETS[name].yolo_checkpoint, "mine.pth")


def test_what_suits_the_machine_is_looked_for_when_the_run_begins(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(presets, "_suiting", lambda device: "balanced")
    monkeypatch.chdir(tmp_path)
    assert seg.main(["--preset", "auto", "--offline"]) == 2
    said = capsys.readouterr().err
    assert "model/yolov8m.pt" in said and "model/sam2.1_hiera_small.pt" in said


def test_defaults_that_are_slow_here_or_still_to_come_are_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sav.sam.speed.least_seconds", lambda device, precision: seconds)
    args = seg.parse(["--device", "cpu"])
    assert heavy_line(args).startswith(
        "2.6 GB are downloaded first, to model/sam_vit_h_4b8939.pth; --preset light"
    )
    (tmp_path / "model").mkdir()
    (tmp_path / args.sam_checkpoint).touch()
    seconds = 44.7
    assert "takes 45 s a picture here, or more; --preset light takes 47 MB" in heavy_line(args)
    seconds = 2.0
    assert heavy_line(args) == ""
    seconds = 44.7
    for others in (["--preset", "best"], ["--preset", "light"], ["--sam_checkpoint", "x.pth"]):
        assert heavy_line(seg.parse(others)) == ""
