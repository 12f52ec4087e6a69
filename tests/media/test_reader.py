"""What is read from sources of every kind, against what PyAV decodes from them without us."""

from __future__ import annotations

import contextlib
import functools
import http.server
import io
import os
import socket
import struct
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from sav.errors import SettingError, VideoDamagedError, VideoError, VideoSizeChangedError
from sav.media.opening import ReaderConfig
from sav.media.reader import open_video
from sav.media.writer import VideoWriter
from tests.media import rtsp
from tests.media.videos import NTSC, SHARED_MEDIA, numbered_image, read_number

Maker = Callable[..., Path]

OPEN_GOP = {"x264-params": "open-gop=1:keyint=8:min-keyint=8:bframes=3:b-adapt=0:scenecut=0"}
CLOSED_GOP = {"x264-params": "keyint=8:bframes=3:b-adapt=0:scenecut=0"}


def decoded(path: Path) -> list[Fraction]:
    """The times of all frames, decoded by PyAV alone."""
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


def test_every_frame_comes_once_in_order_with_the_streams_own_time(make_video: Maker) -> None:
    path = make_video(count=30)
    with open_video(path) as video:
        frames = list(video)
    assert [frame.index for frame in frames] == list(range(30))
    assert [read_number(frame.image) for frame in frames] == list(range(30))
    assert [frame.time for frame in frames] == [number / NTSC for number in range(30)] == decoded(path)
    assert all(isinstance(frame.time, Fraction) for frame in frames)
    assert frames[12].name == "video_000012"


def test_the_properties_are_those_of_the_stream(make_video: Maker) -> None:
    with open_video(make_video(count=30, size_hw=(96, 160))) as video:
        assert video.size_hw == (96, 160)
        assert video.frame_rate == NTSC
        assert video.time_base == Fraction(1, 30000)
        assert video.frame_count == 30
        assert not video.is_live
        assert len(list(video)) == 30
        assert video.end_time == 30 / NTSC


def test_variable_time_stamps_are_exact(make_video: Maker) -> None:
    ticks = [0, 7, 8, 30, 31, 33, 90, 91, 200, 207]
    path = make_video(count=10, ticks=ticks, time_base=Fraction(1, 600))
    with open_video(path) as video:
        assert [frame.time for frame in video] == [Fraction(tick, 600) for tick in ticks]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("video.mkv", "libx264", {}),
        ("video.avi", "mpeg4", {"bf": "0"}),
        ("video.avi", "libx264", {}),
        ("video.webm", "libvpx-vp9", {"cpu-used": "8", "deadline": "realtime"}),
        ("video.mov", "mjpeg", {}),
        ("video.ts", "mpeg2video", {}),
        ("video.flv", "libx264", {}),
        ("video.h264", "libx264", {}),
    ],
)
def test_each_container_gives_all_frames(make_video: Maker, name: str, codec: str, options: dict) -> None:
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = make_video(name, count=20, rate=Fraction(25), codec=codec, options=options, pix_fmt=pix_fmt)
    with open_video(path) as video:
        frames = list(video)
    assert [read_number(frame.image) for frame in frames] == list(range(20))
    steps = np.diff([float(frame.time) for frame in frames])
    np.testing.assert_allclose(steps, 1 / 25, atol=0.0011)


def test_a_gif_is_a_video(make_video: Maker) -> None:
    path = make_video("video.gif", count=6, codec="gif", rate=Fraction(10), pix_fmt="rgb8")
    with open_video(path) as video:
        frames = list(video)
    assert [read_number(frame.image) for frame in frames] == list(range(6))
    assert [frame.time for frame in frames] == [Fraction(number, 10) for number in range(6)]


def test_a_fragmented_mp4_is_read_to_its_end(make_video: Maker) -> None:
    movflags = {"movflags": "frag_keyframe+empty_moov"}
    path = make_video(count=30, options=CLOSED_GOP, muxer_options=movflags)
    with open_video(path) as video:
        assert [read_number(frame.image) for frame in video] == list(range(30))


def test_names_in_any_script_are_read(make_video: Maker) -> None:
    with open_video(make_video("Ünïcødé – видео 猫: 50%d.mp4", count=3)) as video:
        assert len(list(video)) == 3


def upright(number: int, size_hw: tuple[int, int]) -> np.ndarray:
    """An image with another colour in each corner."""
    height, width = size_hw
    image = np.full((height, width, 3), 128, np.uint8)
    image[: height // 2, : width // 2] = (255, 0, 0)
    image[: height // 2, width // 2 :] = (0, 255, 0)
    image[height // 2 :, : width // 2] = (0, 0, 255)
    return image


@pytest.mark.parametrize("flips", [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_the_display_matrix_turns_frames_upright(
    make_video: Maker, degrees: int, flips: tuple[bool, bool]
) -> None:
    # Kept as a phone keeps it: what should be upright is turned and mirrored back, the matrix undoes that.
    size_hw = (96, 160)
    path = make_video(count=2, size_hw=size_hw, image=upright, rotation=(degrees, *flips))
    expected = np.rot90(upright(0, size_hw), degrees // 90)  # counter-clockwise, as PyAV counts
    if flips[0]:
        expected = expected[:, ::-1]
    if flips[1]:
        expected = expected[::-1]
    with open_video(path) as video:
        frame = next(iter(video))
        assert video.size_hw == frame.size_hw == expected.shape[:2]
    assert np.abs(frame.image[8:-8, 8:-8].astype(int) - expected[8:-8, 8:-8]).mean() < 6


def test_a_camera_that_turns_each_jpeg_by_its_exif_is_read_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by a quarter, clockwise
    coded = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(upright(0, (96, 160))[..., ::-1]))
    picture.save(coded, "jpeg", exif=exif, quality=95)
    (tmp_path / "turned.mjpeg").write_bytes(coded.getvalue() * 3)
    with open_video(tmp_path / "turned.mjpeg") as video:
        images = [frame.image for frame in video]
    expected = np.rot90(upright(0, (96, 160)), -1)
    assert [image.shape for image in images] == [expected.shape] * 3
    assert np.abs(images[0][8:-8, 8:-8].astype(int) - expected[8:-8, 8:-8]).mean() < 6


def test_the_shape_of_pixels_is_known_and_turns_with_the_picture(make_video: Maker) -> None:
    def anamorphic(stream: av.VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)

    with open_video(make_video(count=2, prepare=anamorphic)) as video:
        assert video.info.sample_aspect_ratio == Fraction(4, 3)
    with open_video(make_video(count=2, prepare=anamorphic, rotation=(90, False, False))) as video:
        assert video.info.sample_aspect_ratio == Fraction(3, 4)


@pytest.mark.parametrize("color_range", [1, 2])
@pytest.mark.parametrize("matrix", [1, 5, 6, 9])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le"])
def test_matrix_range_and_depth_are_respected(
    make_video: Maker, pix_fmt: str, matrix: int, color_range: int
) -> None:
    colors = np.array([(255, 255, 255), (0, 0, 0), (20, 30, 220), (30, 200, 40), (210, 60, 30)], np.uint8)
    path = make_video(
        count=1,
        size_hw=(64, 160),
        pix_fmt=pix_fmt,
        image=lambda number, size_hw: encoded_colors(colors, size_hw),
        options={"crf": "1"},
        prepare=functools.partial(tag, matrix=matrix, color_range=color_range),
    )
    with open_video(path) as video:
        image = next(iter(video)).image
    seen = image[32, 16::32]
    luma, chroma = {1: (0.2126, 0.0722), 9: (0.2627, 0.0593)}.get(matrix, (0.299, 0.114))
    expected = reference_bgr(reference_yuv(colors), luma, chroma, color_range)
    np.testing.assert_allclose(seen, expected, atol=5)


def tag(stream: av.VideoStream, matrix: int, color_range: int) -> None:
    stream.codec_context.colorspace = matrix
    stream.codec_context.color_range = color_range


def encoded_colors(colors: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    return np.broadcast_to(np.repeat(colors, size_hw[1] // len(colors), axis=0), (*size_hw, 3)).copy()


def reference_yuv(colors: np.ndarray) -> np.ndarray:
    """BT.601 limited range, in which `VideoFrame.from_ndarray` hands pictures to an encoder."""
    blue, green, red = (colors / 255.0).T
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return np.stack([16 + 219 * luma, 128 + 224 * (blue - luma) / 1.772, 128 + 224 * (red - luma) / 1.402], 1)


def reference_bgr(yuv: np.ndarray, red_weight: float, blue_weight: float, color_range: int) -> np.ndarray:
    """From the definition of the matrix with these weights, ITU-R BT.601, BT.709 and BT.2020."""
    if color_range == 1:
        luma, cb, cr = (yuv[:, 0] - 16) / 219, (yuv[:, 1] - 128) / 224, (yuv[:, 2] - 128) / 224
    else:
        luma, cb, cr = yuv[:, 0] / 255, (yuv[:, 1] - 128) / 255, (yuv[:, 2] - 128) / 255
    blue, red = luma + 2 * (1 - blue_weight) * cb, luma + 2 * (1 - red_weight) * cr
    green = (luma - red_weight * red - blue_weight * blue) / (1 - red_weight - blue_weight)
    return np.clip(np.stack([blue, green, red], 1) * 255, 0, 255)


def test_hdr_is_brought_to_ordinary_brightness(make_video: Maker) -> None:
    def as_pq(stream: av.VideoStream) -> None:
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = 9, 9, 16, 1

    # PQ's codes for 203 cd/m2, the white of ordinary pictures, and for a tenth of it.
    for code, expected in ((148, 244), (91, 98)):
        grey = np.full((64, 64, 3), code, np.uint8)
        path = make_video(
            count=1, size_hw=(64, 64), pix_fmt="yuv420p10le", prepare=as_pq, image=lambda *_, grey=grey: grey
        )
        with open_video(path) as video:
            assert (video.info.colors.matrix, video.info.colors.transfer) == (1, 1)
            np.testing.assert_allclose(next(iter(video)).image, expected, atol=4)


def test_interlaced_video_loses_its_comb_and_no_frame(make_video: Maker) -> None:
    def moving_bar(field: int, size_hw: tuple[int, int]) -> np.ndarray:
        image = np.zeros((*size_hw, 3), np.uint8)
        image[:, 8 + 6 * field : 40 + 6 * field] = 255
        return image

    def woven(number: int, size_hw: tuple[int, int]) -> np.ndarray:
        image = moving_bar(2 * number, size_hw)
        image[1::2] = moving_bar(2 * number + 1, size_hw)[1::2]
        return image

    path = make_video(
        "video.mp4", count=8, image=woven, size_hw=(96, 192), options={"x264-params": "interlaced=1:tff=1"}
    )
    with open_video(path) as video:
        frames = list(video)
        assert video.end_time == 8 / NTSC
    assert [frame.time for frame in frames] == decoded(path)
    comb = [np.abs(np.diff(frame.image[8:-8, :, 1].astype(int), axis=0)).mean() for frame in frames[1:-1]]
    combed = np.abs(np.diff(woven(3, (96, 192))[8:-8, :, 1].astype(int), axis=0)).mean()
    assert max(comb) < combed / 4


@pytest.mark.parametrize("options", [OPEN_GOP, CLOSED_GOP], ids=["open", "closed"])
@pytest.mark.parametrize("name", ["video.mp4", "video.mkv", "video.ts"])
@pytest.mark.parametrize(
    ("start", "end", "stride", "expected"),
    [
        (0, None, 1, range(50)),
        (17, None, 1, range(17, 50)),
        (7, 9, 1, range(7, 9)),
        (24, 40, 5, range(24, 40, 5)),
        ("1s", None, 7, range(25, 50, 7)),
        ("0.61s", "00:00:01.2", 1, range(16, 30)),
        (None, "0.2s", 1, range(5)),
        (33, "1.4s", 1, range(33, 35)),
        (49, 500, 1, range(49, 50)),
    ],
)
def test_a_stretch_is_the_same_as_a_slice_of_the_whole(
    make_video: Maker,
    name: str,
    options: dict,
    start: int | str | None,
    end: int | str | None,
    stride: int,
    expected: range,
) -> None:
    path = make_video(name, count=50, rate=Fraction(25), options=options, size_hw=(48, 64))
    with open_video(path) as video:
        whole = list(video)
    with open_video(path, start, end, stride) as video:
        frames = list(video)
    assert [read_number(frame.image) for frame in frames] == list(expected)
    for index, (frame, number) in enumerate(zip(frames, expected, strict=True)):
        assert (frame.index, frame.time, frame.name) == (index, whole[number].time, whole[number].name)
        assert np.array_equal(frame.image, whole[number].image)


@pytest.mark.long
def test_closing_does_not_wait_for_threads_that_wait_to_log(make_video: Maker) -> None:
    path = make_video("video.mp4", count=50, rate=Fraction(25), options=OPEN_GOP, size_hw=(48, 64))
    script = f"""
import logging, av
from sav.media.reader import open_video
logging.disable(logging.CRITICAL)
av.logging.set_level(av.logging.ERROR)  # as torchvision before 0.26 does when it is imported
for start, end, stride in [(24, 40, 5), (17, None, 1), (7, 9, 1), (33, 36, 1)] * 150:
    with open_video({str(path)!r}, start, end, stride) as video:
        list(video)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=300)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_does_not_wait_for_threads_of_its_parent(make_video: Maker) -> None:
    path = make_video("video.mp4", count=5, size_hw=(480, 640))
    script = f"""
import gc, os
from sav.media.reader import open_video
gc.disable()
with open_video({str(path)!r}) as video:
    list(video)
ring = [video]
ring.append(ring)
del video, ring  # thrown away, and not yet collected
child = os.fork()
if child == 0:
    gc.collect()
    os._exit(0)
os.waitpid(child, 0)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


def test_a_stretch_from_far_in_is_sought_not_decoded(
    make_video: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_video(count=200, options=CLOSED_GOP, size_hw=(48, 64))
    taken: list[int | None] = []
    import sav.media.decoding as decoding

    original = decoding._Packets.__iter__

    def watched(self: decoding._Packets) -> Iterator[av.Packet]:
        for packet in original(self):
            taken.append(packet.pts)
            yield packet

    monkeypatch.setattr(decoding._Packets, "__iter__", watched)
    with open_video(path, 150, 152) as video:
        assert [read_number(frame.image) for frame in video] == [150, 151]
    assert len(taken) < 60


def test_a_video_with_a_late_clock_counts_seconds_from_its_first_frame(make_video: Maker) -> None:
    path = make_video(ticks=range(1000, 1024), time_base=Fraction(1, 25), rate=Fraction(25))
    with open_video(path, "0.4s", "0.6s") as video:
        frames = list(video)
    assert [frame.time for frame in frames] == [Fraction(1000 + n, 25) for n in range(10, 15)]


@pytest.mark.parametrize("start", [24, "2s", "01:00:00"])
def test_a_start_after_the_end_is_an_error_at_once(make_video: Maker, start: int | str) -> None:
    path = make_video(count=24)
    with pytest.raises(VideoError, match="ends before the start"):
        open_video(path, start)


@pytest.mark.parametrize("places", [(12, "0.1s"), ("0.9s", 3), ("0.9s", "0.5s"), (500, "0.1s"), (5, 5)])
@pytest.mark.parametrize("kind", ["mp4", "folder"])
def test_an_end_before_the_start_is_the_flags_fault_in_any_unit(
    make_video: Maker, tmp_path: Path, kind: str, places: tuple
) -> None:
    path = tmp_path if kind == "folder" else make_video("in.mp4", 24, rate=Fraction(25), size_hw=(48, 64))
    for number in range(24):
        cv2.imwrite(str(tmp_path / f"{number:02d}.png"), np.zeros((8, 8, 3), np.uint8))
    start, end = places
    with pytest.raises(SettingError, match=rf"the end \({end}\) must come after the start \({start}\)"):
        open_video(path, *places)


@pytest.mark.parametrize("end", [0, "0", "0s", "00:00:00"])
def test_an_end_before_the_first_frame_is_the_flags_fault(make_video: Maker, end: int | str) -> None:
    with pytest.raises(SettingError, match=r"no frame comes before the end \(0s?\): give a later one"):
        open_video(make_video(count=2), end=end)


@pytest.mark.parametrize(
    ("written", "right"),
    [("00:99:99", "01:40:39"), ("60:00", "01:00:00"), ("00:60", "00:01:00"), ("1:00:75.5", "01:01:15.500")],
)
def test_clock_times_have_sixty_minutes_and_seconds(make_video: Maker, written: str, right: str) -> None:
    with pytest.raises(SettingError, match=rf"up to 59, not as in '{written}': write {right}$"):
        open_video(make_video(count=2), end=written)


@pytest.mark.parametrize("places", [("x", None), (None, "12,5s"), ("-3", None), (9, 5), ("3s", "2s")])
def test_places_that_make_no_sense_are_an_error(make_video: Maker, places: tuple) -> None:
    path = make_video(count=2)
    with pytest.raises(ValueError, match=r"place|after the start"):
        open_video(path, *places)
    with pytest.raises(ValueError, match="stride"):
        open_video(path, stride=0)


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    for number in (10, 9, 1, 2, 11):
        cv2.imwrite(str(tmp_path / f"img{number}.png"), numbered_image(number))
    (tmp_path / "notes.txt").write_text("no picture")
    with open_video(tmp_path) as video:
        frames = list(video)
        assert (video.size_hw, video.frame_rate, video.frame_count) == ((96, 128), 25, 5)
    assert [read_number(frame.image) for frame in frames] == [1, 2, 9, 10, 11]
    assert [frame.time for frame in frames] == [Fraction(n, 25) for n in range(5)]
    assert frames[2].name == "img9.png"
    with open_video(tmp_path, "0.1s", stride=2, config=ReaderConfig(picture_rate=10)) as video:
        assert [(read_number(f.image), f.index, f.time) for f in video] == [
            (2, 0, Fraction(1, 10)),
            (10, 1, Fraction(3, 10)),
        ]


@pytest.mark.parametrize("bad", [0, 1, 3])
def test_a_bad_picture_of_a_folder_is_named_and_left_out(tmp_path: Path, caplog: Any, bad: int) -> None:
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number}.png"), numbered_image(number))
    (tmp_path / f"{bad}.png").write_bytes((tmp_path / f"{bad}.png").read_bytes()[:100])
    others = [number for number in range(4) if number != bad]
    with open_video(tmp_path) as video:
        frames = list(video)
        assert video.left_out == 1
        assert video.end_time == Fraction(others[-1] + 1, 25)
    assert [(frame.index, read_number(frame.image), frame.time) for frame in frames] == [
        (index, number, Fraction(number, 25)) for index, number in enumerate(others)
    ]
    assert f"{bad}.png cannot be read" in caplog.text


def test_a_folder_of_bad_pictures_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "1.png").touch()
    with pytest.raises(VideoError, match="no picture that can be read"):
        open_video(tmp_path)


def test_a_folder_whose_pictures_change_their_size_ends_there(tmp_path: Path) -> None:
    for number, size in ((1, (96, 128)), (2, (64, 64))):
        cv2.imwrite(str(tmp_path / f"{number}.png"), numbered_image(number, size))
    with open_video(tmp_path) as video, pytest.raises(VideoSizeChangedError, match=r"2\.png is 64x64"):
        list(video)


def test_results_of_frames_that_differ_in_their_suffix_have_names_of_their_own(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png", "b.png", "m" * 240 + ".png"):
        cv2.imwrite(str(tmp_path / name), numbered_image(1))
    with open_video(tmp_path) as video:
        stems = video.info.stems
        assert [frame.name for frame in video][:3] == ["a.jpg", "a.png", "b.png"]
    assert (stems["a.jpg"], stems["a.png"]) == ("a_jpg", "a_png")
    assert "b.png" not in stems
    assert len(stems["m" * 240 + ".png"]) < 200


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="no pictures"):
        open_video(tmp_path)


def test_what_is_no_video_is_an_error_at_once_in_one_line(make_video: Maker, tmp_path: Path) -> None:
    text, empty, sound = tmp_path / "text.mp4", tmp_path / "empty.mp4", tmp_path / "sound.mp4"
    text.write_text("This is not a video.\n" * 200)
    empty.touch()
    with av.open(str(sound), "w") as output:
        stream = output.add_stream("aac", rate=48000, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 48000), np.float32), "fltp", "stereo")
        frame.sample_rate = 48000
        output.mux(stream.encode(frame) + stream.encode(None))
    cases = [
        (text, "not a video"),
        (empty, "empty"),
        (sound, "only sound"),
        (tmp_path / "none.mp4", "no video"),
    ]
    for path, message in cases:
        with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
            open_video(path)
        assert path.name in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(FileNotFoundError):
        open_video(tmp_path / "none.mp4")


def test_no_name_at_all_is_an_error() -> None:
    with pytest.raises(VideoError, match="no video is given"):
        open_video("")


def test_a_camera_that_is_not_there_is_an_error_at_once() -> None:
    with pytest.raises((FileNotFoundError, VideoError), match="camera 97"):
        open_video("97")


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("name", ["video.mp4", "video.mkv", "video.avi", "video.flv"])
def test_a_truncated_file_gives_its_frames_and_then_an_error(
    make_video: Maker, name: str, share: float
) -> None:
    noise = np.random.default_rng(0).integers(0, 60, (96, 128, 3), np.uint8)

    def noisy(number: int, size_hw: tuple[int, int]) -> np.ndarray:
        return np.clip(
            numbered_image(number).astype(int) + np.roll(noise, number * 5, 1) - 30, 0, 255
        ).astype(np.uint8)

    muxer_options = {"movflags": "faststart"} if name.endswith("mp4") else {}
    path = make_video(name, count=90, image=noisy, options=CLOSED_GOP, muxer_options=muxer_options)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    numbers = []
    with open_video(path) as video, pytest.raises(VideoDamagedError, match=path.name) as caught:
        for frame in video:
            numbers.append(read_number(frame.image))
    assert not isinstance(caught.value, VideoSizeChangedError)
    assert numbers[:-2] == list(range(len(numbers) - 2))
    assert len(numbers) > 90 * share * 0.6


def test_an_mp4_without_its_index_is_an_error_at_once(make_video: Maker) -> None:
    path = make_video(count=30)  # the index is at the end
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(VideoError, match="not finished"):
        open_video(path)


def test_a_bad_stretch_in_the_middle_does_not_end_the_video(make_video: Maker) -> None:
    path = make_video("video.ts", count=60, options=CLOSED_GOP)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 188 * 6] = bytes(188 * 6)
    path.write_bytes(content)
    with open_video(path) as video:
        numbers = [read_number(frame.image) for frame in video]
    assert numbers[0] == 0
    assert numbers[-1] == 59


@pytest.mark.parametrize("suffix", ["ts", "h264"])
def test_a_change_of_size_is_an_error_after_the_frames_before_it(make_video: Maker, suffix: str) -> None:
    first = make_video(f"first.{suffix}", count=20, options=CLOSED_GOP)
    second = make_video(f"second.{suffix}", count=20, size_hw=(64, 96), options=CLOSED_GOP)
    joined = first.with_name(f"joined.{suffix}")
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    numbers = []
    with open_video(joined) as video, pytest.raises(VideoSizeChangedError, match="128x96 to 96x64 after 20"):
        for frame in video:
            numbers.append(read_number(frame.image))
    assert numbers == list(range(20))


def test_a_clock_that_jumps_back_is_counted_on(make_video: Maker) -> None:
    part = make_video("part.ts", count=50, rate=Fraction(25), options=CLOSED_GOP)
    joined = part.with_name("joined.ts")
    joined.write_bytes(part.read_bytes() * 3)
    with open_video(joined) as video:
        times = [frame.time for frame in video]
    assert [time - times[0] for time in times] == [Fraction(number, 25) for number in range(150)]


def test_metadata_in_an_unknown_encoding_does_no_harm(make_video: Maker) -> None:
    path = make_video(count=3, muxer_options={"movflags": "faststart"})
    content = path.read_bytes()
    assert b"Lavf" in content
    path.write_bytes(content.replace(b"Lavf", b"L\xe4vf"))
    with open_video(path) as video:
        assert len(list(video)) == 3


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[str]:
    """The address of a server of the files in `tmp_path`."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_an_http_address_is_read(make_video: Maker, serve: str) -> None:
    make_video("video.mp4", count=30, muxer_options={"movflags": "faststart"})
    with open_video(f"{serve}/video.mp4") as video:
        assert [read_number(frame.image) for frame in video] == list(range(30))
        assert not video.is_live
    with pytest.raises(VideoError, match=r"missing\.mp4"):
        open_video(f"{serve}/missing.mp4")


@pytest.mark.parametrize(
    ("name", "codec"),
    [("in.ts", "libx264"), ("in.mpg", "mpeg2video"), ("in.h264", "libx264"), ("in.mkv", "libx264")],
)
@pytest.mark.parametrize("says_length", [True, False])
@pytest.mark.parametrize("share", [1, 2])
def test_a_stream_over_http_that_is_cut_is_not_called_whole(
    make_video: Maker, name: str, codec: str, says_length: bool, share: int
) -> None:
    content = make_video(name, count=100, rate=Fraction(25), codec=codec, options={"g": "10"}).read_bytes()

    class Cutting(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            if says_length:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // share])

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cutting) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        numbers: list[int] = []
        try:
            with open_video(f"http://127.0.0.1:{server.server_address[1]}/{name}") as video:
                is_known = says_length or name == "in.mkv"
                assert video.is_live is not is_known
                damaged = pytest.raises(VideoDamagedError)
                with damaged if share > 1 and is_known else contextlib.nullcontext():
                    numbers.extend(read_number(frame.image) for frame in video)
        finally:
            server.shutdown()
            thread.join()
    assert numbers[-2:] == [98, 99] if share == 1 else 30 < len(numbers) < 70


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_gives_what_needs_no_index_and_else_one_line_says_what_does(
    make_video: Maker, tmp_path: Path
) -> None:
    def noise(seed: int, size_hw: tuple[int, int]) -> np.ndarray:
        return np.random.default_rng(seed).integers(0, 255, (*size_hw, 3), np.uint8)

    for name in ("in.mp4", "in.ts"):
        content = make_video(name, count=20, size_hw=(240, 320), image=noise).read_bytes()
        pipe = tmp_path / f"{name}.pipe"
        os.mkfifo(pipe)

        def feed(pipe: Path = pipe, content: bytes = content) -> None:
            with contextlib.suppress(BrokenPipeError):
                pipe.write_bytes(content)

        feeder = threading.Thread(target=feed)
        feeder.start()
        says = pytest.raises(VideoError, match="its end, pipe MPEG-TS or Matroska")
        with says if name == "in.mp4" else contextlib.nullcontext(), open_video(pipe) as video:
            assert len(list(video)) == 20
        feeder.join()
    with pytest.raises(VideoError, match="give /dev/stdin"):
        open_video("-")


def test_damage_in_the_middle_is_told_with_its_time_first(
    make_video: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    source = make_video("in.avi", count=50, rate=Fraction(25), codec="mjpeg", pix_fmt="yuvj420p")
    with av.open(str(source)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux() if packet.size]
    content = bytearray(source.read_bytes())
    for place, size in places[25:30]:
        content[place + 8 : place + size] = bytes(size - 8)
    source.write_bytes(content)
    with open_video(source) as video:
        assert len(list(video)) >= 45
    (line,) = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert line.startswith(
        f"{source}: it is damaged from 1.0 s on; frames that cannot be decoded are left out"
    )


def test_a_host_that_nobody_knows_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(VideoError, match=r"there is no host no\.such\.invalid") as caught:
        open_video("http://user:secret@no.such.invalid/video.mp4?token=secret")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("https:/example.org/a.mp4", "two slashes"),
        ("rtsp:/user:secret@camera/1", "two slashes"),
        ("concat://a.mp4|b.mp4", "no kind of address"),
        ("gopher://example.org/a.mp4", "no kind of address"),
        ("file:///no/such/video.mp4", "no video /no/such/video.mp4"),
    ],
)
def test_an_address_that_cannot_be_right_is_refused_with_a_reason(source: str, message: str) -> None:
    with pytest.raises((VideoError, FileNotFoundError), match=message) as caught:
        open_video(source)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("spelling", ["file:{}", "file://{}", "file://localhost{}", "FILE://{}"])
def test_a_path_in_the_form_of_an_address_is_read(make_video: Maker, spelling: str) -> None:
    path = make_video("a video.mp4", count=3)
    for name in (str(path), urllib.parse.quote(str(path))):
        with open_video(spelling.format(name)) as video:
            assert len(list(video)) == 3
            assert video.info.name == str(path)


@pytest.mark.parametrize("size_hw", [(3000, 4000), (4, 12000)])
def test_frames_beyond_the_limit_are_refused_before_any_is_decoded(
    tmp_path: Path, size_hw: tuple[int, int]
) -> None:
    path = tmp_path / "large.mov"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("png", rate=25)
        stream.height, stream.width = size_hw
        stream.pix_fmt = "rgb24"
        picture = av.VideoFrame.from_ndarray(np.zeros((*size_hw, 3), np.uint8), format="rgb24")
        output.mux(stream.encode(picture) + stream.encode(None))
    megapixels = size_hw[0] * size_hw[1] / 1e6
    with pytest.raises(VideoError, match=rf"{size_hw[1]}x{size_hw[0]}.*--max_megapixels"):
        open_video(path, config=ReaderConfig(max_megapixels=megapixels * 0.9))
    with open_video(path, config=ReaderConfig(max_megapixels=megapixels)) as video:
        assert video.size_hw == size_hw


def test_frames_that_grow_beyond_the_limit_are_not_decoded(make_video: Maker) -> None:
    small = make_video("small.ts", count=20, options=CLOSED_GOP)
    large = make_video("large.ts", count=5, size_hw=(900, 1200), options=CLOSED_GOP)
    small.write_bytes(small.read_bytes() + large.read_bytes())
    seen = 0
    with (
        open_video(small, config=ReaderConfig(max_megapixels=0.5)) as video,
        pytest.raises(VideoDamagedError),
    ):
        for _ in video:
            seen += 1
    assert 18 <= seen <= 20  # two may wait in the decoder


@pytest.mark.parametrize("rate", [24, 240, 960, 1000, 2000])
@pytest.mark.parametrize("name", ["in.mp4", "in.mkv", "in.ts"])
def test_high_rates_are_known_and_their_times_exact_as_far_as_the_clock_goes(
    make_video: Maker, name: str, rate: int
) -> None:
    with open_video(make_video(name, count=60, rate=Fraction(rate), size_hw=(32, 64))) as video:
        assert abs(video.frame_rate / rate - 1) < 0.02
        times = [frame.time for frame in video]
    assert len(times) == 60
    assert abs(float(times[-1] - times[0]) - 59 / rate) < 0.002


@pytest.mark.parametrize("name", ["in.webm", "in.mkv"])
def test_the_rate_of_a_browsers_recording_is_its_frames_over_their_time(make_video: Maker, name: str) -> None:
    random = np.random.default_rng(1)
    ticks = np.cumsum(random.integers(20, 60, 100)).tolist()
    source = make_video(
        "steady.mkv", 100, codec="libvpx", ticks=ticks, time_base=Fraction(1, 1000), rate=Fraction(1000)
    )
    recorded = io.BytesIO()
    recorded.name = name
    with av.open(str(source)) as before:
        stream = before.streams.video[0]
        options = {"live": "1", "default_mode": "infer"}
        with av.open(_Pipe(recorded), "w", format="webm", options=options) as after:
            copied = after.add_stream_from_template(stream)
            for packet in before.demux(stream):
                if packet.size:
                    packet.stream, packet.duration = copied, 0
                    after.mux(packet)
    path = source.with_name(name)
    path.write_bytes(recorded.getvalue())
    with open_video(path) as video:
        assert abs(video.frame_rate - 99_000 / Fraction(ticks[-1] - ticks[0])) < 0.5
        assert [frame.time for frame in video] == [Fraction(tick, 1000) for tick in ticks]


class _Pipe:
    """A file that can only be written from its beginning to its end."""

    def __init__(self, target: io.BytesIO) -> None:
        self.write = target.write


def test_an_address_that_falls_silent_ends_cleanly(make_video: Maker) -> None:
    content = make_video("video.ts", count=60).read_bytes()
    silence = threading.Event()

    class Stalling(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content[: len(content) * 3 // 4])
            self.wfile.flush()
            silence.wait(60)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stalling) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        config = ReaderConfig(open_timeout=5.0, read_timeout=0.3)
        seen = 0
        try:
            with open_video(f"http://127.0.0.1:{server.server_address[1]}/", config=config) as video:
                assert video.is_live
                with pytest.raises(VideoDamagedError, match="stopped sending"):
                    for _ in video:
                        seen += 1
        finally:
            silence.set()
            server.shutdown()
            thread.join()
    assert seen > 30


def test_a_network_camera_is_read_until_it_hangs_up(make_video: Maker) -> None:
    packets = rtsp.rtp_packets(make_video("camera.ts", count=40))
    with rtsp.serve(packets) as url, open_video(url) as video:
        assert video.is_live
        assert video.frame_rate == NTSC
        assert [read_number(frame.image) for frame in video] == list(range(40))


def test_a_network_camera_that_falls_silent_loses_no_frame(make_video: Maker) -> None:
    packets = rtsp.rtp_packets(make_video("camera.ts", count=40))
    config = ReaderConfig(read_timeout=0.3)
    seen = []
    with (
        rtsp.serve(packets, hangs_up=False) as url,
        open_video(url, config=config) as video,
        pytest.raises(VideoDamagedError, match="stopped sending"),
    ):
        for frame in video:
            seen.append(read_number(frame.image))
    assert seen == list(range(40))


@pytest.mark.long
@pytest.mark.skipif(not SHARED_MEDIA.exists(), reason="needs the shared media")
@pytest.mark.parametrize(("name", "count"), [("dog.mp4", 289), ("bedroom.mp4", 200)])
def test_real_videos_are_read_exactly(name: str, count: int) -> None:
    times = decoded(SHARED_MEDIA / name)
    with open_video(SHARED_MEDIA / name) as video:
        assert video.frame_count == count == len(times)
        assert [frame.time for frame in video] == times
    with open_video(SHARED_MEDIA / name, 150, 155) as video:
        assert [frame.time for frame in video] == times[150:155]


def test_a_clock_that_no_file_can_hold_gives_way_to_an_ordinary_one(
    make_video: Maker, tmp_path: Path
) -> None:
    fast = {"deadline": "realtime", "cpu-used": "8"}
    path = make_video("a.ivf", count=4, codec="libvpx", options=fast)
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack("<II", 13337, 1909399284)  # the header's ticks per second
    path.write_bytes(content)
    with open_video(path) as reader, VideoWriter(tmp_path / "out.mp4", reader.info) as writer:
        for frame in reader:
            writer.write(frame)
    assert reader.time_base == Fraction(1, 90_000)
    assert writer.frame_count == 4
