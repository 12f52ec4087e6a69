"""Pixels of videos as BGR: the quick way gives the same as libswscale's own."""

from __future__ import annotations

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from sav.media import colors


@pytest.mark.parametrize("size_hw", [(54, 98), (33, 61), (54, 61)])
@pytest.mark.parametrize("pixels", [*sorted(colors._QUICK), "yuv411p", "gray", "rgb24"])
def test_frames_become_what_libswscale_makes_of_them_bit_for_bit(pixels, size_hw):
    noise = np.random.default_rng(0).integers(0, 256, (*size_hw, 3), np.uint8)
    picture = av.VideoFrame.from_ndarray(noise, format="bgr24").reformat(format=pixels)
    wanted = VideoReformatter().reformat(
        picture,
        format="bgr24",
        src_colorspace=None if pixels == "rgb24" else colors._matrix(picture.colorspace, size_hw),
        interpolation=colors._ACCURATE,
    )
    image = colors.ToBgr()(picture)
    assert image.flags.c_contiguous and image.shape == (*size_hw, 3)
    assert np.array_equal(image, wanted.to_ndarray())
