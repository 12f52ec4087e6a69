"""Packets to decoded pictures with exact times, past bad packets, until the end or what damages it."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from sav.errors import VideoDamagedError
from sav.media.clock import OUT_OF_ORDER, SLIP, Clock
from sav.media.deinterlacing import progressive
from sav.media.pyav import fraction, packets_of, size_of
from sav.media.video import LiveSound

_log = logging.getLogger(__name__)

_MICROSECONDS = 1_000_000

# Containers whose header declares the length; for others FFmpeg estimates it.
_DECLARING_FORMATS = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "flv", "asf"}

# Seconds by which a file may end before the declared length and still count as whole.
_TOLERATED_GAP = Fraction(1, 2)


@dataclass(frozen=True)
class TimedPicture:
    """A decoded picture and when it is shown.

    Attributes:
        picture: As FFmpeg decoded it.
        time: Seconds of the source's clock.
        duration: Seconds.
    """

    picture: av.VideoFrame
    time: Fraction
    duration: Fraction

    @property
    def end(self) -> Fraction:
        """When the next picture should come, in seconds."""
        return self.time + self.duration


@dataclass(frozen=True)
class _Stated:
    """A decoded picture and what the stream says of its time and duration, in seconds."""

    picture: av.VideoFrame
    time: Fraction | None
    duration: Fraction
    tick: Fraction

    def is_near(self, other: _Stated) -> bool:
        return self.time is None or other.time is None or abs(other.time - self.time) <= SLIP

    def leading(self, other: _Stated) -> _Stated:
        """This picture, right before `other` if it states to come after that."""
        if self.time is None or other.time is None or self.time - other.time <= OUT_OF_ORDER:
            return self
        return replace(self, time=other.time - self.duration)


class Decoder:
    """Decodes the pictures of a container from where it stands."""

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        name: str,
        frame_rate: Fraction,
        is_address: bool = False,
        sound: LiveSound | None = None,
    ) -> None:
        """Decode `stream`.

        Args:
            container: Where to read, from where it stands.
            stream: One of its streams.
            name: What to call it in messages.
            frame_rate: Frames per second, for those that say nothing of their duration.
            is_address: Whether it is read over a network.
            sound: Where to set packets of sound aside, if anybody wants them.
        """
        self._packets = _Packets(container, stream, sound, is_address)
        self._name = name
        self._frame_duration = 1 / frame_rate
        self._undecodable = 0
        self._is_mended = self._has_complained = False
        self._has_only_decoding_times = container.format.name == "avi"
        self._delay: int | None = None

    def __iter__(self) -> Iterator[TimedPicture]:
        """Yield the pictures in the order in which they are shown, at times that always rise.

        Raises:
            VideoDamagedError: After the last picture, if what follows it cannot be read.
        """
        clock = Clock()
        doubted: _Stated | None = None  # the first picture, or one so late that the next must agree
        for stated in self._stated():
            if doubted is not None and clock.last is None:
                yield self._timed(doubted.leading(stated), clock)
                doubted = None
            elif doubted is not None:
                yield self._timed(doubted, clock, is_true_gap=doubted.is_near(stated))
                doubted = None
            if clock.last is None or (stated.time is not None and clock.slips(stated.time)):
                doubted = stated
            else:
                yield self._timed(stated, clock)
        if doubted is not None:
            yield self._timed(doubted, clock)
        damage = self._packets.damage or ("cannot be decoded any further" if self._undecodable else "")
        if damage:
            before = (
                "no frame before that is whole" if clock.last is None else "the frames before that are good"
            )
            raise VideoDamagedError(f"{self._name} {damage}; {before}")

    def _stated(self) -> Iterator[_Stated]:
        """The pictures with what the stream says of their times."""
        for picture in progressive(self._decoded()):
            tick = fraction(picture.time_base)
            ticks = self._ticks(picture)
            time = None if ticks is None else ticks * tick
            yield _Stated(picture, time, picture.duration * tick or self._frame_duration, tick)

    def _timed(self, stated: _Stated, clock: Clock, is_true_gap: bool = True) -> TimedPicture:
        """A picture at its right time.

        One that is only out of order, as in a damaged stretch, comes right after the one before.
        """
        shift, last, end = clock.shift, clock.last, clock.end
        time = end if stated.time is None else clock.time(stated.time, is_true_gap)
        if clock.shift != shift and not self._is_mended:
            self._is_mended = True
            _log.warning("%s: its clock breaks at %.3f s; mended", self._name, float(end))
        if last is not None and time <= last:
            time = last + min(stated.tick or self._frame_duration, self._frame_duration)
        clock.passed(time, stated.duration)
        return TimedPicture(stated.picture, time, stated.duration)

    def _ticks(self, picture: av.VideoFrame) -> int | None:
        """When the picture is shown on the stream's clock; None if that does not say.

        AVI stores no presentation times, and those that FFmpeg makes up for it are in disorder where
        pictures were stored out of order. Its decoding times are sound, but for a constant delay.
        """
        if not self._has_only_decoding_times:
            return picture.pts
        if picture.dts is None:
            return None
        if self._delay is None:
            self._delay = picture.dts
        return picture.dts - self._delay

    def _decoded(self) -> Iterator[av.VideoFrame]:
        """The pictures of all packets that can be decoded; `_undecodable` counts failures since the last."""
        for packet in self._packets:
            try:
                pictures = packet.decode()
            except av.error.EOFError:
                return
            except av.FFmpegError as error:
                self._complain(packet, error)
                self._undecodable += 1
                continue
            if pictures:
                self._undecodable = 0
            yield from pictures

    def _complain(self, packet: Packet, error: av.FFmpegError) -> None:
        """Say, the first time, from when on frames cannot be decoded."""
        ticks = packet.dts if packet.pts is None else packet.pts
        when = "" if ticks is None else f" from {float(ticks * fraction(packet.time_base)):.1f} s on"
        level = logging.DEBUG if self._has_complained else logging.WARNING
        line = "%s: it is damaged%s; frames that cannot be decoded are left out (FFmpeg: %s)"
        _log.log(level, line, self._name, when, error.strerror)
        self._has_complained = True


class _Packets:
    """The packets of one stream, and whether the container goes on to the end that it declares.

    Attributes:
        damage: What cut the packets short, as the rest of a sentence; empty if nothing did.
    """

    def __init__(
        self, container: InputContainer, stream: VideoStream, sound: LiveSound | None, is_address: bool
    ) -> None:
        self._container = container
        self._stream = stream
        self._sound = sound
        self._may_end_anywhere = is_address and size_of(container) is None
        self.damage = ""

    def __iter__(self) -> Iterator[Packet]:
        last_end, was_cut = Fraction(0), False
        packets = packets_of(self._container)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                break
            except av.error.ExitError:
                self.damage = "stopped sending"
                break
            except (av.FFmpegError, OSError) as error:
                # FFmpeg's HTTP calls any end of a stream an error whose length the server did not say.
                if error.errno == errno.EIO and self._may_end_anywhere:
                    break
                self.damage = f"cannot be read any further ({getattr(error, 'strerror', None) or error})"
                break
            if packet.pts is not None and packet.time_base:
                last_end = max(last_end, (packet.pts + (packet.duration or 0)) * fraction(packet.time_base))
            if self._sound is not None:
                self._sound.see(packet)
            if packet.stream_index == self._stream.index and packet.size:
                was_cut = packet.is_corrupt
                yield packet
        self._judge_end(last_end, was_cut)
        yield self._flush()

    def _flush(self) -> Packet:
        """The empty packet that brings out the last pictures."""
        packet: Packet = Packet()
        packet.stream = self._stream
        packet.time_base = fraction(self._stream.time_base)
        return packet

    def _judge_end(self, last_end: Fraction, was_cut: bool) -> None:
        declared = self._container.duration if self._container.format.name in _DECLARING_FORMATS else None
        end = Fraction((declared or 0) + (self._container.start_time or 0), _MICROSECONDS)
        if self.damage:
            return
        if was_cut:
            self.damage = "breaks off in the middle of a frame"
        elif declared and end - last_end > _TOLERATED_GAP:
            self.damage = f"ends {float(end - last_end):.1f} s before the length that it declares"
