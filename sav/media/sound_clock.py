"""The times of sound as they should be: brought back to the pictures beside it where its clock breaks."""

from __future__ import annotations

import logging
from fractions import Fraction

from av.packet import Packet

from sav.media.clock import SLIP, Clock
from sav.media.pyav import fraction

# Packets of sound that wait for a picture beside them, which some files have in other places altogether; and
# those that a stream must have to be more than damage.
_MOST_DOUBTED, _LEAST_DOUBTED = 64, 3

# A packet of a codec with frames of one size that declares to last longer than so many seconds and frames
# does not: frames take some hundredths of a second, and few of them are put together.
_LONGEST_FRAME, _MOST_FRAMES = Fraction(1), 16
# Such packets on end after which the next follows at once.
_MOST_STRETCHED = 2

_log = logging.getLogger(__name__)


class SoundClock:
    """Mends the times of packets of sound; sees all packets of a source in the order in which they lie there.

    A break of the clock of sound alone is closed. Where the pictures' clock breaks, too, because recordings
    were joined, the sound goes the way of the pictures. Where both pass over a time, it passed in truth. A
    packet that declares to last longer than it can may stand before a gap; after several there is none.
    """

    def __init__(self, name: str, pictures: int) -> None:
        """Begin.

        Args:
            name: What to call the source in messages.
            pictures: The index of the stream of pictures.
        """
        self._name = name
        self._picture_index = pictures
        self._pictures = Clock()
        self._doubted: Fraction | None = None  # a picture so late that the next must agree
        self._clocks: dict[int, Clock] = {}
        self._first: dict[int, list[Packet]] = {}  # of each stream, until it is sure that they are in time
        self._stretched: dict[int, int] = {}  # of each stream, how many packets on end last too long
        self._is_mended = False
        self._in_step: set[int] = set()  # streams whose last packet lay beside a picture of its time

    def see(self, packet: Packet) -> list[Packet]:
        """Take note of a packet, and give those of sound, whole and mended, that it makes sure of."""
        if packet.stream_index == self._picture_index:
            self._see_picture(packet)
        if packet.stream.type != "audio" or not packet.size or packet.is_corrupt:
            return []
        if packet.is_discard:  # what an edit list cuts out is not on the clock
            return [packet]
        if packet.stream_index in self._clocks:
            self._mend(packet)
            return [packet]
        return self._begun(packet)

    def rest(self) -> list[Packet]:
        """The packets of streams that were too short for anything to be sure of, but not next to nothing."""
        return [
            packet
            for index, first in list(self._first.items())
            if len(first) >= _LEAST_DOUBTED
            for packet in self._released(index)
        ]

    def _begun(self, packet: Packet) -> list[Packet]:
        """A stream's first packets, once one lies beside the pictures, but for any that contradict it."""
        index, own = packet.stream_index, begin_of(packet)
        first = self._first.setdefault(index, [])
        first.append(packet)
        if self._is_beside(own + self._pictures.shift):
            first[:] = [one for one in first if abs(begin_of(one) - own) <= SLIP]
            return self._released(index, self._pictures.shift)
        return self._released(index) if len(first) >= _MOST_DOUBTED else []

    def _released(self, index: int, shift: Fraction = Fraction(0)) -> list[Packet]:
        self._clocks[index] = Clock()
        self._clocks[index].turn_to(shift)
        first = self._first.pop(index)
        if 2 * sum(map(_is_stretched, first)) > len(first):
            self._stretched[index] = _MOST_STRETCHED
        for packet in first:
            self._mend(packet)
        return first

    def _see_picture(self, packet: Packet) -> None:
        ticks = packet.pts if packet.dts is None else packet.dts
        if ticks is None:
            return
        own = ticks * fraction(packet.time_base)
        is_agreed = self._doubted is not None and abs(own - self._doubted) <= SLIP
        self._doubted = own if self._pictures.slips(own) and not is_agreed else None
        if self._doubted is None:
            self._pictures.passed(self._pictures.time(own), duration_of(packet))

    def _mend(self, packet: Packet) -> None:
        index, others = packet.stream_index, self._pictures.shift
        clock = self._clocks[index]
        before = clock.shift
        own = clock.end - before if packet.pts is None else begin_of(packet)

        # A break, or a leap of the pictures, may part sound from them; then it goes to them, if it can.
        is_parted = clock.breaks(own) or (index in self._in_step and not self._is_beside(own + before))
        if self._stretched.get(index, 0) >= _MOST_STRETCHED:
            clock.turn_to(clock.end - own)
            time = clock.end
        elif is_parted and self._is_beside(own + others) and clock.can_follow(own + others):
            clock.turn_to(others)
            time = own + others
        else:
            time = clock.time(own, is_true_gap=index not in self._in_step)

        if clock.shift != before and not self._is_mended:
            self._is_mended = True
            _log.warning("%s: the clock of its sound breaks at %.3f s; mended", self._name, float(clock.end))
        if self._is_beside(time):
            self._in_step.add(index)
        else:
            self._in_step.discard(index)
        self._stretched[index] = self._stretched.get(index, 0) + 1 if _is_stretched(packet) else 0
        clock.passed(time, duration_of(packet))
        packet.duration = round(duration_of(packet) / fraction(packet.time_base))
        packet.pts = packet.dts = round(time / fraction(packet.time_base))

    def _is_beside(self, time: Fraction) -> bool:
        """Whether sound at `time` belongs near the picture that came last."""
        return self._pictures.last is not None and abs(time - self._pictures.last) <= SLIP


def begin_of(packet: Packet) -> Fraction:
    """When a packet begins, in seconds."""
    return (packet.pts or 0) * fraction(packet.time_base)


def duration_of(packet: Packet) -> Fraction:
    """How long a packet lasts, in seconds: what it declares, unless it is sound that cannot hold so much."""
    declared = _declared(packet)
    if packet.stream.type != "audio" or declared <= _LONGEST_FRAME:
        return declared
    context = packet.stream.codec_context
    if not (context and context.frame_size and context.sample_rate):  # its packets may be of any length
        return declared
    frame = Fraction(context.frame_size, context.sample_rate)
    return frame if declared > _MOST_FRAMES * frame else declared


def _is_stretched(packet: Packet) -> bool:
    """Whether a packet declares to last longer than it can."""
    return duration_of(packet) < _declared(packet)


def _declared(packet: Packet) -> Fraction:
    return (packet.duration or 0) * fraction(packet.time_base)
