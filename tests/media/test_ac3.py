"""Which packets of AC-3 are whole frames."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import pytest

from sav.media.audio.ac3 import is_whole


def frames(codec: str, rate: int, bit_rate: int) -> list[bytes]:
    encoder: Any = av.CodecContext.create(codec, "w")
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = rate, "stereo", "fltp", bit_rate
    noise = np.random.default_rng(0).normal(0, 0.1, (2, 1536 * 6)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(noise, "fltp", "stereo")
    frame.sample_rate = rate
    return [bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)]]


@pytest.mark.parametrize("bit_rate", [96_000, 192_000, 448_000])
@pytest.mark.parametrize("rate", [32000, 44100, 48000])
@pytest.mark.parametrize("codec", ["ac3", "eac3"])
def test_whole_frames_are_told_from_pieces(codec: str, rate: int, bit_rate: int) -> None:
    made = frames(codec, rate, bit_rate)
    assert len(made) >= 6
    assert all(map(is_whole, made))
    assert is_whole(made[1] + made[2])
    assert not is_whole(made[1][:-2])
    assert not is_whole(made[1] + made[2][:-1])
    assert not is_whole(made[1][1:])
    assert not is_whole(made[1] + b"\x0b\x77")
