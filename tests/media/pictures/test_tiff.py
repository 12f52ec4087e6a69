"""TIFFs of every layout against tifffile, and what they become as pictures."""

import io
import itertools
import struct
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from sav.media.pictures import read_picture
from sav.media.pictures.decoding import Limit
from sav.media.pictures.tiff_directory import read_directory
from sav.media.pictures.tiff_inflating import inflate
from sav.media.pictures.tiff_samples import read_samples
from tests.conftest import cases

SHARES = np.tile(np.linspace(0, 0.6, 80), (60, 1))
TYPES = ("u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", "c8", "c16")


def samples_of(path: Path) -> np.ndarray:
    with path.open("rb") as file:
        return read_samples(file, read_directory(file), Limit(200))


def random_values(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(0)
    kind = np.dtype(dtype).kind
    if kind in "ui":
        info = np.iinfo(dtype)
        return rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    real = rng.normal(size=shape) * 1000
    return (real + 1j * rng.normal(size=shape) if kind == "c" else real).astype(dtype)


def write(path: Path, pixels: np.ndarray, **options: object) -> Path:
    """Write `(H, W, bands)` as tifffile does, with metadata of no program."""
    settings = {"photometric": "minisblack", "metadata": None, **options}
    if pixels.ndim == 3 and settings.get("planarconfig") == "separate":
        pixels = np.moveaxis(pixels, 2, 0)
    tifffile.imwrite(path, pixels, **settings)
    return path


def by_hand(path: Path, data: bytes, size_wh: tuple[int, int], **tags: int | tuple[int, ...]) -> Path:
    """A little-endian grey TIFF of one strip, with the given tags (`t317=3`) in place of the usual ones."""
    table = {256: size_wh[0], 257: size_wh[1], 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: size_wh[1]}
    table |= {279: len(data)} | {int(name[1:]): value for name, value in tags.items()}
    entries = [
        struct.pack("<HHII", tag, 4, *(value if isinstance(value, tuple) else (1, value)))
        for tag, value in sorted(table.items())
    ]
    head = struct.pack("<2sHI", b"II", 42, 8 + len(data))
    path.write_bytes(head + data + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4))
    return path


@pytest.mark.parametrize("dtype", TYPES)
@cases("bands", [2, 1, 5], quick=1)
def test_samples_of_every_layout_are_those_that_tifffile_reads(tmp_path, dtype, bands):
    layouts = itertools.product(
        ["contig", "separate"],
        "<>",
        [False, True],
        [{"tile": (16, 32)}, {"rowsperstrip": 5}, {}],
        [None, "zlib"],
    )
    pixels = random_values(dtype, (37, 53, bands))
    for number, (planar, order, is_big, chunks, compression) in enumerate(layouts):
        path = write(
            tmp_path / f"{number}.tif", pixels if bands > 1 else pixels[..., 0],
            planarconfig=planar if bands > 1 else None, byteorder=order, bigtiff=is_big,
            compression=compression, **chunks,
        )  # fmt: skip
        read = tifffile.imread(path)
        read = np.moveaxis(read, 0, 2) if bands > 1 and planar == "separate" else read.reshape(pixels.shape)
        assert (samples_of(path) == read[..., : 3 if bands >= 3 else 1]).all()


@pytest.mark.parametrize("compression", [1, 5, 8, 32773, 34925])
def test_segments_are_inflated_together_as_each_alone(compression):
    """Wrapped for libtiff as many strips or as one."""
    rows = [7, 7, 3]
    plain = np.random.default_rng(0).integers(0, 4, (17, 40), np.uint8)
    segments = [compressed(part, compression) for part in np.split(plain, np.cumsum(rows)[:-1])]
    assert (inflate(segments, compression, 40, rows) == plain).all()
    assert (inflate(segments[2:], compression, 40, rows[2:]) == plain[14:]).all()


def compressed(plain: np.ndarray, compression: int) -> bytes:
    """The only strip of a grey TIFF that libtiff writes."""
    names = {1: None, 5: "tiff_lzw", 8: "tiff_adobe_deflate", 32773: "packbits", 34925: "lzma"}
    file = io.BytesIO()
    Pillow.fromarray(plain).save(file, "TIFF", compression=names[compression], strip_size=2**20)
    directory = read_directory(file)
    assert (len(directory.offsets), directory.compression) == (1, compression)
    start = int(directory.offsets[0])
    return file.getvalue()[start : start + int(directory.byte_counts[0])]


@pytest.mark.parametrize("dtype", ["u2", "f4"])
@pytest.mark.parametrize("bands", [1, 3])
def test_what_opencv_writes_with_lzw_and_differences_is_read(tmp_path, dtype, bands):
    pixels = random_values(dtype, (61, 47, bands))
    cv2.imwrite(str(tmp_path / "a.tif"), pixels, [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    assert (samples_of(tmp_path / "a.tif")[..., ::-1] == pixels).all()


@pytest.mark.parametrize("bands", [1, 2])
def test_differences_of_the_bytes_of_floats_are_summed(tmp_path, bands):
    """Adobe's technical note 3: the bytes of a row sorted by weight, each less that of the pixel before."""
    floats = random_values("f4", (11, 13, bands))
    by_weight = floats.astype(">f4").view(np.uint8).reshape(11, 13 * bands, 4).transpose(0, 2, 1)
    pixels = by_weight.reshape(11, -1, bands)
    differences = np.diff(pixels, axis=1, prepend=np.zeros((11, 1, bands), np.uint8))
    path = by_hand(
        tmp_path / "a.tif", differences.tobytes(), (13, 11), t258=32, t277=bands, t317=3, t339=3
    )  # fmt: skip
    assert (samples_of(path)[..., 0] == floats[..., 0]).all()


@pytest.mark.parametrize("bits", [3, 10, 12, 14, 24, 31])
def test_packed_samples_are_unpacked(tmp_path, bits):
    """The highest bit first, each row from a new byte, whatever the byte order."""
    values = np.random.default_rng(0).integers(0, 2**bits, (9, 13))
    shifts = np.arange(bits - 1, -1, -1)
    packed = np.packbits((values[..., None] >> shifts & 1).reshape(9, -1).astype(np.uint8), axis=1)
    path = by_hand(tmp_path / "a.tif", packed.tobytes(), (13, 9), t258=bits)
    assert (samples_of(path)[..., 0] == values).all()


def test_bits_in_reversed_order_are_turned(tmp_path):
    pixels = random_values("u2", (9, 13, 1))[..., 0]
    bits = np.unpackbits(pixels.view(np.uint8).reshape(-1, 1), axis=1)
    path = by_hand(tmp_path / "a.tif", np.packbits(bits[:, ::-1]).tobytes(), (13, 9), t258=16, t266=2)
    assert (samples_of(path)[..., 0] == pixels).all()


@pytest.mark.parametrize(
    ("mode", "compression"),
    [
        *itertools.product(
            ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK"],
            [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"],
        ),
        ("L", "jpeg"), ("RGB", "jpeg"), ("CMYK", "jpeg"), ("1", "group4"),
    ],
)  # fmt: skip
def test_ordinary_tiffs_are_as_pillow_has_them(tmp_path, picture, mode, compression):
    original = Pillow.fromarray(picture[..., ::-1].copy()).convert(mode)
    original.save(tmp_path / "a.tif", compression=compression)
    with Pillow.open(tmp_path / "a.tif") as opened:
        wanted = np.asarray(opened.convert("RGB"))
    assert (read_picture(tmp_path / "a.tif") == wanted[..., ::-1]).all()


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_of_many_bands_the_first_three_are_red_green_and_blue_and_of_two_the_first_is_grey(tmp_path, dtype):
    top = 1 if dtype == "f4" else np.iinfo(dtype).max
    pixels = np.stack([SHARES, SHARES * 0.5, SHARES[::-1], SHARES * 0, SHARES * 1.5], axis=2) * top
    for bands, planar in itertools.product([2, 3, 4, 5], ["contig", "separate"]):
        path = write(tmp_path / "a.tif", pixels[..., :bands].astype(dtype), planarconfig=planar)
        wanted = pixels[..., 2::-1] if bands >= 3 else pixels[..., :1]
        assert np.abs(read_picture(path) - wanted / top * 255).max() <= 1


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_where_white_is_zero_the_picture_is_the_other_way_round(tmp_path, dtype):
    top = 1 if dtype == "f4" else np.iinfo(dtype).max
    path = write(tmp_path / "a.tif", ((1 - SHARES) * top).astype(dtype), photometric="miniswhite")
    assert np.abs(read_picture(path)[..., 0] - SHARES * 255).max() <= 1


def test_a_palette_of_sixteen_bits_gives_colours(tmp_path):
    colors = np.random.default_rng(0).integers(0, 65536, (3, 65536), dtype=np.uint16)
    indices = np.random.default_rng(1).integers(0, 65536, (20, 30), dtype=np.uint16)
    path = write(tmp_path / "a.tif", indices, photometric="palette", colormap=colors)
    assert (read_picture(path) == (colors[::-1, indices] >> 8).transpose(1, 2, 0)).all()


def test_of_several_pages_the_first_is_taken(tmp_path):
    stack = np.stack([SHARES * top for top in (65535, 0, 30000)]).astype("u2")
    path = write(tmp_path / "a.tif", stack)
    assert len(tifffile.TiffFile(path).pages) == 3
    assert np.abs(read_picture(path)[..., 0] - SHARES * 255).max() <= 1


def test_the_orientation_is_honoured_in_deep_pictures(tmp_path):
    path = write(tmp_path / "a.tif", (SHARES * 65535).astype("u2"), extratags=[(274, "H", 1, 6, True)])
    assert np.abs(read_picture(path)[..., 0] - np.rot90(SHARES * 255, -1)).max() <= 1


def test_what_gdal_calls_nothing_is_black(tmp_path):
    pixels = SHARES.astype("f4")
    pixels[:, :10] = -9999
    path = write(tmp_path / "a.tif", pixels, extratags=[(42113, "s", 0, "-9999", True)])
    seen = read_picture(path)[..., 0]
    assert not seen[:, :10].any()
    assert np.abs(seen[:, 10:] - SHARES[:, 10:] * 255).max() <= 1


@pytest.mark.parametrize("nothing", [np.nan, -9999.0])
def test_nothing_is_black_where_white_is_zero_too(tmp_path, nothing):
    pixels = (1 - SHARES).astype("f4")
    pixels[:, :10] = nothing
    tags = {} if np.isnan(nothing) else {"extratags": [(42113, "s", 0, "-9999", True)]}
    seen = read_picture(write(tmp_path / "a.tif", pixels, photometric="miniswhite", **tags))[..., 0]
    assert not seen[:, :10].any()
    assert np.abs(seen[:, 10:] - SHARES[:, 10:] * 255).max() <= 1


def test_segments_that_a_sparse_file_leaves_out_are_black(tmp_path):
    path = write(tmp_path / "a.tif", np.full((64, 64), 60000, "u2"), tile=(32, 32))
    with path.open("rb") as file:
        directory = read_directory(file)
    table = struct.pack("<4I", *directory.offsets)
    path.write_bytes(path.read_bytes().replace(table, struct.pack("<4I", 0, *directory.offsets[1:])))
    seen = read_picture(path)
    assert not seen[:32, :32].any()
    assert (seen[32:] == 233).all()


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_tiff_cut_short_is_an_error(tmp_path, dtype, compression):
    pixels = random_values(dtype, (80, 90, 5))
    path = write(tmp_path / "a.tif", pixels, compression=compression, planarconfig="contig")
    content = path.read_bytes()
    for length in (4, 20, 200, len(content) // 2, len(content) - 10):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"a\.tif cannot be read as a picture"):
            read_picture(path)


@pytest.mark.parametrize("tag", ["t258", "t273", "t279", "t320"])
def test_absurd_tables_are_refused_before_they_are_read(tmp_path, tag):
    path = by_hand(tmp_path / "a.tif", bytes(200), (10, 10), **{"t258": 16, tag: (2**31, 8)})
    with pytest.raises(ValueError, match="has 2147483648 values"):
        read_picture(path)


@pytest.mark.parametrize(
    ("tags", "what"),
    [
        ({"t259": 50002}, "compression 50002"),
        ({"t258": 13, "t339": 3}, "13 bits"),
        ({"t277": 40_000_000}, "bands"),
        ({"t256": 10**6, "t257": 10**6}, "1000000.0 megapixels"),
        ({"t322": 2**31, "t323": 2**31, "t324": 8, "t325": 200}, "far larger than itself"),
        ({"t322": 0, "t323": 16, "t324": 8, "t325": 200}, "no size"),
        ({"t278": 1}, "too short"),
        ({"t257": 0}, "height is missing"),
    ],
)  # fmt: skip
def test_what_a_tiff_cannot_be_is_said(tmp_path, tags, what):
    path = by_hand(tmp_path / "a.tif", bytes(200), (10, 10), **{"t258": 16, **tags})
    with pytest.raises(ValueError, match=f"a.tif cannot be read as a picture: .*{what}"):
        read_picture(path)


def test_no_raw_warning_is_seen_of_a_large_ordinary_tiff(tmp_path):
    Pillow.new("1", (10_000, 9_000)).save(tmp_path / "a.tif", compression="group4")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_picture(tmp_path / "a.tif").shape == (9_000, 10_000, 3)
