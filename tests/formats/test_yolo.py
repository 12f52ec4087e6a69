from pathlib import Path

import cv2
import numpy as np
import pytest
import supervision

from sav.config import SaveOptions
from sav.detectors.door import import_ultralytics
from sav.formats.yolo import shares
from sav.media.pictures import read_picture
from tests.formats.conftest import AWKWARD, NAMES, PIECES, VIDEO


@pytest.fixture(autouse=True, scope="module")
def quiet_ultralytics():
    """Imported so that it neither installs nor asks the network."""
    import_ultralytics()


@pytest.fixture
def load():
    """ultralytics' own loader of a data set."""
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.utils import YAML

    def labels(folder):
        table = YAML.load(folder / "dataset.yaml")
        found = YOLODataset(
            img_path=str(folder / table["train"]), data=table, task="segment", augment=False, imgsz=64
        )
        return table, found

    return labels


def rasterised(segment: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    from ultralytics.data.utils import polygon2mask

    return polygon2mask(size_hw, [(segment * size_hw[::-1]).ravel()]).astype(bool)


def test_ultralytics_loads_every_mask_with_its_class(save, awkward_scene, load):
    folder = save("yolo", [awkward_scene(regions=True)]) / "yolo"
    table, dataset = load(folder)
    assert table["names"] == NAMES
    (label,) = dataset.labels
    assert label["cls"].ravel().tolist() == [0, 1, 1]
    hole, pieces, pixel = (rasterised(segment, (40, 60)) for segment in label["segments"])
    assert (hole == AWKWARD[0]).all()
    assert (pixel == AWKWARD[3]).all()
    assert pieces[PIECES].all()
    bridge = pieces & ~PIECES
    assert 0 < bridge.sum() <= 60


def small_objects(size_hw: tuple[int, int], count: int = 12) -> np.ndarray:
    """Ellipses of 1 to 21 pixels, turned, some at the border; the last three are lines and a pixel."""
    generator = np.random.default_rng(size_hw[1])
    masks = np.zeros((count, *size_hw), np.uint8)
    for mask in masks[:-3]:
        centre = [int(generator.integers(side)) for side in size_hw[::-1]]
        radii = generator.integers(0, 11, 2).tolist()
        cv2.ellipse(mask, centre, radii, float(generator.uniform(0, 180)), 0, 360, 1, -1)
    masks[-3, size_hw[0] // 2, 3:9] = masks[-2, 3:9, size_hw[1] // 3] = masks[-1, -1, -1] = 1
    return masks.astype(bool)


@pytest.mark.parametrize("size_hw", [(40, 60), (97, 211), (480, 640), (1080, 1920), (40, 16_384)])
def test_readers_that_cut_off_and_readers_that_round_get_the_same_masks(save, make_scene, load, size_hw):
    scenes = [
        make_scene(mask[None], name=f"{i}.jpg", index=i) for i, mask in enumerate(small_objects(size_hw))
    ]
    folder = save("yolo", scenes) / "yolo"
    rounded = supervision.DetectionDataset.from_yolo(
        str(folder / "images"), str(folder / "labels"), str(folder / "dataset.yaml"), force_masks=True
    )
    cut_off = {Path(label["im_file"]).name: label["segments"] for label in load(folder)[1].labels}
    for scene in scenes:
        found = rounded.annotations[str(folder / "images" / scene.frame.name)]
        (segment,) = cut_off[scene.frame.name]
        assert (found.mask[0] == scene.masks[0]).all()
        assert (rasterised(segment, size_hw) == scene.masks[0]).all()
        assert (found.box_area > 0).all() and (np.ptp(segment, axis=0) > 0).all()


def test_no_width_of_a_picture_misleads_a_reader():
    for width in [*range(1, 300), *range(300, 16_385, 211), 640, 1280, 1920, 3840, 4096, 7680, 16_384]:
        pixels = np.arange(width)
        ring = np.stack([pixels, pixels], axis=1)
        written = np.array([f"{share:.6f}" for share in shares(ring, np.array([width, width]))[:, 0]])
        for dtype in (np.float32, np.float64):
            read = written.astype(dtype) * dtype(width)
            assert (read.astype(int) == pixels).all()
            assert (np.round(read).astype(int) == pixels).all()
            assert (np.floor(read + 0.5) == pixels).all()


def test_what_ultralytics_trains_on_after_resampling_is_nearly_the_mask(save, make_scene):
    from ultralytics.utils.ops import resample_segments

    masks = small_objects((480, 640), 60)[:-3]
    scene = make_scene(masks)
    lines = (save("yolo", [scene]) / "yolo" / "labels" / "a.txt").read_text().splitlines()
    for line, mask in zip(lines, masks, strict=True):
        (segment,) = resample_segments([np.array(line.split()[1:], np.float32).reshape(-1, 2)], n=1000)
        again = rasterised(segment, (480, 640))
        assert (again & mask).sum() >= 0.9 * (again | mask).sum()


def test_names_that_are_hard_to_write_come_back(save, make_scene, load):
    names = dict(
        enumerate(["a\nb", "a: b # c", "- x", "yes", "\x85\u2028\x7f\x00", "\U0001f415", "dog", "dog"])
    )
    folder = save("yolo", [make_scene(AWKWARD[:1], categories=names)], categories=names) / "yolo"
    assert load(folder)[0]["names"] == {**names, 7: "dog (7)"}
    assert len((folder / "classes.txt").read_text(encoding="utf-8").splitlines()) == len(names)


@pytest.mark.long
def test_ultralytics_trains_on_the_export(save, awkward_video, tmp_path):
    folder = save("yolo", awkward_video, VIDEO) / "yolo"
    seen = []
    model = import_ultralytics().YOLO("yolov8n-seg.yaml", verbose=False)
    model.add_callback("on_train_batch_end", lambda trainer: seen.append(float(trainer.loss.detach())))
    model.train(
        data=str(folder / "dataset.yaml"),
        epochs=1,
        imgsz=64,
        batch=4,
        workers=0,
        device="cpu",
        plots=False,
        val=False,
        save=False,
        verbose=False,
        project=str(tmp_path / "runs"),
    )
    assert len(seen) == 1
    assert np.isfinite(seen).all()


def test_a_video_has_a_file_a_frame_even_where_nothing_is(save, awkward_video):
    folder = save("yolo", [awkward_video[0], awkward_video[1][:0]], VIDEO) / "yolo"
    names = ["street_000000", "street_000001"]
    assert sorted(path.stem for path in (folder / "labels").iterdir()) == names
    assert (folder / "labels" / "street_000001.txt").read_text() == ""
    assert read_picture(folder / "images" / "street_000001.jpg").shape == (40, 60, 3)


def test_track_ids_end_the_lines_if_asked(save, awkward_video):
    options = SaveOptions(yolo_track_ids=True)
    folder = save("yolo", awkward_video[:1], VIDEO, options)
    lines = (folder / "yolo" / "labels" / "street_000000.txt").read_text().splitlines()
    assert [line.split()[-1] for line in lines] == ["3", "7", "9"]
    assert all(len(line.split()) % 2 == 0 for line in lines)
