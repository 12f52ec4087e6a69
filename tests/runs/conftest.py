"""Runs of stub models that are over, for tests that go back over them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sav.segmenter import Segmenter
from tests.runs.stored_runs import picture_run, video_run


@pytest.fixture(scope="session")
def finished_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The MP4 of a run over a video."""
    return video_run(tmp_path_factory.mktemp("video"))


@pytest.fixture(scope="session")
def finished_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the results of a run over pictures."""
    return picture_run(tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def video(finished_video: Path, tmp_path: Path) -> Path:
    """A copy of a run over a video, with its source."""
    shutil.copytree(finished_video.parent.parent, tmp_path / "video")
    return tmp_path / "video" / "out" / "v.mp4"


@pytest.fixture
def pictures(finished_pictures: Path, tmp_path: Path) -> Path:
    """A copy of a run over pictures, with its sources."""
    shutil.copytree(finished_pictures.parent, tmp_path / "pictures")
    return tmp_path / "pictures" / "SegOut"


@pytest.fixture
def no_models(monkeypatch: pytest.MonkeyPatch, finished_video: Path, finished_pictures: Path) -> None:
    """From here on nobody makes a segmenter."""
    monkeypatch.setattr(Segmenter, "__init__", None)
