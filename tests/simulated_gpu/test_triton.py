"""All that Triton's kernels are given is on the GPU, graphs replay them, and masks are a CPU's."""

import pytest

from tests.sam.fast import interpreted

KERNELS = """
from dataclasses import replace
import numpy as np, pytest, torch
from sav.device import Precision
from sav.sam.fast import graph_sizes, low_rank, on_device, upscaling
from sav.sam.model import SamModel
from tests.conftest import TINY, random_sam
from tests.simulated_gpu.chip import DEVICE
from tests.simulated_gpu.driver import plug_in
from tests.simulated_gpu.interpreter import plug_in_kernels

torch.set_num_threads(1)
graph_sizes._LEAST_FOR_KERNELS, graph_sizes._SIZES = 1, (1, 2)
small = replace(TINY, image_size=64, depth=1, global_blocks=(), prompt_dim=128, decoder_downsampling=1)
image = np.random.default_rng(0).integers(0, 255, (30, 70, 3), np.uint8)
boxes = np.array([[5, 2, 40, 20], [30, 9, 69, 29]], np.float32)

def found(device, precision):
    model, kinds = SamModel(random_sam(small, spread=0.1), device, precision), []
    driver.forget_waits()
    for step in range(4):
        embeddings = model.embed([np.roll(image, step, axis=1), image])
        kinds += model.masks_from_boxes_together(embeddings, [boxes, boxes[:1]])
        model.finish_compiling()
    return model, kinds

with pytest.MonkeyPatch.context() as patch:
    driver = plug_in(patch)
    launched = plug_in_kernels(patch, driver)
    with driver.here():
        wanted = found(torch.device("cpu"), Precision(torch.float32))[1]
        masks = found(DEVICE, Precision(torch.float16))[1]
        waits = [wait.split(":")[1] for wait in driver.waits]
        assert set(waits) <= {"packed_together copy", "brought_down copy", "of copy", "pack copy"}, set(waits)
for one, other in zip(masks, wanted):
    assert np.diag(one.iou_matrix(other)).min() > 0.95, one.iou_matrix(other)
names = {"attention_kernel", "add_norm_kernel", "_token_to_image", "_image_to_token"}
names |= {"_masks", "_measure", "_pack"}
assert set(launched) >= names, names - set(launched)
for module in (low_rank, upscaling, on_device):
    assert not module._attempts._failed
assert all(graph.replays for graph in driver.graphs) and len(driver.graphs) == 4, len(driver.graphs)
print("kernels agree")
"""


@pytest.mark.long
def test_kernels_are_given_what_is_on_the_gpu_and_are_replayed():
    interpreted.check(KERNELS)
