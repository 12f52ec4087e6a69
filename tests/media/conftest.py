"""The factory of videos that the tests of reading and writing share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.media import videos


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., Path]:
    """`videos.make_video` into a fresh folder."""
    return functools.partial(videos.make_video, tmp_path)
