import importlib.util

import cv2
import pytest

from tests.conftest import DEMO_SAM, DEMO_YOLO, ROOT

MODELS = ["--yolo", str(DEMO_YOLO), "--sam", str(DEMO_SAM), "--device", "cpu"]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def example(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_dogs_are_cut_out(tmp_path, capsys):
    picture = ROOT / "TestImages" / "dogs.jpg"
    written = example("cut_out_dogs").main([str(picture), str(tmp_path / "Dogs"), *MODELS])
    assert written
    assert len(capsys.readouterr().out.splitlines()) == len(written)
    for path in written:
        cutout = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert cutout.shape[2] == 4
        assert set(cutout[..., 3].ravel().tolist()) == {0, 255}


@pytest.mark.long
def test_objects_are_counted_by_class(capsys):
    video = str(ROOT / "TestImages" / "street.mp4")
    counts = example("count_objects").main([video, "--end", "4", *MODELS])
    assert counts.total() > 1
    assert counts["person"] > 0
    assert f"{counts['person']:4} person" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_stays_short(path):
    assert len(path.read_text().splitlines()) < 60
