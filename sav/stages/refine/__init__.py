"""After the fact: tracks are put right with a look at what comes after, within two seconds.

What a tracker says of a frame it says at once. Seen from a second later, gaps can be filled, paths smoothed,
and identities that were lost or exchanged put right. `Refiner` does that for boxes alone, as they come.
"""

from sav.stages.refine.config import RefineConfig
from sav.stages.refine.frames import RefinedFrame, TrackedFrame
from sav.stages.refine.refiner import Refiner

__all__ = ["RefineConfig", "RefinedFrame", "Refiner", "TrackedFrame"]
