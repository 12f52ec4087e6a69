"""Stores of few scenes."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from sav.data.types import Detections
from sav.media.video import VideoInfo
from sav.store import About, Source

CATEGORIES = {0: "person", 16: 'dog, "große" 犬'}
VIDEO = About(
    categories=CATEGORIES,
    settings={"conf": 0.1, "tracker": "botsort"},
    checkpoints={"detector": "ab", "sam": "cd"},
    video=VideoInfo((40, 60), Fraction(30000, 1001), Fraction(1, 90_000), name="a.mp4", stems={"a": "b"}),
    source=Source("a.mp4", "12-ef", start="00:01", stride=2),
)
PICTURES = About(categories=CATEGORIES)
# Makes tables of today what they were in the third version.
THIRD_VERSION = """
DROP INDEX in_order;
ALTER TABLE frames DROP COLUMN doubtful;
ALTER TABLE frames DROP COLUMN measures;
PRAGMA user_version = 3;
"""


def weak(count: int) -> Detections:
    """Detections of which no scene has all."""
    random = np.random.default_rng(count)
    boxes = random.random((count, 4)).astype(np.float32)
    return Detections(boxes, random.random(count).astype(np.float32), np.full(count, 16, np.int64))


@pytest.fixture
def scenes(make_scene):
    """Frames with two objects, one of them without a pixel, or none, and with a region."""
    random = np.random.default_rng(0)
    made = []
    for index in range(12):
        objects = random.random((0 if index % 5 == 3 else 2, 40, 60)) > 0.5
        objects[1:] &= index % 2 == 0
        made.append(
            replace(
                make_scene(
                    objects,
                    random.random((1, 40, 60)) > 0.9,
                    class_ids=[0, 16][: len(objects)],
                    categories=CATEGORIES,
                    track_ids=[7, 300][: len(objects)],
                    name=f"a_{index:06d}",
                    index=index,
                    is_tracked=True,
                    boxes_xyxy=random.random((len(objects), 4)) * 60,
                ),
                candidates=weak(index),
            )
        )
    return made
