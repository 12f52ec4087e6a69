"""What clips of people have in common: a camera that stands still, and looks that are alike or not at all."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tools.world.beings import being
from tools.world.camera import Camera
from tools.world.make_samples import write_clip
from tools.world.scene import Street, backdrop, make_sky
from tools.world.shapes import Entity
from tools.world.video import Acting, Clip

SIZE = (640, 360)
_LOOKS = 60


def make_people(
    rng: np.random.Generator,
    seed: int,
    looks: Sequence[int] | int,
    walk: Callable[[np.random.Generator, int, int], Acting],
    size: tuple[int, int] = SIZE,
    standing: tuple[Entity, ...] = (),
) -> Clip:
    """A clip of people before houses and trees.

    Args:
        rng: Decides everything but the texture.
        seed: Decides the texture.
        looks: How each of them looks, or how many there are who all look the same.
        walk: Makes one of them, out of their number from 0 and their looks.
        size: Width and height in pixels.
        standing: What stands there, too.
    """
    width, height = size
    camera = Camera(width, height, width * 0.95, height * 0.4, 0.0, 2.4, 0.0)
    sky = make_sky(rng, "clear")
    things = backdrop(rng, sky, camera, Street((6.0, 14.0), (14.0, 20.0), (20.0, 23.0), None, 26.0))
    near = tuple(entity for entity in things if entity.name in ("house", "tree"))
    far = tuple(entity for entity in things if entity.name not in ("house", "tree"))
    if isinstance(looks, int):
        looks = [int(rng.integers(_LOOKS))] * looks
    actors = tuple(walk(rng, number, look) for number, look in enumerate(looks))
    turn, seconds = 0.0, 1.0  # the camera does not turn, so that a clip is as long as one likes
    return Clip(camera, turn, seconds, sky, far, (*standing, *near), actors, seed)


def different_looks(count: int) -> list[int]:
    """The seeds of people whose clothes differ most in colour, each from all before."""
    colours = np.array([_clothes(seed) for seed in range(_LOOKS)])  # (looks, 6)
    chosen = [0]
    while len(chosen) < count:
        distances = np.linalg.norm(colours[:, None] - colours[chosen], axis=2).min(1)
        chosen.append(int(distances.argmax()))
    return chosen


def _clothes(seed: int) -> np.ndarray:
    """Blue, green and red of a person's shirt and trousers, `(6,)`."""
    faces = being("person", seed, 0, 0, 1).faces
    by_part = {face.part: face.material.colour for face in faces}
    return np.array([*by_part["torso"], *by_part["legs"]], float)


def write_both(make: Callable[[int, bool], Clip], about: str, seed: int, rate: int, seconds: int) -> None:
    """Render `alike.mp4` and `colours.mp4` as the command line says; the same code gives the same pictures.

    Args:
        make: Gives the clip of a seed, with people who look alike or not.
        about: What the command does.
        seed: The one that is taken if none is given.
        rate: Frames a second.
        seconds: Length of a clip.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=seed)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    for name, alike in (("alike", True), ("colours", False)):
        paths = args.folder / f"{name}.mp4", args.folder / f"{name}.json"
        write_clip(make(args.seed, alike), *paths, SIZE, rate, seconds)
