from fractions import Fraction

import av
import numpy as np

from sav.formats.alpha_video import AlphaVideo
from sav.media.video import VideoInfo


def test_frames_of_any_width_are_what_was_written_whoever_is_first(tmp_path):
    size_hw, tick = (360, 854), Fraction(1, 25)  # rows that are no multiple of 16 pixels: see `alpha_video`
    image = np.random.default_rng(0).integers(0, 256, (*size_hw, 4), np.uint8)
    video = AlphaVideo(tmp_path / "a.mov", VideoInfo(size_hw, 1 / tick, tick))
    for index in range(24):
        video.write(image, index * tick)
    video.close()
    with av.open(str(tmp_path / "a.mov")) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    assert len(packets) == 24
    assert len(set(packets)) == 1
