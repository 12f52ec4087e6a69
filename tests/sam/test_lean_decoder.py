from dataclasses import replace

import pytest
import torch

from sav.sam.lean_decoder import LeanDecoder
from tests.conftest import TINY, random_sam
from tests.sam.test_decoder import OFFICIAL, prompted, upstream

ARCHITECTURES = [
    TINY,
    OFFICIAL,
    replace(TINY, decoder_depth=1),
    replace(TINY, decoder_depth=3),
    replace(TINY, prompt_dim=64, decoder_downsampling=1, mask_outputs=2),
]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("is_multimask", [False, True])
@pytest.mark.parametrize("count", [1, 2, 11])
@torch.inference_mode()
def test_logits_and_predicted_iou_are_upstreams_but_for_rounding(architecture, is_multimask, count):
    sam = random_sam(architecture, spread=0.1)
    features, sparse, dense = prompted(sam, count)
    wanted_logits, wanted_iou = upstream(sam, features, sparse, dense, is_multimask)
    outputs = slice(1, None) if is_multimask else slice(0, 1)
    logits, predicted_iou = LeanDecoder(sam, prompts_at_once=4)(features, sparse, outputs)
    torch.testing.assert_close(predicted_iou, wanted_iou.flatten(), rtol=1e-4, atol=1e-5)
    wanted_logits = wanted_logits.flatten(0, 1)
    error = 1e-4 * float(wanted_logits.std())
    torch.testing.assert_close(logits, wanted_logits, rtol=1e-4, atol=error)
