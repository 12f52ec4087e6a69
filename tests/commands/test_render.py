"""`python -m sav render`: what is printed, and what flags mean."""

import pytest

from sav.commands import render
from sav.looks import PARTS, DrawConfig
from tests.runs.stored_runs import picture_run, seen, video_run

NOTHING = dict.fromkeys(PARTS, False)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return video_run(tmp_path_factory.mktemp("video"), ["mot"])


def main(*arguments) -> int:
    return render.main([str(argument) for argument in arguments])


def test_a_video_is_drawn_and_told(video, tmp_path, capsys):
    assert main(video, "--save_path", tmp_path / "new.mp4", "--ids", "1", "--draw", "labels") == 0
    assert capsys.readouterr().out == f"6 frames, 1 object in {tmp_path / 'new.mp4'}\n"


def test_pictures_are_drawn_and_told(tmp_path, capsys):
    run = picture_run(tmp_path, ["coco"])
    assert main(run, "--save_dir", tmp_path / "new", "--classes", "dog,person") == 0
    said = capsys.readouterr().out
    assert said == f"3 of 3 pictures: 6 labelled objects in {tmp_path / 'new'}\n"
    assert len(seen(tmp_path / "new")) == 3


@pytest.mark.parametrize(
    ("flags", "wanted"),
    [
        ([], DrawConfig()),
        (["--opacity", "0.9"], DrawConfig(opacity=0.9)),
        (["--ids", "3"], DrawConfig(regions=False)),
        (["--draw", "boxes", "Labels"], DrawConfig(**{**NOTHING, "boxes": True, "labels": True})),
        (["--hide", "blur"], DrawConfig(**NOTHING, hide="blur")),
        (
            ["--hide", "black", "--draw", "contours"],
            DrawConfig(**{**NOTHING, "contours": True}, hide="black"),
        ),
        (["--background", "#102030"], DrawConfig(**NOTHING, background=(0x30, 0x20, 0x10))),
        (["--background", "black"], DrawConfig(**NOTHING, background=(0, 0, 0))),
    ],
)
def test_flags_are_settings(flags, wanted):
    assert render.draw_config(render.parse(["run", *flags])) == wanted


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--background", "snowish"], "'snowish' is no colour"),
        (["--hide", "pixels"], "none of blur, black"),
        (["--draw", "mask"], "did you mean masks?"),
        (["--opacity", "45"], "45 % is 0.45"),
    ],
)
def test_a_slip_is_answered_with_what_to_write(flags, line, capsys):
    with pytest.raises(SystemExit):
        main("run", *flags)
    assert line in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--ids", "9"], "no object of this run has the id 9"),
        (["--classes", "dgo"], "dgo"),
        (["--save_path", "a.txt"], "must end in .mp4"),
    ],
)
def test_what_cannot_be_done_is_one_line(video, flags, line, capsys):
    assert main(video, *flags) == 2
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1
