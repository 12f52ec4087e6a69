"""Sound that is broken, changes or is cut, beside pictures that are all there afterwards."""

from __future__ import annotations

import errno
import logging
import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from sav.data.types import Frame
from sav.errors import VideoError
from sav.media.audio.tracks import AudioTracks
from sav.media.video import VideoInfo
from sav.media.writer import VideoWriter
from tests.conftest import cases
from tests.media.test_writer import copy, heard, lag, numbers, picture_track, tracks
from tests.media.videos import make_video, numbered_image, tone

Maker = Callable[..., Path]

RATE = Fraction(25)
HOURS = 6 * 3600


def joined(folder: Path, *parts: Path) -> Path:
    path = folder / f"joined{parts[0].suffix}"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def sound_seconds(path: Path) -> float:
    """Seconds of sound that decode."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        samples = sum(frame.samples for frame in container.decode(stream))
        return samples / stream.codec_context.sample_rate


def with_times(source: Path, kinds: str, change: Callable[[float], float]) -> Path:
    """A copy of an FLV or MPEG-TS with other times, in seconds, of packets of sound, pictures or both."""
    path = source.with_name(f"changed{source.suffix}")
    content = bytearray(source.read_bytes())
    (_change_flv if source.suffix == ".flv" else _change_ts)(content, kinds, change)
    path.write_bytes(content)
    return path


def _change_flv(content: bytearray, kinds: str, change: Callable[[float], float]) -> None:
    at = 13
    while at + 11 < len(content):
        size, time = (
            int.from_bytes(content[at + 1 : at + 4], "big"),
            int.from_bytes(content[at + 4 : at + 7], "big"),
        )
        time |= content[at + 7] << 24
        if {8: "sound", 9: "pictures"}.get(content[at], "") in kinds:
            new = round(change(time / 1000) * 1000) & 0xFFFFFFFF
            content[at + 4 : at + 8] = (new & 0xFFFFFF).to_bytes(3, "big") + bytes([new >> 24])
        at += 11 + size + 4


def _change_ts(content: bytearray, kinds: str, change: Callable[[float], float]) -> None:
    for at in range(0, len(content), 188):
        pes = content.find(b"\0\0\1", at, at + 188)
        if not content[at + 1] & 0x40 or pes < 0 or content[pes + 3] < 0xBD:
            continue
        if ("pictures" if content[pes + 3] & 0xF0 == 0xE0 else "sound") in kinds:
            for place in range(pes + 9, pes + 9 + content[pes + 8] // 5 * 5, 5):
                _change_pts(content, place, change)


def _change_pts(content: bytearray, at: int, change: Callable[[float], float]) -> None:
    a, b, c = (
        content[at],
        int.from_bytes(content[at + 1 : at + 3], "big"),
        int.from_bytes(content[at + 3 : at + 5], "big"),
    )
    ticks = (a >> 1 & 7) << 30 | b >> 1 << 15 | c >> 1
    new = round(change(ticks / 90000) * 90000) % (1 << 33)
    content[at] = a & 0xF1 | new >> 30 << 1
    content[at + 1 : at + 3] = ((new >> 15 & 0x7FFF) << 1 | 1).to_bytes(2, "big")
    content[at + 3 : at + 5] = ((new & 0x7FFF) << 1 | 1).to_bytes(2, "big")


@pytest.mark.parametrize(
    ("name", "codec", "first", "second"),
    [
        ("in.ts", "mp2", {}, {"audio_layout": "mono"}),
        ("in.ts", "mp2", {"audio_layout": "mono"}, {}),
        ("in.ts", "mp2", {}, {"audio_rate": 44100}),
        ("in.ts", "aac", {}, {"audio_layout": "mono"}),
        ("in.ts", "aac", {"audio_rate": 44100}, {}),
        ("in.ts", "aac", {}, {"audio_layout": "5.1"}),
        ("in.ts", "ac3", {}, {"audio_layout": "5.1"}),
        ("in.ts", "libmp3lame", {}, {"audio_layout": "mono"}),
        ("in.vob", "mp2", {"audio_layout": "mono"}, {}),
    ],
)
def test_sound_that_changes_midway_is_kept_to_its_end(
    tmp_path: Path, name: str, codec: str, first: dict, second: dict
) -> None:
    video = "mpeg2video" if name.endswith("vob") else "libx264"
    parts = [
        make_video(tmp_path, f"{n}{name}", 50, rate=RATE, codec=video, audio=codec, **options)
        for n, options in enumerate((first, second))
    ]
    target = copy(joined(tmp_path, *parts), tmp_path / "out.mp4")
    assert len(picture_track(target).times) == 100
    assert abs(sound_seconds(target) - 4) < 0.2
    sound = heard(target, 5)
    starts = float(picture_track(target).times[0])
    for begin in (0.3, 2.3):
        piece = sound[round((starts + begin) * 48000) :][: 48000 * 3 // 2]
        expected = tone(2)[0][round((begin % 2) * 48000) :][: 48000 * 3 // 2]
        assert abs(lag(piece, expected)) < 0.1


def test_latm_that_changes_its_layout_is_kept_to_its_end(tmp_path: Path) -> None:
    latm = {"mpegts_flags": "latm"}
    parts = [
        make_video(tmp_path, f"{n}.ts", 50, rate=RATE, audio="aac", audio_layout=layout, muxer_options=latm)
        for n, layout in enumerate(("stereo", "5.1"))
    ]
    target = copy(joined(tmp_path, *parts), tmp_path / "out.mp4")
    assert len(picture_track(target).times) == 100
    assert abs(sound_seconds(target) - 4) < 0.2


@pytest.mark.parametrize("bit", [0, 12, 17, 20, 22, 25, 26, 31, 40, 60])
def test_a_flipped_bit_in_a_header_of_sound_costs_only_sound(
    make_video: Maker, tmp_path: Path, bit: int
) -> None:
    source = make_video("in.ts", 50, rate=RATE, audio="aac")
    content = bytearray(source.read_bytes())
    headers = [at for at in range(len(content) - 1) if content[at : at + 2] == b"\xff\xf1"]
    content[headers[len(headers) // 2] + bit // 8] ^= 128 >> bit % 8
    source.write_bytes(content)
    target = copy(source, tmp_path / "out.mp4")
    assert numbers(target) == list(range(50))
    assert sound_seconds(target) > 1.8


@pytest.mark.parametrize(("name", "codec"), [("in.ts", "aac"), ("in.ts", "mp2"), ("in.flv", "aac")])
@cases("leap", [-1000, 20, HOURS], quick=1)
@pytest.mark.parametrize("end", [1.06, 99])
def test_a_clock_of_sound_that_leaps_by_itself_is_brought_back(
    make_video: Maker, tmp_path: Path, name: str, codec: str, leap: int, end: float
) -> None:
    source = make_video(
        name, 75, rate=RATE, audio=codec, audio_rate=44100, muxer_options={"output_ts_offset": "2000"}
    )
    with av.open(str(source)) as container:
        begin = float(container.streams.video[0].start_time * container.streams.video[0].time_base)

    def leaping(time: float) -> float:
        return time + leap if 1 <= time - begin < end else time

    target = copy(with_times(source, "sound", leaping), tmp_path / "out.mp4")
    times = picture_track(target).times
    assert [round((time - times[0]) * 25, 1) for time in times] == list(range(75))
    assert abs(sound_seconds(target) - 3) < 0.15
    assert abs(lag(heard(target, 3.2, 44100), tone(3, 44100)[0], 44100) - float(times[0])) < 0.1


@pytest.mark.parametrize("seconds", [5, 11, 100])
def test_packets_that_declare_to_last_longer_than_they_can_follow_each_other_at_once(
    make_video: Maker, tmp_path: Path, seconds: int
) -> None:
    source = make_video("in.mp4", 50, rate=RATE, audio="aac")
    content = bytearray(source.read_bytes())
    table = content.rindex(b"stts") + 8
    runs, packets = struct.unpack_from(">II", content, table)
    assert runs <= 2 and packets > 90
    struct.pack_into(">I", content, table + 8, seconds * 48000)
    edits = content.rindex(b"edts")
    content[edits : edits + 4] = b"free"  # they would cut out what comes after two seconds
    source.write_bytes(content)

    target = copy(source, tmp_path / "out.mp4")
    (sound,) = tracks(target, "audio")
    assert len(picture_track(target).times) == 50
    assert abs(sound.times[-1] - sound.times[0] - 2) < 0.1 and abs(sound.times[0]) < 0.1


@cases("gap", [20, 1200, HOURS], quick=1)
@pytest.mark.parametrize(("name", "codec"), [("in.ts", "aac"), ("in.ts", "mp2"), ("in.flv", "aac")])
def test_a_gap_in_pictures_and_sound_alike_is_not_filled_and_stays_up_to_half_an_hour(
    make_video: Maker, tmp_path: Path, name: str, codec: str, gap: int
) -> None:
    source = make_video(name, 100, rate=RATE, audio=codec, audio_rate=44100, options={"bf": "0"})
    later = with_times(source, "sound and pictures", lambda time: time + gap if time >= 3 else time)
    target = copy(later, tmp_path / "out.mp4")
    pictures, (sound,) = picture_track(target).times, tracks(target, "audio")
    assert len(pictures) == 100
    kept = gap if gap < 1800 else 0
    assert abs(pictures[-1] - pictures[0] - Fraction(99, 25) - kept) < 0.002
    assert abs(sound.times[-1] - pictures[-1]) < 0.2
    assert abs(sound_seconds(target) - 4) < 0.2
    assert target.stat().st_size < 1_000_000


@pytest.mark.parametrize("kind", ["pictures", "sound"])
def test_a_first_time_that_is_damaged_moves_nothing(make_video: Maker, tmp_path: Path, kind: str) -> None:
    source = make_video("in.flv", 75, rate=RATE, options={"bf": "0"}, audio="aac", audio_rate=44100)
    times: list[float] = []

    def leaping(time: float) -> float:
        times.append(time)
        return time + (HOURS if len(times) == 2 else 0)  # the first holds headers

    target = copy(with_times(source, kind, leaping), tmp_path / "out.mp4")
    assert len(times) > 70
    pictures = picture_track(target).times
    assert [round((time - pictures[1]) * 25, 1) for time in pictures[1:]] == list(range(74))
    assert abs(sound_seconds(target) - 3) < 0.1
    assert abs(lag(heard(target, 3.1, 44100), tone(3, 44100)[0], 44100) - float(pictures[0])) < 0.05


@pytest.mark.parametrize("leap", [-1000, HOURS])
def test_a_picture_whose_time_is_damaged_moves_no_other(make_video: Maker, tmp_path: Path, leap: int) -> None:
    source = make_video("in.flv", 75, rate=RATE, options={"bf": "0"})
    damaged = with_times(source, "pictures", lambda time: time + leap if round(time * 25) == 30 else time)
    target = copy(damaged, tmp_path / "out.mp4")
    assert picture_track(target).times == [n / RATE for n in range(75)]


@pytest.mark.parametrize("ticks", [600, 30000, 90000, 1_000_000])
def test_steps_of_half_an_hour_are_exact_and_longer_ones_refused(tmp_path: Path, ticks: int) -> None:
    info = VideoInfo((96, 128), RATE, Fraction(1, ticks))
    times = [Fraction(n, 25) + 1800 * (n > 5) + 1790 * (n > 6) for n in range(12)]
    with VideoWriter(tmp_path / "out.mp4", info) as writer:
        for number, time in enumerate(times):
            writer.write(Frame(numbered_image(number), number, time=time))
        with pytest.raises(ValueError, match="MP4 has room"):
            writer.write(Frame(numbered_image(0), 0, time=times[-1] + 100_000_000))
    assert picture_track(tmp_path / "out.mp4").times == times
    assert numbers(tmp_path / "out.mp4") == list(range(12))


def test_a_short_silence_is_filled(make_video: Maker, tmp_path: Path) -> None:
    source = make_video("in.mkv", 75, rate=RATE, audio="mp2")
    gapped = tmp_path / "gapped.mkv"
    with av.open(str(source)) as before, av.open(str(gapped), "w") as after:
        streams = {s.index: after.add_stream_from_template(s) for s in before.streams}
        for packet in before.demux():
            is_silent = (
                packet.stream.type == "audio" and packet.size and 1 <= packet.pts * packet.time_base < 2
            )
            if packet.size and not is_silent:
                packet.stream = streams[packet.stream_index]
                after.mux(packet)
    target = copy(gapped, tmp_path / "out.mp4")
    assert abs(sound_seconds(target) - 3) < 0.1
    sound = heard(target, 3)
    assert np.abs(sound[round(1.2 * 48000) : round(1.8 * 48000)]).max() < 0.01
    assert np.abs(sound[round(2.2 * 48000) : round(2.8 * 48000)]).max() > 0.2


@pytest.mark.parametrize("rate", [8000, 11025, 12000])
def test_mp3_that_mp4_does_not_hold_is_encoded_anew(make_video: Maker, tmp_path: Path, rate: int) -> None:
    source = make_video("in.mkv", 50, rate=RATE, audio="libmp3lame", audio_rate=rate)
    target = copy(source, tmp_path / "out.mp4")
    (track,) = tracks(target, "audio")
    assert track.codec == "aac"
    assert abs(lag(heard(target, 2, rate), tone(2, rate)[0], rate)) < 0.05


@pytest.mark.parametrize(("codec", "sound"), [("libx264", "aac"), ("flv", "libmp3lame")])
def test_sound_may_be_the_first_stream(tmp_path: Path, codec: str, sound: str) -> None:
    source = make_video(tmp_path, "in.flv", 50, rate=RATE, codec=codec, audio=sound, audio_rate=44100)
    swapped = tmp_path / "swapped.flv"
    with av.open(str(source)) as before, av.open(str(swapped), "w") as after:
        audio, video = before.streams.audio[0], before.streams.video[0]
        streams = {s.index: after.add_stream_from_template(s) for s in (audio, video)}
        for packet in sorted(
            (p for p in before.demux() if p.size), key=lambda p: (p.dts * p.time_base, p.stream.type)
        ):
            packet.stream = streams[packet.stream_index]
            after.mux(packet)
    with av.open(str(swapped)) as container:
        assert container.streams[0].type == "audio"
    target = copy(swapped, tmp_path / "out.mp4")
    assert len(picture_track(target).times) == 50
    assert abs(sound_seconds(target) - 2) < 0.15


def boxes(content: bytes, begin: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The kind, begin and end of each box of an MP4 between two places."""
    while begin < end:
        size, kind = struct.unpack_from(">I4s", content, begin)
        yield kind, begin, begin + size
        begin += size


def with_edits(content: bytes, track: int, edits: list[tuple[float, int]]) -> bytes:
    """An MP4 whose index comes last, with other edits for a track: seconds, and the tick where they begin."""
    (movie_rate,) = struct.unpack_from(">I", content, content.index(b"mvhd") + 16)
    table = b"".join(struct.pack(">IiI", round(length * movie_rate), at, 0x10000) for length, at in edits)
    elst = struct.pack(">I4sII", 16 + len(table), b"elst", 0, len(edits)) + table
    edts = struct.pack(">I4s", 8 + len(elst), b"edts") + elst
    (moov,) = [box for box in boxes(content, 0, len(content)) if box[0] == b"moov"]
    trak = [box for box in boxes(content, moov[1] + 8, moov[2]) if box[0] == b"trak"][track]
    parts = [content[b:e] for kind, b, e in boxes(content, trak[1] + 8, trak[2]) if kind != b"edts"]
    body = b"".join([parts[0], edts, *parts[1:]])
    new_trak = struct.pack(">I4s", 8 + len(body), b"trak") + body
    inner = content[moov[1] + 8 : trak[1]] + new_trak + content[trak[2] : moov[2]]
    return content[: moov[1]] + struct.pack(">I4s", 8 + len(inner), b"moov") + inner + content[moov[2] :]


@pytest.mark.parametrize("codec", ["aac", "ac3", "alac", "libmp3lame", "pcm_s16le"])
def test_sound_that_is_cut_by_several_edits_stays_cut(tmp_path: Path, codec: str) -> None:
    source = make_video(tmp_path, "in.mov", 75, rate=RATE, audio=codec, options={"g": "10", "bf": "0"})
    with av.open(str(source)) as container:
        ticks = [int(1 / stream.time_base) for stream in container.streams]
    content = source.read_bytes()
    for track, rate in enumerate(ticks):
        content = with_edits(content, track, [(0.8, 0), (0.8, round(2.0 * rate))])
    source.write_bytes(content)
    target = copy(source, tmp_path / "out.mp4")
    assert numbers(target) == [*range(20), *range(50, 70)]
    assert abs(sound_seconds(target) - sound_seconds(source)) < 0.1
    assert abs(sound_seconds(target) - 1.6) < 0.2
    late = heard(target, 1.6)[round(0.9 * 48000) : round(1.5 * 48000)]
    expected = tone(3)[0][round(2.1 * 48000) : round(2.7 * 48000)]
    assert abs(lag(late, expected)) < 0.1


def test_sound_without_a_number_is_silent(make_video: Maker, tmp_path: Path) -> None:
    source = make_video("in.mov", 50, rate=RATE, audio="pcm_f32le")
    content = bytearray(source.read_bytes())
    begin = content.index(b"mdat")
    wrong = struct.pack("<f", float("nan")) * 4000
    content[begin + 60_000 : begin + 60_000 + len(wrong)] = wrong
    source.write_bytes(content)
    target = copy(source, tmp_path / "out.mp4")
    assert abs(sound_seconds(target) - 2) < 0.1


def test_more_channels_than_aac_has_become_stereo(make_video: Maker, tmp_path: Path) -> None:
    source = make_video("in.mov", 50, rate=RATE, audio="pcm_s16le", audio_layout="hexadecagonal")
    target = copy(source, tmp_path / "out.mp4")
    with av.open(str(target)) as container:
        assert container.streams.audio[0].codec_context.channels == 2
    assert abs(sound_seconds(target) - 2) < 0.1


@pytest.mark.parametrize("layout", ["7.0", "7.1", "octagonal", "5.1.4", "7.1.4", "22.2"])
@pytest.mark.parametrize(("codec", "name"), [("pcm_s16le", "in.mov"), ("wavpack", "in.mkv")])
def test_sound_of_any_number_of_channels_is_whole(
    make_video: Maker, tmp_path: Path, codec: str, name: str, layout: str
) -> None:
    source = make_video(name, 50, rate=RATE, audio=codec, audio_layout=layout)
    target = copy(source, tmp_path / "out.mp4")
    assert numbers(target) == list(range(50))
    assert abs(sound_seconds(target) - 2) < 0.1
    assert abs(lag(heard(target, 1.9), tone(1.9)[0])) < 0.01


def test_channels_of_any_place_are_read_again_and_again(make_video: Maker, tmp_path: Path) -> None:
    source = make_video("in.mov", 50, rate=RATE, audio="pcm_s16le", audio_layout="hexadecagonal")
    content = bytearray(source.read_bytes())
    labels = content.index(b"chan") + 16
    assert int.from_bytes(content[labels : labels + 4], "big") == 16
    content[labels + 4 + 60 : labels + 8 + 60] = (77777).to_bytes(4, "big")  # of the fourth channel
    source.write_bytes(content)
    for number in range(3):
        target = copy(source, tmp_path / f"{number}.mp4")
        assert abs(sound_seconds(target) - 2) < 0.1


def test_a_source_that_opens_only_once_gives_its_pictures(
    make_video: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise VideoError("cannot be opened again")

    monkeypatch.setattr("sav.media.audio.tracks.SoundPackets", refuse)
    source = make_video("in.mp4", 30, audio="aac")
    with caplog.at_level(logging.WARNING):
        target = copy(source, tmp_path / "out.mp4")
    assert numbers(target) == list(range(30))
    assert tracks(target, "audio") == []
    assert [record.message.count("sound is left out") for record in caplog.records] == [1]


@pytest.mark.parametrize("error", [RuntimeError("odd"), av.error.InvalidDataError(1, "odd"), MemoryError()])
def test_whatever_goes_wrong_with_sound_is_said_once_and_costs_no_picture(
    make_video: Maker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("sav.media.audio.copying.CopiedTrack.take", fail)
    source = make_video("in.mp4", 30, audio="aac")
    with caplog.at_level(logging.WARNING):
        target = copy(source, tmp_path / "out.mp4")
    assert numbers(target) == list(range(30))
    assert sum("sound that is broken is left out" in record.message for record in caplog.records) == 1


def test_a_full_disk_is_no_fault_of_sound(
    make_video: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(AudioTracks, "_take", full)
    source = make_video("in.mp4", 30, audio="aac")
    with pytest.raises(OSError, match=r"out\.mp4: No space left"):
        copy(source, tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]
