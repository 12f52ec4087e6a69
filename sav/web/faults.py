"""What is said of a call that fails: one line if the page never makes it, all of it if the fault is ours.

Forged calls fail in Gradio, which takes them apart before anything of ours is asked.
"""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)
_HERE = Path(__file__).parent.parent
# Every call passes it, whoever fails behind it.
_GUARD = Path(__file__).with_name("guard.py")
# Characters of what an error says.
_MOST = 200


def is_told(error: BaseException) -> bool:
    """Say in one line that a call failed which the page does not make; False if it failed in our own code."""
    places = [Path(frame.f_code.co_filename) for frame, _ in traceback.walk_tb(error.__traceback__)]
    if any(place.is_relative_to(_HERE) and place not in (_GUARD, Path(__file__)) for place in places):
        return False
    _log.warning("a call that the page never makes: %s %r", type(error).__name__, str(error)[:_MOST])
    return True


class Traceback:
    """The module `traceback` as Gradio uses it for calls that fail."""

    def print_exc(self) -> None:
        """Print the error that is being handled, if it is a fault of ours."""
        error = sys.exc_info()[1]
        if error is None or not is_told(error):
            traceback.print_exc()

    def __getattr__(self, name: str) -> Any:
        return getattr(traceback, name)
