"""SAM, SAM 2 and MobileSAM; the door to segment_anything: nothing else in the program imports it."""

import sav.operators  # noqa: F401  before segment_anything imports torchvision
