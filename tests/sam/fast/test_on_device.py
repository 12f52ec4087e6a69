import logging

import numpy as np
import pytest
import torch

from sav.data.masks import Masks
from sav.sam.conventions import FirstConvention, SecondConvention
from sav.sam.enlarge import Enlarger, Stability
from sav.sam.fast import on_device
from sav.sam.fast.attempts import Attempts
from sav.sam.fast.on_device import DeviceEnlarger, pack, tight_boxes
from tests.conftest import cases
from tests.sam.fast import interpreted
from tests.sam.test_enlarge import SIZES, blobs

KERNELS = """
import torch
from sav.sam.conventions import FirstConvention
from sav.sam.enlarge import Enlarger, Stability
from sav.sam.fast import on_device
from tests.sam.test_enlarge import blobs

on_device._attempts.device_types = ("cpu",)
# Rows and masks that do not lie one behind the other, as of a part of larger ones.
logits = torch.nn.functional.pad(blobs(24), (0, 3, 0, 1))[::2, :-1, :-3]
for size_hw, stability in (((120, 160), Stability(0.3, 1.0)), ((40, 9), None)):
    given = FirstConvention(128), size_hw, 2**30, 3
    wanted, wanted_kept = Enlarger(*given).masks(logits, stability)
    masks, kept = on_device.DeviceEnlarger(*given, is_exact=False).masks(logits, stability)
    assert (kept == wanted_kept).all()
    assert 0 < len(masks) == len(wanted)
    assert (masks.dense() != wanted.dense()).mean() < 1e-5
    assert abs(masks.boxes_xyxy - wanted.boxes_xyxy).max() <= 1
print("kernels agree")
"""


@pytest.mark.parametrize("convention", [FirstConvention(128), SecondConvention(128)])
@cases("size_hw", [(1, 1), (2, 300), *(size for _, size in SIZES)], quick=3)
@pytest.mark.parametrize("stability", [None, Stability(0.3, 1.0)])
@pytest.mark.parametrize("count", [0, 1, 40])
def test_masks_are_the_enlargers_to_the_last_bit(convention, size_hw, stability, count):
    logits, given = blobs(40)[:count], (convention, size_hw, 2**20, 3)
    wanted, wanted_kept = Enlarger(*given).masks(logits, stability)
    masks, kept = DeviceEnlarger(*given).masks(logits, stability)
    assert masks == wanted
    assert (kept == wanted_kept).all()


@pytest.mark.parametrize("size_hw", [(1, 1), (5, 7), (40, 33)])
@pytest.mark.parametrize("count", [0, 1, 9])
def test_bits_are_packed_as_masks_have_them(monkeypatch, size_hw, count):
    monkeypatch.setattr(on_device, "_CHUNK_BYTES", 5)
    generator = np.random.default_rng(0)
    dense = generator.random((count, *size_hw)) < np.linspace(0, 0.3, count)[:, None, None]
    wanted = Masks.from_dense(dense)
    boxes = tight_boxes(torch.from_numpy(dense))
    assert boxes.tolist() == wanted.boxes_xyxy.tolist()
    sizes = np.array([len(wanted.bits(position)) for position in range(count)], np.int64)
    assert pack(torch.from_numpy(dense), boxes, sizes).tolist() == wanted.packed.tolist()


@pytest.mark.long
def test_triton_kernels_give_the_same_but_for_rounding():
    interpreted.check(KERNELS)


def test_without_kernels_one_line_says_so_and_the_masks_are_made_all_the_same(monkeypatch, caplog):
    def fail(*_):
        calls.append(1)
        raise RuntimeError("Failed to find C compiler.\nPlease specify one.")

    calls: list[int] = []
    monkeypatch.setattr(on_device, "_attempts", Attempts("masks are enlarged"))
    monkeypatch.setattr(on_device._attempts, "device_types", ("cpu",))
    monkeypatch.setattr(on_device, "_taps", fail)
    given = FirstConvention(128), (120, 160), 2**20, 1
    with caplog.at_level(logging.WARNING):
        masks, _ = DeviceEnlarger(*given, is_exact=False).masks(blobs(5))
    assert masks == Enlarger(*given).masks(blobs(5))[0]
    (record,) = caplog.records
    assert record.getMessage() == "masks are enlarged without Triton kernels: Failed to find C compiler."
    assert len(calls) == 1


def test_what_does_not_fit_is_no_reason_to_do_without_kernels(monkeypatch):
    def fail():
        raise torch.OutOfMemoryError("CUDA out of memory")

    attempts = Attempts("masks are enlarged")
    attempts.device_types = ("cpu",)
    with pytest.raises(torch.OutOfMemoryError):
        attempts(torch.device("cpu"), fail)
    assert attempts(torch.device("cpu"), lambda: 5) == 5
    assert attempts(torch.device("meta"), lambda: 5) is None
