"""What is written, read back by PyAV: the same times, the same sound, whole files or none."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from sav.data.types import Frame
from sav.errors import VideoDamagedError, VideoError
from sav.media.audio.copying import CopiedTrack
from sav.media.audio.encoding import EncodedTrack
from sav.media.colors import ColorTags
from sav.media.h264 import WriterConfig
from sav.media.mp4 import Mp4
from sav.media.reader import open_video
from sav.media.save_path import check_save_path
from sav.media.video import VideoInfo
from sav.media.writer import VideoWriter
from tests.conftest import cases
from tests.media.videos import NTSC, SHARED_MEDIA, numbered_image, read_number, tone

Maker = Callable[..., Path]


def copy(source: Path, target: Path, **selection: Any) -> Path:
    """Read and write again, as track.py does but without touching the pictures."""
    with open_video(source, **selection) as video, VideoWriter(target, video.info) as writer:
        for frame in video:
            writer.write(frame)
        writer.end_time = video.end_time
    assert writer.saved_path == target
    return target


@dataclass(frozen=True)
class Track:
    """One stream of a file: when each packet is shown, for how long, and what is in it."""

    codec: str
    times: list[Fraction]
    durations: list[Fraction]
    contents: list[bytes]


def tracks(path: Path, kind: str) -> list[Track]:
    found = []
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        for stream in streams:
            container.seek(0)
            packets = sorted((p for p in container.demux(stream) if p.size), key=lambda p: p.pts)
            base = Fraction(stream.time_base)
            found.append(
                Track(
                    stream.codec_context.name,
                    [p.pts * base for p in packets],
                    [p.duration * base for p in packets],
                    [bytes(p) for p in packets],
                )
            )
    return found


def picture_track(path: Path) -> Track:
    (track,) = tracks(path, "video")
    return track


def numbers(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [read_number(frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0)]


def length(path: Path) -> Fraction:
    """Seconds that the file declares, which MP4 counts in milliseconds."""
    with av.open(str(path)) as container:
        return Fraction(container.duration, 1_000_000)


def heard(path: Path, seconds: float, rate: int = 48000) -> np.ndarray:
    """The first sound track on the file's clock, `(N,)`, silence where there is none."""
    line = np.zeros(round(seconds * rate))
    with av.open(str(path)) as container:
        resamplers: dict[tuple[str, int], av.AudioResampler] = {}
        for frame in container.decode(audio=0):
            kind = (frame.layout.name, frame.sample_rate)
            resampler = resamplers.setdefault(kind, av.AudioResampler("fltp", "mono", rate))
            for part in resampler.resample(frame):
                begin = round(part.time * rate)
                samples = part.to_ndarray()[0][max(0, -begin) :]
                begin = max(0, begin)
                end = min(len(line), begin + len(samples))
                line[begin:end] = samples[: max(0, end - begin)]
    return line


def lag(sound: np.ndarray, expected: np.ndarray, rate: int = 48000) -> float:
    """Seconds by which `sound` comes after `expected`, by the peak of their correlation."""
    size = 1 << (len(sound) + len(expected)).bit_length()
    spectrum = np.fft.rfft(sound, size) * np.conj(np.fft.rfft(expected, size))
    peak = int(np.argmax(np.fft.irfft(spectrum, size)))
    return (peak if peak < size // 2 else peak - size) / rate


@pytest.mark.parametrize("rate", [NTSC, Fraction(24000, 1001), Fraction(25), Fraction(60), Fraction(25, 2)])
def test_a_steady_rate_stays_exact(make_video: Maker, tmp_path: Path, rate: Fraction) -> None:
    target = copy(make_video(count=40, rate=rate), tmp_path / "out.mp4")
    track = picture_track(target)
    assert track.times == [number / rate for number in range(40)]
    assert track.durations == [1 / rate] * 40
    assert numbers(target) == list(range(40))
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == rate
        assert (stream.width, stream.height, stream.frames) == (128, 96, 40)


def test_variable_times_and_the_last_duration_stay_exact(make_video: Maker, tmp_path: Path) -> None:
    ticks = [0, 7, 8, 30, 31, 33, 90, 91, 200, 207, 208, 240]
    source = make_video(count=12, ticks=ticks, time_base=Fraction(1, 600), options={"bf": "0"})
    with open_video(source) as video:
        assert [frame.time for frame in video] == [Fraction(tick, 600) for tick in ticks]
        end_time = video.end_time
    target = copy(source, tmp_path / "out.mp4")
    assert picture_track(target).times == [Fraction(tick, 600) for tick in ticks]
    assert abs(length(target) - end_time) < Fraction(1, 1000)


def test_a_late_first_frame_stays_late(make_video: Maker, tmp_path: Path) -> None:
    ticks = [201, 221, 245, 270]
    target = copy(make_video(count=4, ticks=ticks, time_base=Fraction(1, 600)), tmp_path / "out.mp4")
    assert picture_track(target).times == [Fraction(tick, 600) for tick in ticks]


@pytest.mark.parametrize("name", ["in.mkv", "in.avi", "in.flv", "in.h264", "in.webm"])
def test_times_from_other_containers_stay_exact(make_video: Maker, tmp_path: Path, name: str) -> None:
    codec = "libvpx" if name.endswith("webm") else "libx264"
    source = make_video(name, count=40, codec=codec)
    with open_video(source) as video:
        times = [frame.time for frame in video]
    target = copy(source, tmp_path / "out.mp4")
    assert picture_track(target).times == times
    assert numbers(target) == list(range(40))


def test_a_broadcast_clock_is_taken_off_pictures_and_sound_alike(make_video: Maker, tmp_path: Path) -> None:
    late = {"output_ts_offset": "5000"}
    source = make_video("in.ts", count=50, rate=Fraction(25), audio="aac", muxer_options=late)
    with av.open(str(source)) as container:
        starts = [stream.start_time * stream.time_base for stream in container.streams]
    assert min(starts) > 4999
    target = copy(source, tmp_path / "out.mp4")
    times = picture_track(target).times
    assert times[0] == starts[0] - min(starts)
    assert [time - times[0] for time in times] == [Fraction(n, 25) for n in range(50)]
    assert abs(lag(heard(target, 2), tone(2)[0]) - float(times[0])) < 0.002


@pytest.mark.parametrize("size_hw", [(97, 128), (96, 127), (95, 129), (1, 17)])
def test_an_odd_size_gains_a_row_or_column_and_loses_nothing(
    tmp_path: Path, size_hw: tuple[int, int]
) -> None:
    image = np.random.default_rng(1).integers(0, 255, (*size_hw, 1), np.uint8).repeat(3, 2)
    info = VideoInfo(size_hw, Fraction(25), Fraction(1, 25))
    with VideoWriter(tmp_path / "out.mp4", info, WriterConfig(crf=1)) as writer:
        writer.write(Frame(image))
    with av.open(str(tmp_path / "out.mp4")) as container:
        back = next(container.decode(video=0)).to_ndarray(format="bgr24")
    height, width = size_hw
    assert back.shape == (height + height % 2, width + width % 2, 3)
    assert np.abs(back[:height, :width].astype(int) - image).mean() < 3


def test_the_index_comes_before_the_pictures(make_video: Maker, tmp_path: Path) -> None:
    content = copy(make_video(audio="aac"), tmp_path / "out.mp4").read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("in.mp4", "aac"),
        ("in.mp4", "libmp3lame"),
        ("in.mp4", "ac3"),
        ("in.mp4", "alac"),
        ("in.mkv", "eac3"),
        ("in.mkv", "aac"),
        ("in.mkv", "libopus"),
        ("in.mkv", "flac"),
        ("in.avi", "libmp3lame"),
    ],
)
def test_sound_that_mp4_can_hold_is_copied_byte_for_byte(
    make_video: Maker, tmp_path: Path, name: str, codec: str
) -> None:
    source = make_video(name, count=60, audio=codec)
    target = copy(source, tmp_path / "out.mp4")
    (before,), (after,) = tracks(source, "audio"), tracks(target, "audio")
    assert after.contents == before.contents
    assert after.codec == before.codec
    drift = [abs(new - old) for new, old in zip(after.times, before.times, strict=True)]
    assert max(drift) <= (0 if name == "in.mp4" else Fraction(1, 500))
    steps = {b - a for a, b in zip(after.times[1:-2], after.times[2:-1], strict=True)}
    assert len(steps) == 1  # no jitter from a coarse clock
    assert abs(lag(heard(target, 2), heard(source, 2))) < 0.001


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("in.mkv", "vorbis", 48000),
        ("in.mkv", "mp2", 48000),
        ("in.avi", "pcm_s16le", 44100),
        ("in.mov", "pcm_s16le", 48000),
    ],
)
def test_other_sound_becomes_aac_and_stays_in_step(
    make_video: Maker, tmp_path: Path, name: str, codec: str, rate: int
) -> None:
    source = make_video(name, count=60, audio=codec, audio_rate=rate)
    target = copy(source, tmp_path / "out.mp4")
    (track,) = tracks(target, "audio")
    assert track.codec == "aac"
    sound = heard(target, 2)
    assert abs(lag(sound, tone(2)[0])) < 0.002
    assert np.corrcoef(sound[4800:-4800], tone(2)[0][4800:-4800])[0, 1] > 0.95


def test_a_video_without_sound_has_none_afterwards(make_video: Maker, tmp_path: Path) -> None:
    assert tracks(copy(make_video(), tmp_path / "out.mp4"), "audio") == []


@pytest.mark.parametrize("seconds", [0.3, 4.0])
def test_shorter_and_longer_sound_is_kept_whole(make_video: Maker, tmp_path: Path, seconds: float) -> None:
    source = make_video(count=40, audio="aac", audio_seconds=seconds)
    target = copy(source, tmp_path / "out.mp4")
    assert tracks(target, "audio") == tracks(source, "audio")
    assert picture_track(target).times == [number / NTSC for number in range(40)]


def test_all_sound_tracks_are_kept(make_video: Maker, tmp_path: Path) -> None:
    source = make_video("in.mkv", count=40, audio=["aac", "vorbis", "ac3"])
    kept = tracks(copy(source, tmp_path / "out.mp4"), "audio")
    assert [track.codec for track in kept] == ["aac", "aac", "ac3"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("codec", ["aac", "mp2"])
def test_the_sound_of_a_live_source_is_recorded(make_video: Maker, tmp_path: Path, codec: str) -> None:
    source = make_video("in.ts", count=100, rate=Fraction(25), audio=codec)
    whole = copy(source, tmp_path / "whole.mp4")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    feeder = threading.Thread(target=lambda: pipe.write_bytes(source.read_bytes()))
    feeder.start()
    with open_video(pipe) as video, VideoWriter(tmp_path / "out.mp4", video.info) as writer:
        assert video.is_live
        assert video.frame_count is None
        for frame in video:
            writer.write(frame)
    feeder.join()
    assert numbers(tmp_path / "out.mp4") == list(range(100))
    assert abs(lag(heard(tmp_path / "out.mp4", 4), heard(whole, 4))) < 0.001
    (live,), (filed,) = tracks(tmp_path / "out.mp4", "audio"), tracks(whole, "audio")
    assert abs(len(live.times) - len(filed.times)) <= 1


@pytest.mark.parametrize("codec", ["aac", "mp2"])
def test_joined_recordings_stay_in_step(make_video: Maker, tmp_path: Path, codec: str) -> None:
    part = make_video("part.ts", count=50, rate=Fraction(25), audio=codec)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(part.read_bytes() * 2)
    target = copy(joined, tmp_path / "out.mp4")
    assert len(picture_track(target).times) == 100
    sound = heard(target, 4)
    begin = tracks(part, "audio")[0].times[0]
    for first in (0, 2):
        piece = sound[round((first + float(begin) + 0.1) * 48000) :][: 48000 * 3 // 2]
        assert abs(lag(piece, tone(2)[0][4800 : 4800 + 72000])) < 0.06


@pytest.mark.parametrize(("name", "codec"), [("in.mp4", "aac"), ("in.mkv", "vorbis"), ("in.mkv", "aac")])
@cases(("start", "end"), [(40, 70), (None, 45), ("1.5s", None), (33, "2s")], quick=1)
def test_a_stretch_takes_its_own_sound_along(
    make_video: Maker, tmp_path: Path, name: str, codec: str, start: Any, end: Any
) -> None:
    source = make_video(name, count=100, rate=Fraction(25), audio=codec)
    target = copy(source, tmp_path / "out.mp4", start=start, end=end)
    first = {None: 0, "1.5s": 38}.get(start, start)
    last = {None: 100, "2s": 50}.get(end, end)
    assert numbers(target) == list(range(first, last))
    times, seconds = picture_track(target).times, (last - first) / 25
    assert [round(time * 25, 3) for time in times] == list(range(last - first))
    expected = tone(4)[0][first * 1920 : last * 1920]
    sound = heard(target, seconds)
    assert abs(lag(sound, expected)) < 0.002
    (track,) = tracks(target, "audio")
    longest = max(track.durations)
    assert track.times[0] > -2 * longest
    assert abs(float(track.times[-1] + track.durations[-1]) - seconds) < 2 * longest


def test_a_stride_keeps_times_and_sound(make_video: Maker, tmp_path: Path) -> None:
    source = make_video(count=60, audio="aac")
    target = copy(source, tmp_path / "out.mp4", stride=7)
    track = picture_track(target)
    assert numbers(target) == list(range(0, 60, 7))
    assert track.times == [number / NTSC for number in range(0, 60, 7)]
    assert tracks(target, "audio") == tracks(source, "audio")
    silent = copy(make_video(count=60), tmp_path / "silent.mp4", stride=7)
    assert abs(length(silent) - 60 / NTSC) < Fraction(1, 1000)  # the last frame, number 56, lasts 4 frames


def test_a_turned_video_is_written_upright(make_video: Maker, tmp_path: Path) -> None:
    target = copy(make_video(count=3, rotation=(90, False, False)), tmp_path / "out.mp4")
    with av.open(str(target)) as container:
        frame = next(container.decode(video=0))
        assert (frame.width, frame.height, frame.rotation) == (96, 128, 0)


def test_the_shape_of_pixels_is_kept(make_video: Maker, tmp_path: Path) -> None:
    def anamorphic(stream: av.VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(16, 11)

    target = copy(make_video(count=3, prepare=anamorphic), tmp_path / "out.mp4")
    with av.open(str(target)) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(16, 11)


@pytest.mark.parametrize("size_hw", [(96, 128), (720, 1280)])
@pytest.mark.parametrize("tags", [(1, 1, 1), (6, 6, 6), (5, 2, 2), (2, 2, 2)])
def test_colors_and_their_tags_do_not_shift(
    make_video: Maker, tmp_path: Path, tags: tuple[int, int, int], size_hw: tuple[int, int]
) -> None:
    def tagged(stream: av.VideoStream) -> None:
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc = tags

    source = make_video(count=2, size_hw=size_hw, prepare=tagged, options={"crf": "5"})
    target = copy(source, tmp_path / "out.mp4")
    with av.open(str(source)) as before, av.open(str(target)) as after:
        old, new = next(before.decode(video=0)), next(after.decode(video=0))
    assert (new.colorspace, new.color_primaries, new.color_trc) == tags
    assert new.color_range in (0, 1)  # limited, which H.264 may leave unsaid
    difference = np.abs(old.to_ndarray().astype(int) - new.to_ndarray())
    assert difference.mean() < 1
    assert np.abs(new.to_ndarray().mean() - old.to_ndarray().mean()) < 0.5


def test_full_range_looks_the_same_as_limited_range(make_video: Maker, tmp_path: Path) -> None:
    source = make_video(
        "in.mov", count=2, codec="mjpeg", pix_fmt="yuvj420p", options={"qmin": "1", "qmax": "2"}
    )
    target = copy(source, tmp_path / "out.mp4")
    with open_video(source) as before, open_video(target) as after:
        old, new = next(iter(before)).image, next(iter(after)).image
    with av.open(str(target)) as container:
        assert container.streams.video[0].pix_fmt == "yuv420p"
    assert np.abs(old.astype(int) - new).mean() < 2
    assert np.abs(old.mean((0, 1)) - new.mean((0, 1))).max() < 1


def test_a_folder_of_pictures_becomes_a_video(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(12):
        cv2.imwrite(str(tmp_path / "in" / f"{number}.png"), numbered_image(number))
    target = copy(tmp_path / "in", tmp_path / "out.mp4")
    assert numbers(target) == list(range(12))
    assert picture_track(target).times == [Fraction(number, 25) for number in range(12)]


def test_names_in_any_script_are_written(make_video: Maker, tmp_path: Path) -> None:
    folder = tmp_path / "Übung %d: 猫"
    folder.mkdir()
    source = make_video("Кіно 1.mp4", count=5, audio="aac")
    assert numbers(copy(source, folder / "наши 猫 100%.mp4")) == list(range(5))


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, VideoDamagedError])
def test_an_interruption_leaves_a_playable_part_and_the_old_file(
    make_video: Maker, tmp_path: Path, error: type[BaseException]
) -> None:
    source, target = make_video("in.mp4", count=100, audio="aac"), tmp_path / "out.mp4"
    target.write_bytes(b"an earlier result")
    with pytest.raises(error), open_video(source) as video, VideoWriter(target, video.info) as writer:
        for frame in video:
            if frame.index == 60:
                raise error("stop")
            writer.write(frame)
    partial = tmp_path / "out.interrupted.mp4"
    assert writer.saved_path == partial
    assert numbers(partial) == list(range(60))
    assert picture_track(partial).times == [number / NTSC for number in range(60)]
    (sound,) = tracks(partial, "audio")
    assert abs(float(sound.times[-1] + sound.durations[-1] - 60 / NTSC)) < 0.05
    assert target.read_bytes() == b"an earlier result"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.interrupted.mp4", "out.mp4"]


def test_a_truncated_source_leaves_a_playable_part(make_video: Maker, tmp_path: Path) -> None:
    source = make_video("in.mp4", count=80, audio="aac", muxer_options={"movflags": "faststart"})
    source.write_bytes(source.read_bytes()[: -source.stat().st_size // 3])
    with (
        pytest.raises(VideoDamagedError),
        open_video(source) as video,
        VideoWriter(tmp_path / "out.mp4", video.info) as writer,
    ):
        for frame in video:
            writer.write(frame)
    assert writer.saved_path == tmp_path / "out.interrupted.mp4"
    assert len(numbers(writer.saved_path)) == writer.frame_count > 20
    assert not (tmp_path / "out.mp4").exists()


def test_a_writer_that_failed_is_over(
    make_video: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_video("in.mp4", 40, audio="aac")

    def full(self: Mp4) -> None:
        self.abandon()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Mp4, "close", full)
    with open_video(source) as video:
        writer = VideoWriter(tmp_path / "out.mp4", video.info)
        for frame in video:
            writer.write(frame)
        with pytest.raises(OSError, match=r"out\.mp4: No space left"):
            writer.close()
        for finish in (writer.close, writer.interrupt, writer.close):
            finish()
        with pytest.raises(ValueError, match="closed"):
            writer.write(frame)
    assert writer.saved_path is None
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_frames_that_were_written_before_a_failure_are_saved(
    make_video: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_video("in.mp4", 60, audio="aac")
    encode = Mp4.write

    def failing(self: Mp4, image: np.ndarray, time: Fraction) -> None:
        if time > 1:
            raise av.error.InvalidDataError(1094995529, "odd")
        encode(self, image, time)

    monkeypatch.setattr(Mp4, "write", failing)
    with (
        pytest.raises(OSError, match=r"out\.mp4: odd"),
        open_video(source) as video,
        VideoWriter(tmp_path / "out.mp4", video.info) as writer,
    ):
        for frame in video:
            writer.write(frame)
    assert writer.saved_path == tmp_path / "out.interrupted.mp4"
    assert numbers(writer.saved_path) == list(range(writer.frame_count))
    assert writer.frame_count == 30


@pytest.mark.parametrize("codec", ["aac", "mp2"])
def test_ctrl_c_during_the_rest_of_the_sound_saves_all_pictures(
    make_video: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: str
) -> None:
    source = make_video("in.mkv", 20, audio=codec, audio_seconds=20)
    track = CopiedTrack if codec == "aac" else EncodedTrack
    take = track.take
    taken: list[Fraction] = []

    def pressing(self: Any, packet: av.Packet) -> Iterator[av.Packet]:
        taken.append(packet.pts * packet.time_base)
        if taken[-1] > 5:
            signal.raise_signal(signal.SIGINT)
        yield from take(self, packet)

    monkeypatch.setattr(track, "take", pressing)
    with pytest.raises(KeyboardInterrupt), open_video(source) as video:
        writer = VideoWriter(tmp_path / "out.mp4", video.info)
        for frame in video:
            writer.write(frame)
        writer.close()
    assert writer.saved_path == tmp_path / "out.interrupted.mp4"
    assert numbers(writer.saved_path) == list(range(20))
    assert taken[-1] < 5.1
    (sound,) = tracks(writer.saved_path, "audio")
    assert 4 < sound.times[-1] < 6


def test_an_interruption_before_the_first_frame_leaves_nothing(make_video: Maker, tmp_path: Path) -> None:
    source = make_video("in.mp4", audio="aac")
    with open_video(source) as video:
        with pytest.raises(KeyboardInterrupt), VideoWriter(tmp_path / "out.mp4", video.info) as writer:
            raise KeyboardInterrupt
        assert writer.saved_path is None
        with pytest.raises(VideoError, match="no frame"), VideoWriter(tmp_path / "out.mp4", video.info):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_an_existing_file_is_replaced_by_a_whole_one(make_video: Maker, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    target.write_bytes(b"an earlier result")
    assert numbers(copy(make_video("in.mp4", count=4), target)) == [0, 1, 2, 3]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


def test_the_same_frames_give_the_same_bytes(make_video: Maker, tmp_path: Path) -> None:
    source = make_video("in.mkv", audio="vorbis")
    assert copy(source, tmp_path / "a.mp4").read_bytes() == copy(source, tmp_path / "b.mp4").read_bytes()


def test_frames_of_another_size_or_order_are_refused(tmp_path: Path) -> None:
    info = VideoInfo((96, 128), Fraction(25), Fraction(1, 25))
    first = Frame(numbered_image(0), 0, time=Fraction(1))
    with VideoWriter(tmp_path / "out.mp4", info) as writer:
        writer.write(first)
        with pytest.raises(ValueError, match="size"):
            writer.write(replace(first, image=numbered_image(0, (64, 64)), time=Fraction(2)))
        with pytest.raises(ValueError, match="after"):
            writer.write(first)
    assert writer.frame_count == 1


@pytest.mark.parametrize("size_hw", [(16, 16640), (16385, 16), (16384, 16300)])
def test_a_size_that_h264_cannot_have_is_refused_before_anything_is_made(
    tmp_path: Path, size_hw: tuple[int, int]
) -> None:
    height, width = size_hw
    with pytest.raises(VideoError, match=rf"in\.mkv has frames of {width}x{height}; H\.264.*scale it down"):
        VideoWriter(tmp_path / "out.mp4", VideoInfo(size_hw, NTSC, 1 / NTSC, name="in.mkv"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size_hw", [(2, 16384), (16384, 1), (1, 1)])
def test_the_longest_sides_are_written(tmp_path: Path, size_hw: tuple[int, int]) -> None:
    with VideoWriter(tmp_path / "out.mp4", VideoInfo(size_hw, NTSC, 1 / NTSC)) as writer:
        writer.write(Frame(np.zeros((*size_hw, 3), np.uint8), 0, "a", Fraction(0)))
    assert len(picture_track(tmp_path / "out.mp4").times) == 1


def test_a_better_quality_makes_a_larger_file(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8)
    info = VideoInfo((96, 128), Fraction(25), Fraction(1, 25), colors=ColorTags(1, 1, 1))
    sizes = []
    for crf in (35, 10):
        with VideoWriter(tmp_path / f"{crf}.mp4", info, WriterConfig(crf=crf)) as writer:
            writer.write(Frame(noise))
        sizes.append((tmp_path / f"{crf}.mp4").stat().st_size)
    assert sizes[0] < sizes[1]
    with pytest.raises(ValueError, match="quality"):
        WriterConfig(crf=60)


def test_a_save_path_is_checked_before_any_work(make_video: Maker, tmp_path: Path) -> None:
    source = make_video("in.mp4", count=2)
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "link.mp4").symlink_to(source)
    assert check_save_path(tmp_path / "out.mp4", source) == tmp_path / "out.mp4"
    cases: list[tuple[str, type[Exception], str]] = [
        ("none/out.mp4", FileNotFoundError, "no folder"),
        ("in.mp4/out.mp4", NotADirectoryError, "not a folder"),
        ("folder.mp4", IsADirectoryError, "is a folder"),
        ("in.mp4", ValueError, "that is read"),
        ("link.mp4", ValueError, "that is read"),
        ("out.avi", ValueError, "MP4"),
        ("out", ValueError, "MP4"),
    ]
    for name, error, message in cases:
        with pytest.raises(error, match=message):
            check_save_path(tmp_path / name, source)
    assert not (tmp_path / "out.mp4").exists()
    with open_video(source) as video, pytest.raises(ValueError, match="that is read"):
        VideoWriter(source, video.info)


@pytest.mark.long
@pytest.mark.skipif(not SHARED_MEDIA.exists(), reason="needs the shared media")
def test_the_dog_keeps_its_times_and_its_sound(tmp_path: Path) -> None:
    source = SHARED_MEDIA / "dog.mp4"
    target = copy(source, tmp_path / "dog.mp4")
    before, after = picture_track(source), picture_track(target)
    assert len(after.times) == 289
    assert (after.times, after.durations) == (before.times, before.durations)
    assert tracks(target, "audio") == tracks(source, "audio")


@pytest.mark.long
@pytest.mark.skipif(not SHARED_MEDIA.exists(), reason="needs the shared media")
def test_a_stretch_of_the_bedroom_is_the_same_stretch(tmp_path: Path) -> None:
    source = SHARED_MEDIA / "bedroom.mp4"
    target = copy(source, tmp_path / "bedroom.mp4", start=60, end=90)
    assert picture_track(target).times == [Fraction(number, 30) for number in range(30)]
    with open_video(source, 60, 90) as before, open_video(target) as after:
        for old, new in zip(before, after, strict=True):
            assert np.abs(old.image.astype(int) - new.image).mean() < 2.5
