"""`python -m sav refine`, and `--refine` of track.py: what is printed, and what is understood."""

from __future__ import annotations

from pathlib import Path

import pytest

from sav.commands import refine, track
from sav.commands.flags import refine_config
from sav.errors import SettingError
from sav.stages.refine.config import RefineConfig
from tests.conftest import DEMO_SAM, ROOT
from tests.runs.stored_runs import video_run


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return video_run(tmp_path_factory.mktemp("video"), ["coco"])


def main(*arguments: object) -> int:
    return refine.main([str(argument) for argument in (*arguments, "--sam_checkpoint", DEMO_SAM)])


def test_what_was_refined_is_told(video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(video, "--set", "shortest=0", "--device", "cpu") == 0
    said = capsys.readouterr().out
    assert said.startswith("6 frames, 2 objects in ") and said.endswith("refined.sqlite\n")


def test_settings_are_words_with_numbers() -> None:
    assert refine_config([]) == RefineConfig()
    assert refine_config(["smoothing=0.3", "shortest=0"]) == RefineConfig(smoothing=0.3, shortest=0)


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("smooth=1", "there is no setting 'smooth' of refining; take longest_gap, smoothing"),
        ("smoothing", "write smoothing=NUMBER, not 'smoothing'"),
        ("smoothing=nan", "smoothing must be a number"),
        ("longest_gap=5", "longest_gap must be at most 1 second"),
    ],
)
def test_settings_that_make_no_sense_are_one_line(
    video: Path, word: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SettingError, match=line):
        refine_config([word])
    assert main(video, "--set", word) == 2
    assert track.main(["--video_path", str(ROOT / "TestImages" / "street.mp4"), "--refine", word]) == 2
    said = capsys.readouterr().err
    assert said.count(line) == 2 and said.count("\n") == 2


def test_a_place_without_a_run_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(tmp_path) == 2
    assert "has no store of a run" in capsys.readouterr().err
