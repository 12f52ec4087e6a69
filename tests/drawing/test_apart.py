"""A painter in another process draws what one here draws, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress

import numpy as np
import psutil
import pytest

from sav import DrawConfig
from sav.apart import Apart
from sav.drawing import Painter
from sav.drawing.apart import DrawnApart, DrawnHere, drawing
from sav.errors import WorkerLostError

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="only Linux shares such memory")
SIZE_HW = (120, 160)


class Slow:
    """Work that takes a while."""

    def __call__(self, question):
        time.sleep(0.5)
        return bytes(100_000)


class Failing:
    """Work that cannot be done but now and then."""

    def __call__(self, question):
        return 1 / len(question)


@pytest.fixture
def scenes(make_scene):
    """Two objects that walk past each other, so that labels make way."""
    noise = np.random.default_rng(0).integers(0, 255, (7, *SIZE_HW, 3), np.uint8)
    made = []
    for step, image in enumerate(noise):
        masks = np.zeros((2, *SIZE_HW), np.bool_)
        masks[0, 40:80, 10 + 15 * step : 40 + 15 * step] = True
        masks[1, 50:90, 110 - 15 * step : 150 - 15 * step] = True
        made.append(make_scene(masks, image=image, track_ids=[1, 2]))
    return made


def drawn(how, scenes):
    """All pictures, with as many asked for ahead as may be."""
    pictures = []
    with closing(how):
        for count, scene in enumerate(scenes):
            how.ask(scene)
            if count >= how.ahead:
                pictures.append(how.picture())
        pictures += [how.picture() for _ in range(len(scenes) - len(pictures))]
    return pictures


@pytest.mark.parametrize("config", [DrawConfig(), DrawConfig(hide="blur", legend=True)])
def test_pictures_are_the_painters_bit_for_bit(scenes, config):
    painter = Painter(config)
    wanted = [painter(scene) for scene in scenes]
    apart = DrawnApart(config, SIZE_HW)
    assert np.array_equal(drawn(apart, scenes), wanted)
    assert apart.process._process.poll() is not None
    assert np.array_equal(drawn(DrawnHere(config), scenes), wanted)


def test_a_process_that_is_gone_is_told_of(scenes):
    with closing(DrawnApart(DrawConfig(), SIZE_HW)) as apart:
        apart.ask(scenes[0])
        apart.picture()
        os.kill(apart.process._process.pid, signal.SIGKILL)
        apart.process._process.wait()
        with pytest.raises(WorkerLostError, match="status -9; run again with --resume"):
            apart.ask(scenes[1])
            apart.picture()


def test_modules_in_the_current_folder_are_not_taken_for_its_own(scenes, tmp_path, monkeypatch):
    for name in ("cv2", "numpy", "pickle", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(7)")
    monkeypatch.chdir(tmp_path)
    assert len(drawn(DrawnApart(DrawConfig(), SIZE_HW), scenes[:1])) == 1


def test_it_ends_with_the_process_that_asks(tmp_path):
    code = (
        "import os, signal; from sav import DrawConfig; from sav.drawing.apart import DrawnApart\n"
        "print(DrawnApart(DrawConfig(), (60, 80)).process._process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    found = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=False)
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(int(found.stdout))
        if process.status() != psutil.STATUS_ZOMBIE:
            process.wait(60)


@pytest.mark.parametrize("python", ["/nowhere/python", "/bin/false"])
def test_where_it_cannot_work_pictures_are_drawn_here(scenes, monkeypatch, python):
    painter = Painter(DrawConfig())
    monkeypatch.setattr(sys, "executable", python)
    found = drawn(drawing(DrawConfig(), SIZE_HW, apart=True), scenes)
    assert np.array_equal(found, [painter(scene) for scene in scenes])
    assert isinstance(drawing(DrawConfig(), SIZE_HW, apart=False), DrawnHere)


def test_what_its_work_raises_is_raised_here_with_where_that_was():
    with closing(Apart(Failing())) as apart:
        assert apart.ready()
        for _ in range(2):
            apart.ask(b"")
            with pytest.raises(ZeroDivisionError) as raised:
                apart.answer()
            assert "return 1 / len(question)" in str(raised.value.__cause__)
        apart.ask(b"1234")
        assert apart.answer() == 0.25


@pytest.mark.long
def test_it_ends_without_a_word_when_nobody_asks_any_more():
    code = (
        "import os, numpy as np; from tests.conftest import *; from sav import DrawConfig\n"
        "from sav.apart import Apart; from tests.drawing.test_apart import Slow\n"
        "apart = Apart(Slow()); assert apart.ready(); apart.ask(b''); os._exit(0)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    assert found.stderr == b""
