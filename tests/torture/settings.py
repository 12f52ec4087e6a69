"""Hostile YAML for trackers, and command lines of nonsense."""

from __future__ import annotations

import contextlib
import io
from functools import cache
from pathlib import Path

import numpy as np

from sav.commands import seg, track
from sav.trackers import make_tracker
from tests.conftest import ROOT
from tests.torture.mutations import mutated

_WORDS = (
    "0", "-1", "1", "0.5", "nan", "inf", "-inf", "1e400", "1e-400", "9" * 23, "0x10", "١٢",
    "", " ", "\n", "\x00a",
    "true", "None", "person", "person,dog", "人", "a" * 5000,
    "..", "/", "/dev/null", "/dev/full", "/proc/self/mem",
    "~", "*", "-", "--", "cpu", "cuda", "cuda:99", "mps", "12.5s", "00:01:30", "1:2:3:4",
    "http://", "https:/x/y",
    "rtsp://u:p@localhost:1/x", "file:///etc/passwd", "coco", "all", "mp4", "out.mp4", "out.avi", "botsort",
)  # fmt: skip
_YAML = (
    "tracker_type: !!bool foo",
    "tracker_type: !!timestamp x",
    "tracker_type: !!python/object/apply:os.system ['true']",
    "tracker_type: botsort\ntrack_buffer: " + "9" * 5000,
    "tracker_type: botsort\ntrack_buffer: .nan",
    "tracker_type: botsort\ntrack_high_thresh: .inf",
    "a: " + "[" * 2000,
    "{" * 2000,
    "&a [*a, *a]",
    "a: &a0 [x]\n" + "".join(f"b{i}: &a{i + 1} [*a{i}, *a{i}, *a{i}, *a{i}]\n" for i in range(20)),
    "? [a]\n: b",
    "- a\n- b",
    "tracker_type: botsort\ntracker_type: bytetrack",
    "\ufeff",
)  # fmt: skip


def prepare() -> None:
    """Ask for both helps, once, before trials are run in processes of their own."""
    for script in (seg, track):
        _known(script)


def trial(seed: int, number: int, folder: Path) -> str:
    """A YAML file, or a command line: it is taken, or refused in one line and with status 2."""
    random = np.random.default_rng([seed, number])
    return _yaml(random, folder) if random.random() < 0.5 else _command_line(random, folder)


def _yaml(random: np.random.Generator, folder: Path) -> str:
    path = folder / "tracker.yaml"
    whole = (ROOT / "examples" / "papers_botsort.yaml").read_bytes()
    hostile = _YAML[int(random.integers(len(_YAML)))].encode()
    content = (hostile, mutated(whole, hostile, random), mutated(hostile, whole, random))
    path.write_bytes(content[int(random.integers(3))])
    make_tracker(str(path), frame_rate=25)
    return "yaml taken"


def _command_line(random: np.random.Generator, folder: Path) -> str:
    script = (seg, track)[int(random.integers(2))]
    known = _known(script)
    chosen = [known[i] for i in random.integers(0, len(known), int(random.integers(1, 6)))]
    line = []
    for flag in chosen:
        line += [flag, *(_WORDS[i] for i in random.integers(0, len(_WORDS), int(random.integers(0, 3))))]
    sam, yolo = str(folder / "none.pth"), str(folder / "none.pt")
    where = ["--sam_checkpoint", sam, "--yolo_checkpoint", yolo, "--offline"]
    status, errors = _status(script, [*line, *where])
    if any(flag in line for flag in ("--help", "--version", "-h")) and status == 0:
        return "help"
    if status != 2 or len(errors.splitlines()) != 1 or not errors.startswith("error: "):
        return f"FAULT: {line}: status {status}, {errors[-1500:]}"
    return "command line refused"


@cache
def _known(script) -> list[str]:
    """The flags of a script, as its help has them."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.suppress(SystemExit):
        script.main(["--help"])
    flags = [word for word in shown.getvalue().split() if word.startswith("--")]
    return sorted({flag.strip("[],.:;()") for flag in flags})


def _status(script, line: list[str]) -> tuple[int, str]:
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        try:
            return script.main(line), errors.getvalue()
        except SystemExit as end:
            return int(end.code or 0), errors.getvalue()
