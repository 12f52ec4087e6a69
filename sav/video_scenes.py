"""The scenes of a video as they are handed out: all of them in order, or one for each frame handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from sav.data.scene import Scene
from sav.data.types import Frame
from sav.detectors.protocol import Detector
from sav.inputs import Picture, as_frame
from sav.media.video import VideoInfo
from sav.stages.look import look
from sav.stages.scenes import Cutter
from sav.trackers import Tracker
from sav.wording import count


class VideoScenes:
    """An iterator over a video's scenes that lets go of its source when it ends or is closed.

    Attributes:
        info: The video's properties; None for frames that a caller hands in.
    """

    def __init__(
        self,
        scenes: Iterator[Scene],
        info: VideoInfo | None = None,
        release: Callable[[], None] | None = None,
    ) -> None:
        """Hand out `scenes`, and call `release` when that is over."""
        self._scenes, self._release = scenes, release
        self.info = info

    def __repr__(self) -> str:
        if self.info is None:
            return "<VideoScenes of frames that are handed in>"
        (height, width), rate = self.info.size_hw, float(self.info.frame_rate)
        return f"<VideoScenes of {Path(self.info.name).name}, {width}x{height}, {rate:g} frames/s>"

    def __iter__(self) -> VideoScenes:
        return self

    def __next__(self) -> Scene:
        try:
            return next(self._scenes)
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        """How many scenes there are in all, by what the video says of itself: an estimate.

        Raises:
            TypeError: If nobody knows, as for a camera.
        """
        if self.info is None or self.info.frame_count is None:
            raise TypeError("nobody knows how many frames this video has")
        return self.info.frame_count

    def __bool__(self) -> bool:
        return True

    def __enter__(self) -> VideoScenes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End, and let go of the source; also before the first frame."""
        release, self._release = self._release, None
        try:
            close = getattr(self._scenes, "close", None)
            if close is not None:
                close()
        finally:
            if release is not None:
                release()


class Tracking:
    """Follows objects through frames that come one by one, without delay: `scene = tracking(frame)`.

    Each camera has a tracking of its own; one that is made anew begins with the id 1.
    """

    def __init__(self, detector: Detector, cutter: Cutter, tracker: Tracker, frame_rate: Fraction) -> None:
        self._detector, self._cutter, self._tracker = detector, cutter, tracker
        self._frame_rate = frame_rate
        self._count = 0

    def __repr__(self) -> str:
        return f"<Tracking at {float(self._frame_rate):g} frames/s, after {count(self._count, 'frame')}>"

    def __call__(self, picture: Picture) -> Scene:
        """The scene of the next frame, in whatever form `Segmenter.__call__` takes a picture.

        Frames without a time of their own, arrays and files, are taken to come at the frame rate.

        Raises:
            OSError: If there is no such file.
            ValueError: If it is no picture.
            TypeError: If it is several pictures, or of a kind that is none.
        """
        frame = as_frame(picture)
        if not isinstance(picture, Frame):
            frame = replace(frame, index=self._count, time=self._count / self._frame_rate)
        self._count += 1
        return self._cutter(look(self._detector, [frame], self._tracker, self._cutter.sam))[0]
