"""The built site, and a folder in which the commands of the pages have something to work on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sav.commands import seg, track
from tests.conftest import DEMO_SAM, DEMO_YOLO, ROOT


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a short run of each script has saved every format."""
    folder = tmp_path_factory.mktemp("work")
    models = ["--sam_checkpoint", str(DEMO_SAM), "--yolo_checkpoint", str(DEMO_YOLO), "--device", "cpu"]
    every = ["--save", "all", *models]
    picture, video = ROOT / "TestImages" / "dogs.jpg", ROOT / "TestImages" / "street.mp4"
    out = ["--save_dir", str(folder / "SegOut"), "--labelled_only"]
    assert seg.main(["--img_path", str(picture), *out, *every]) == 0
    saved = ["--save_path", str(folder / "video_test.mp4"), "--end", "2", "--imgsz", "640"]
    assert track.main(["--video_path", str(video), *saved, *every]) == 0
    for name in ("TestImages", "model"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as CONTRIBUTING.md says; a link that leads nowhere, or to no heading, fails it."""
    for package in ("material", "mkdocstrings", "pymdownx"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder
