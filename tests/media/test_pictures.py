import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from sav.media.pictures import list_pictures, output_stems, read_picture, write_picture


@pytest.mark.parametrize(
    "suffix", [".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".JPG", ".Png"]
)
def test_every_format_is_read_as_bgr(tmp_path, picture, suffix):
    path = tmp_path / f"straße 图片{suffix}"
    smooth = cv2.GaussianBlur(picture, (0, 0), 5)
    Pillow.fromarray(smooth[..., ::-1].copy()).save(path)
    assert np.abs(read_picture(path).astype(int) - smooth).mean() < 4
    assert list_pictures(tmp_path) == [path]


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "CMYK", "1"])
def test_every_mode_becomes_three_channels(tmp_path, picture, mode):
    path = tmp_path / ("picture.tif" if mode == "CMYK" else "picture.png")
    original = Pillow.fromarray(picture[..., ::-1].copy()).convert(mode)
    original.save(path)
    wanted = np.asarray(original.convert("RGB"))[..., ::-1]
    assert (read_picture(path) == wanted).all()


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_become_eight(tmp_path, suffix):
    path = tmp_path / f"deep{suffix}"
    deep = np.arange(0, 65536, 64, dtype=np.uint16).reshape(32, 32)
    Pillow.fromarray(deep).save(path)
    seen = read_picture(path)
    assert seen.shape == (32, 32, 3)
    assert np.abs(seen[..., 0] - deep / 257).max() <= 0.5


def test_sixteen_bit_colour_becomes_eight(tmp_path, picture):
    cv2.imwrite(str(tmp_path / "deep.png"), picture.astype(np.uint16) * 257)
    assert np.abs(read_picture(tmp_path / "deep.png").astype(int) - picture).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_camera_orientation_is_honoured(tmp_path, picture, orientation):
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    Pillow.fromarray(picture[..., ::-1].copy()).save(tmp_path / "turned.png", exif=exif)
    upright = {
        1: picture, 2: picture[:, ::-1], 3: picture[::-1, ::-1], 4: picture[::-1],
        5: picture.transpose(1, 0, 2), 6: np.rot90(picture, -1), 7: np.rot90(picture, 2).transpose(1, 0, 2),
        8: np.rot90(picture),
    }  # fmt: skip
    assert (read_picture(tmp_path / "turned.png") == upright[orientation]).all()


@pytest.mark.parametrize("content", [b"", b"not a picture"])
def test_a_file_that_is_no_picture_is_one_clear_error(tmp_path, content):
    (tmp_path / "fake.jpg").write_bytes(content)
    with pytest.raises(ValueError, match=r"fake\.jpg cannot be read as a picture"):
        read_picture(tmp_path / "fake.jpg")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tif"])
def test_a_truncated_picture_is_an_error_not_a_grey_half(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    path = tmp_path / f"cut{suffix}"
    Pillow.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="cannot be read as a picture"):
        read_picture(path)


def test_a_folder_is_listed_in_order_without_other_files(tmp_path):
    for name in ("b.JPG", "a.png", "notes.txt", "c.jpeg"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in list_pictures(tmp_path)] == ["a.png", "b.JPG", "c.jpeg"]


def test_paths_without_pictures_are_clear_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match="no pictures in"):
        list_pictures(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no picture or folder"):
        list_pictures(tmp_path / "nowhere")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match="is not a picture"):
        list_pictures(tmp_path / "notes.txt")


def test_results_of_pictures_that_differ_in_their_suffix_have_names_of_their_own(tmp_path):
    names = ["a.jpg", "a.png", "A.tif", "a_png.jpg", "b.jpg"]
    stems = output_stems([tmp_path / name for name in names])
    assert stems[0] == "a_jpg"
    assert stems[3:] == ["a_png", "b"]
    assert len({stem.casefold() for stem in stems}) == len(names)


def test_pictures_are_written_whole_and_the_same_every_time(tmp_path, picture):
    write_picture(tmp_path / "bild_ü.png", picture)
    assert (read_picture(tmp_path / "bild_ü.png") == picture).all()
    write_picture(tmp_path / "one.jpg", picture)
    write_picture(tmp_path / "two.jpg", picture)
    assert (tmp_path / "one.jpg").read_bytes() == (tmp_path / "two.jpg").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bild_ü.png", "one.jpg", "two.jpg"]
