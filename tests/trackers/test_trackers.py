"""What all trackers promise: identities that last, and belong to one tracker alone."""

import numpy as np
import pytest

from sav.data.types import Detections
from sav.trackers import ByteTrack, TrackerConfig, make_tracker
from tools.tracking.scenes import make_scene

TRACKERS = pytest.mark.parametrize("name", ["bytetrack", "botsort", "sav"])


def detections(*boxes, scores=None, classes=None):
    count = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(count, 4),
        np.array([0.9] * count if scores is None else scores, np.float32),
        np.array([0] * count if classes is None else classes, np.int64),
    )


def walker(step, left=0.0, speed=5.0):
    return (left + speed * step, 50, left + speed * step + 40, 150)


def ids_of(tracks):
    return tracks.track_ids.tolist()


@TRACKERS
def test_nothing_detected_gives_no_tracks(name):
    tracker = make_tracker(name, frame_rate=30)
    for _ in range(3):
        tracks = tracker.update(Detections.empty(), np.zeros((48, 64, 3), np.uint8))
        assert len(tracks) == 0 and tracks.boxes_xyxy.shape == (0, 4)


@TRACKERS
def test_ids_begin_at_one_and_stay_with_their_objects_in_whatever_order_they_are_detected(name):
    tracker = make_tracker(name, frame_rate=30)
    for step in range(20):
        order = np.roll([0, 1, 2], step)
        boxes = [walker(step), walker(step, 300, -5), walker(step, 500, 0)]
        tracks = tracker.update(detections(*[boxes[i] for i in order]))
        followed = dict(zip(ids_of(tracks), order[tracks.detection_indices], strict=True))
        assert followed == {1: 0, 2: 1, 3: 2}


@TRACKERS
def test_boxes_are_close_to_the_detections_they_were_matched_to(name):
    tracker = make_tracker(name, frame_rate=30)
    for step in range(20):
        frame = detections(walker(step), walker(step, 300, -5))
        tracks = tracker.update(frame)
        assert np.abs(tracks.boxes_xyxy - frame.boxes_xyxy[tracks.detection_indices]).max() < 6


@TRACKERS
def test_an_object_that_appears_later_is_shown_from_its_second_match_on(name):
    tracker = make_tracker(name, frame_rate=30)
    shown = [len(tracker.update(detections(*([walker(s)] if s > 2 else [])))) for s in range(7)]
    assert shown == [0, 0, 0, 0, 1, 1, 1]


@TRACKERS
def test_a_flash_of_one_frame_is_never_shown_and_uses_up_no_id(name):
    tracker = make_tracker(name, frame_rate=30)
    for step in range(10):
        flash = [(400, 200, 450, 300)] if step == 3 else []
        assert ids_of(tracker.update(detections(walker(step), *flash))) == [1]
    later = [ids_of(tracker.update(detections(walker(step), walker(step, 400, 0)))) for step in range(10, 13)]
    assert later == [[1], [1, 2], [1, 2]]


@TRACKERS
def test_an_occluded_object_gets_its_id_back(name):
    tracker = make_tracker(name, frame_rate=30)
    for step in range(60):
        hidden = 20 <= step < 40
        tracks = tracker.update(detections(walker(step, 400, 0), *([] if hidden else [walker(step)])))
        assert ids_of(tracks) == ([1] if hidden else [1, 2])


@TRACKERS
def test_two_that_cross_keep_their_ids(name):
    tracker = make_tracker(name, frame_rate=30)
    for step in range(41):
        behind_hidden = abs(step - 20) < 3
        boxes = [walker(step, 0, 5)] + ([] if behind_hidden else [walker(step, 200, -5)])
        tracks = tracker.update(detections(*boxes))
    assert dict(zip(ids_of(tracks), tracks.detection_indices.tolist(), strict=True)) == {1: 0, 2: 1}


@TRACKERS
def test_an_object_that_stays_away_for_longer_than_the_buffer_gets_a_new_id(name):
    tracker = make_tracker(name, frame_rate=30)
    for step in range(100):
        tracks = tracker.update(detections(*([] if 10 <= step < 50 else [walker(0)])))
    assert ids_of(tracks) == [2]


@pytest.mark.parametrize(
    ("frame_rate", "absence", "ident"), [(30, 29, 1), (30, 31, 2), (10, 9, 1), (10, 11, 2), (60, 55, 1)]
)
def test_what_is_lost_is_remembered_for_as_long_a_time_at_any_frame_rate(frame_rate, absence, ident):
    tracker = make_tracker("bytetrack", frame_rate=frame_rate)
    tracker.update(detections(walker(0)))
    for _ in range(absence):
        tracker.update(Detections.empty())
    for _ in range(2):
        tracks = tracker.update(detections(walker(0)))
    assert ids_of(tracks) == [ident]


@TRACKERS
def test_ids_are_never_used_again(name):
    tracker, scene = make_tracker(name, frame_rate=30), make_scene(objects=20, seed=5, false_alarms=1)
    first_seen, last_seen = {}, {}
    for frame, seen in enumerate(scene.detections):
        ids = ids_of(tracker.update(seen))
        assert len(set(ids)) == len(ids)
        for ident in ids:
            assert frame - last_seen.get(ident, frame) <= 31
            first_seen.setdefault(ident, frame)
            last_seen[ident] = frame
    assert list(first_seen) == sorted(first_seen) == list(range(1, len(first_seen) + 1))
    assert len(first_seen) >= 20


@TRACKERS
def test_two_trackers_share_nothing(name):
    scenes = [make_scene(objects=8, frames=40, seed=seed) for seed in (1, 2)]
    alone = [[tracks.track_ids for tracks in follow(name, scene)] for scene in scenes]
    trackers = [make_tracker(name, frame_rate=30) for _ in scenes]
    for frame in range(40):
        for tracker, scene, ids in zip(trackers, scenes, alone, strict=True):
            np.testing.assert_array_equal(tracker.update(scene.detections[frame]).track_ids, ids[frame])


def follow(name, scene):
    tracker = make_tracker(name, frame_rate=30)
    return [tracker.update(frame) for frame in scene.detections]


@TRACKERS
def test_a_weak_detection_keeps_a_track_alive_but_begins_none(name):
    tracker = make_tracker(name, frame_rate=30)
    for step in range(30):
        weak = 0.15 if step >= 5 else 0.9
        tracks = tracker.update(detections(walker(step), walker(step, 400, 0), scores=[weak, 0.15]))
        assert ids_of(tracks) == [1] and tracks.detection_indices.tolist() == [0]


@TRACKERS
def test_the_class_is_voted_for_and_does_not_flicker(name):
    tracker = make_tracker(name, frame_rate=30)
    rng = np.random.default_rng(0)
    for step in range(60):
        wrong = step > 2 and rng.random() < 0.3
        seen = detections(walker(step), walker(step, 400, 0), classes=[7 if wrong else 2, 79])
        tracks = tracker.update(seen)
        assert tracks.class_ids.tolist() == [2, 79]


@TRACKERS
def test_a_vote_counts_by_its_score(name):
    tracker = make_tracker(name, frame_rate=30)
    for step, (class_id, score) in enumerate([(1, 0.9), (5, 0.3), (5, 0.3)]):
        tracks = tracker.update(detections(walker(step), scores=[score], classes=[class_id]))
    assert tracks.class_ids.tolist() == [1]


@TRACKERS
def test_boxes_without_area_are_passed_over(name):
    tracker = make_tracker(name, frame_rate=30)
    for step in range(4):
        bad = [(10, 10, 10, 50), (30, 30, 20, 60)]
        tracks = tracker.update(detections(*bad, walker(step)))
        assert ids_of(tracks) == [1] and tracks.detection_indices.tolist() == [2]


@TRACKERS
def test_a_given_camera_motion_keeps_ids_through_a_jerk(name):
    jerk = np.array([[1, 0, 300.0], [0, 1, 0]])
    for warp, ids in ((jerk, [1, 2]), (None, [])):
        tracker = make_tracker(name, frame_rate=30)
        for step in range(10):
            tracker.update(detections(walker(step), walker(step, 400, 0)))
        moved = detections(walker(10, 300), walker(10, 700, 0))
        assert ids_of(tracker.update(moved, None, warp)) == ids


def test_botsort_sees_the_cameras_motion_in_the_pictures():
    scene = make_scene(objects=8, frames=60, seed=3, camera_speed=6)
    told, sees, blind = (make_tracker("botsort", frame_rate=30) for _ in range(3))
    errors = []
    for frame, image, warp in zip(scene.detections, scene.images, scene.warps, strict=True):
        truth = told.update(frame, None, warp)
        errors.append(
            [box_error(tracks, truth) for tracks in (sees.update(frame, image), blind.update(frame))]
        )
    with_pictures, without = np.mean(errors, 0)
    assert with_pictures < 0.1 * without


def test_our_tracker_sees_the_cameras_motion_in_the_boxes_alone():
    jerk = 60 * np.ones(2)
    for count, is_followed in ((8, True), (3, False)):
        corners = np.random.default_rng(0).uniform(0, 2000, (count, 2))
        tracker = make_tracker("sav", frame_rate=30)
        for step in range(12):
            moved = corners + jerk * (step > 9)
            tracks = tracker.update(detections(*np.concatenate([moved, moved + np.array([90, 200])], 1)))
        assert (ids_of(tracks) == list(range(1, count + 1))) == is_followed


def box_error(tracks, truth):
    """Return how far boxes are, in pixels, from those of a tracker that knows the camera's motion."""
    _, i, j = np.intersect1d(tracks.detection_indices, truth.detection_indices, return_indices=True)
    return np.abs(tracks.boxes_xyxy[i] - truth.boxes_xyxy[j]).mean()


def test_a_live_and_a_lost_track_on_the_same_spot_become_one():
    tracker = ByteTrack(TrackerConfig("bytetrack", match_thresh=0.3))
    for _ in range(10):
        tracker.update(detections(walker(0)))
    tracker.update(detections((8, 50, 48, 150)))  # too far for so strict a match: a second track begins
    for _ in range(5):
        tracks = tracker.update(detections(walker(0)))
    assert len(tracks) == 1


def test_memory_follows_what_lives_not_what_has_lived():
    tracker = ByteTrack(TrackerConfig("bytetrack"))
    rng = np.random.default_rng(0)
    for step in range(400):
        corner = np.random.default_rng(step // 2).uniform(0, 1000, (5, 2))
        boxes = np.concatenate([corner, corner + 20], 1)
        tracker.update(detections(*boxes, classes=rng.integers(0, 80, 5)))
    assert len(tracker._table) <= 5 * (30 + 2)
    for _ in range(32):
        tracker.update(Detections.empty())
    assert len(tracker._table) == 0
