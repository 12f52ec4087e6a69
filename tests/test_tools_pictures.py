"""The tool that makes the README's pictures."""

import numpy as np
import pytest
from PIL import Image as Pillow

from sav.media.pictures import write_picture
from tests.media.videos import make_video
from tools import pictures


def noisy(size_hw=(60, 90), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*size_hw, 3), np.uint8)


def test_pictures_stand_side_by_side_in_the_width_that_is_asked_for(tmp_path, capsys):
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        write_picture(path, np.full((60, 90, 3), 60 * number, np.uint8))
    arguments = [str(tmp_path / "row.jpg"), *map(str, paths), "--width", "192", "--gap", "6"]
    assert pictures.main(["side_by_side", *arguments]) == 0
    with Pillow.open(tmp_path / "row.jpg") as row:
        assert row.size == (192, 40)
        assert [row.getpixel((x, 20))[0] // 10 for x in (30, 63, 96, 160)] == [0, 25, 6, 12]
    assert "row.jpg" in capsys.readouterr().out


def test_a_stretch_of_a_video_becomes_a_loop(tmp_path):
    video = make_video(tmp_path, "a.mp4", count=6, size_hw=(60, 80))
    assert pictures.main(["loop", str(tmp_path / "a.webp"), str(video), "--end", "4", "--width", "40"]) == 0
    with Pillow.open(tmp_path / "a.webp") as loop:
        assert (loop.size, loop.n_frames, loop.info["loop"]) == ((40, 30), 4, 0)


def test_the_best_quality_that_fits_is_written_or_nothing(tmp_path):
    write_picture(tmp_path / "a.png", noisy())
    out = tmp_path / "row.jpg"
    arguments = ["side_by_side", str(out), str(tmp_path / "a.png"), "--width", "90"]
    assert pictures.main([*arguments, "--kilobytes", "12"]) == 0
    assert 6000 < out.stat().st_size <= 12_000
    out.unlink()
    with pytest.raises(SystemExit, match="smaller --width"):
        pictures.main([*arguments, "--kilobytes", "1"])
    assert not out.exists()
