"""The pictures that a run draws of each one that it segments: all at once, each whole or left out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from sav.data.scene import Scene
from sav.data.types import Image
from sav.drawing import DrawConfig, draw_everything, draw_masks, overlay
from sav.errors import WriteError
from sav.files import named_errors
from sav.media.pictures import write_picture
from sav.runs.pictures.plan import DRAWN
from sav.runs.saving import reason

if TYPE_CHECKING:
    from sav.runs.pictures.files import PictureFiles

_log = logging.getLogger(__name__)

_DRAW: dict[str, Callable[[Scene, DrawConfig], Image]] = {
    "our": overlay,
    "mask": lambda scene, _: draw_masks(scene),
    "sam": lambda scene, _: draw_everything(scene),
}


def draw(
    wanted: PictureFiles, scene: Scene, stem: str, staging: Path, tell: Callable[[str], None]
) -> list[str]:
    """Draw the pictures that are wanted of a scene.

    Args:
        wanted: Which.
        scene: What was found.
        stem: What their names begin with.
        staging: Where a folder is made for each kind.
        tell: Is called with a line about each that cannot be written.

    Returns:
        The folders of the results that can now be put in place.

    Raises:
        WriteError: The disk is full.
    """
    names = {name: f"{stem}{DRAWN[name]}" for name in wanted.drawn}

    def write(name: str) -> None:
        with named_errors(wanted.save_dir / name / names[name]):
            (staging / name).mkdir()
            write_picture(staging / name / names[name], _DRAW[name](scene, wanted.draw))

    with ThreadPoolExecutor(max(1, len(names))) as pool:
        drawn = {name: pool.submit(write, name) for name in names}
    done = []
    for name, writing in drawn.items():
        try:
            writing.result()
            done.append(f"{name}/")
        except Exception as error:
            if isinstance(error, WriteError) and error.is_final:
                raise
            _log.debug("%s failed", name, exc_info=error)
            tell(f"{name}/{names[name]} is left out: {reason(error)}")
    # An older picture of plain SAM does not belong to the new one.
    return [*done, "sam/"] if "our/" in done and "sam" not in wanted.drawn else done
