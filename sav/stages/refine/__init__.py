"""After the fact: tracks are put right with a look at what comes after, within two seconds.

What a tracker says of a frame it says at once. Seen from a second later, gaps can be filled, paths smoothed,
and identities that were lost or exchanged put right. `Refiner` does that for boxes alone, as they come,
`SceneRefiner` for scenes.
"""

from sav.stages.refine.config import RefineConfig
from sav.stages.refine.frames import RefinedFrame, TrackedFrame
from sav.stages.refine.refiner import Refiner
from sav.stages.refine.scenes import SceneRefiner, Step, refined, steps

__all__ = [
    "RefineConfig",
    "RefinedFrame",
    "Refiner",
    "SceneRefiner",
    "Step",
    "TrackedFrame",
    "refined",
    "steps",
]
