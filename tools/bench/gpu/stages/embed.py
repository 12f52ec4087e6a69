"""From the pixels of a 1080p frame to SAM's features: resizing, normalising, encoding."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from segment_anything import SamPredictor

from tools.bench.gpu.lab import Lab
from tools.bench.gpu.sheet import Figure


def figures(lab: Lab) -> Iterator[Figure]:
    predictor = SamPredictor(lab.their_sam())
    image_rgb = lab.picture[..., ::-1].copy()
    reference: float | None = 1000 * lab.seconds(partial(predictor.set_image, image_rgb))
    model = lab.sam()
    for batch in (1, 4):
        pictures = lab.pictures(batch)
        seconds = lab.seconds(partial(model.embed, pictures)) / batch
        name = f"embed {lab.name_of(lab.large)}, 1080p, batch {batch}"
        yield Figure(name, 1000 * seconds, "ms a picture", None, reference)
        reference = None
