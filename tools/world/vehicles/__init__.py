"""Vehicles: cars, buses, trucks, trains and bicycles, each drawn from its own random numbers."""

import numpy as np

from tools.world.shapes import Entity
from tools.world.vehicles.bicycle import bicycle
from tools.world.vehicles.bus import bus
from tools.world.vehicles.car import car
from tools.world.vehicles.train import train
from tools.world.vehicles.truck import truck

DRAW = {"car": car, "bus": bus, "truck": truck, "train": train, "bicycle": bicycle}

FOOTPRINTS: dict[str, tuple[float, float, float]] = {
    "car": (2.2, 1.75, 1.45),
    "bus": (5.5, 2.5, 3.1),
    "truck": (4.2, 2.4, 3.0),
    "train": (22.0, 2.9, 4.0),
    "bicycle": (0.9, 0.3, 0.9),
}


def vehicle(
    name: str, seed: int, x: float, z: float, heading: int, glow: float = 0.0, track_id: int = 0
) -> Entity:
    """The vehicle of class `name` that `seed` stands for.

    Args:
        name: COCO class name.
        seed: Decides how it looks.
        x: Place of its middle along the street in metres.
        z: Distance of its near side in metres.
        heading: 1 looks right, -1 looks left.
        glow: How bright its windows are lit, 0 to 1.
        track_id: Identity in a video, from 1.
    """
    faces = tuple(DRAW[name](np.random.default_rng(seed), glow).faces)
    return Entity(name, faces, x, z, heading, False, True, FOOTPRINTS[name], track_id)
