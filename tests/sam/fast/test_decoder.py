import copy
from dataclasses import replace

import pytest
import torch

from sav.sam.encoders import Features
from sav.sam.fast.decoder import FastDecoder
from sav.sam.outputs import ONE, THREE, Wanted
from tests.conftest import TINY, random_sam
from tests.sam.fast import interpreted
from tests.sam.test_decoder import OFFICIAL, prompted, upstream

KERNELS = """
from dataclasses import replace
import torch
from sav.sam.fast import decoder, graph_sizes, low_rank, low_rank_decoder, upscaling
from sav.sam.fast.decoder import FastDecoder
from sav.sam.outputs import THREE, Wanted
from tests.conftest import TINY, random_sam
from tests.sam.test_decoder import prompted

decoder._GRAPHED, low_rank_decoder._ONE_BY_ONE, graph_sizes._LEAST_FOR_KERNELS = ("cpu",), (), 1
torch.set_grad_enabled(False)
for depth, is_boxes in ((1, False), (3, True)):
    sam = random_sam(replace(TINY, prompt_dim=128, decoder_downsampling=1, decoder_depth=depth), spread=0.1)
    features, sparse, _ = prompted(sam, 2)
    sparse = sparse[:, :1] if is_boxes else sparse
    found = []
    for kinds in ((), ("cpu",)):
        low_rank._attempts.device_types = upscaling._attempts.device_types = kinds
        fast = FastDecoder(sam, 4)
        fast(features, sparse, Wanted(THREE, None, (2, 5)))
        fast.finish_compiling()
        found.append(fast(features, sparse, Wanted(THREE, None, (2, 5))))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=1e-4, atol=1e-4 * float(found[0][0].std()))
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-4, atol=1e-5)
    assert not low_rank._attempts._failed and not upscaling._attempts._failed
print("kernels agree")
"""

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
    outputs = THREE if is_multimask else ONE
    logits, predicted_iou = FastDecoder(sam, chunk_size=4)(features, sparse, Wanted(outputs))
    torch.testing.assert_close(predicted_iou, wanted_iou.flatten(), rtol=1e-4, atol=1e-5)
    wanted_logits = wanted_logits.flatten(0, 1)
    error = 1e-4 * float(wanted_logits.std())
    torch.testing.assert_close(logits, wanted_logits, rtol=1e-4, atol=error)


@pytest.mark.parametrize("count", [0, 1, 3])
@torch.inference_mode()
def test_boxes_are_prompts_too(count):
    sam = random_sam(OFFICIAL, spread=0.1)
    features, _, _ = prompted(sam, 1)
    corners = torch.rand(count, 2, 2, generator=torch.Generator().manual_seed(0)) * 256
    sparse, dense = sam.prompt_encoder(None, corners.flatten(1), None)
    logits, predicted_iou = FastDecoder(sam, chunk_size=2)(features, sparse, Wanted(ONE))
    assert logits.shape == (count, 64, 64)
    assert predicted_iou.shape == (count,)
    if count:
        wanted, wanted_iou = upstream(sam, features, sparse, dense, False)
        torch.testing.assert_close(predicted_iou, wanted_iou[:, 0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(logits, wanted[:, 0], rtol=1e-4, atol=1e-4 * float(wanted.std()))


@torch.inference_mode()
def test_only_masks_above_the_least_predicted_iou_are_made_and_only_in_their_extent():
    sam = random_sam(spread=0.1)
    features, sparse, _ = prompted(sam, 33)
    decoder = FastDecoder(sam, chunk_size=4)
    logits, predicted_iou = decoder(features, sparse, Wanted(THREE))
    assert logits.shape == (99, 32, 32)
    for least in (-1e9, float(predicted_iou.median()), 1e9):
        found, found_iou = decoder(features, sparse, Wanted(THREE, least, (8, 5)))
        chosen = predicted_iou > least
        assert torch.equal(found_iou, predicted_iou[chosen])
        torch.testing.assert_close(found[..., :20], logits[chosen][..., :20], rtol=1e-4, atol=1e-6)
        assert (found[..., 20:] == 0).all()


@torch.inference_mode()
def test_large_features_and_a_second_picture_are_no_trouble():
    sam = random_sam(OFFICIAL, spread=0.3)
    decoder = FastDecoder(sam, chunk_size=4)
    for count, scale in ((3, 30.0), (4, 1e-3)):
        features, sparse, dense = prompted(sam, count)
        features = Features(features.coarse * scale)
        wanted, _ = upstream(sam, features, sparse, dense, True)
        found, _ = decoder(features, sparse, Wanted(THREE))
        # Such features are beyond float32: upstream's own logits are off the true ones, too.
        exact = copy.deepcopy(sam.mask_decoder).double()
        given = (features.coarse, sam.prompt_encoder.get_dense_pe(), sparse, dense)
        true = exact(*(tensor.double() for tensor in given), True)[0].flatten(0, 1)
        theirs, ours = ((logits - true).abs().max() for logits in (wanted.flatten(0, 1), found))
        assert ours < max(1e-3 * wanted.std(), 2 * theirs)


@torch.inference_mode()
def test_many_prompts_on_one_picture_go_together_as_on_a_gpu(monkeypatch):
    sam = random_sam(spread=0.1)
    features, sparse, _ = prompted(sam, 7)
    one_by_one = FastDecoder(sam, chunk_size=4)(features, sparse, Wanted(THREE, 0.0))
    monkeypatch.setattr("sav.sam.fast.low_rank_decoder._ONE_BY_ONE", ())
    together = FastDecoder(sam, chunk_size=4)(features, sparse, Wanted(THREE, 0.0))
    for found, wanted in zip(together, one_by_one, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.long
def test_triton_kernels_give_the_same_but_for_rounding():
    interpreted.check(KERNELS)
