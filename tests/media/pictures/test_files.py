"""What counts as a picture, what is said of the rest, and what results are called."""

import logging
import os
from pathlib import Path

import pytest

from sav.errors import PictureError
from sav.media.pictures import find_pictures, list_pictures, output_stems, readable


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).touch()


def test_a_folder_is_listed_in_order_without_other_files(tmp_path, caplog):
    put(tmp_path, "b.JPG", "a.png", "notes.txt", "c.jpeg", "d.gif", "e.jfif", "f.ppm", "g.jp2", "Thumbs.db")
    assert [path.name for path in list_pictures(tmp_path)] == [
        "a.png", "b.JPG", "c.jpeg", "d.gif", "e.jfif", "f.ppm", "g.jp2",
    ]  # fmt: skip
    assert caplog.messages == ["left out: 2 files that are no pictures"]


def test_hidden_files_are_no_pictures(tmp_path, caplog):
    put(tmp_path, "IMG_1.jpg", "._IMG_1.jpg", ".x.png", ".hidden.heic", ".DS_Store")
    assert [path.name for path in list_pictures(tmp_path)] == ["IMG_1.jpg"]
    assert not caplog.records
    assert list_pictures(tmp_path / ".x.png") == [tmp_path / ".x.png"]


def test_pictures_that_cannot_be_read_are_counted_in_one_line(tmp_path, caplog):
    put(tmp_path, "a.jpg", "b.jxl", "c.JXL", "d.cr2", "e.svg", "notes.txt")
    (tmp_path / "tiles.png").mkdir()
    list_pictures(tmp_path)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "left out: 1 .cr2, 2 .jxl and 1 .svg files, which cannot be read here (convert to JPEG or PNG),"
        " and 1 file that is no picture, and 1 folder named like a picture"
    )


def test_where_nothing_can_be_read_the_error_says_what_is_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no pictures in .*looked for \.jpg"):
        list_pictures(tmp_path)
    put(tmp_path, "notes.txt")
    with pytest.raises(FileNotFoundError, match=r"; left out: 1 file that is no picture; looked for \.jpg"):
        list_pictures(tmp_path)
    put(tmp_path, "a.jxl")
    with pytest.raises(FileNotFoundError, match=r"no pictures in .*left out: 1 \.jxl file"):
        list_pictures(tmp_path)
    with pytest.raises(ValueError, match=r"a\.jxl: \.jxl files cannot be read here; convert"):
        list_pictures(tmp_path / "a.jxl")


def test_paths_without_pictures_are_clear_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no picture or folder"):
        list_pictures(tmp_path / "nowhere")
    put(tmp_path, "notes.txt")
    with pytest.raises(ValueError, match="is not a picture"):
        list_pictures(tmp_path / "notes.txt")


@pytest.mark.parametrize(
    "address", ["https://x.y/z.jpg", "http://x.y/z", "s3://bucket/a.png", "file:///a.png"]
)
def test_an_address_is_told_that_pictures_are_on_the_disk(address):
    with pytest.raises(ValueError, match="pictures are read from disk only"):
        list_pictures(Path(address))


def test_what_is_no_plain_file_stays_in_the_list_to_be_named_when_it_is_read(tmp_path):
    (tmp_path / "broken.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(tmp_path / "pipe.png")
    assert [path.name for path in list_pictures(tmp_path)] == ["broken.jpg", "pipe.png"]


def test_a_link_that_cannot_be_followed_ends_no_list(tmp_path, monkeypatch):
    put(tmp_path, "a.jpg", "d.jpg")
    (tmp_path / "b.jpg").symlink_to("b.jpg")
    (tmp_path / "c.jpg").symlink_to("c" * 300)
    names = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    stat = os.stat

    def forbidden(path, *arguments, **more):
        if str(path).endswith("d.jpg"):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, *arguments, **more)

    monkeypatch.setattr(os, "stat", forbidden)
    assert [path.name for path in list_pictures(tmp_path)] == names
    assert [path.name for path in find_pictures([str(tmp_path / name) for name in names[:3]])] == names[:3]


def test_a_folder_that_may_not_be_read_is_told(tmp_path, monkeypatch):
    def forbidden(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", forbidden)
    with pytest.raises(PictureError, match=f"cannot read the folder {tmp_path}: Permission denied"):
        list_pictures(tmp_path)


def test_a_name_that_no_file_can_have_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no picture or folder"):
        find_pictures([str(tmp_path / ("x" * 300 + ".jpg"))])


def test_results_of_pictures_that_differ_in_their_suffix_have_names_of_their_own(tmp_path):
    names = ["a.jpg", "a.png", "A.tif", "a_png.jpg", "b.jpg", "ü.jpg", "u\u0308.jpg"]
    stems = output_stems([tmp_path / name for name in names])
    assert stems[0] == "a_jpg"
    assert stems[3:5] == ["a_png", "b"]
    assert len({stem.casefold() for stem in stems}) == len(names)


@pytest.mark.parametrize("letter", ["m", "夏", "🦊", "e\u0301"])
def test_a_long_name_is_cut_so_that_every_result_has_room(tmp_path, letter):
    stem = letter * (240 // len(letter.encode()))
    stems = output_stems([tmp_path / f"{stem}.jpg", tmp_path / f"{stem}x.jpg", tmp_path / "a.jpg"])
    assert len(set(stems)) == 3
    assert stems[2] == "a"
    for one in stems[:2]:
        assert len(one.encode()) <= 180
        assert one.startswith(letter * 10)
    assert output_stems([tmp_path / f"{stem}.jpg"]) == stems[:1]


def test_long_names_that_differ_in_their_suffix_have_names_of_their_own(tmp_path):
    stem = "m" * 240
    stems = output_stems([tmp_path / f"{stem}.jpg", tmp_path / f"{stem}.png"])
    assert len(set(stems)) == 2
    assert all(len(one) <= 181 for one in stems)


def test_a_name_that_is_not_utf8_can_be_written(tmp_path):
    name = os.fsdecode(b"caf\xe9.jpg")
    assert readable(name) == "caf\ufffd.jpg"
    stems = output_stems([tmp_path / name, tmp_path / os.fsdecode(b"caf\xe8.jpg")])
    assert len(set(stems)) == 2
    for stem in stems:
        stem.encode()


def test_several_paths_give_each_picture_once_and_leave_out_what_is_none(tmp_path, caplog):
    for name in ("a.jpg", "b.png", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "c.jpg").touch()
    everything = [str(path) for path in sorted(tmp_path.iterdir())]
    found = find_pictures([*everything, str(tmp_path / "a.jpg")])
    assert [path.name for path in found] == ["a.jpg", "b.png", "c.jpg"]
    assert "notes.txt" in caplog.text


def test_a_pattern_that_no_shell_has_filled_in_is_filled_in(tmp_path):
    for name in ("a.jpg", "b.jpg", "[1].jpg"):
        (tmp_path / name).touch()
    assert len(find_pictures([str(tmp_path / "*.jpg")])) == 3
    assert [path.name for path in find_pictures([str(tmp_path / "[1].jpg")])] == ["[1].jpg"]
    with pytest.raises(FileNotFoundError, match=r"nothing matches .*\*\.gif"):
        find_pictures([str(tmp_path / "*.gif")])


def test_one_path_alone_is_meant_to_be_a_picture(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match="is not a picture"):
        find_pictures([str(tmp_path / "notes.txt")])
    with pytest.raises(FileNotFoundError, match="no picture or folder"):
        find_pictures([str(tmp_path / "a.jpg"), str(tmp_path / "notes.txt")])
