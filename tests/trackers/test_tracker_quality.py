"""How well the trackers follow: committed numbers that may not fall, and ultralytics side by side."""

import functools

import numpy as np
import pytest

from sav.evaluate.tracks import TrackTable, score_tracks
from sav.trackers import BoTSORT, ByteTrack, SavTracker, TrackerConfig
from tools.tracking.mot_sequences import MOT_FOLDER, read_sequences, score_sequences
from tools.tracking.scenes import make_scene

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("trackeval")]

SCENES = {
    "crossing": {"objects": 12},
    "crowd": {"objects": 30},
    "false alarms": {"objects": 12, "false_alarms": 3},
    "handheld": {"objects": 12, "camera_speed": 2},
    "running": {"objects": 12, "camera_speed": 5},
}
SEEDS = (11, 12, 13)
PAPER = {"track_high_thresh": 0.6, "track_low_thresh": 0.1, "new_track_thresh": 0.7, "match_thresh": 0.8}
TRACKER_TYPES = ("bytetrack", "botsort")


@functools.cache
def scene(name, seed):
    return make_scene(seed=seed, **SCENES[name])


def ours(tracker_type, frame_rate=30.0):
    tracker = {"botsort": BoTSORT, "bytetrack": ByteTrack, "sav": SavTracker}[tracker_type]
    return tracker(TrackerConfig.of_type(tracker_type, **PAPER), frame_rate=frame_rate)


def theirs(tracker_type):
    pytest.importorskip("ultralytics")
    from tools.tracking.ultralytics_trackers import UltralyticsTracker

    return UltralyticsTracker(TrackerConfig(tracker_type, **PAPER))


@functools.cache
def mean_score(make, tracker_type, name):
    """Return HOTA, MOTA and IDF1 in percent and the number of switches, averaged over the seeds."""
    scores = [score(make(tracker_type), scene(name, seed)) for seed in SEEDS]
    return np.mean([(one.hota, one.mota, one.idf1, one.switches) for one in scores], 0)


def score(tracker, seen):
    images = seen.images or [None] * len(seen.detections)
    tracks = [tracker.update(frame, image) for frame, image in zip(seen.detections, images, strict=True)]
    found = TrackTable.of_frames([one.track_ids for one in tracks], [one.boxes_xyxy for one in tracks])
    return score_tracks(found, seen.truth)


@pytest.mark.parametrize(
    ("name", "tracker_type", "hota", "idf1"),
    [
        ("crossing", "bytetrack", 84.2, 93.6),
        ("crossing", "botsort", 84.4, 93.6),
        ("crowd", "bytetrack", 69.0, 80.0),
        ("crowd", "botsort", 69.8, 80.8),
        ("false alarms", "bytetrack", 83.2, 93.2),
        ("false alarms", "botsort", 83.4, 93.2),
        ("handheld", "bytetrack", 82.2, 92.1),
        ("handheld", "botsort", 84.0, 93.3),
        ("running", "bytetrack", 73.9, 83.1),
        ("running", "botsort", 82.9, 91.8),
    ],
)
def test_generated_scenes_are_followed_as_well_as_ever(name, tracker_type, hota, idf1):
    measured_hota, _, measured_idf1, _ = mean_score(ours, tracker_type, name)
    assert measured_hota > hota - 0.2 and measured_idf1 > idf1 - 0.2


@pytest.mark.parametrize("tracker_type", TRACKER_TYPES)
def test_generated_scenes_are_followed_at_least_as_well_as_ultralytics_does(tracker_type):
    own = np.mean([mean_score(ours, tracker_type, name) for name in SCENES], 0)
    peer = np.mean([mean_score(theirs, tracker_type, name) for name in SCENES], 0)
    assert (own[:3] >= peer[:3] - 0.05).all()
    assert own[3] <= peer[3] + 0.05


@pytest.mark.skipif(not MOT_FOLDER.is_dir(), reason="needs the MOT Challenge sequences in ../shared/mot")
@pytest.mark.parametrize(
    ("tracker_type", "with_warps", "ultralytics"),
    [
        ("bytetrack", False, {"MOT17": (55.8, 63.1, 67.2), "MOT15": (39.9, 37.4, 53.5)}),
        ("botsort", False, {"MOT17": (55.9, 63.1, 67.1), "MOT15": (40.9, 38.1, 54.9)}),
        ("botsort", True, {"MOT17": (56.2, 63.1, 66.6)}),
        ("sav", False, {"MOT17": (55.9, 63.1, 67.1), "MOT15": (40.9, 38.1, 54.9)}),
    ],
)
def test_real_sequences_are_followed_as_well_as_ultralytics_does(tracker_type, with_warps, ultralytics):
    chosen = [sequence for sequence in read_sequences() if sequence.benchmark in ultralytics]
    table = score_sequences(chosen, lambda s: ours(tracker_type, s.frame_rate), with_warps=with_warps)
    for benchmark, numbers in ultralytics.items():
        score = table[benchmark]
        measured = [score.hota, score.mota, score.idf1]
        assert (np.array(measured) >= np.array(numbers) - 0.3).all(), f"{benchmark}: {measured}"
