"""What `python -m sav web` takes and refuses, and how it says so."""

import builtins
import contextlib
import re
import socket
import sys

import pytest

from sav.commands import web
from sav.web.config import WebConfig
from tests.conftest import ROOT


def test_the_defaults_are_those_of_the_page_and_heard_on_this_machine_alone():
    args = web.parse([])
    usual = WebConfig()
    assert (args.host, args.port, args.password) == ("127.0.0.1", usual.port, "")
    assert args.max_seconds == usual.max_seconds and args.max_megapixels == usual.max_megapixels
    assert usual.is_local and not WebConfig(host="0.0.0.0").is_local


def test_the_flags_in_the_documentation_have_the_defaults_of_the_command():
    table = re.findall(
        r"^\| (`--.*?) \| (.*?) \|", (ROOT / "docs" / "web.md").read_text(encoding="utf-8"), re.M
    )
    told = {name: default for names, default in table for name in re.findall(r"--(\w+)", names)}
    assert set(told) == set(vars(web.parse([]))) - {"debug", "model_dir", "port"}
    for name, default in told.items():
        given = getattr(web.parse([]), name)
        assert default.strip("`") == (f"{given:g}" if isinstance(given, float) else given or "none"), name


def test_the_password_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("SAV_WEB_PASSWORD", "secret")
    assert web.parse([]).password == "secret" and web.parse(["--password", "other"]).password == "other"


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--port", "70000"], "65535 is the most"),
        (["--max_seconds", "0"], "not above 0"),
        (["--max_megabytes", "much"], "not a number"),
        (["--pasword", "x"], "did you mean --password"),
    ],
)
def test_flags_that_make_no_sense_are_one_line_and_status_2(flags, line, capsys):
    with pytest.raises(SystemExit) as ended:
        web.main(flags)
    assert ended.value.code == 2 and line in capsys.readouterr().err


def test_without_the_packages_it_says_what_to_install(monkeypatch, capsys):
    usual = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith(("starlette", "gradio")):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return usual(name, *rest, **more)

    for module in [name for name in sys.modules if name.startswith(("sav.web.server", "starlette"))]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", without)
    assert web.main([]) == 2
    assert "pip install gradio" in capsys.readouterr().err


def test_without_checkpoints_it_says_where_to_get_them(tmp_path, capsys):
    pytest.importorskip("starlette")
    assert web.main(["--model_dir", str(tmp_path), "--device", "cpu"]) == 2
    assert "there is no detector and no SAM in" in capsys.readouterr().err


def test_a_port_that_is_taken_is_one_line(capsys):
    pytest.importorskip("starlette")
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert web.main(["--port", str(taken.getsockname()[1])]) == 2
    assert "give another --port" in capsys.readouterr().err
