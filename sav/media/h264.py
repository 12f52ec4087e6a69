"""Who encodes H.264: x264 on the CPU, or NVENC, the encoder of NVIDIA GPUs, where there is one that works."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import av
import numpy as np

from sav.checks import check_choice
from sav.config import VIDEO_ENCODERS
from sav.cores import usable_cores
from sav.errors import SettingError

_log = logging.getLogger(__name__)

_X264, _NVENC = "libx264", "h264_nvenc"
# Cores from which on x264 keeps up with the models, and so saves what a frame's way to the GPU takes.
_ENOUGH_CORES = 8
# What every NVENC encodes as H.264: sides in pixels. Between them it is tried with a frame of such a size.
_NVENC_SIDES = range(160, 4097)
_TRIAL_SIDE = 256
# The same frames make the same bytes, always and on every processor. Without it x264 takes for its macroblock
# tree what a processor has: with AVX-512, eight macroblocks at a time, past the end of a row whose count of
# them is no multiple of eight, and so what happens to lie in memory there decides on qualities.
_X264_REPEATABLE = {"x264-params": "cpu-independent=1"}
# https://docs.nvidia.com/video-technologies/video-codec-sdk: the high quality of two-pass presets, a quality
# that is kept to whatever it takes, and as many frames out of order as x264 has with its quick presets.
_NVENC_OPTIONS = {"preset": "p5", "tune": "hq", "rc": "vbr", "b": "0", "bf": "2", "profile": "high"}


@dataclass(frozen=True)
class WriterConfig:
    """How videos are encoded.

    Attributes:
        crf: Quality of x264, from 0 (lossless) to 51; at 18 the eye hardly tells it from the source. NVENC's
            own scale for the same (`cq`) has the same ends.
        preset: Speed of x264, `ultrafast` to `veryslow`; a slower one makes a smaller file.
        encoder: `x264`, `nvenc`, which is x264 after all where it does not work, or `auto`: NVENC where it
            works and there are few cores.
    """

    crf: int = 19
    preset: str = "veryfast"
    encoder: str = "auto"

    def __post_init__(self) -> None:
        if not 0 <= self.crf <= 51:
            raise SettingError(f"the quality (crf) must be from 0 to 51, not {self.crf}")
        check_choice("encoder", self.encoder, VIDEO_ENCODERS)


def encoding(
    config: WriterConfig, size_hw: tuple[int, int], is_reordered: bool
) -> tuple[str, dict[str, str]]:
    """FFmpeg's name of the encoder of a video, and what it is told; see `takes_nvenc`.

    Args:
        config: What is wished.
        size_hw: The frames' size.
        is_reordered: Whether frames may be stored in another order than they are shown.
    """
    if takes_nvenc(config, size_hw):
        name, options = _NVENC, {**_NVENC_OPTIONS, "cq": str(config.crf)}
    else:
        name, options = _X264, {"crf": str(config.crf), "preset": config.preset, **_X264_REPEATABLE}
    return name, options if is_reordered else options | {"bf": "0"}


def takes_nvenc(config: WriterConfig, size_hw: tuple[int, int]) -> bool:
    """Whether NVENC encodes frames of that size."""
    is_wanted = config.encoder == "nvenc" or (config.encoder == "auto" and usable_cores() < _ENOUGH_CORES)
    fits = all(side in _NVENC_SIDES for side in size_hw) and config.crf > 0  # 0 would be its own choice
    if not (is_wanted and fits):
        return False
    problem = nvenc_problem()
    if problem and config.encoder == "nvenc":
        _tell(problem)
    return not problem


@cache
def nvenc_problem() -> str:
    """Why NVENC cannot be used here, found out with one frame; empty if it can.

    Data centre GPUs such as the H100 have none, and a driver may come without it.
    """
    try:
        context: Any = av.CodecContext.create(_NVENC, "w")
        context.width = context.height = _TRIAL_SIDE
        context.pix_fmt, context.time_base = "yuv420p", Fraction(1, 25)
        context.options = dict(_NVENC_OPTIONS)
        grey = np.full((_TRIAL_SIDE * 3 // 2, _TRIAL_SIDE), 128, np.uint8)
        picture = av.VideoFrame.from_ndarray(grey, format="yuv420p")
        picture.pts, picture.time_base = 0, Fraction(1, 25)
        packets = [*context.encode(picture), *context.encode(None)]
    except (av.FFmpegError, ValueError, OSError) as error:
        return getattr(error, "strerror", None) or str(error)
    return "" if packets else "it gives nothing back"


@cache
def _tell(problem: str) -> None:
    """Say so once a process."""
    _log.warning("NVENC does not work here (%s): videos are encoded by x264", problem)
