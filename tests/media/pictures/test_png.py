"""PNGs of 16 bits a channel, and those whose texts are the trouble."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from sav.media.pictures import read_picture


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def with_chunks(path, *chunks):
    """Put chunks after the header of the PNG at `path`."""
    content = path.read_bytes()
    path.write_bytes(content[:33] + b"".join(chunks) + content[33:])
    return path


@pytest.mark.parametrize("top", [65535, 4095])
@pytest.mark.parametrize("channels", [3, 4])
def test_colour_of_sixteen_bits_follows_the_rule_of_deep_pictures(tmp_path, picture, top, channels):
    deep = np.round(picture / 255 * top).astype(np.uint16)
    if channels == 4:
        deep = np.dstack([deep, np.full(deep.shape[:2], 65535, np.uint16)])
    cv2.imwrite(str(tmp_path / "a.png"), deep)
    assert np.abs(read_picture(tmp_path / "a.png").astype(int) - picture).max() <= 1


def test_deep_colour_is_turned_upright(tmp_path, picture):
    cv2.imwrite(str(tmp_path / "a.png"), picture.astype(np.uint16) * 257)
    exif = Pillow.Exif()
    exif[0x0112] = 6
    with_chunks(tmp_path / "a.png", chunk(b"eXIf", exif.tobytes()[6:]))
    assert (read_picture(tmp_path / "a.png") == np.rot90(picture, -1)).all()


def test_damage_in_deep_colour_is_our_error_alone(tmp_path, picture, capfd):
    cv2.imwrite(str(tmp_path / "a.png"), picture.astype(np.uint16) * 257)
    content = bytearray((tmp_path / "a.png").read_bytes())
    content[len(content) // 2] ^= 255
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.png cannot be read as a picture"):
        read_picture(tmp_path / "a.png")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("color_type", [2, 4, 6])
@pytest.mark.parametrize("cut", [0, 4, 12, 16, 18])
def test_deep_colour_without_its_end_is_read_as_any_other(tmp_path, capfd, color_type, cut):
    channels = {2: 3, 4: 2, 6: 4}[color_type]
    deep = np.random.default_rng(0).integers(0, 65536, (30, 40, channels), dtype=np.uint16)
    rows = deep.astype(">u2").reshape(30, -1).view(np.uint8)
    pixels = chunk(b"IDAT", zlib.compress(np.insert(rows, 0, 0, axis=1).tobytes()))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 30, 16, color_type, 0, 0, 0))
    content = b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(content[: len(content) - cut])
    wanted = deep[..., [0, 0, 0] if channels == 2 else [2, 1, 0]]
    assert np.abs(read_picture(tmp_path / "a.png") - wanted / 65535 * 255).max() <= 0.51
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("extra", [b"x" * 1000, b"junk"])
def test_pixels_too_many_in_deep_colour_are_no_word_on_stderr(tmp_path, picture, capfd, extra):
    height, width = picture.shape[:2]
    rows = (picture[..., ::-1].astype(">u2") * 257).reshape(height, -1).astype(">u2").view(np.uint8)
    pixels = zlib.compress(np.insert(rows, 0, 0, axis=1).tobytes()) + extra
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
    content = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(content)
    assert (read_picture(tmp_path / "a.png") == picture).all()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50_000_000))),
        chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(50_000_000))),
        chunk(b"iTXt", b"workflow\0\0\0\0\0" + b"x" * 2_000_000),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(900_000))) * 100,
        chunk(b"tEXt", b"Comment\0wrong")[:-4] + b"oops",
        chunk(b"pHYs", b"short"), chunk(b"gAMA", b""), chunk(b"sRGB", b""), chunk(b"iTXt", b""),
        chunk(b"acTL", b"1234"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_a_picture_with_endless_or_broken_texts_is_read_without_them(tmp_path, picture, extra):
    Pillow.fromarray(picture[..., ::-1].copy()).save(tmp_path / "a.png")
    assert (read_picture(with_chunks(tmp_path / "a.png", extra)) == picture).all()


def test_a_damaged_picture_with_a_text_is_still_an_error(tmp_path, picture):
    Pillow.fromarray(picture[..., ::-1].copy()).save(tmp_path / "a.png")
    with_chunks(tmp_path / "a.png", chunk(b"tEXt", b"Comment\0words"))
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="truncated"):
        read_picture(tmp_path / "a.png")
