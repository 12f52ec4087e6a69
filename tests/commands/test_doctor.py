"""What `python -m sav doctor` says, and its exit status."""

import pytest

from sav.commands import doctor
from sav.runs import doctor as findings
from sav.runs.doctor import Finding


@pytest.fixture
def healthy(monkeypatch):
    monkeypatch.setattr(findings, "checkpoints", lambda folder: [Finding(f"{folder}/a.pt", "6 MB, whole")])
    monkeypatch.setattr(findings, "speeds", lambda device: [Finding("encoder", "1 s")])


def test_a_machine_with_all_that_the_defaults_need_is_told_so(healthy, capsys):
    assert doctor.main(["--model_dir", "mine", "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert "  mine/a.pt: 6 MB, whole\n" in said and "  encoder: 1 s\n" in said and "  torch: 2." in said
    assert said.endswith("\nnothing is missing that the defaults need\n")


def test_what_is_missing_comes_last_with_how_to_get_it_and_status_1(healthy, monkeypatch, capsys):
    missing = Finding("model/sam.pth", "not here", True, "get it from https://x")
    monkeypatch.setattr(findings, "checkpoints", lambda folder: [missing])
    assert doctor.main(["--no_speed"]) == 1
    said = capsys.readouterr().out
    assert said.endswith("\nmissing: model/sam.pth (not here): get it from https://x\n")
    assert "encoder" not in said


def test_a_device_that_is_none_is_one_line_and_status_2(capsys):
    assert doctor.main(["--device", "tpu"]) == 2
    assert "unknown device 'tpu'" in capsys.readouterr().err
