"""What a run left that was ended: it goes when another has gone on with it to the end."""

from __future__ import annotations

import re
import shutil
from glob import escape
from pathlib import Path

from sav.files import named_errors
from sav.folder.ledger import STATE
from sav.folder.output import OutputFolder
from sav.folder.twins import other_video
from sav.media.save_path import annotations_folder, interrupted_path
from sav.runs.stored import STORE

# In the hidden folder of annotations whose store another run has taken.
_TAKEN = "taken"


def note_taken(state: Path) -> None:
    """Note in a hidden folder that its store is about to be taken.

    Raises:
        WriteError: It cannot be written.
    """
    with named_errors(state / _TAKEN):
        (state / _TAKEN).touch()


def interrupted_videos(save_path: Path) -> list[Path]:
    """The videos, there or not, whose annotations runs into `save_path` left that were ended."""
    path = interrupted_path(save_path)
    folders = path.parent.glob(f"{escape(path.stem)}*_annotations")
    numbered = re.compile(rf"{re.escape(path.stem)}(-\d+)?_annotations")
    names = [folder.name for folder in folders if numbered.fullmatch(folder.name)]
    return [path.with_name(f"{name.removesuffix('_annotations')}{path.suffix}") for name in sorted(names)]


def remove_interrupted(save_path: Path) -> list[Path]:
    """Remove what runs left that were ended, and whose store another has taken to go on with.

    Returns:
        The videos of those that stay whole, since something there is not as this program wrote it.

    Raises:
        ResultsError: What is remembered of them cannot be read.
    """
    taken = [path for path in interrupted_videos(save_path) if _is_taken(path)]
    return [path for path in taken if not _remove(path)]


def _is_taken(path: Path) -> bool:
    state = annotations_folder(path) / STATE
    is_noted = (state / _TAKEN).exists() and not (state / STORE).exists()
    return is_noted and other_video(path) is None


def _remove(path: Path) -> bool:
    """Remove a video and its annotations if all of that is ours; whether it is gone."""
    output = OutputFolder(annotations_folder(path))
    files = [place for place in output.folder.rglob("*") if not place.is_dir()]
    seen = [place for place in files if place.relative_to(output.folder).parts[0] != STATE]
    if output.blocked([path, *seen]):
        return False
    output.ledger.rest()
    try:
        shutil.rmtree(output.folder)
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True
