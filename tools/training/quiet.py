"""ultralytics as a training wants it: nothing is sent, fetched or installed, also by the processes of DDP."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import matplotlib

from sav.detectors.door import import_ultralytics

_ROOT = Path(__file__).parents[2]
# What ultralytics looks for whenever it opens a data set, and fetches if it is not there, to write on
# pictures with it, which trainings here do not.
_FONTS = ("Arial.ttf", "Arial.Unicode.ttf")
# Switches of ultralytics' settings behind each of which is somebody who would be told of the training.
_TELLING = ("sync", "clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb")


@contextlib.contextmanager
def quiet_ultralytics(is_verbose: bool = False) -> Iterator[ModuleType]:
    """Lend ultralytics, quiet as long as the block lasts in this process and in those that it starts.

    ultralytics decides at its import whether there is a network and where its settings are; the program's
    door imports it without either. The processes of DDP import it anew, and find the same in the environment.

    Args:
        is_verbose: Whether ultralytics tells what it does, with progress bars; else it only warns.
    """
    ultralytics = import_ultralytics()
    folder = Path(ultralytics.utils.USER_CONFIG_DIR)
    lay_out(ultralytics)
    before, level = dict(os.environ), ultralytics.utils.LOGGER.level
    switches = {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "YOLO_VERBOSE": str(is_verbose).lower()}
    # Its processes load our trainer by its name.
    switches["PYTHONPATH"] = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    # There ultralytics makes a folder of its own name.
    os.environ.update(switches, YOLO_CONFIG_DIR=str(folder.parent))
    ultralytics.utils.LOGGER.setLevel(logging.INFO if is_verbose else logging.WARNING)
    try:
        yield ultralytics
    finally:
        ultralytics.utils.LOGGER.setLevel(level)
        os.environ.clear()
        os.environ.update(before)


def lay_out(ultralytics: ModuleType) -> None:
    """Put settings that tell nobody, and a font, where ultralytics looks for them in this process."""
    folder = Path(ultralytics.utils.USER_CONFIG_DIR)
    settings = ultralytics.utils.SETTINGS
    telling = {name: False for name in _TELLING if settings.get(name)}
    if telling:
        settings.update(telling)
    font = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    for name in _FONTS:
        if not (folder / name).exists():
            shutil.copyfile(font, folder / name)
