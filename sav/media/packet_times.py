"""When frames are stored and for how long they last, so that an MP4 ends exactly when its last frame does."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import pairwise

from av.packet import Packet


class PacketTimes:
    """Sets decoding times and durations of an encoder's packets, of which MP4 reckons how long a video is.

    A track is as long as its packets are stored, from the first one's decoding time to the end of the last
    one's duration; movie and edit list are as long as frames are shown, until the latest of their ends. The
    two agree if a delay is kept to: the first frame is stored so long before it is shown, and the last
    packet so long before the last frame is shown, or earlier if it still does not end after that frame.
    Packets are held back while those after them might otherwise find no room before that, which happens
    only where frames come much faster than at the begin.

    All times are in ticks, of which no two frames have the same.
    """

    def __init__(self, longest_delay: int) -> None:
        """Begin.

        Args:
            longest_delay: Ticks, at least 2, to which the encoder's delay is shortened.
        """
        self._longest_delay = longest_delay
        self._delay = 0
        self._last_dts: int | None = None
        self._held: deque[Packet] = deque()
        self._released = 0

    def add(self, packets: Iterable[Packet], frame_count: int, last_pts: int) -> Iterator[Packet]:
        """Yield what can be written.

        Args:
            packets: The encoder's next ones.
            frame_count: Frames that were given to the encoder until now.
            last_pts: When the last of them is shown.
        """
        self._hold(packets)
        while self._held:
            first = self._held[0]
            later = frame_count - self._released - 1  # packets, of which each takes a tick or more
            if _pts(first) >= last_pts or _dts(first) + later > last_pts - self._delay:
                return
            self._released += 1
            yield self._held.popleft()

    def end(self, packets: Iterable[Packet], last_pts: int, duration: int) -> list[Packet]:
        """The packets that are left.

        Args:
            packets: The encoder's last ones.
            last_pts: When the last frame is shown.
            duration: For how long.
        """
        self._hold(packets)
        if not self._held:
            return []

        # The last packet's time must leave its duration positive, and its frame no later end than the last.
        last = self._held[-1]
        last.dts = min(max(_dts(last), _pts(last) - self._delay), last_pts - self._delay)
        for later, packet in pairwise(reversed(self._held)):
            packet.dts = min(_dts(packet), _dts(later) - 1)

        for packet in self._held:
            if packet.pts == last_pts:
                packet.duration = duration
        last.duration = last_pts + duration - self._delay - _dts(last)
        return list(self._held)

    def _hold(self, packets: Iterable[Packet]) -> None:
        """Take packets on, with a duration that no frame's falls short of: MP4 knows it by the next frame."""
        for packet in packets:
            if self._last_dts is None:
                self._delay = min(_pts(packet) - _dts(packet), self._longest_delay)
                packet.dts = _pts(packet) - self._delay
            else:
                packet.dts = max(_dts(packet), self._last_dts + 1)
            self._last_dts, packet.duration = packet.dts, 1
            self._held.append(packet)


def _pts(packet: Packet) -> int:
    return packet.pts or 0


def _dts(packet: Packet) -> int:
    return packet.dts or 0
