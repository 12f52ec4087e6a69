import ctypes
import logging
import os
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from sav.config import SaveOptions
from sav.data.types import Frame
from sav.errors import SettingError
from sav.media import h264
from sav.media.h264 import WriterConfig, encoding, nvenc_problem
from sav.media.reader import open_video
from sav.media.video import VideoInfo
from sav.media.writer import VideoWriter
from tests.media.videos import numbered_image

SIZE_HW = (192, 256)
INFO = VideoInfo(SIZE_HW, Fraction(30000, 1001), Fraction(1001, 30000))


@pytest.fixture(autouse=True)
def nothing_remembered():
    nvenc_problem.cache_clear()
    h264._tell.cache_clear()
    yield
    nvenc_problem.cache_clear()
    h264._tell.cache_clear()


def write(path, config, count=5, info=INFO):
    with VideoWriter(path, info, config) as writer:
        for index in range(count):
            image = np.full((*info.size_hw, 3), 10 * index, np.uint8)
            writer.write(Frame(image, index, time=index / info.frame_rate))
    with open_video(path) as reader:
        return [frame.time for frame in reader]


@pytest.fixture
def littered():
    """Have memory hold a byte of choice where nothing was written to it; glibc's `mallopt`."""
    fill = getattr(ctypes.CDLL(None), "mallopt", None)
    if fill is None:
        pytest.skip("needs glibc")
    m_perturb = -6
    yield lambda byte: fill(m_perturb, byte)
    fill(m_perturb, 0)


def contents(path, size_hw):
    """The bytes of an MP4 of six frames in which something moves."""
    with VideoWriter(path, replace(INFO, size_hw=size_hw), WriterConfig(encoder="x264")) as writer:
        for index in range(6):
            image = numbered_image(index, size_hw)
            image[20:40, 5 * index : 5 * index + 20] //= 2
            writer.write(Frame(image, index, time=index / INFO.frame_rate))
    return path.read_bytes()


def test_the_same_frames_make_the_same_bytes_whatever_lay_in_memory(littered, tmp_path):
    size_hw = (60, 80)  # a width that is no multiple of eight macroblocks, where that counts: see `h264`
    made = set()
    for byte in (0x55, 0xAA, 0xFF):
        littered(byte)
        made.add(contents(tmp_path / "a.mp4", size_hw))
    assert len(made) == 1


def test_the_same_frames_make_the_same_bytes_on_any_number_of_cores(tmp_path):
    if not hasattr(os, "sched_setaffinity") or len(cores := os.sched_getaffinity(0)) == 1:
        pytest.skip("needs cores that can be chosen from")
    on_all = contents(tmp_path / "a.mp4", SIZE_HW)
    os.sched_setaffinity(0, {min(cores)})
    try:
        assert contents(tmp_path / "a.mp4", SIZE_HW) == on_all
    finally:
        os.sched_setaffinity(0, cores)


@pytest.mark.parametrize(
    "error",
    [
        av.error.ExternalError(1, "Generic error in an external library", "avcodec_open2"),
        PermissionError(1, "Operation not permitted"),
        ValueError("h264_nvenc"),
    ],
)
def test_where_nvenc_does_not_work_x264_encodes_and_that_is_said_once(monkeypatch, caplog, tmp_path, error):
    asked = []

    class Without:
        FFmpegError = av.FFmpegError

        class CodecContext:
            @staticmethod
            def create(name, mode):
                asked.append((name, mode))
                raise error

    monkeypatch.setattr(h264, "av", Without)
    with caplog.at_level(logging.WARNING):
        for name in ("a", "b"):
            assert len(write(tmp_path / f"{name}.mp4", WriterConfig(encoder="nvenc"))) == 5
    lines = [record.getMessage() for record in caplog.records if "NVENC" in record.getMessage()]
    assert len(lines) == 1
    assert lines[0].endswith("videos are encoded by x264")
    assert asked == [("h264_nvenc", "w")]


def test_auto_says_nothing_where_nvenc_does_not_work(monkeypatch, caplog):
    monkeypatch.setattr(h264, "nvenc_problem", lambda: "there is none")
    monkeypatch.setattr(h264, "usable_cores", lambda: 2)
    assert encoding(WriterConfig(), SIZE_HW, True)[0] == "libx264"
    assert not caplog.records


@pytest.mark.parametrize(("encoder", "cores", "expected"), [
    ("auto", 2, "h264_nvenc"),
    ("auto", 16, "libx264"),
    ("nvenc", 16, "h264_nvenc"),
    ("x264", 2, "libx264"),
])  # fmt: skip
def test_nvenc_encodes_where_it_is_wanted_or_cores_are_few(monkeypatch, encoder, cores, expected):
    monkeypatch.setattr(h264, "nvenc_problem", lambda: "")
    monkeypatch.setattr(h264, "usable_cores", lambda: cores)
    assert encoding(WriterConfig(encoder=encoder), SIZE_HW, True)[0] == expected


@pytest.mark.parametrize(("size_hw", "crf"), [((64, 256), 19), ((2160, 8192), 19), (SIZE_HW, 0)])
def test_what_nvenc_cannot_have_goes_to_x264(monkeypatch, size_hw, crf):
    monkeypatch.setattr(h264, "nvenc_problem", lambda: "")
    assert encoding(WriterConfig(crf, encoder="nvenc"), size_hw, True)[0] == "libx264"


def test_frames_are_stored_as_they_are_shown_where_that_is_asked_for(monkeypatch):
    monkeypatch.setattr(h264, "nvenc_problem", lambda: "")
    for encoder in ("x264", "nvenc"):
        assert encoding(WriterConfig(encoder=encoder), SIZE_HW, False)[1]["bf"] == "0"


def test_the_trial_passes_with_an_encoder_that_works(monkeypatch):
    monkeypatch.setattr(h264, "_NVENC", "libx264")
    monkeypatch.setattr(h264, "_NVENC_OPTIONS", {"preset": "ultrafast"})
    assert nvenc_problem() == ""


def test_a_video_that_nvenc_refuses_after_all_goes_to_x264_with_its_times(monkeypatch, caplog, tmp_path):
    monkeypatch.setattr(h264, "nvenc_problem", lambda: "")
    monkeypatch.setattr(h264, "_NVENC", "h264_of_nobody")
    with caplog.at_level(logging.WARNING):
        times = write(tmp_path / "a.mp4", WriterConfig(encoder="nvenc"))
    assert times == [Fraction(1001 * index, 30000) for index in range(5)]
    assert [record.message for record in caplog.records if "by x264" in record.message]


def test_an_unknown_encoder_is_refused():
    with pytest.raises(SettingError, match="auto, x264 or nvenc"):
        WriterConfig(encoder="av1")
    with pytest.raises(SettingError, match="auto, x264 or nvenc"):
        SaveOptions(video_encoder="av1")
