"""Pictures of every kind read, and what becomes of broken, hostile and huge ones."""

import errno
import io
import os
import socket
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from sav.media.pictures import SUFFIXES, list_pictures, read_picture, to_bgr


def put(path, content):
    path.write_bytes(content)
    return path


def encoded(image_bgr, kind, **options):
    file = io.BytesIO()
    Pillow.fromarray(np.ascontiguousarray(image_bgr[..., ::-1])).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "suffix",
    [
        ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".gif", ".jp2",
        ".j2k", ".ppm", ".pnm", ".avif", ".JPG", ".Png",
    ],
)  # fmt: skip
def test_every_format_is_read_as_bgr(tmp_path, picture, suffix):
    if suffix == ".avif" and ".avif" not in SUFFIXES:
        pytest.skip("this Pillow knows no AVIF")
    path = tmp_path / f"straße 图片{suffix}"
    smooth = cv2.GaussianBlur(picture, (0, 0), 5)
    kind = "BMP" if suffix == ".dib" else None
    Pillow.fromarray(smooth[..., ::-1].copy()).save(path, kind)
    assert np.abs(read_picture(path).astype(int) - smooth).mean() < (12 if suffix == ".gif" else 6)
    assert list_pictures(tmp_path) == [path]


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "1", "CMYK", "YCbCr"])
def test_every_mode_is_as_pillow_converts_it(tmp_path, picture, mode):
    path = tmp_path / ("a.jpg" if mode in ("CMYK", "YCbCr") else "a.png")
    Pillow.fromarray(picture[..., ::-1].copy()).convert(mode).save(path)
    with Pillow.open(path) as opened:
        wanted = np.asarray(opened.convert("RGB"))
    assert (read_picture(path) == wanted[..., ::-1]).all()


def test_colours_that_stand_for_transparent_are_colours_without_a_warning(tmp_path, picture):
    palette = Pillow.fromarray(picture[..., ::-1].copy()).quantize(16)
    palette.save(tmp_path / "a.png", transparency=bytes(range(16)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (read_picture(tmp_path / "a.png") == np.asarray(palette.convert("RGB"))[..., ::-1]).all()


def test_a_pillow_picture_of_any_mode_becomes_bgr_and_is_left_as_it_was(picture):
    palette = Pillow.fromarray(picture[..., ::-1].copy()).quantize(16)
    palette.info["transparency"] = 3
    assert (to_bgr(palette) == np.asarray(palette.convert("RGB"))[..., ::-1]).all()
    assert palette.info["transparency"] == 3
    deep = np.arange(0, 65536, 64, dtype=np.uint16).reshape(32, 32)
    assert np.abs(to_bgr(Pillow.fromarray(deep))[..., 0] - deep / 257).max() <= 0.5


def test_pictures_are_converted_the_same_in_chunks_and_whole(tmp_path, picture, monkeypatch):
    path = put(tmp_path / "a.png", encoded(picture, "PNG"))
    monkeypatch.setattr("sav.media.pictures.decoding._CHUNK", 1000)
    assert (read_picture(path) == picture).all()


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_sixteen_bits_become_eight(tmp_path, suffix):
    path = tmp_path / f"deep{suffix}"
    deep = np.arange(0, 65536, 64, dtype=np.uint16).reshape(32, 32)
    cv2.imwrite(str(path), deep)
    seen = read_picture(path)
    assert seen.shape == (32, 32, 3)
    assert np.abs(seen[..., 0] - deep / 257).max() <= 0.5


def test_floats_of_a_pfm_are_shares_of_white(tmp_path):
    shares = np.linspace(0, 1, 256, dtype="<f4").reshape(16, 16)
    path = put(tmp_path / "a.pfm", b"Pf\n16 16\n-1.0\n" + shares[::-1].tobytes())
    assert (read_picture(path)[..., 0] == np.arange(256).reshape(16, 16)).all()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_several_pictures_the_first_is_taken(tmp_path, kind):
    frames = [Pillow.new("RGB", (40, 30), (shade, shade, shade)) for shade in (200, 20, 90)]
    options = {"lossless": True} if kind == "WEBP" else {}
    frames[0].save(tmp_path / "a.png", kind, save_all=True, append_images=frames[1:], **options)
    assert (read_picture(tmp_path / "a.png") == 200).all()


def test_a_heic_is_read_where_there_is_a_decoder(tmp_path, picture):
    heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
    smooth = cv2.GaussianBlur(picture, (0, 0), 5)
    heif.from_pillow(Pillow.fromarray(smooth[..., ::-1].copy())).save(tmp_path / "a.heic", quality=90)
    assert list_pictures(tmp_path) == [tmp_path / "a.heic"]
    assert np.abs(read_picture(tmp_path / "a.heic").astype(int) - smooth).mean() < 6


def test_a_heic_is_named_as_such_where_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = put(tmp_path / "a.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99))
    with pytest.raises(ValueError, match=r"it is HEIF inside, .* pip install pillow-heif"):
        read_picture(path)


def test_the_content_says_what_kind_it_is_and_not_the_name(tmp_path, picture):
    assert (read_picture(put(tmp_path / "a.jpg", encoded(picture, "PNG"))) == picture).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_the_camera_orientation_is_honoured(tmp_path, picture, orientation, kind):
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    path = put(tmp_path / "turned.png", encoded(picture, kind, exif=exif, **options))
    upright = {
        1: picture, 2: picture[:, ::-1], 3: picture[::-1, ::-1], 4: picture[::-1],
        5: picture.transpose(1, 0, 2), 6: np.rot90(picture, -1), 7: np.rot90(picture, 2).transpose(1, 0, 2),
        8: np.rot90(picture),
    }  # fmt: skip
    assert (read_picture(path) == upright[orientation]).all()


def exif_of(*entries, order="<"):
    """Exif data of one directory, each entry `(tag, type, count, four bytes)`."""
    table = b"".join(struct.pack(order + "HHI", *entry[:3]) + entry[3] for entry in entries)
    start = b"II*\0\x08\0\0\0" if order == "<" else b"MM\0*\0\0\0\x08"
    return b"Exif\0\0" + start + struct.pack(order + "H", len(entries)) + table + bytes(4)


def test_a_turned_picture_whose_gps_tags_are_texts_is_turned(tmp_path, picture):
    """Pillow cannot write such Exif data again, which its own turning does."""
    gps = struct.pack("<H", 1) + struct.pack("<HHI", 0, 2, 4) + b"2.2\0" + bytes(4)
    exif = exif_of((0x0112, 3, 1, b"\6\0\0\0"), (0x8825, 4, 1, struct.pack("<I", 38))) + gps
    path = put(tmp_path / "a.jpg", encoded(picture, "JPEG", exif=exif))
    plain = read_picture(put(tmp_path / "b.jpg", encoded(picture, "JPEG")))
    assert (read_picture(path) == np.rot90(plain, -1)).all()


@pytest.mark.parametrize(
    "exif",
    [
        b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0nonsense", b"Exif\0\0MM",
        exif_of((0x0112, 3, 1, b"\x09\0\0\0")), exif_of((0x0112, 2, 4, b"six\0")),
        exif_of((0x0112, 5, 1, b"\0\0\0\0")),
        exif_of((0x0112, 12, 2**31, b"\0\0\0\0")), exif_of((0x0112, 4, 1, b"\xff\xff\xff\xff")),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_a_picture_whose_orientation_is_broken_is_left_as_it_is(tmp_path, picture, exif):
    plain = encoded(picture, "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    path = put(tmp_path / "a.jpg", plain[:2] + segment + plain[2:])
    assert (read_picture(path) == read_picture(put(tmp_path / "b.jpg", plain))).all()


@pytest.mark.parametrize("content", [b"not a picture", b"<html>", b"\xff\xd8", b"GIF89a", bytes(1000)])
def test_a_file_that_is_no_picture_is_one_clear_error(tmp_path, content):
    with pytest.raises(ValueError, match=r"fake\.jpg cannot be read as a picture: [^\n]+$"):
        read_picture(put(tmp_path / "fake.jpg", content))


def test_an_empty_file_is_called_so(tmp_path):
    with pytest.raises(ValueError, match=r"empty\.jpg cannot be read as a picture: it is empty"):
        read_picture(put(tmp_path / "empty.jpg", b""))


@pytest.mark.parametrize(
    "content",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n",
        b"\xc5\xd0\xd3\xc6" + bytes(100),
        b"%PDF-1.4\n",
        b"\x0a\x05\x01\x08" + bytes(200), b"SIMPLE  =                    T", b"8BPS\0\1" + bytes(50),
    ],
)  # fmt: skip
def test_a_file_of_another_kind_under_a_pictures_name_starts_no_decoder(tmp_path, content, monkeypatch):
    def fail(*_args, **_kwargs):
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", fail)
    monkeypatch.setattr(os, "system", fail)
    with pytest.raises(ValueError, match="of a kind that is not read here"):
        read_picture(put(tmp_path / "a.jpg", content))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF", "JPEG2000", "PPM"])
def test_a_truncated_picture_is_an_error_not_a_grey_half(tmp_path, kind):
    content = encoded(np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8), kind)
    with pytest.raises(ValueError, match=r"cut\.jpg cannot be read as a picture"):
        read_picture(put(tmp_path / "cut.jpg", content[: len(content) // 2]))


@pytest.mark.parametrize(
    "error",
    [TypeError("x"), struct.error("y"), MemoryError(), RecursionError("z"), AttributeError(), OverflowError(),
     KeyError(3), AssertionError(), ZeroDivisionError(), SystemError("a"), OSError("b"), SyntaxError("c")],
)  # fmt: skip
def test_whatever_a_decoder_raises_is_one_line_that_names_the_file(tmp_path, picture, monkeypatch, error):
    def fail(*_args):
        raise error

    monkeypatch.setattr("sav.media.pictures.decoding.open_as", fail)
    with pytest.raises(ValueError, match=r"a\.jpg cannot be read as a picture: [^\n]+$"):
        read_picture(put(tmp_path / "a.jpg", encoded(picture, "JPEG")))


def test_ctrl_c_in_a_decoder_is_ctrl_c(tmp_path, picture, monkeypatch):
    def fail(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr("sav.media.pictures.decoding.open_as", fail)
    with pytest.raises(KeyboardInterrupt):
        read_picture(put(tmp_path / "a.jpg", encoded(picture, "JPEG")))


def test_what_is_no_plain_file_is_named_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(ValueError, match=r"pipe\.jpg .* is a pipe or a device"):
        read_picture(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    with pytest.raises(ValueError, match=r"zero\.jpg .* is a pipe or a device"):
        read_picture(tmp_path / "zero.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket.jpg"))
        with pytest.raises(OSError, match=r"socket\.jpg cannot be opened"):
            read_picture(tmp_path / "socket.jpg")


def test_what_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.jpg cannot be opened: No such file"):
        read_picture(tmp_path / "gone.jpg")
    (tmp_path / "link.jpg").symlink_to("nowhere")
    with pytest.raises(FileNotFoundError, match=r"link\.jpg cannot be opened"):
        read_picture(tmp_path / "link.jpg")
    with pytest.raises(
        ValueError, match=r"https://x\.y/z\.jpg is an address, and pictures are read from disk"
    ):
        read_picture(Path("https://x.y/z.jpg"))
    with pytest.raises(IsADirectoryError, match="cannot be opened"):
        read_picture(tmp_path)


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    def refuse(*_args):
        raise PermissionError(errno.EACCES, "Permission denied", "secret.jpg")

    path = put(tmp_path / "secret.jpg", b"")
    monkeypatch.setattr("sav.media.pictures.reading.os.open", refuse)  # root may read everything
    with pytest.raises(PermissionError, match=r"secret\.jpg cannot be opened: Permission denied$"):
        read_picture(path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF", "JPEG2000", "PPM"])
def test_a_picture_beyond_the_limit_is_refused_in_our_words(tmp_path, picture, kind):
    path = put(tmp_path / "large.jpg", encoded(picture, kind))
    assert read_picture(path, max_megapixels=0.0192).shape == (120, 160, 3)
    with pytest.raises(ValueError, match=r"large\.jpg .* megapixels \(160x120\), and the limit is 0\.019;"):
        read_picture(path, max_megapixels=0.019)


def test_pillows_own_limit_is_left_alone_and_not_asked(tmp_path, picture, monkeypatch):
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 200)
    monkeypatch.setattr("sav.media.pictures.decoding._CHUNK", 160)
    for kind in ("JPEG", "PNG", "BMP", "TIFF", "GIF", "PPM"):
        path = put(tmp_path / "a.jpg", encoded(picture, kind))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert read_picture(path).shape == picture.shape
        with pytest.raises(Pillow.DecompressionBombError):
            Pillow.open(path)
    assert Pillow.MAX_IMAGE_PIXELS == 200


def png_of(width, height, depth=1, colour=0):
    """A PNG that says it has that size, and has no pixels."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)),
        (b"IDAT", b""),
        (b"IEND", b""),
    ]
    packed = [struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks]  # fmt: skip # noqa: E501
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize(
    "content",
    [
        png_of(2**31 - 1, 2**31 - 1),
        b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0),
        b"P6\n99999999 99999999\n255\n",
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 0, 0, 0, 54, 40, 2**30, 2**30, 1, 24, 0, 0, 0, 0, 0, 0),
    ],
)
def test_a_header_of_absurd_size_is_refused_at_once(tmp_path, content):
    with pytest.raises(ValueError, match=r"bomb\.png cannot be read as a picture"):
        read_picture(put(tmp_path / "bomb.png", content))


def run_length_bmp(width, height, commands):
    """A BMP of 256 greys whose pixels are given as run lengths."""
    palette = b"".join(bytes([shade, shade, shade, 0]) for shade in range(256))
    sizes = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(commands), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 54 + 1024) + sizes + palette + commands


def test_run_lengths_of_a_bmp_are_decoded(tmp_path):
    rows = b"\x05\x07\0\0", b"\x02\x09\x03\x08\0\0", b"\0\x05\1\2\3\4\5\0\0\1"
    seen = read_picture(put(tmp_path / "a.bmp", run_length_bmp(5, 3, b"".join(rows))))
    assert seen[..., 0].tolist() == [[1, 2, 3, 4, 5], [9, 9, 8, 8, 8], [7, 7, 7, 7, 7]]


def test_run_lengths_of_a_vast_bmp_take_no_time(tmp_path):
    """A row of a million pixels that ends at once, over and over: Pillow fills each up pixel by pixel."""
    path = put(tmp_path / "a.bmp", run_length_bmp(1_000_000, 150, b"\0\0" * 150 + b"\0\1"))
    assert read_picture(path).shape == (150, 1_000_000, 3)
    with pytest.raises(ValueError, match="run lengths are damaged, or it is wider"):
        read_picture(put(tmp_path / "b.bmp", run_length_bmp(4_194_320, 8, b"\0\0" * 8)))


def test_a_small_jpeg_cannot_ask_for_thousands_of_passes(tmp_path):
    content = encoded(np.zeros((1500, 2000, 3), np.uint8), "JPEG", progressive=True)
    start = content.rindex(b"\xff\xda")
    path = put(tmp_path / "a.jpg", content[:start] + content[start:-2] * 3000 + b"\xff\xd9")
    with pytest.raises(ValueError, match=r"it would be decoded in 30\d\d passes"):
        read_picture(path)
    assert read_picture(put(tmp_path / "b.jpg", content)).shape == (1500, 2000, 3)


def test_a_small_jpeg_2000_cannot_ask_for_a_vast_picture(tmp_path, picture):
    """Its wavelets would be summed over all of it, for minutes, though there is nothing in them."""
    content = bytearray(encoded(picture, "JPEG2000", no_jp2=True))
    size = content.index(b"\xff\x51") + 6
    for place in (size, size + 16):  # of the picture, and of its only tile
        struct.pack_into(">II", content, place, 19_000, 10_000)
    with pytest.raises(ValueError, match="bytes cannot hold its 19000x10000 pixels"):
        read_picture(put(tmp_path / "a.jp2", content[:300]))


def test_a_file_of_gigabytes_under_a_pictures_name_is_refused_unread(tmp_path, picture):
    path = put(tmp_path / "a.jpg", encoded(picture, "JPEG"))
    with path.open("r+b") as file:
        file.truncate(2**36)  # a hole, which takes no room on the disk
    with pytest.raises(ValueError, match="far too large"):
        read_picture(path)


def test_a_jpeg_with_endless_exif_data_is_refused(tmp_path, picture):
    content = encoded(picture, "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", 20) + b"Exif\0\0" + bytes(12)
    with pytest.raises(ValueError, match="too many blocks of Exif data"):
        read_picture(put(tmp_path / "a.jpg", content[:2] + segment * 200 + content[2:]))


def test_importing_the_reader_changes_nothing_in_pillow():
    check = (
        "import PIL.Image as P, PIL.ImageFile as F;"
        "before = P.MAX_IMAGE_PIXELS, P.open, F.LOAD_TRUNCATED_IMAGES;"
        "import sav.media.pictures;"
        "assert before == (P.MAX_IMAGE_PIXELS, P.open, F.LOAD_TRUNCATED_IMAGES)"
    )
    subprocess.run([sys.executable, "-c", check], check=True)
