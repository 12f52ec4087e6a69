"""A store of Ray's that is full, and a disk that is: a run waits for room, or ends with a line."""

from __future__ import annotations

import re
import subprocess
import sys

import cv2
import numpy as np
import pytest

from tests.cluster.walking import walking_image
from tests.conftest import ROOT
from tests.torture.kills import staging_left

pytestmark = pytest.mark.slow

LINE = r"error: what goes to and from workers finds no room: .* take fewer --workers"


def run(what, folder):
    program = [sys.executable, "-m", "tests.cluster.odd_rays", what, str(folder)]
    ended = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Traceback" not in ended.stderr
    return ended


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    return tmp_path


def test_frames_of_a_video_wait_for_room(folder):
    for number in range(24):
        image = np.full((1080, 1920, 3), 90, np.uint8)
        image[:60, :96] = walking_image(number)
        cv2.imwrite(str(folder / "in" / f"{number:03}.png"), image)
    ended = run("video", folder)
    assert ended.returncode == 0, ended.stderr
    assert "24 frames" in ended.stdout
    assert not staging_left(folder)


def test_pictures_that_find_no_room_end_the_run_with_a_line(folder):
    image = np.random.default_rng(0).integers(0, 255, (3000, 3000, 3), np.uint8)
    cv2.imwrite(str(folder / "in" / "00.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 100])
    for number in range(1, 24):
        (folder / "in" / f"{number:02}.jpg").symlink_to("00.jpg")
    ended = run("pictures", folder)
    assert re.search(LINE, ended.stderr), ended.stderr
    assert ended.returncode in (1, 2)
    assert not staging_left(folder)
