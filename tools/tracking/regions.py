"""How well what has no name is followed through the demo video, against its exact truth.

    python -m tools.tracking.regions

Prints HOTA over all regions of more than 2,000 pixels, by IoU of masks; which share of the pixels has another
owner than in the frame before, beside what truly has; and how much longer a run takes with regions. Truth are
the surroundings and their parts, each the same through the video. Takes minutes: the video is rendered anew.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sav.data.masks import Masks
from sav.data.types import IntArray
from sav.evaluate.tracks import count_overlaps, pooled
from sav.formats.layers import owners
from sav.segmenter import Segmenter
from tools.world.make_samples import CLIP_SEED, FRAMES_PER_SECOND, SECONDS, VIDEO_SIZE
from tools.world.render import Rendered, render
from tools.world.scene import Scene
from tools.world.video import make_clip

ROOT = Path(__file__).parents[2]
LEAST_PIXELS = 2000

Regions = tuple[Masks, IntArray]


def main() -> None:
    """Follow, render, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--frames", type=int, default=FRAMES_PER_SECOND * SECONDS)
    frames = parser.parse_args().frames
    without = sum(1 for _ in timed(frames, regions=False))
    found = list(timed(frames, regions=True))
    truth = list(islice(true_regions(), frames))
    print(f"{without} frames")

    large, true_large = [_large(one) for one in found], [_large(one) for one in truth]
    score = pooled(
        [
            count_overlaps(
                [ids for _, ids in true_large],
                [ids for _, ids in large],
                [true[0].iou_matrix(one[0]) for true, one in zip(true_large, large, strict=True)],
            )
        ]
    )
    print(f"HOTA {score.hota:.1f}, DetA {score.deta:.1f}, AssA {score.assa:.1f},", end=" ")
    print(f"{score.ids} ids of {score.true_ids}, {score.switches} switches")
    print(f"owners that change: {changing(found):.2%} of the pixels a frame, in truth {changing(truth):.2%}")


def timed(frames: int, regions: bool) -> Iterator[Regions]:
    """Each frame's regions; says at the end how much processor time that took."""
    segmenter = Segmenter.load(ROOT / "model" / "demo_yolo.pt", ROOT / "model" / "demo_sam.pth")
    began = time.process_time()
    for scene in islice(segmenter.track(ROOT / "TestImages" / "street.mp4", regions=regions), frames):
        yield scene.regions.masks, scene.regions.ids
    print(
        f"{'with' if regions else 'without'} regions: {time.process_time() - began:.1f} s of processor time"
    )


def true_regions() -> Iterator[Regions]:
    """What truly has no name in each frame: surroundings, and the parts of those that have several."""
    clip = make_clip(CLIP_SEED, VIDEO_SIZE, SECONDS)
    ids: dict[tuple[int, str, int], int] = {}
    for index in range(FRAMES_PER_SECOND * SECONDS):
        scene = clip.scene(float(Fraction(index, FRAMES_PER_SECOND)))
        yield _true_regions(scene, render(scene), ids)


def _true_regions(scene: Scene, rendered: Rendered, ids: dict[tuple[int, str, int], int]) -> Regions:
    """The regions of one frame; `ids` remembers who is who, since what stands is the same object in each."""
    things = [None, *scene.entities]  # the sky comes first
    found: dict[tuple[int, str, int], NDArray[np.bool_]] = {}
    for thing in np.unique(rendered.entity_map).tolist():
        if things[thing] is None or not things[thing].labelled:
            found[id(things[thing]), "", 0] = rendered.entity_map == thing

    owner = np.array([thing for thing, _, _ in rendered.parts])
    several = np.bincount(owner)[owner] > 1
    for part in np.unique(rendered.part_map).tolist():
        thing, name, number = rendered.parts[part]
        if several[part] and things[thing] is not None and not things[thing].labelled:
            found[id(things[thing]), name, number] = rendered.part_map == part
    numbers = [ids.setdefault(key, len(ids) + 1) for key in found]
    return Masks.from_dense(np.stack(list(found.values()))), np.array(numbers, np.int64)


def changing(regions: list[Regions]) -> float:
    """The mean share of pixels whose owner, the smallest region on it, is another than a frame before."""
    layers = [np.append(ids, 0)[owners(masks)] for masks, ids in regions]
    return float(np.mean([np.mean(one != other) for one, other in pairwise(layers)]))


def _large(regions: Regions) -> Regions:
    masks, ids = regions
    which = masks.areas > LEAST_PIXELS
    return masks[which], ids[which]


if __name__ == "__main__":
    main()
