"""Tracks put right after the fact, frame by frame."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sav.data.types import Detections
from sav.errors import SettingError
from sav.stages.refine import RefineConfig, RefinedFrame, Refiner, TrackedFrame

RATE = 20
Path = Callable[[int], tuple[float, float]]


def boxes_at(*centres: tuple[float, float], score: float = 0.9) -> Detections:
    middle = np.array(centres, np.float32).reshape(-1, 2)
    half, count = np.array([10, 20], np.float32), len(middle)
    corners = np.concatenate([middle - half, middle + half], 1)
    return Detections(corners, np.full(count, score, np.float32), np.zeros(count, np.int64))


def frame(number: int, objects: dict[int, tuple[float, float]], **more: object) -> TrackedFrame:
    ids = np.array(list(objects), np.int64)
    return TrackedFrame(number / RATE, ids, boxes_at(*objects.values()), **more)  # type: ignore[arg-type]


def refine(
    frames: list[TrackedFrame], config: RefineConfig | None = None, rate: float = RATE
) -> list[RefinedFrame]:
    refiner = Refiner(config, frame_rate=rate)
    return [ready for one in frames for ready in refiner.add(one)] + refiner.finish()


def centre(found: RefinedFrame, row: int = 0) -> np.ndarray:
    box = found.boxes.boxes_xyxy[row]
    return (box[:2] + box[2:]) / 2


@pytest.mark.parametrize("rate", [0.5, 1, 10, 30, 120])
@pytest.mark.parametrize("objects", [0, 1, 3])
def test_every_frame_comes_out_once_in_order_at_most_two_seconds_later(rate: float, objects: int) -> None:
    count, refiner, out = int(3 * rate) + 4, Refiner(frame_rate=rate), []
    for number in range(count):
        centres = [(100.0 * place, 5.0 * number / rate) for place in range(objects)]
        one = TrackedFrame(number / rate, np.arange(1, objects + 1), boxes_at(*centres))
        out += refiner.add(one)
        assert number - len(out) <= 2 * rate + 1
    out += refiner.finish()
    assert len(out) == count
    for number, found in enumerate(out):
        assert found.ids.tolist() == list(range(1, objects + 1))
        assert found.rows.tolist() == list(range(objects))
        if objects:
            assert centre(found)[1] == pytest.approx(5 * number / rate, abs=0.1)


def test_no_frames_are_none() -> None:
    assert refine([]) == []


def test_gaps_of_up_to_a_second_are_filled_and_longer_ones_are_not() -> None:
    def with_gap(missing: int) -> list[TrackedFrame]:
        seen = [number for number in range(80) if not 30 <= number < 30 + missing]
        return [frame(n, {1: (2.0 * n, 50)} if n in seen else {}) for n in range(80)]

    filled = refine(with_gap(RATE - 1))
    assert all(found.ids.tolist() == [1] for found in filled)
    assert filled[35].rows.tolist() == [-1]
    assert centre(filled[35]) == pytest.approx((70, 50), abs=0.5)
    lengths = [len(found.ids) for found in refine(with_gap(RATE))]
    assert lengths == [1] * 30 + [0] * RATE + [1] * (80 - 30 - RATE)


def test_gaps_are_filled_along_the_camera_s_motion() -> None:
    """The camera jerks sideways in the middle of the gap; what it looks at stands still."""
    jerk, still = np.array([[1.0, 0, 40], [0, 1, 0]]), np.eye(2, 3)
    frames = []
    for number in range(60):
        objects = {1: (100.0 + 40 * (number >= 35), 50.0)} if not 30 <= number < 40 else {}
        frames.append(frame(number, objects, warp=jerk if number == 35 else still))
    found = refine(frames)
    assert centre(found[34]) == pytest.approx((100, 50), abs=0.1)
    assert centre(found[35]) == pytest.approx((140, 50), abs=0.1)


def test_paths_are_smoothed() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 2, (100, 2))
    found = refine([frame(n, {1: (2.0 * n + noise[n, 0], 50 + noise[n, 1])}) for n in range(100)])
    off = [centre(one) - (2 * n, 50) for n, one in enumerate(found)]
    assert np.std(off) < 0.6 * np.std(noise)


def test_an_object_that_is_found_again_under_another_id_keeps_its_own() -> None:
    def objects(number: int) -> dict[int, tuple[float, float]]:
        return {} if 40 <= number < 50 else {(7 if number < 40 else 9): (3.0 * number, 50)}

    found = refine([frame(n, objects(n)) for n in range(90)])
    assert {tuple(one.ids.tolist()) for one in found} == {(1,)}
    assert centre(found[45]) == pytest.approx((135, 50), abs=1)


def test_two_that_were_exchanged_where_they_met_are_put_right() -> None:
    def objects(number: int) -> dict[int, tuple[float, float]]:
        right, left = (4.0 * number, 50.0), (400 - 4.0 * number, 60.0)
        return {1: right, 2: left} if number < 50 else {1: left, 2: right}

    found = refine([frame(n, objects(n)) for n in range(100)])
    assert centre(found[10]) == pytest.approx((40, 50), abs=1)
    assert found[90].ids.tolist() == [1, 2]
    assert centre(found[90]) == pytest.approx((360, 50), abs=1)
    assert found[90].rows.tolist() == [1, 0]


def test_a_track_that_jumps_to_another_object_over_a_gap_is_cut() -> None:
    def objects(number: int) -> dict[int, tuple[float, float]]:
        return {} if 40 <= number < 44 else {1: (100, 50) if number < 40 else (300, 50)}

    found = refine([frame(n, objects(n)) for n in range(80)])
    assert found[39].ids.tolist() == [1] and found[44].ids.tolist() == [2]
    assert len(found[42].ids) == 0


def test_a_track_is_extended_back_to_its_first_weak_boxes() -> None:
    def at(number: int) -> TrackedFrame:
        place = (3.0 * number, 50.0)
        candidates = boxes_at(place, score=0.9 if number >= 30 else 0.2)
        objects = {1: place} if number >= 30 else {}
        return frame(number, objects, candidates=candidates if number >= 20 else Detections.empty())

    found = refine([at(number) for number in range(80)])
    assert [len(one.ids) for one in found] == [0] * 20 + [1] * 60
    assert found[25].rows.tolist() == [-1]
    assert found[25].boxes.scores.tolist() == [pytest.approx(0.2)]


def test_what_is_seen_for_a_moment_is_dropped_and_what_lasts_keeps_all_its_frames() -> None:
    def objects(number: int) -> dict[int, tuple[float, float]]:
        flash = {5: (200.0, 50.0)} if 40 <= number < 43 else {}
        return {3: (50.0, 50.0), **flash} if number >= 10 else {}

    found = refine([frame(n, objects(n)) for n in range(80)])
    assert [one.ids.tolist() for one in found] == [[]] * 10 + [[1]] * 70
    kept = refine([frame(n, objects(n)) for n in range(80)], RefineConfig(shortest=0))
    assert kept[41].ids.tolist() == [1, 2]


def test_each_object_has_one_class_that_its_scores_speak_for() -> None:
    frames = []
    for number in range(100):
        is_odd = number % 3 == 0
        boxes = Detections(
            boxes_at((50, 50)).boxes_xyxy,
            np.array([0.3 if is_odd else 0.8], np.float32),
            np.array([7 if is_odd else 2]),
        )
        frames.append(TrackedFrame(number / RATE, np.array([1]), boxes))
    assert {int(one.boxes.class_ids[0]) for one in refine(frames)} == {2}


def test_an_object_that_was_followed_twice_is_one_of_the_class_with_the_higher_scores() -> None:
    frames = []
    for number in range(100):
        near = boxes_at((50 + number, 50), (51 + number, 50))
        both = Detections(near.boxes_xyxy, np.array([0.6, 0.8], np.float32), np.array([3, 5]))
        ids = np.array([1, 2])
        shown = slice(0, 2) if 4 <= number < 80 else slice(1, 2) if number >= 80 else slice(0, 1)
        frames.append(TrackedFrame(number / RATE, ids[shown], both[shown]))
    found = refine(frames)
    assert {tuple(one.ids.tolist()) for one in found} == {(1,)}
    assert {tuple(one.boxes.class_ids.tolist()) for one in found} == {(5,)}


def test_who_was_away_for_long_keeps_id_and_class_and_nothing_else_is_remembered() -> None:
    refiner = Refiner(frame_rate=RATE)
    found: list[RefinedFrame] = []
    for number in range(400):
        objects = {1: (50.0, 50.0)} if not 50 <= number < 300 else {}
        found += refiner.add(frame(number, {**objects, 1000 + number // 10: (200.0 + number, 50.0)}))
        assert len(refiner._grid) <= 4 * RATE and len(refiner._grid.owners) <= 12
    found += refiner.finish()
    assert found[10].ids[0] == found[350].ids[0] == 1


def test_times_that_stand_still_or_go_back_hold_nothing_up() -> None:
    refiner, out = Refiner(frame_rate=RATE), []
    for number in range(300):
        still = frame(number, {1: (50.0, 50.0)})
        out += refiner.add(TrackedFrame(-number % 3, still.ids, still.boxes))
    assert len(out) > 300 - 5 * 2 * RATE


@pytest.mark.parametrize(
    "wrong", [{"shortest": -1}, {"smoothing": 0}, {"longest_gap": 1.5}, {"swap_margin": "1"}]
)
def test_settings_that_make_no_sense_are_named(wrong: dict[str, object]) -> None:
    (name,) = wrong
    with pytest.raises(SettingError, match=name):
        RefineConfig(**wrong)  # type: ignore[arg-type]


def test_frames_whose_arrays_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="ids"):
        TrackedFrame(0.0, np.array([1, 2]), boxes_at((5, 5)))
    with pytest.raises(ValueError, match="warp"):
        TrackedFrame(0.0, np.array([1]), boxes_at((5, 5)), warp=np.eye(3))
