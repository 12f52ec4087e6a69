"""Drawing scenes: pure functions for pictures, a painter with a memory for videos."""

from sav.drawing.colours import colours
from sav.drawing.config import DrawConfig
from sav.drawing.overlay import Painter, draw_everything, draw_masks, overlay

__all__ = ["DrawConfig", "Painter", "colours", "draw_everything", "draw_masks", "overlay"]
