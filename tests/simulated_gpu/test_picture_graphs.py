"""Pictures that come again are made ready by graphs, to the same bits, and nothing is waited for."""

import pickle

import numpy as np
import pytest
import torch

from sav import uploads
from sav.detectors.letterbox import Letterbox
from sav.picture_graphs import PictureGraphs
from sav.sam.conventions import FirstConvention
from sav.uploads import kept_on_device, uploaded
from tests.simulated_gpu.chip import DEVICE

CPU = torch.device("cpu")
NOISE = np.random.default_rng(0).integers(0, 256, (5, 3, 90, 160, 3), np.uint8)  # five batches of three
REPLAYS = [[], [], [1], [2], [3]]


def for_sam(side):
    """What makes pictures ready, on whichever device."""
    convention = FirstConvention(side)
    return lambda images, device: convention._pixels_on_device(images, device)


def for_detector(side):
    graphs = PictureGraphs()

    def prepared(images, device):
        place = Letterbox.of(images[0].shape[:2], side, 32)
        return place([uploaded(image, device) for image in images], torch.float16, graphs)

    return prepared


@pytest.mark.parametrize("kind", [for_sam, for_detector])
@pytest.mark.parametrize("side", [96, 160])  # smaller, and as large as pictures are
@pytest.mark.parametrize("count", [1, 3])
def test_from_the_third_batch_on_pictures_are_made_ready_by_a_graph(driver, kind, side, count):
    prepared, replays = kind(side), []
    for images in NOISE[:, :count]:
        uploads._kept.cache_clear()  # a graph has tables of its own
        found = prepared(list(images), DEVICE)
        assert not driver.waits
        replays.append([graph.replays for graph in driver.graphs])
        wanted = kind(side)(list(images), CPU)
        assert torch.equal(found.cpu(), wanted) and found.stride() == wanted.stride()
        driver.forget_waits()
    assert replays == REPLAYS


def test_whole_pictures_and_their_slices_are_made_ready_by_turns(driver):
    prepared = for_detector(96)
    for images in NOISE:
        prepared([images[0]], DEVICE)
        prepared([image[:64, :64] for image in images], DEVICE)
    assert [graph.replays for graph in driver.graphs] == [3, 3]


@pytest.mark.parametrize("kind", [for_sam, for_detector])
def test_a_folder_of_many_sizes_has_no_graphs(driver, kind):
    prepared = kind(96)
    for _ in range(3):
        for width in range(100, 150, 10):
            image = NOISE[0, 0, :, :width]
            assert torch.equal(prepared([image], DEVICE).cpu(), kind(96)([image], CPU))
    assert not driver.graphs


def test_pictures_of_several_sizes_in_a_batch_are_as_each_alone(driver):
    images = [NOISE[0, 0], NOISE[0, 1, :50], NOISE[0, 2, :, :30]]
    wanted = torch.cat([for_sam(96)([image], CPU) for image in images])
    for _ in range(4):
        assert torch.equal(for_sam(96)(images, DEVICE).cpu(), wanted)
    assert for_sam(96)([], DEVICE).shape == (0, 3, 96, 96)


def test_a_graph_does_not_keep_what_is_large(driver, monkeypatch):
    monkeypatch.setattr("sav.picture_graphs._MOST_BYTES", NOISE[0].nbytes - 1)
    prepared = for_sam(96)
    for images in NOISE:
        prepared(list(images), DEVICE)
    assert not driver.graphs


def test_another_process_begins_without_a_graph(driver):
    convention = FirstConvention(96)
    for images in NOISE:
        found = convention.pixels(list(images), DEVICE, exactly=False)
    other = pickle.loads(pickle.dumps(convention))
    assert torch.equal(other.pixels(list(NOISE[-1]), DEVICE, exactly=False).cpu(), found.cpu())
    assert [graph.replays for graph in driver.graphs] == [3]


def test_each_stream_has_tables_of_its_own(driver):
    def make(length):
        return np.arange(length, dtype=np.int32)

    one, again = (kept_on_device(make, (3,), DEVICE) for _ in range(2))
    with driver.stream(driver.new_stream()):
        other = kept_on_device(make, (3,), DEVICE)
    assert one is again and other is not one
    assert one.tolist() == other.tolist() == [0, 1, 2]
