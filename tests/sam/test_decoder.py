from dataclasses import replace

import pytest
import torch

from sav.sam.decoder import Decoder
from sav.sam.encoders import Features
from sav.sam.outputs import ONE, THREE, Wanted
from tests.conftest import TINY, cases, random_sam

OFFICIAL = replace(
    TINY, image_size=256, depth=1, prompt_dim=256, decoder_mlp_dim=2048, iou_head_dim=256, global_blocks=(0,)
)


def prompted(sam, count: int) -> tuple[Features, torch.Tensor, torch.Tensor]:
    """Features of a picture, and `count` points embedded, sparse and dense."""
    generator = torch.Generator().manual_seed(count)
    features = torch.randn(1, *sam.prompt_encoder.get_dense_pe().shape[1:], generator=generator)
    points = torch.rand(count, 1, 2, generator=generator) * sam.image_encoder.img_size
    return Features(features), *sam.prompt_encoder((points, torch.ones(count, 1)), None, None)


def upstream(sam, features, sparse, dense, is_multimask):
    return sam.mask_decoder(features.coarse, sam.prompt_encoder.get_dense_pe(), sparse, dense, is_multimask)


@pytest.mark.parametrize("architecture", [TINY, OFFICIAL, replace(TINY, decoder_depth=3)])
@pytest.mark.parametrize("is_multimask", [False, True])
@cases("count", [1, 2, 5, 7, 9, 11, 33], quick=3)
@torch.inference_mode()
def test_logits_and_predicted_iou_are_upstreams_to_the_last_bit(architecture, is_multimask, count, threads):
    sam = random_sam(architecture, spread=0.1)
    features, sparse, dense = prompted(sam, count)
    wanted_logits, wanted_iou = upstream(sam, features, sparse, dense, is_multimask)
    outputs = THREE if is_multimask else ONE
    logits, predicted_iou = Decoder(sam, chunk_size=4)(features, sparse, Wanted(outputs))
    assert torch.equal(predicted_iou, wanted_iou.flatten())
    assert torch.equal(logits, wanted_logits.flatten(0, 1))


@pytest.mark.long
@pytest.mark.parametrize("architecture", [TINY, OFFICIAL])
@pytest.mark.parametrize("wanted", [99, 15, 5, 1, 0])
@torch.inference_mode()
def test_only_masks_above_the_least_predicted_iou_are_made(architecture, wanted, threads):
    sam = random_sam(architecture, spread=0.1)
    features, sparse, dense = prompted(sam, 33)
    logits, predicted_iou = upstream(sam, features, sparse, dense, True)
    # With few wanted, many chunks have but one prompt whose masks are made.
    least = float(predicted_iou.flatten().sort(descending=True).values[wanted - 1]) - 1e-6 if wanted else 1e9
    found, found_iou = Decoder(sam, chunk_size=4)(features, sparse, Wanted(THREE, least))
    assert len(found) == wanted
    assert torch.equal(found, logits[predicted_iou > least])
    assert torch.equal(found_iou, predicted_iou[predicted_iou > least])
