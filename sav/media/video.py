"""What a video is to the rest of the program: its properties, its reader, and what can go wrong."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import TracebackType

import av
from av.container import InputContainer
from av.packet import Packet

from sav.data.types import Frame
from sav.errors import VideoError
from sav.media.addresses import unknown_host
from sav.media.colors import ColorTags
from sav.media.pyav import open_input
from sav.media.sound_clock import SoundClock

# What can be read by who cannot go back in it.
PIPED = "an MP4's index may lie at its end, pipe MPEG-TS or Matroska, or give the file"

# Pixels that decoders add at the edges of frames, and FFmpeg's own limit.
_EDGES, _MOST_PIXELS = 10_000_000, (1 << 31) - 1


@dataclass(frozen=True)
class Input:
    """What FFmpeg is to open, and how.

    Attributes:
        url: A file, an address or a device.
        name: What to call it in messages.
        format: The demuxer, or None to let FFmpeg find out.
        options: FFmpeg's options.
        timeouts: Seconds for opening and for each read, or None for files.
        max_pixels: Width times height of the largest frame that is read.
        is_live: Whether it has no end, and cannot be opened twice.
    """

    url: str
    name: str
    format: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    timeouts: tuple[float, float] | None = None
    max_pixels: int = 100_000_000
    is_live: bool = False

    @property
    def max_decoded(self) -> int:
        """Width times height of the largest frame that decoders may make, for their edges are wider."""
        return min(self.max_pixels + _EDGES, _MOST_PIXELS)

    @property
    def is_piped(self) -> bool:
        """Whether it is a pipe on this machine."""
        return self.is_live and self.timeouts is None

    def not_piped(self) -> VideoError:
        """What is said of a pipe that cannot be read from its begin to its end."""
        return VideoError(f"{self.name} cannot be read as it is piped: {PIPED}")

    def open(self, decodes: bool = True) -> InputContainer:
        """Open it.

        Args:
            decodes: Whether frames may be decoded to learn what the header does not say.

        Raises:
            VideoError: It is not a video, or does not answer.
        """
        options = self.options if decodes else {**self.options, "codec_whitelist": "none"}
        try:
            return open_input(
                self.url,
                format=self.format,
                options=options,
                max_pixels=self.max_decoded,
                timeout=self.timeouts,
            )
        except av.error.ExitError:
            raise VideoError(f"{self.name} did not answer in time: check the address") from None
        except (av.error.InvalidDataError, av.error.EOFError):
            if self.is_piped:
                raise self.not_piped() from None
            raise VideoError(
                f"{self.name} is not a video that can be read: it is of another kind, or was not finished"
            ) from None
        except (av.FFmpegError, OSError) as error:
            host = unknown_host(self.url) if self.timeouts else None
            reason = (
                f"there is no host {host}, check the address" if host else error.strerror or "unknown error"
            )
            raise VideoError(f"cannot open {self.name}: {reason}") from None


class LiveSound:
    """The sound of a source that cannot be opened twice, set aside while its pictures are read.

    Holds a minute or so; where nobody takes it, the oldest makes room.
    """

    def __init__(self, container: InputContainer, clock: SoundClock) -> None:
        self.container = container
        self._clock = clock
        self._packets: deque[Packet] = deque(maxlen=4096)

    def see(self, packet: Packet) -> None:
        """Set a packet aside if it is one of sound."""
        self._packets.extend(self._clock.see(packet))

    def take(self) -> Packet | None:
        """The next packet, None if no more has come by now."""
        return self._packets.popleft() if self._packets else None

    def close(self) -> None:
        """Leave the container to the reader of the pictures."""


@dataclass(frozen=True)
class AudioSource:
    """Where the sound of a video is found.

    Attributes:
        source: What to open.
        live: The sound that the reader of the pictures sets aside, for a source that is live; else None.
        starts_late: The pictures do not begin with the source's first, so earlier sound is left out.
        ends_early: The pictures do not go to the source's end, so later sound is left out.
    """

    source: Input
    live: LiveSound | None = None
    starts_late: bool = False
    ends_early: bool = False


@dataclass(frozen=True)
class VideoInfo:
    """The properties of a video that its copy shares.

    Attributes:
        size_hw: Height and width of the upright frames in pixels.
        frame_rate: Frames per second, the average where time stamps vary; after the stride.
        time_base: Seconds per tick of the source's clock.
        name: What to call it in messages.
        frame_count: Frames that will come, an estimate; None if nobody knows.
        sample_aspect_ratio: Width of a pixel over its height.
        colors: What the numbers in the source's pixels mean.
        origin: The time in the source, in seconds, that is 0 in its copy.
        audio: Its sound, or None.
        is_live: Whether it comes from a camera or a stream without an end.
        stems: What to call a frame's files, by its name, where that is not its name without the suffix.
    """

    size_hw: tuple[int, int]
    frame_rate: Fraction
    time_base: Fraction
    name: str = ""
    frame_count: int | None = None
    sample_aspect_ratio: Fraction = Fraction(1)
    colors: ColorTags = field(default_factory=ColorTags)
    origin: Fraction = Fraction(0)
    audio: AudioSource | None = None
    is_live: bool = False
    stems: Mapping[str, str] = field(default_factory=dict)


class VideoReader(ABC):
    """The frames of one video, once, in order; a context manager that closes what it read from.

    Attributes:
        info: The video's properties.
        end_time: When the last frame delivered so far ends, in seconds of the source's clock.
        left_out: Frames so far that could not be read, while others after them could.
    """

    info: VideoInfo
    end_time: Fraction | None = None
    left_out: int = 0

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames, BGR uint8, numbered from 0 without gaps, with the source's time stamps.

        Raises:
            VideoDamagedError: After the last good frame, if the video stops before its end.
            VideoSizeChangedError: After the last frame of the first size.
        """

    def close(self) -> None:  # noqa: B027 (a folder has nothing to close)
        """Close what is read from."""

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width of the upright frames in pixels."""
        return self.info.size_hw

    @property
    def frame_rate(self) -> Fraction:
        """Frames per second, after the stride."""
        return self.info.frame_rate

    @property
    def time_base(self) -> Fraction:
        """Seconds per tick of the source's clock."""
        return self.info.time_base

    @property
    def frame_count(self) -> int | None:
        """Frames that will come, an estimate; None if nobody knows."""
        return self.info.frame_count

    @property
    def is_live(self) -> bool:
        """Whether the video comes from a camera or a stream without an end."""
        return self.info.is_live
