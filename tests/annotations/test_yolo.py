import numpy as np
import pytest

from sav.config import SaveOptions
from sav.detect import YOLO  # the door keeps ultralytics from asking the network
from sav.media.pictures import read_picture
from tests.annotations.conftest import AWKWARD, NAMES, PIECES, VIDEO


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


@pytest.mark.long
def test_ultralytics_trains_on_the_export(save, awkward_video, tmp_path):
    folder = save("yolo", awkward_video, VIDEO) / "yolo"
    seen = []
    model = YOLO("yolov8n-seg.yaml", verbose=False)
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
