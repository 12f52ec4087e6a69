"""What may be handed in: told by its content, whatever it is called."""

from fractions import Fraction

import cv2
import pytest

from sav.errors import PictureError, VideoError
from sav.web.config import WebConfig
from sav.web.uploads import PICTURE, VIDEO, check_video, kind_of_upload
from tests.media.videos import make_video
from tests.stubs import picture

TEXTS = {
    "a program": b"\x7fELF\x02\x01\x01" + bytes(300),
    "a program of Windows": b"MZ\x90\0" + bytes(300),
    "a script": b"#!/bin/sh\nrm -rf /\n",
    "a page": b"<html><script>alert(1)</script></html>",
    "a drawing with a script in it": b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
    "a play list of other files": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    "another": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "a third": b'<?xml version="1.0"?><MPD><BaseURL>http://somewhere/</BaseURL></MPD>',
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "an archive": b"PK\x03\x04" + bytes(300),
    "nothing": b"",
}


@pytest.mark.parametrize("what", TEXTS)
@pytest.mark.parametrize("name", ["a.mp4", "a.jpg"])
def test_what_is_neither_picture_nor_video_is_refused_whatever_its_name(what, name, tmp_path):
    path = tmp_path / name
    path.write_bytes(TEXTS[what])
    with pytest.raises(PictureError, match=r"^a\.(mp4|jpg): .*(empty|neither)"):
        kind_of_upload(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tif"])
def test_pictures_are_pictures_whatever_their_name(suffix, tmp_path):
    path = tmp_path / "a.exe"
    path.write_bytes(cv2.imencode(suffix, picture())[1].tobytes())
    assert kind_of_upload(path) == PICTURE


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts", "a.flv", "a.mpg", "a.mov"])
def test_containers_are_videos_whatever_their_name(name, tmp_path):
    codec = "mpeg2video" if name == "a.mpg" else "flv1" if name == "a.flv" else "mpeg4"
    made = make_video(tmp_path, name, count=2, size_hw=(64, 64), codec=codec, pix_fmt="yuv420p")
    path = made.rename(tmp_path / "a.txt")
    assert kind_of_upload(path) == VIDEO


def test_a_video_that_is_too_long_or_too_large_is_refused_before_any_work(tmp_path):
    path = make_video(tmp_path, "a.mp4", count=100, size_hw=(64, 64), rate=Fraction(25))
    check_video(path, WebConfig(max_seconds=4))
    with pytest.raises(VideoError, match=r"a\.mp4 has 4 seconds; the limit is 2: cut it"):
        check_video(path, WebConfig(max_seconds=2))
    with pytest.raises(VideoError, match=r"the limit is 0\.001"):
        check_video(path, WebConfig(max_megapixels=0.001))


def test_a_broken_video_is_one_line(tmp_path):
    path = make_video(tmp_path, "a.mp4", count=10, size_hw=(64, 64))
    path.write_bytes(path.read_bytes()[:300])
    assert kind_of_upload(path) == VIDEO
    with pytest.raises(VideoError, match=r"a\.mp4"):
        check_video(path, WebConfig())
