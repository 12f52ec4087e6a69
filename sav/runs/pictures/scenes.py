"""Pictures to scenes, some at once: one that cannot be read or segmented does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sav.data.scene import Scene
from sav.data.types import Frame
from sav.errors import DeviceMemoryError
from sav.media.pictures import read_picture, readable

if TYPE_CHECKING:
    from sav.segmenter import Segmenter


def read_frame(path: Path, index: int, max_megapixels: float) -> Frame | Exception:
    """A picture as the frame of that number, or why it cannot be read."""
    try:
        return Frame(read_picture(path, max_megapixels), index, readable(path.name))
    except MemoryError:
        return _too_large(path)
    except Exception as error:  # no picture ends a run
        return error


def scenes_of(
    some: Sequence[Frame | Exception],
    segmenter: Segmenter,
    on_progress: Callable[[Frame, float], None] = lambda frame, share: None,
) -> list[Scene | Exception]:
    """The scene of each picture that the models take at once, or why there is none.

    Args:
        some: The pictures, or why they could not be read.
        segmenter: The models.
        on_progress: Told now and then which share of a picture's regions is looked for, 0 to 1.
    """
    scenes = iter(_segmented([one for one in some if isinstance(one, Frame)], segmenter, on_progress))
    return [next(scenes) if isinstance(one, Frame) else one for one in some]


def _segmented(
    some: Sequence[Frame], segmenter: Segmenter, on_progress: Callable[[Frame, float], None]
) -> list[Scene | Exception]:
    if some:
        on_progress(some[0], 0.0)
    try:
        return [*segmenter.together(some, on_progress=lambda place, share: on_progress(some[place], share))]
    except Exception as error:
        if len(some) == 1:
            return [_too_large(Path(some[0].name)) if type(error) is MemoryError else error]
    # Which of them is it?
    return [scene for frame in some for scene in _segmented([frame], segmenter, on_progress)]


def _too_large(path: Path) -> DeviceMemoryError:
    return DeviceMemoryError(
        f"{readable(str(path))} cannot be segmented: there is not enough memory for a picture so large"
    )
