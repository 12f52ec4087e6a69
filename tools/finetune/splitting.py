"""Which pictures are held back to measure on, and which are shown more often for the sake of rare classes."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence

from tools.finetune.sources import Sample

# Share of the pictures that is held back.
HELD_BACK = 0.2
# Share of pictures up to which a class counts as rare, and how often a picture is shown at most.
_RARE, _MOST_OFTEN = 0.1, 8


def hold_back(samples: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Split pictures into those to learn from and those to measure on, the same ones every time.

    The rarest class chooses first, a fifth of its pictures but at least one (of one picture none), so that
    every class can be measured: stratification of pictures with many classes, rarest first, as in
    Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-Label Data", 2011.
    """
    order = sorted(range(len(samples)), key=lambda place: _key(samples[place].told))
    classes = [set(sample.boxes.class_ids.tolist()) for sample in samples]
    counts = Counter(number for present in classes for number in present)
    held: set[int] = set()
    settled: set[int] = set()
    for number, count in sorted(counts.items(), key=lambda item: (item[1], item[0])):
        wanted = max(1, round(HELD_BACK * count)) if count > 1 else 0
        wanted -= sum(number in classes[place] for place in held)
        free = [place for place in order if number in classes[place] and place not in settled]
        held.update(free[: max(0, wanted)])
        settled.update(free)
    empty = [place for place in order if not classes[place]]
    held.update(empty[: round(HELD_BACK * len(empty))])
    train = [sample for place, sample in enumerate(samples) if place not in held]
    return train, [samples[place] for place in sorted(held)]


def _key(told: str) -> bytes:
    return hashlib.blake2b(told.encode(), digest_size=8).digest()


def repeats(classes: Sequence[set[int]]) -> list[int]:
    """How often each picture is shown in an epoch, at least once.

    A class in a share f of the pictures has them shown sqrt(t / f) times: repeat factor sampling, of Gupta,
    Dollar and Girshick, "LVIS: A Dataset for Large Vocabulary Instance Segmentation", 2019.

    Args:
        classes: The classes that are in each picture.
    """
    counts = Counter(number for present in classes for number in present)
    share = {number: count / len(classes) for number, count in counts.items()}
    often = [
        max((math.sqrt(_RARE / share[number]) for number in present), default=1.0) for present in classes
    ]
    return [min(_MOST_OFTEN, max(1, round(times))) for times in often]
