from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from sav.config import SaveOptions
from sav.data.instances import Instances
from sav.data.masks import Masks
from sav.media.video import VideoInfo
from tests.formats.conftest import PIECES, PIXEL, RING, VIDEO


def test_each_object_of_a_picture_is_a_png_of_its_own(save, awkward_scene):
    scene = awkward_scene(regions=True)
    folder = save("cutout", [scene]) / "cutout"
    names = ["bild_ü_001_person.png", "bild_ü_002_dog_große_犬.png", "bild_ü_004_dog_große_犬.png"]
    assert sorted(path.name for path in folder.iterdir()) == names
    ring = np.array(Image.open(folder / names[0]))
    assert ring.shape == (15, 15, 4)
    where = RING[5:20, 5:20]
    assert (ring[..., 3] == where * 255).all()
    assert (ring[where][:, :3] == scene.frame.image[5:20, 5:20][where][:, ::-1]).all()
    assert (ring[~where] == 0).all()


def decoded(path, codec=None) -> tuple[list[np.ndarray], list[Fraction]]:
    """Every frame as RGBA, and when it is shown; the native VP9 decoder would leave out the alpha."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        decoder = av.CodecContext.create(codec, "r") if codec else stream.codec_context
        if codec:
            decoder.extradata = stream.codec_context.extradata
        frames = [frame for packet in container.demux(stream) for frame in decoder.decode(packet)]
        times = [frame.pts * stream.time_base for frame in frames]
        return [frame.to_ndarray(format="rgba") for frame in frames], times


def large(scene):
    """The scene at four times the size, where chroma of half the size does no harm."""

    def grown(array):
        return array.repeat(4, axis=-2).repeat(4, axis=-1)

    image = np.ascontiguousarray(scene.frame.image.repeat(4, axis=0).repeat(4, axis=1))
    masks = Masks.from_dense(grown(scene.masks.dense()))
    objects, nothing = replace(scene.objects, masks=masks), Instances.empty(masks.size_hw)
    frame = replace(scene.frame, image=image)
    return replace(scene, frame=frame, objects=objects, everything=nothing, regions=nothing)


LARGE_VIDEO = VideoInfo((160, 240), Fraction(25), Fraction(1, 12_800), name="street.mp4")


@pytest.mark.parametrize(
    ("kind", "name", "codec"), [("prores", "objects.mov", None), ("vp9", "objects.webm", "libvpx-vp9")]
)
def test_pyav_reads_the_objects_with_their_transparency(save, awkward_video, kind, name, codec):
    scenes = [large(scene) for scene in awkward_video]
    options = SaveOptions(cutout_video=kind)
    folder = save("cutout", scenes, LARGE_VIDEO, options) / "cutout"
    frames, times = decoded(folder / name, codec)
    assert [float(time) for time in times] == pytest.approx([0, 0.04, 0.08, 0.12], abs=1e-3)
    for frame, scene in zip(frames, scenes, strict=True):
        mask = scene.masks.union()
        assert ((frame[..., 3] > 127) == mask).mean() > 0.995
        error = np.abs(frame[mask][:, :3].astype(int) - scene.frame.image[mask][:, ::-1])
        assert error.mean() < 8


@pytest.mark.parametrize(
    ("kind", "name", "codec"), [("prores", "objects.mov", None), ("vp9", "objects.webm", "libvpx-vp9")]
)
def test_odd_sizes_become_even(save, make_scene, kind, name, codec):
    mask = np.zeros((1, 41, 61), bool)
    mask[0, 5:, 10:] = True
    image = np.full((41, 61, 3), (200, 100, 50), np.uint8)
    scene = make_scene(mask, image=image, is_tracked=True)
    video = VideoInfo((41, 61), Fraction(25), Fraction(1, 12_800), name="odd.mp4")
    folder = save("cutout", [scene], video, SaveOptions(cutout_video=kind)) / "cutout"
    (frame,), _ = decoded(folder / name, codec)
    assert frame.shape == (42, 62, 4)
    assert ((frame[:41, :61, 3] > 127) == mask[0]).mean() > 0.97
    assert np.abs(frame[25, 35].astype(int) - (50, 100, 200, 255)).max() < 8


def test_the_matte_is_white_where_the_objects_are(save, awkward_video):
    scenes = [large(scene) for scene in awkward_video]
    folder = save("cutout", scenes, LARGE_VIDEO) / "cutout"
    frames, times = decoded(folder / "matte.mp4")
    assert times == [Fraction(i, 25) for i in range(4)]
    for frame, scene in zip(frames, scenes, strict=True):
        assert ((frame[..., 0] > 127) == scene.masks.union()).mean() > 0.995


def test_the_matte_can_be_pictures_and_only_of_chosen_objects(save, awkward_video):
    options = SaveOptions(cutout_matte="png", cutout_ids=(7, 9))
    folder = save("cutout", awkward_video, VIDEO, options) / "cutout"
    mattes = [np.array(Image.open(path)) for path in sorted((folder / "matte").iterdir())]
    assert len(mattes) == 4
    assert (mattes[0] == (PIECES | PIXEL) * 255).all()
    assert (mattes[2] == PIXEL * 255).all()
    assert not (folder / "matte.mp4").exists()


def test_an_unknown_choice_is_an_error():
    with pytest.raises(ValueError, match="cutout_video must be prores or vp9, not 'gif'"):
        SaveOptions(cutout_video="gif")


@pytest.mark.parametrize(
    ("kind", "name", "codec"), [("prores", "objects.mov", None), ("vp9", "objects.webm", "libvpx-vp9")]
)
def test_no_frame_of_a_high_speed_video_is_lost(save, make_scene, kind, name, codec):
    mask = np.zeros((1, 48, 64), bool)
    mask[0, 5:, 10:] = True
    scenes = [
        replace(scene, frame=replace(scene.frame, time=Fraction(index, 2500)))
        for index in range(12)
        for scene in [make_scene(mask, is_tracked=True, index=index)]
    ]
    video = VideoInfo((48, 64), Fraction(2500), Fraction(1, 90_000), name="fast.mp4")
    folder = save("cutout", scenes, video, SaveOptions(cutout_video=kind)) / "cutout"
    frames, times = decoded(folder / name, codec)
    assert len(frames) == 12
    assert times == sorted(set(times))
