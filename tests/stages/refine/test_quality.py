"""How much refining gives: committed numbers that may not fall."""

from __future__ import annotations

import numpy as np
import pytest

from sav.evaluate.tracks import TrackTable, score_tracks
from sav.stages.refine import RefineConfig, Refiner
from sav.trackers import BoTSORT, SavTracker, TrackerConfig
from tools.tracking.mot_sequences import MOT_FOLDER, read_sequences, score_sequences, tracked_frame
from tools.tracking.scenes import make_scene

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("trackeval")]

PAPER = {"track_high_thresh": 0.6, "track_low_thresh": 0.1, "new_track_thresh": 0.7, "match_thresh": 0.8}


@pytest.mark.parametrize(("camera_speed", "gain"), [(0, 4.0), (5, 4.0)])
def test_generated_scenes_gain_as_much_as_ever(camera_speed: float, gain: float) -> None:
    gains = []
    for seed in (11, 12):
        scene = make_scene(objects=12, seed=seed, camera_speed=camera_speed)
        tracker, refiner = BoTSORT(TrackerConfig("botsort", **PAPER)), Refiner(frame_rate=30)
        tracks, refined = [], []
        for number, (detections, warp) in enumerate(zip(scene.detections, scene.warps, strict=True)):
            tracks.append(tracker.update(detections, None, warp))
            refined += refiner.add(tracked_frame(number / 30, tracks[-1], detections, warp))
        refined += refiner.finish()
        before = TrackTable.of_frames([one.track_ids for one in tracks], [one.boxes_xyxy for one in tracks])
        after = TrackTable.of_frames([one.ids for one in refined], [one.boxes.boxes_xyxy for one in refined])
        gains.append(score_tracks(after, scene.truth).hota - score_tracks(before, scene.truth).hota)
    assert np.mean(gains) > gain


@pytest.mark.skipif(not MOT_FOLDER.is_dir(), reason="needs the MOT Challenge sequences in ../shared/mot")
@pytest.mark.parametrize(("benchmark", "hota"), [("MOT17", 61.5), ("MOT15", 44.3)])
def test_real_sequences_are_refined_as_well_as_ever(benchmark: str, hota: float) -> None:
    chosen = [sequence for sequence in read_sequences() if sequence.benchmark == benchmark]
    table = score_sequences(
        chosen,
        lambda sequence: SavTracker(TrackerConfig("sav", **PAPER), frame_rate=sequence.frame_rate),
        with_warps=True,
        refine=RefineConfig(),
    )
    assert table[benchmark].hota > hota - 0.2
