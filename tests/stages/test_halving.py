"""Work that the GPU has no memory for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sav.config import MaskConfig
from sav.data.types import Frame
from sav.errors import DeviceMemoryError
from sav.segmenter import Segmenter
from sav.stages.halving import in_halves
from tests.stubs import StubDetector, StubSam, picture


def taking_at_most(most: int, sizes: list[int]):
    def work(items):
        sizes.append(len(items))
        if len(items) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return [item * 2 for item in items]

    return work


@pytest.mark.parametrize(("count", "most"), [(0, 1), (1, 1), (7, 7), (7, 3), (7, 1)])
def test_all_is_done_in_order_whatever_there_is_memory_for(count: int, most: int) -> None:
    sizes: list[int] = []
    items = list(range(count))
    assert in_halves(taking_at_most(most, sizes), items, "buy more") == [item * 2 for item in items]
    assert sizes[0] == count


def test_where_there_is_no_memory_for_one_a_line_says_what_to_do() -> None:
    with pytest.raises(DeviceMemoryError, match="not enough memory; buy more"):
        in_halves(taking_at_most(0, []), [1, 2, 3], "buy more")


class SmallSam(StubSam):
    """Has memory for two pictures, and for one box."""

    def embed(self, images_bgr):
        if len(images_bgr) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().embed(images_bgr)

    def masks_from_boxes(self, size_hw, boxes_xyxy):
        if len(boxes_xyxy) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().masks_from_boxes(size_hw, boxes_xyxy)


class SmallDetector(StubDetector):
    """Has memory for one picture."""

    def __call__(self, images_bgr):
        if len(images_bgr) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().__call__(images_bgr)


def test_scenes_are_the_same_with_little_memory() -> None:
    frames = [Frame(picture(number), number, f"{number}.png") for number in range(5)]
    little, much = (
        Segmenter(detector, sam, regions=False, masks=MaskConfig(duplicate_iou=1)).together(frames)
        for detector, sam in ((SmallDetector(), SmallSam()), (StubDetector(), StubSam()))
    )
    assert little == much
    assert len(little[0]) == 2


def test_tracks_are_the_same_with_little_memory() -> None:
    frames = np.stack([picture(number) for number in range(6)])
    little, much = (
        [scene.track_ids.tolist() for scene in Segmenter(detector, sam, regions=False).track(frames, batch=4)]
        for detector, sam in ((SmallDetector(), SmallSam()), (StubDetector(), StubSam()))
    )
    assert little == much
