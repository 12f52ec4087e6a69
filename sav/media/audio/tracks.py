"""All sound of a source on its way into a copy, beside pictures that no failure of it may cost."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from sav.files import is_of_the_disk
from sav.media.audio.adts import AdtsTrack
from sav.media.audio.copying import COPIED, CopiedTrack
from sav.media.audio.encoding import EncodedTrack
from sav.media.audio.sources import SoundPackets
from sav.media.video import AudioSource

_log = logging.getLogger(__name__)

_Track = CopiedTrack | EncodedTrack

# Packets of sound that are looked at for one of the pictures: seconds of it, and a moment of work.
_AT_ONCE = 500


class AudioTracks:
    """Takes the sound of a source into an output container, step by step beside the pictures.

    What cannot be read, decoded, encoded or written is left out; the first time, a line in the log says so.
    """

    def __init__(self, audio: AudioSource, output: OutputContainer, origin: Fraction) -> None:
        """Add a track to `output` for each of the source's that can be had.

        Args:
            audio: Where the sound is found.
            output: Where it goes; nothing may have been written to it.
            origin: The time in the source, in seconds, that is 0 in the output.

        Raises:
            VideoError: The source cannot be opened again.
        """
        self._name = audio.source.name
        self._output = output
        self._sound = SoundPackets(audio, origin)
        self._tracks: dict[int, _Track] = {}
        self._complained: set[int] = set()
        for stream in self._sound.streams:
            try:
                self._tracks[stream.index] = _track(stream, output, origin)
            except (av.FFmpegError, ValueError) as error:
                self._complain(stream.index, error)

    def advance(self, until: Fraction) -> None:
        """Write sound that begins before `until` in the source, in seconds, or as much as there is time for.

        Raises:
            OSError: The disk does not take it.
        """
        self._take(self._sound.before(until, _AT_ONCE))

    def finish(self, until: Fraction | None) -> None:
        """Write the sound up to `until`, None for all there is, and what the encoders still hold.

        Raises:
            OSError: The disk does not take it.
        """
        self._take(self._sound.before(until))
        for index, track in self._tracks.items():
            with self._harmless(index):
                self._output.mux(list(track.flush()))

    def close(self) -> None:
        """Close the source, if it was opened here."""
        self._sound.close()

    def _take(self, packets: Iterable[Packet]) -> None:
        for packet in packets:
            index = packet.stream_index
            if index in self._tracks:
                with self._harmless(index):
                    self._output.mux(list(self._tracks[index].take(packet)))

    @contextlib.contextmanager
    def _harmless(self, index: int) -> Iterator[None]:
        """Have no error inside the block, but one of the disk, end anything but the block."""
        try:
            yield
        except Exception as error:
            if is_of_the_disk(error):
                raise
            self._complain(index, error)

    def _complain(self, index: int, error: Exception) -> None:
        if index not in self._complained:
            self._complained.add(index)
            what = getattr(error, "strerror", None) or error
            _log.warning("%s: sound that is broken is left out (stream %d: %s)", self._name, index, what)


def _track(stream: AudioStream, output: OutputContainer, origin: Fraction) -> _Track:
    """The track that suits a stream best, of those that can be had."""
    context = stream.codec_context
    if context.name in COPIED:
        kind = AdtsTrack if context.name == "aac" and not context.extradata else CopiedTrack
        try:
            return kind(stream, output, origin)
        except (av.FFmpegError, ValueError) as error:
            _log.debug("sound is encoded anew, since MP4 does not hold it as it is: %s", error)
    return EncodedTrack(stream, output, origin)
