"""Pictures go up once whatever streams ask, and are made ready there as on a CPU."""

import numpy as np
import pytest
import torch

from sav.detectors.letterbox import Letterbox
from sav.picture_graphs import PictureGraphs
from sav.sam.conventions import FirstConvention, SecondConvention
from sav.uploads import shared, uploaded

CPU = torch.device("cpu")
NOISE = np.random.default_rng(0).integers(0, 256, (4, 540, 960, 3), np.uint8)


def test_what_is_up_there_is_the_picture(cuda):
    for image in (NOISE[0], NOISE[0][10:50, ::-1], NOISE[0].transpose(1, 0, 2)):
        assert (uploaded(image, cuda).cpu().numpy() == image).all()


def test_a_stream_that_asks_second_waits_for_the_first_and_sees_the_same(cuda):
    if cuda.type != "cuda":
        pytest.skip("a CPU has no streams")
    streams = [torch.cuda.Stream(cuda), torch.cuda.Stream(cuda)]
    for image in (*NOISE, *NOISE):
        view, seen = shared(image), []
        for stream in streams:
            with torch.cuda.stream(stream):
                if not seen:
                    torch.cuda._sleep(3_000_000)  # what is uploaded next arrives late
                seen.append((uploaded(view, cuda), uploaded(view, cuda).long().sum()))
        torch.cuda.synchronize(cuda)
        assert seen[0][0] is seen[1][0]
        assert [int(total) for _, total in seen] == [int(image.sum(dtype=np.int64))] * 2


@pytest.mark.parametrize("size_hw", [(540, 960), (333, 500), (64, 48), (1, 300)])
def test_sam_sees_what_pillow_makes_of_a_picture(cuda, size_hw):
    images = [np.ascontiguousarray(image[: size_hw[0], : size_hw[1]]) for image in NOISE[:2]]
    convention = FirstConvention(1024)
    found = convention.pixels(images, cuda, exactly=False).cpu()
    torch.testing.assert_close(found, convention.pixels(images, CPU), rtol=0, atol=1e-5)


def test_sam_2_sees_nearly_what_it_sees_on_a_cpu(cuda):
    convention = SecondConvention(1024)
    found = convention.pixels(NOISE[:2], cuda, exactly=False).cpu()
    torch.testing.assert_close(found, convention.pixels(NOISE[:2], CPU), rtol=0, atol=1e-3)


def test_making_pictures_ready_waits_for_nothing(cuda):
    if cuda.type != "cuda":
        pytest.skip("on a CPU all is waited for")
    convention, given = FirstConvention(1024), [np.roll(NOISE, step, axis=2) for step in range(5)]
    found = [convention.pixels(images, cuda, exactly=False) for images in given[:3]]  # the third is captured
    torch.cuda.set_sync_debug_mode("error")
    try:
        found += [convention.pixels(images, cuda, exactly=False) for images in given[3:]]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for images, pixels in zip(given, found, strict=True):
        assert torch.equal(FirstConvention(1024).pixels(images, cuda, exactly=False), pixels)


def test_a_detector_sees_the_same_whether_a_graph_makes_pictures_ready(cuda):
    place, graphs = Letterbox.of((540, 960), 640, 32), PictureGraphs()
    for step in range(5):
        frames = [uploaded(image, cuda) for image in np.roll(NOISE, step, axis=2)]
        found = place(frames, torch.float16, graphs)
        assert found.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(found, place(frames, torch.float16, PictureGraphs()))
