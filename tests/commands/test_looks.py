"""The flags that say what is drawn, the same in all scripts."""

import subprocess
import sys

import pytest

from sav.commands import seg, track
from sav.commands.flags import looks
from sav.errors import SettingError
from sav.looks import PARTS, DrawConfig


@pytest.mark.parametrize("script", [seg, track])
@pytest.mark.parametrize(
    ("flags", "wanted"),
    [
        ([], DrawConfig()),
        (["--opacity", "0.2", "--text_share", "0.05"], DrawConfig(opacity=0.2, text_share=0.05)),
        (["--region_opacity", "0.4"], DrawConfig(region_opacity=0.4)),
        (["--label_with", "ids", "scores"], DrawConfig(ids=True, scores=True)),
        (["--label_with", "Ids"], DrawConfig(ids=True, scores=False)),
        (["--label_with", "nothing"], DrawConfig(ids=False, scores=False)),
        (["--draw", *PARTS], DrawConfig(**dict.fromkeys(PARTS, True))),
        (["--draw", "Boxes", "--draw", "labels"], DrawConfig(**looks.only(("boxes", "labels")))),
        (["--draw", "boxes,labels"], DrawConfig(**looks.only(("boxes", "labels")))),
        (["--draw", "boxes,", "labels"], DrawConfig(**looks.only(("boxes", "labels")))),
    ],
)
def test_flags_are_settings(script, flags, wanted):
    assert looks.draw_config(script.parse(flags)) == wanted


def test_looks_say_in_words_what_is_not_as_usual():
    assert DrawConfig().changes == ""
    assert DrawConfig(boxes=False, opacity=0.3).changes == "boxes False, opacity 0.3"


def test_nothing_stands_alone():
    with pytest.raises(SettingError, match="--label_with nothing stands alone"):
        looks.draw_config(seg.parse(["--label_with", "ids", "--label_with", "nothing"]))


@pytest.mark.parametrize("script", [seg, track])
@pytest.mark.parametrize("written", ["mask", "boxes,mask"])
def test_a_slip_is_answered_with_what_to_write(script, written, capsys):
    with pytest.raises(SystemExit):
        script.parse(["--draw", written])
    assert "did you mean masks?" in capsys.readouterr().err


def test_help_draws_nothing():
    script = "import sys, sav.commands.flags.looks; print('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "False\n"
