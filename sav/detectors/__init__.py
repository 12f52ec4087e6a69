"""Detectors: what is in a picture, and where."""

from sav.without_compiler import import_torchvision

import_torchvision()  # before ultralytics does
