"""Of what SAM finds by itself, what no labelled object explains."""

from __future__ import annotations

from sav.data.instances import Instances
from sav.data.masks import Masks

# The pixels outside all labelled objects of which a region must have more.
LEAST_AREA = 100
# The smallest share on labelled objects that counts as explained by them.
_EXPLAINED = 0.3


def unexplained(everything: Instances, objects: Masks) -> Instances:
    """Of what SAM found by itself, the masks that no labelled object explains, less the objects' pixels."""
    covered = objects.union()
    areas, inside = everything.masks.areas, everything.masks.areas_inside(covered)
    kept = everything[(inside < _EXPLAINED * areas) & (areas - inside > LEAST_AREA)]
    return Instances.unlabelled(kept.masks.without(covered), kept.scores, kept.ids)
