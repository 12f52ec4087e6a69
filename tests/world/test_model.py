import hashlib

import pytest
import torch

from sav.detectors.door import import_ultralytics
from sav.sam.architecture import read_architecture
from tests.conftest import DEMO_SAM, DEMO_YOLO, ROOT
from tools.world.scene import CLASSES
from tools.world.small_sam import SMALL_SAM

NOTE = (ROOT / "model" / "README.md").read_text()


@pytest.mark.parametrize("path", [DEMO_YOLO, DEMO_SAM], ids=lambda path: path.name)
def test_the_note_tells_a_checkpoint_s_hash_and_size(path):
    content = path.read_bytes()
    row = next(line for line in NOTE.splitlines() if line.startswith(f"| `{path.name}`"))
    assert hashlib.sha256(content).hexdigest() in row and f"| {len(content)} |" in row


def test_both_checkpoints_together_take_16_mb_at_most():
    assert DEMO_YOLO.stat().st_size + DEMO_SAM.stat().st_size <= 16_000_000


def test_the_detector_opens_as_any_ultralytics_checkpoint():
    model = import_ultralytics().YOLO(DEMO_YOLO)
    assert list(model.names.values()) == list(CLASSES.values())


def test_the_checkpoints_name_no_folder_of_the_training_machine():
    for path in (DEMO_YOLO, DEMO_SAM):
        content = path.read_bytes()
        assert not any(folder in content for folder in (b"/root/", b"/home/", b"/work/", b"/tmp/"))


def test_sam_is_plain_tensors_in_half_precision_and_of_the_documented_size():
    state = torch.load(DEMO_SAM, weights_only=True)
    assert all(tensor.dtype == torch.float16 for tensor in state.values())
    assert read_architecture(state) == SMALL_SAM
    assert 4.0e6 < sum(tensor.numel() for tensor in state.values()) < 4.2e6
