"""What a run over a video is to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sav.config import DEFAULT_TRACKER, SaveOptions
from sav.errors import VideoError
from sav.formats.registry import VIDEO_FORMATS
from sav.looks import DrawConfig
from sav.media.addresses import local_path
from sav.media.mp4 import check_size
from sav.media.opening import ReaderConfig
from sav.media.reader import open_video
from sav.media.video import VideoReader
from sav.runs.videos.results import VideoResults
from sav.stages.refine.config import RefineConfig


@dataclass(frozen=True)
class VideoJob:
    """What a run over a video is to do.

    Attributes:
        source: A video, a folder of numbered pictures, a camera's number, or an address.
        save_path: The MP4 to write; the annotations go beside it.
        start: First frame: its number, seconds or a time, as `open_video` takes it; None for the first.
        end: First frame that is not wanted, likewise.
        stride: Every how many frames one is taken.
        tracker: `sav`, `botsort`, `bytetrack`, or a YAML file with ultralytics' tracker keys.
        regions: Follow what has no name, too.
        formats: The formats of the annotations.
        options: What is wished of single formats.
        overwrite: Replace also files that are not ours, or not any more.
        batch: Frames that the models take at once; None for what suits the device and the source.
        max_megapixels: Million pixels above which a frame is refused; None for the usual limit.
        resume: Go on with a run into this path that was ended, by whatever.
        refine: How what is found is put right after the fact; None leaves it as it was found.
        draw: What is drawn on the frames, and how.
    """

    source: str
    save_path: Path
    start: str | None = None
    end: str | None = None
    stride: int = 1
    tracker: str = DEFAULT_TRACKER
    regions: bool = False
    formats: tuple[str, ...] = tuple(VIDEO_FORMATS)
    options: SaveOptions = SaveOptions()
    overwrite: bool = False
    batch: int | None = None
    max_megapixels: float | None = None
    resume: bool = False
    refine: RefineConfig | None = None
    draw: DrawConfig = DrawConfig()

    @property
    def looks(self) -> str:
        """What is wished of the files beside the defaults, in words: what a run that is done is known by."""
        return ", ".join(filter(None, (self.draw.changes, self.options.changes)))

    def open(self) -> VideoReader:
        """Open the source; see `open_video`.

        Raises:
            SavError: It cannot be read, or has frames of a size that cannot be written.
            OSError: There is no such source.
        """
        limits = ReaderConfig(max_megapixels=self.max_megapixels)
        reader = open_video(self.source, self.start, self.end, self.stride, limits)
        try:
            check_size(reader.info)
        except VideoError:
            reader.close()
            raise
        return reader

    def results(self) -> VideoResults:
        """Where the results go, after a look at what is in the way; see `VideoResults`."""
        source = local_path(self.source)
        return VideoResults(self.save_path, self.formats, self.overwrite, source, self.looks)
