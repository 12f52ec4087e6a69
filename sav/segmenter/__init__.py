"""The way in from Python: a detector and a SAM that make scenes of pictures and videos."""

from __future__ import annotations

from sav.segmenter.models import Origin
from sav.segmenter.pictures import PictureSegmenter
from sav.segmenter.videos import VideoSegmenter

__all__ = ["Origin", "Segmenter"]


class Segmenter(PictureSegmenter, VideoSegmenter):
    """A detector and a SAM that make scenes of pictures and videos.

    What is set here holds for all calls; `detect`, `masks` and `regions` can be given for one call, too.

    Attributes:
        detector: Finds boxes.
        sam: Finds masks.
        detect: What the detector keeps; open fields mean the defaults of pictures or of videos.
        masks: What is done with masks after SAM has made them.
        regions: Whether pictures get what SAM finds beyond the objects, without a name.
        everything: How SAM looks for that, in pictures and in videos.
        origin: Where the models come from and how they compute; None for parts of a caller's own.
    """
