"""SAM, SAM 2 and MobileSAM; the door to segment_anything: nothing else in the program imports it."""

from sav.without_compiler import import_torchvision

import_torchvision()  # before segment_anything does
