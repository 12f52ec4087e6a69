"""AAC as broadcasts have it: a header (ADTS) on each packet, so that channels and rate may change midway."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.codec import CodecContext
from av.container import OutputContainer
from av.packet import Packet

from sav.media.audio.conversion import LAYOUTS, Conversion
from sav.media.audio.copying import CopiedTrack
from sav.media.pyav import channels_of, decoded_sound

_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_SIZE = 7  # bytes of a header without checksum

# Packets of another kind in a row after which it is a change, not damage.
_CHANGED = 3


@dataclass(frozen=True)
class AdtsKind:
    """What an ADTS header says of the sound behind it (ISO/IEC 14496-3, 1.A.2.2).

    Attributes:
        profile: The object type, less 1.
        rate_index: Position of the rate in the standard's list.
        channels: The channel configuration: 1 to 6 channels, or 7 for eight.
    """

    profile: int
    rate_index: int
    channels: int

    @classmethod
    def of(cls, packet: Packet) -> AdtsKind | None:
        """The kind of a packet, or None if it has no header that makes sense."""
        head = bytes(packet)[:_SIZE]
        if len(head) < _SIZE or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
            return None
        kind = cls(head[2] >> 6, head[2] >> 2 & 15, (head[2] & 1) << 2 | head[3] >> 6)
        length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
        return kind if kind.rate_index < len(_RATES) and kind.channels and length == packet.size else None

    @property
    def rate(self) -> int:
        """Samples per second, before any doubling that HE-AAC does."""
        return _RATES[self.rate_index]

    @property
    def channel_count(self) -> int:
        """Channels, before any doubling that HE-AAC does."""
        return 8 if self.channels == 7 else self.channels

    def agrees_with(self, context: AudioCodecContext) -> bool:
        """Whether a decoder that found this rate and these channels may have found them in this kind."""
        rates, counts = (self.rate, 2 * self.rate), (self.channel_count, 2 * self.channel_count)
        return context.sample_rate in rates and channels_of(context) in counts

    def headed(self, content: bytes) -> bytes:
        """A packet of this kind without its header, given one."""
        length = _SIZE + len(content)
        head = (
            0xFF,
            0xF1,
            self.profile << 6 | self.rate_index << 2 | self.channels >> 2,
            (self.channels & 3) << 6 | length >> 11,
            length >> 3 & 0xFF,
            (length & 7) << 5 | 0x1F,
            0xFC,
        )
        return bytes(head) + content


class AdtsTrack(CopiedTrack):
    """Packets as they are while they are of the kind of the first; others are encoded anew as that."""

    def __init__(self, stream: AudioStream, output: OutputContainer, origin: Fraction) -> None:
        """Add a track; see `CopiedTrack`."""
        super().__init__(stream, output, origin)
        self._kind: AdtsKind | None = None
        self._misfits = 0  # packets of another kind since the last that was copied
        self._conversion: Conversion | None = None

    def take(self, packet: Packet) -> Iterator[Packet]:
        """The packets to write for one of the source's; see `CopiedTrack.take`.

        Raises:
            FFmpegError: It cannot be decoded, or MP4 does not take it.
            ValueError: It is damaged.
        """
        kind = AdtsKind.of(packet)
        if kind is None:
            raise ValueError("a header of AAC is damaged")
        if kind == self._kind or (self._kind is None and kind.agrees_with(self._stream.codec_context)):
            self._kind, self._misfits = kind, 0
            yield from self.flush()
            yield from super().take(packet)
            return
        self._misfits += 1
        if self._misfits < _CHANGED:
            raise ValueError("a header of AAC is damaged")
        self._kind = self._kind or kind
        self._conversion = self._conversion or self._begun(self._kind)
        for frame in decoded_sound(self._stream, packet):
            yield from self._copied(self._conversion.take(frame), self._kind)

    def flush(self) -> Iterator[Packet]:
        """What is left of sound that is encoded anew."""
        conversion, self._conversion = self._conversion, None
        if conversion is not None and self._kind is not None:
            yield from self._copied(conversion.flush(), self._kind)

    def _begun(self, kind: AdtsKind) -> Conversion:
        """A conversion into `kind`, on the source's clock."""
        encoder: Any = CodecContext.create("aac", "w")
        encoder.sample_rate, encoder.layout, encoder.format = kind.rate, LAYOUTS[kind.channel_count], "fltp"
        encoder.time_base = Fraction(1, kind.rate)
        return Conversion(kind.rate, LAYOUTS[kind.channel_count], Fraction(0), encoder.encode)

    def _copied(self, encoded: Iterator[Packet], kind: AdtsKind) -> Iterator[Packet]:
        """What becomes of packets that were encoded here."""
        for bare in encoded:
            packet: Packet = Packet(kind.headed(bytes(bare)))
            packet.pts, packet.dts, packet.duration = bare.pts, bare.dts, bare.duration
            packet.time_base = bare.time_base
            yield from self._timed(packet)
