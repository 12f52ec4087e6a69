"""The best combination: BoT-SORT, with what was measured to help beyond the papers."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from sav.trackers.botsort import BoTSORT
from sav.trackers.camera_shift import camera_shift
from sav.trackers.track_table import TRACKED


class SavTracker(BoTSORT):
    """BoT-SORT that follows the camera by the boxes where there is neither a picture nor a warp."""

    def _settle(self, boxes: NDArray[Any]) -> None:
        """Move all tracks by what the boxes say of the camera."""
        if self._config.gmc_method == "none":
            return
        table = self._table
        shift = camera_shift(table.boxes_xyxy[table.phases == TRACKED], boxes)
        if shift is not None:
            table.shift(shift)
