"""Where a video may be saved, so that nothing of the user's is lost."""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest

from sav.media.reader import open_video
from sav.media.save_path import annotations_folder, check_save_path, interrupted_path
from sav.media.writer import VideoWriter

Maker = Callable[..., Path]


def test_the_source_is_not_overwritten_however_it_is_spelled(
    make_video: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_video("my video.mp4", count=2)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    quoted = urllib.parse.quote(str(source))
    for spelling in (
        source,
        str(source),
        "my video.mp4",
        "./sub/../my video.mp4",
        f"file:{source}",
        f"file://{source}",
        f"file://{quoted}",
        f"file://localhost{quoted}",
    ):
        with pytest.raises(ValueError, match="that is read"):
            check_save_path("my video.mp4", spelling)


def test_links_to_the_source_are_not_overwritten(make_video: Maker, tmp_path: Path) -> None:
    source = make_video("in.mp4", count=2)
    (tmp_path / "symbolic.mp4").symlink_to(source)
    os.link(source, tmp_path / "hard.mp4")
    for name in ("symbolic.mp4", "hard.mp4"):
        with pytest.raises(ValueError, match="that is read"):
            check_save_path(tmp_path / name, source)
        with pytest.raises(ValueError, match="that is read"):
            check_save_path(source, tmp_path / name)


def test_a_source_with_the_name_of_an_interrupted_copy_is_not_overwritten(
    make_video: Maker, tmp_path: Path
) -> None:
    source = make_video("out.interrupted.mp4", count=2)
    assert source == interrupted_path(tmp_path / "out.mp4")
    with pytest.raises(ValueError, match="interrupted"):
        check_save_path(tmp_path / "out.mp4", source)
    with open_video(source) as video, pytest.raises(ValueError, match="interrupted"):
        VideoWriter(tmp_path / "out.mp4", video.info)
    assert check_save_path(tmp_path / "other.mp4", source)


@pytest.mark.parametrize("name", ["out.mp4", "out.interrupted.mp4"])
@pytest.mark.parametrize("inside", ["", "cutout", "mask"])
def test_a_source_among_the_annotations_is_not_overwritten(
    make_video: Maker, tmp_path: Path, name: str, inside: str
) -> None:
    folder = annotations_folder(tmp_path / name) / inside
    folder.mkdir(parents=True)
    source = make_video("matte.mp4", count=2).rename(folder / "matte.mp4")
    for read in (source, folder):
        with pytest.raises(ValueError, match="annotations"):
            check_save_path(tmp_path / "out.mp4", read)
    assert check_save_path(tmp_path / "other.mp4", source)


def test_addresses_and_cameras_lie_in_nobodys_way(tmp_path: Path) -> None:
    for source in ("0", "http://host/out.mp4", "rtsp://host/1", None):
        assert check_save_path(tmp_path / "out.mp4", source) == tmp_path / "out.mp4"
