"""Frames to scenes, one after the other: in the caller's thread, or on a GPU by stages that overlap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace

import torch

from sav.data.scene import Scene
from sav.data.types import Frame
from sav.detectors.protocol import Detector
from sav.sam.model import Embedding
from sav.stages.lanes import Lane
from sav.stages.look import Found, Seen, find, follow, look
from sav.stages.overlap import batched, overlap
from sav.stages.regions import RegionFollower
from sav.stages.scenes import Cutter
from sav.trackers import Tracker, compares_masks


def stream(
    detector: Detector,
    cutter: Cutter,
    frames: Iterable[Frame],
    tracker: Tracker | None = None,
    batch: int = 1,
    known: Iterable[Scene] = (),
    in_stages: bool | None = None,
) -> Iterator[Scene]:
    """Yield each frame's scene, in order; the same scenes whether in stages or not.

    Args:
        detector: For a tracker it should report boxes from about 0.1 up, which makes use of weak ones.
        cutter: Makes the masks.
        frames: Pictures, or the frames of one video.
        tracker: A tracker that has seen nothing yet; None for pictures.
        batch: How many frames the detector and SAM's encoder take at once.
        known: What an earlier run with the same settings has found in the first frames; the tracker sees
            their candidates again, and the models are not asked.
        in_stages: Detect in a batch, follow the objects of the one before it, encode that before this and cut
            out that before that, all at once, each in a thread of its own, and what the GPU does in a lane
            of its own; by default on CUDA.
    """
    frames = iter(frames)
    yield from again(known, frames, tracker, cutter.follower)
    in_stages = cutter.sam.device.type == "cuda" if in_stages is None else in_stages
    if in_stages and not compares_masks(tracker):  # which asks SAM while it looks
        yield from _in_stages(detector, cutter, frames, tracker, batch)
        return
    for some in batched(frames, batch):
        yield from cutter(look(detector, some, tracker, cutter.sam))


def again(
    known: Iterable[Scene],
    frames: Iterator[Frame],
    tracker: Tracker | None,
    follower: RegionFollower | None = None,
) -> Iterator[Scene]:
    """Yield scenes that are known, each with the next frame, once tracker and follower have seen them."""
    for scene, frame in zip(known, frames, strict=False):
        if tracker is not None:
            tracker.update(scene.candidates, frame.image)
        same = replace(scene, frame=frame)
        if follower is not None:
            follower.replay(same)
        yield same


@dataclass(frozen=True, eq=False)
class _Encoded:
    """A batch that the encoder is at, or has done.

    Attributes:
        seen: The frames, and what is to be cut out of each.
        embeddings: Of each frame; None where there is nothing to cut out.
        mark: The place in the encoder's lane behind which they are there.
    """

    seen: list[Seen]
    embeddings: list[Embedding | None]
    mark: torch.cuda.Event | None


def _in_stages(
    detector: Detector, cutter: Cutter, frames: Iterable[Frame], tracker: Tracker | None, batch: int
) -> Iterator[Scene]:
    """The scenes, cut out here while three threads work ahead by a batch each."""
    device = cutter.sam.device
    finding, encoding, cutting = Lane(device, is_urgent=True), Lane(device), Lane(device, is_urgent=True)
    with ExitStack() as stack:
        found = stack.enter_context(closing(overlap(_found(detector, frames, batch, finding), capacity=1)))
        seen = stack.enter_context(closing(overlap(_followed(found, tracker), capacity=1)))
        ready = stack.enter_context(closing(overlap(_encoded(cutter, seen, encoding), capacity=1)))
        for some in ready:
            with cutting():
                cutting.after(some.mark)
                try:
                    scenes = cutter.cut(some.seen, some.embeddings)
                finally:  # the encoder's lane gets its memory on the GPU back, which nobody may read then
                    cutting.wait()
            del some
            yield from scenes


def _found(detector: Detector, frames: Iterable[Frame], batch: int, lane: Lane) -> Iterator[list[Found]]:
    for some in batched(frames, batch):
        with lane():
            found = find(detector, some)
        yield found


def _followed(found: Iterable[list[Found]], tracker: Tracker | None) -> Iterator[list[Seen]]:
    for some in found:
        yield [follow(one, tracker) for one in some]


def _encoded(cutter: Cutter, some: Iterable[list[Seen]], lane: Lane) -> Iterator[_Encoded]:
    for seen in some:
        with lane():
            embeddings = cutter.embed(seen)
            mark = lane.mark()
        yield _Encoded(seen, embeddings, mark)
