"""What fails in other people's code is one line in the log; a fault of ours keeps its traceback."""

import json

import pytest

from sav.media.pictures import read_picture
from sav.web.faults import Traceback, is_told


def raised(call):
    with pytest.raises(Exception) as told:
        call()
    return told.value


def test_what_fails_in_other_peoples_code_is_one_line_and_what_fails_in_ours_is_not(caplog, capsys):
    assert is_told(raised(lambda: json.loads("\x1b[2J\n" * 999)))
    (line,) = caplog.messages
    assert "JSONDecodeError" in line and len(line) < 300 and "\x1b" not in line and "\n" not in line
    assert not is_told(raised(lambda: read_picture("nowhere.png")))

    for fail in (lambda: json.loads("?"), lambda: read_picture("nowhere.png")):
        try:
            fail()
        except Exception:
            Traceback().print_exc()
    said = capsys.readouterr().err
    assert "JSONDecodeError" not in said and "nowhere.png" in said
