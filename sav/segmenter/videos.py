"""Scenes of videos: every object followed, all frames in order or one by one as they are handed in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from functools import partial

from sav.config import DEFAULT_TRACKER, VIDEO_DETECTION, DetectionConfig, MaskConfig
from sav.data.scene import Scene
from sav.detectors.protocol import Detector
from sav.inputs import USUAL_RATE, Source, open_source
from sav.media.selection import Moment
from sav.segmenter.models import Models
from sav.stages.asking import masks_of
from sav.stages.refine import RefineConfig, SceneRefiner, refined
from sav.stages.regions import RegionFollower
from sav.stages.scenes import Cutter
from sav.stages.stretches import StretchModels
from sav.trackers import Tracker, make_tracker, wants_looks
from sav.video_scenes import Tracking, VideoScenes


class VideoSegmenter(Models):
    """What two models and a tracker can do with videos."""

    def track(
        self,
        source: Source,
        *,
        tracker: str | Tracker = DEFAULT_TRACKER,
        start: str | Moment | None = None,
        end: str | Moment | None = None,
        stride: int = 1,
        frame_rate: float | None = None,
        batch: int | None = None,
        detect: DetectionConfig | None = None,
        masks: MaskConfig | None = None,
        regions: bool = False,
        known: Iterable[Scene] = (),
        refine: RefineConfig | None = None,
    ) -> VideoScenes:
        """Follow every object of a video; decoding works ahead while the models do.

        Args:
            source: A video, a folder of numbered pictures, a camera's number, an address, a reader from
                `open_video`, which is left open and has its own start, end and stride, or frames: anything
                that gives what a call takes, such as `(T, H, W, 3)` uint8 BGR or a generator.
            tracker: `sav`, `botsort`, `bytetrack`, a YAML file with ultralytics' tracker keys, or a tracker
                that has seen nothing yet.
            start: First frame: its number, seconds (`"12.5s"`) or a time (`"00:01:30"`).
            end: First frame that is not wanted, likewise.
            stride: Take every how many frames.
            frame_rate: Frames per second of frames that are handed in; by default 30.
            batch: Frames that the models take at once; by default 4 on a GPU, else 1.
            detect: What the detector keeps; a tracker makes use of boxes from about 0.1 up.
            masks: What is done with the masks.
            regions: Whether to follow what has no name, too; it takes about twice as long.
            known: The scenes of the first frames, from an earlier run over them with the same settings; they
                are handed out again, and the models see what comes after them.
            refine: How tracks are put right after the fact, which hands out each scene two seconds later;
                None hands them out as they are found.

        Returns:
            Each frame's scene, in order. It has a length where that is known; close it, use it with `with`,
            or go through to its end, to let go of the source.

        Raises:
            OSError: At once, if there is no such source or tracker.
            ValueError: At once, if it cannot be read or an argument makes no sense.
            VideoDamagedError: After the last good frame, if the video stops before its end.
        """
        detector = self._detector_for(detect, VIDEO_DETECTION)
        opened = open_source(source, start, end, stride, frame_rate)
        try:
            followed = _made(tracker, float(opened.frame_rate))
            detector = _looking(detector, followed)
        except BaseException:
            opened.release()
            raise
        cutter = self._following(masks, regions, opened.frame_rate)
        batch = batch or (1 if opened.comes_live else self.batch)
        scenes = self._overlapped(opened.frames, detector, cutter, batch, followed, known)
        if refine:
            refiner = self.refiner(float(opened.frame_rate), refine)
            scenes = refined(scenes, refiner)
        return VideoScenes(scenes, opened.info, opened.release)

    def stretch_models(self, with_looks: bool) -> StretchModels:
        """The models as one of several workers has them, each for some stretches of a video.

        Args:
            with_looks: Whether the detector is to tell what objects look like, too, if it can.
        """
        detector = self._detector_for(None, VIDEO_DETECTION)
        return StretchModels(_with_looks(detector) if with_looks else detector, self._cutter(None, False))

    def refiner(self, frame_rate: float, refine: RefineConfig) -> SceneRefiner:
        """What puts the scenes of one video right; this SAM makes the masks that are missing."""
        return SceneRefiner(partial(masks_of, self.sam), frame_rate=frame_rate, config=refine)

    def start_tracking(
        self,
        tracker: str | Tracker = DEFAULT_TRACKER,
        *,
        frame_rate: float = USUAL_RATE,
        detect: DetectionConfig | None = None,
        masks: MaskConfig | None = None,
        regions: bool = False,
    ) -> Tracking:
        """Follow objects through frames that are handed in one by one: `scene = tracking(frame)`.

        Args:
            tracker: As for `track`.
            frame_rate: Frames per second, for how long lost objects are remembered.
            detect: What the detector keeps; a tracker makes use of boxes from about 0.1 up.
            masks: What is done with the masks.
            regions: Whether to follow what has no name, too.

        Raises:
            OSError: If there is no such tracker.
            ValueError: If an argument makes no sense.
        """
        followed = _made(tracker, frame_rate)
        detector = _looking(self._detector_for(detect, VIDEO_DETECTION), followed)
        cutter = self._following(masks, regions, frame_rate)
        return Tracking(detector, cutter, followed, Fraction(frame_rate))

    def _following(self, masks: MaskConfig | None, regions: bool, frame_rate: float | Fraction) -> Cutter:
        """The cutter of one video."""
        follower = RegionFollower(self.sam, float(frame_rate), self.everything) if regions else None
        return replace(self._cutter(masks, False), follower=follower)


def _made(tracker: str | Tracker, frame_rate: float) -> Tracker:
    """A tracker by its name, or the caller's own."""
    return make_tracker(tracker, frame_rate=frame_rate) if isinstance(tracker, str) else tracker


def _looking(detector: Detector, tracker: Tracker) -> Detector:
    """The detector that also tells what objects look like, if the tracker wants that and it can."""
    return _with_looks(detector) if wants_looks(tracker) else detector


def _with_looks(detector: Detector) -> Detector:
    """The detector that also tells what objects look like, if it can."""
    looking: Detector = detector.with_looks() if hasattr(detector, "with_looks") else detector
    return looking
