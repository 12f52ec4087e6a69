"""Trains the demo's detector with ultralytics' own trainer, from random weights, on rendered scenes."""

import argparse
import os
import tempfile
from pathlib import Path

os.environ.setdefault("YOLO_AUTOINSTALL", "false")
os.environ.setdefault("YOLO_OFFLINE", "true")
os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.mkdtemp(prefix="demo-yolo-"))

import torch
import yaml
from ultralytics.models.yolo.detect import DetectionTrainer

from demo.dataset import CLASS_NAMES
print(torch.get_num_threads())
