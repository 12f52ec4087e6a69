"""Scenes refined: what is filled in gets masks, and what waits comes out in order."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

from sav.data.instances import Instances
from sav.data.masks import Masks
from sav.data.scene import Scene
from sav.data.types import Detections, FloatArray, Frame, Image
from sav.errors import VideoDamagedError
from sav.stages.refine import SceneRefiner, refined, steps

RATE = 10
SIZE_HW = (60, 80)
Box = tuple[int, int, int, int]


def boxed(boxes_xyxy: FloatArray, inset: int) -> Masks:
    """Masks that fill boxes up to `inset` pixels from their edges."""
    dense = np.zeros((len(boxes_xyxy), *SIZE_HW), np.bool_)
    for mask, (x0, y0, x1, y1) in zip(dense, np.rint(boxes_xyxy).astype(int).tolist(), strict=True):
        mask[y0 + inset : y1 - inset, x0 + inset : x1 - inset] = True
    return Masks.from_dense(dense)


class Asked:
    """Fills boxes whole, and notes them."""

    def __init__(self) -> None:
        self.boxes: list[list[float]] = []

    def __call__(self, image: Image, boxes_xyxy: FloatArray) -> Masks:
        assert image.shape[:2] == SIZE_HW
        self.boxes += boxes_xyxy.tolist()
        return boxed(boxes_xyxy, 0)


def scene(number: int, objects: dict[int, Box]) -> Scene:
    boxes = np.array(list(objects.values()), np.float32).reshape(-1, 4)
    count = len(boxes)
    scores, classes = np.full(count, 0.9, np.float32), np.zeros(count, np.int64)
    ids = np.array(list(objects), np.int64)
    image = np.full((*SIZE_HW, 3), number, np.uint8)
    empty = Instances.empty(SIZE_HW)
    return Scene(
        frame=Frame(image, number, f"{number}", Fraction(number, RATE)),
        objects=Instances(boxes, scores, classes, ids, boxed(boxes, 2)),
        regions=empty,
        categories={0: "person"},
        everything=empty,
        is_tracked=True,
        candidates=Detections(boxes, scores, classes),
    )


def walk(number: int) -> Box:
    return (number, 10, number + 20, 40)


def seen(count: int, missing: range, others: dict[int, Box] | None = None) -> Iterator[Scene]:
    for number in range(count):
        own = {} if number in missing else {4: walk(number)}
        yield scene(number, {**own, **(others or {})})


def test_masks_stay_and_a_box_that_is_filled_in_gets_one() -> None:
    asked = Asked()
    out = list(refined(seen(40, range(18, 20)), SceneRefiner(asked, frame_rate=RATE)))
    assert [one.frame.index for one in out] == list(range(40))
    assert all(one.track_ids.tolist() == [1] for one in out)
    assert out[5].masks == boxed(np.array([walk(5)]), 2)
    np.testing.assert_allclose(asked.boxes, [walk(18), walk(19)], atol=0.5)
    np.testing.assert_allclose(out[18].boxes_xyxy, [walk(18)], atol=0.5)
    assert out[18].masks == boxed(out[18].boxes_xyxy, 0)


@pytest.mark.parametrize(
    ("other", "left"),
    [((60, 0, 80, 60), 600), ((28, 0, 60, 60), 360), ((18, 0, 60, 60), 0)],
    ids=["beside it", "over a third of it", "over most of it"],
)
def test_a_mask_that_is_filled_in_leaves_the_pixels_of_what_is_seen(other: Box, left: int) -> None:
    out = list(refined(seen(40, range(18, 20), {7: other}), SceneRefiner(Asked(), frame_rate=RATE)))
    found = out[18]
    assert found.track_ids.tolist() == ([1, 2] if left else [2])
    assert found.masks[-1].sum() == boxed(np.array([other]), 2)[0].sum()
    if left:
        assert found.masks.areas[0] == pytest.approx(left, abs=60)


def test_boxes_end_where_the_picture_does() -> None:
    def leaving(number: int) -> dict[int, Box]:
        return {1: (60 + number, 10, 80 + number, 40)}  # the detector says more than there is

    out = list(refined((scene(n, leaving(n)) for n in range(30)), SceneRefiner(Asked(), frame_rate=RATE)))
    assert [len(one) for one in out] == [1] * 20 + [0] * 10
    assert out[15].boxes_xyxy.tolist() == [[75, 10, 80, 40]]


def test_scenes_without_objects_pass() -> None:
    out = list(refined((scene(n, {}) for n in range(30)), SceneRefiner(Asked(), frame_rate=RATE)))
    assert [len(one) for one in out] == [0] * 30


def test_steps_tell_of_each_scene_when_it_is_found_and_again_when_it_is_shown() -> None:
    run = list(steps(seen(40, range(0)), SceneRefiner(Asked(), frame_rate=RATE)))
    found = [step.found.frame.index for step in run if step.found]
    shown = [step.shown.frame.index for step in run if step.shown]
    assert found == shown == list(range(40))
    assert all((step.found is None) != (step.shown is None) for step in run)
    unrefined = list(steps(seen(3, range(0)), None))
    assert all(step.found is step.shown is not None for step in unrefined)


def test_what_waits_comes_before_an_error() -> None:
    def damaged() -> Iterator[Scene]:
        yield from seen(15, range(0))
        raise VideoDamagedError("no more")

    shown: list[int] = []
    with pytest.raises(VideoDamagedError):
        for one in refined(damaged(), SceneRefiner(Asked(), frame_rate=RATE)):
            shown.append(one.frame.index)
    assert shown == list(range(15))
