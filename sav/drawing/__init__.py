"""Drawing scenes: pure functions for pictures, a painter with a memory for videos."""

from sav.drawing.colours import colours
from sav.drawing.overlay import Painter, draw_everything, draw_masks, overlay
from sav.looks import DrawConfig

__all__ = ["DrawConfig", "Painter", "colours", "draw_everything", "draw_masks", "overlay"]
