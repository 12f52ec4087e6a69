"""What importing this program and using its detector leaves as it was: the process, and the user's files."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import DEMO_YOLO, ROOT

_LOOK = (
    f"checkpoint = {str(DEMO_YOLO)!r}"
    + """
import json, logging, os, sys
import cv2, numpy as np, torch
from PIL import Image

def state():
    logger = logging.getLogger("ultralytics")
    return {
        "environment": dict(os.environ), "opencv": cv2.getNumThreads(), "torch": torch.get_num_threads(),
        "open": Image.open.__module__, "save": torch.save.__module__, "load": torch.load.__module__,
        "numpy": repr(np.get_printoptions()), "printing": repr(torch._tensor_str.PRINT_OPTS),
        "logger": [logger.level, logger.propagate, len(logger.filters)],
        "tensor": repr(torch.tensor([1.23456789])), "array": repr(np.array([1.23456789])),
    }

def use_it():
    from pathlib import Path
    from sav.detectors.door import import_sam_modules
    from sav.detectors.yolo import YoloDetector
    import_sam_modules()
    found = YoloDetector(Path(checkpoint), torch.device("cpu"))([np.zeros((64, 64, 3), np.uint8)])
    assert len(found) == 1
"""
)


def run(script, home, **environment):
    home.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("YOLO_", "OMP_"))}
    done = subprocess.run(
        [sys.executable, "-c", _LOOK + script],
        cwd=ROOT,
        env={**kept, "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_the_callers_process_and_files_stay_as_they_were(tmp_path):
    script = "before = state(); use_it(); print(json.dumps([before, state()]))"
    done = run(script, tmp_path / "home")
    before, after = json.loads(done.stdout)
    # It has a level once it is made, the one that ultralytics gives it in any program.
    assert after.pop("logger")[1:] == [False, 0] and before.pop("logger")
    assert after == before
    assert done.stderr == ""
    assert [str(path) for path in (tmp_path / "home").rglob("*ltralytics*")] == []


@pytest.mark.slow
def test_a_program_that_imported_ultralytics_itself_keeps_it_as_it_is(tmp_path):
    folder = str(tmp_path / "settings")
    script = (
        "import ultralytics; from ultralytics.utils import LOGGER, SETTINGS, VERBOSE; LOGGER.setLevel(17)\n"
        "before = state(); use_it(); assert LOGGER.level == 17 and VERBOSE\n"
        f"assert str(SETTINGS.file).startswith({folder!r}); print(json.dumps([before, state()]))"
    )
    done = run(script, tmp_path / "home", YOLO_CONFIG_DIR=folder, YOLO_OFFLINE="true")
    before, after = json.loads(done.stdout.splitlines()[-1])
    assert after == before and before["open"].startswith("ultralytics")


def test_ultralytics_never_installs_asks_the_network_or_reports_home(tmp_path):
    script = (
        "use_it()\nfrom ultralytics.utils import AUTOINSTALL, LOGGER, ONLINE, VERBOSE\n"
        "print(ONLINE, AUTOINSTALL, VERBOSE, LOGGER.level)"
    )
    assert run(script, tmp_path / "home").stdout.split() == ["False", "False", "True", "20"]


def test_importing_the_program_does_not_import_ultralytics(tmp_path):
    run(
        "import sav, sav.segmenter, sav.detectors.yolo; assert 'ultralytics' not in sys.modules",
        tmp_path / "home",
    )
