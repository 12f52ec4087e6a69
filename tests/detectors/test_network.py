"""Which files are detectors, what is refused, and that nothing in a file is run."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import torch
from torch import nn

from sav.detectors.network import load_network
from sav.errors import CheckpointError
from tests.conftest import DEMO_YOLO, ROOT
from tests.detectors.models import NAMES, random_model, save, tiny_model
from tests.weights.checkpoints import Call


def refusal(path):
    with pytest.raises(CheckpointError) as caught:
        load_network(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message and len(message) < len(str(path)) + 600
    return message


def as_run(path):
    """The model as torch makes it by running the file."""
    return torch.load(path, weights_only=False)["model"].float().eval()


@pytest.mark.parametrize("is_half", [False, True])
def test_a_model_is_rebuilt_as_running_its_file_would_make_it(tmp_path, is_half):
    model = tiny_model()
    path = save(model.half() if is_half else model, tmp_path / "yolo.pt")
    network = load_network(path)
    assert (network.names, network.stride, network.channels, network.chooses) == (NAMES, 32, 3, False)
    picture = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        assert torch.equal(network(picture), as_run(path).fuse(verbose=False)(picture)[0])


def test_the_demo_detector_is_rebuilt_too():
    picture = torch.rand(2, 3, 160, 96)
    with torch.inference_mode():
        wanted = as_run(DEMO_YOLO).fuse(verbose=False)(picture)[0]
        assert torch.equal(load_network(DEMO_YOLO)(picture), wanted)


def test_models_that_are_fused_averaged_saved_whole_or_shared_are_taken(tmp_path):
    model, other = tiny_model(), tiny_model()
    other.names = dict(enumerate("abc"))
    assert load_network(save(model.fuse(verbose=False), tmp_path / "fused.pt")).names == NAMES
    assert load_network(save(model, tmp_path / "ema.pt", ema=other)).names == {0: "a", 1: "b", 2: "c"}
    torch.save(model, tmp_path / "whole.pt")
    assert load_network(tmp_path / "whole.pt").names == NAMES
    torch.save({"model": model}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    assert load_network(tmp_path / "old.pt").names == NAMES


@pytest.mark.parametrize(
    "name",
    [
        "yolov5s.pt",
        "yolov3-tiny.pt",
        "yolov5n6.pt",
        "yolov5/best.pt",
        "best",
        "best.pth",
        "a b'ψ.pt",
        "http:/x/y.pt",
    ],
)
def test_the_file_that_is_named_is_loaded_whatever_its_name(tmp_path, monkeypatch, name):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    save(tiny_model(), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert load_network(Path(name)).names == NAMES


@pytest.mark.parametrize(("channels", "is_taken"), [(1, True), (3, True), (2, False), (4, False)])
def test_a_model_sees_colours_or_grey(tmp_path, channels, is_taken):
    path = save(tiny_model(channels), tmp_path / "yolo.pt")
    if is_taken:
        assert load_network(path).channels == channels
    else:
        assert f"sees pictures of {channels} channels" in refusal(path)


def changed(name, value):
    model = tiny_model()
    setattr(model, name, value)
    return model


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (None, "no ultralytics model"),
        ("a word", "no ultralytics model"),
        (nn.Linear(2, 2), "no ultralytics model"),
        ({"a": torch.zeros(3)}, "tensors and no model"),
        (changed("names", {0: "a", 1: "b"}), "2 names for 3 classes"),
        (changed("names", {0: "a", 1: "b", 3: "c"}), "not numbered"),
        (changed("names", {0: "a", 1: "b", 2: "c" * 300}), "300 letters"),
        (changed("stride", torch.tensor([8.0, 16.0, float("nan")])), "steps that are none"),
        (changed("stride", torch.tensor([8.0, 16.0, 1e9])), "steps that are none"),
        (changed("stride", torch.tensor([8.0, 16.0, 0.0])), "steps that are none"),
        (changed("stride", torch.tensor([])), "steps that are none"),
        (changed("stride", 32), "steps that are none"),
        (changed("model", nn.Sequential()), "no ultralytics model"),
        (changed("save", [7]), "do not fit together"),
        (changed("save", None), "do not fit together"),
    ],
)
def test_what_is_no_sound_detector_is_refused_in_one_line(tmp_path, model, words):
    torch.save({"model": model}, tmp_path / "yolo.pt")
    assert words in refusal(tmp_path / "yolo.pt")


def altered(alter):
    model = tiny_model()
    alter(model.model)
    return model


def set_kind(layer, name, dtype):
    values = getattr(layer, name).data.to(dtype)
    setattr(layer, name, nn.Parameter(values, requires_grad=False))


def set_weight(layers, value):
    layers[1].conv.weight.data[0, 0, 0, 0] = value


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (lambda layers: set_weight(layers, float("nan")), "infinite or no numbers"),
        (lambda layers: set_weight(layers, float("inf")), "infinite or no numbers"),
        (lambda layers: layers[1].bn.running_var.fill_(float("nan")), "infinite or no numbers"),
        (lambda layers: set_kind(layers[1].conv, "weight", torch.int8), "int8 numbers"),
        (lambda layers: set_kind(layers[-1].cv2[0][2], "bias", torch.int64), "int64 numbers"),
        (
            lambda layers: setattr(layers[1].bn, "running_mean", torch.zeros(8, dtype=torch.int32)),
            "int32 numbers",
        ),
        (lambda layers: setattr(layers[1], "f", 99), "do not fit together"),
        (lambda layers: setattr(layers[1], "f", "x"), "do not fit together"),
        (lambda layers: delattr(layers[1], "f"), "do not fit together"),
        (lambda layers: setattr(layers[2], "conv", nn.Conv2d(5, 8, 3)), "do not fit together"),
        (lambda layers: setattr(layers[1].conv, "bias", nn.Parameter(torch.zeros(5))), "a bias (5,)"),
        (lambda layers: setattr(layers[1].bn, "running_var", torch.ones(3)), "a running_var (3,)"),
        (lambda layers: setattr(layers[1], "act", nn.Upsample(scale_factor=1000)), "numbers of a picture"),
        (lambda layers: setattr(layers[1].conv, "padding", (10**5, 10**5)), "numbers of a picture"),
        (lambda layers: setattr(layers[1].conv, "padding", (10**12, 10**12)), "do not fit together"),
        (lambda layers: setattr(layers[-1], "nc", 10**9), "how many classes"),
        (lambda layers: setattr(layers[-1], "nc", "3"), "how many classes"),
        (lambda layers: setattr(layers[-1], "nl", 2), "no table of boxes|do not fit"),
        (lambda layers: setattr(layers[-1], "stride", torch.zeros(0)), "do not fit together"),
        (lambda layers: setattr(layers[1], "act", layers[1]), "without end|RecursionError|recursion"),
    ],
)
def test_layers_that_do_not_fit_or_eat_the_machine_are_refused_in_one_line(tmp_path, alter, words):
    torch.save({"model": altered(alter)}, tmp_path / "yolo.pt")
    assert any(word in refusal(tmp_path / "yolo.pt") for word in words.split("|"))


def test_layers_in_layers_twice_each_are_refused(tmp_path):
    bomb = nn.Identity()
    for _ in range(60):
        bomb = nn.Sequential(bomb, bomb)
    path = tmp_path / "yolo.pt"
    torch.save({"model": altered(lambda layers: setattr(layers[1], "act", bomb))}, path)
    assert "without end" in refusal(path)


@pytest.mark.parametrize(
    ("yaml", "kind"),
    [
        ("yolov8n-cls.yaml", "ClassificationModel with a head for Classify"),
        ("yolo26n-depth.yaml", "DepthModel with a head for Depth"),
        ("yolo26n-sem.yaml", "SemanticSegmentationModel with a head for SemanticSegment"),
    ],
)
def test_a_model_for_something_else_is_named(tmp_path, yaml, kind):
    assert f"is a {kind}, not for detection" in refusal(save(random_model(yaml), tmp_path / "yolo.pt"))


def changed_words(model, embeddings):
    model.pe = embeddings
    return model


@pytest.mark.long
def test_a_model_without_the_words_that_it_is_to_find_is_refused(tmp_path):
    path, model = tmp_path / "yolo.pt", random_model("yoloe-11s.yaml")
    assert "7 classes" in refusal(save(changed_words(model, model.pe[:, :5]), path))
    for nothing in (torch.zeros(1, 7, 512), None):
        assert "waits to be told what to find" in refusal(save(changed_words(model, nothing), path))


def test_code_is_not_run_wherever_it_stands(tmp_path):
    sprung = tmp_path / "sprung"
    trap = Call(exec, f"open({str(sprung)!r}, 'w')")
    hooked = tiny_model()
    hooked.model[0]._forward_hooks[0] = trap
    for place in (
        {"model": trap},
        {"model": tiny_model(), "ema": trap},
        {"model": changed("names", trap)},
        {"model": changed("forward", trap)},
        {"model": altered(lambda layers: layers[1].__dict__.update(forward=trap))},
        {"model": altered(lambda layers: layers[1].__dict__.update(act=trap))},
    ):
        torch.save(place, tmp_path / "yolo.pt")
        refusal(tmp_path / "yolo.pt")
    for place in (
        {"model": tiny_model(), "optimizer": trap},
        {"model": hooked},
        {trap: 1, "model": tiny_model()},
    ):
        torch.save(place, tmp_path / "yolo.pt")
        load_network(tmp_path / "yolo.pt")(torch.zeros(1, 3, 32, 32))
    assert not sprung.exists()


def test_no_word_in_a_file_is_taken_for_code(tmp_path):
    """ultralytics evaluates the activation that a model's YAML names when it builds a model from it."""
    model = tiny_model()
    model.yaml["activation"] = f"open({str(tmp_path / 'sprung')!r}, 'w')"
    load_network(save(model, tmp_path / "yolo.pt"))
    assert not (tmp_path / "sprung").exists()


def test_constructors_are_not_called(tmp_path):
    """Some of ultralytics' layers download weights when they are made."""
    from ultralytics.nn.modules.block import TorchVision

    model = tiny_model()
    model.model[1].__dict__["act"] = Call(TorchVision, "resnet18", "DEFAULT")
    torch.save({"model": model}, tmp_path / "yolo.pt")
    assert "a layer of it is none" in refusal(tmp_path / "yolo.pt")


@pytest.mark.parametrize("is_first", [True, False])
def test_code_is_not_run_in_any_order_of_imports_and_whatever_the_environment_says(tmp_path, is_first):
    torch.save({"model": Call(exec, f"open({str(tmp_path / 'sprung')!r}, 'w')")}, tmp_path / "evil.pt")
    script = (
        ("import ultralytics.nn.tasks\n" if is_first else "")
        + "import torch; from pathlib import Path; from sav.detectors.yolo import YoloDetector\n"
        + f"YoloDetector(Path({str(tmp_path / 'evil.pt')!r}), torch.device('cpu'))"
    )
    environment = {
        **os.environ,
        "YOLO_CONFIG_DIR": tempfile.mkdtemp(dir=tmp_path),
        "YOLO_OFFLINE": "true",
        "ULTRALYTICS_SAFE_LOAD": "0",
        "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr.strip().splitlines()[-1].startswith("sav.errors.CheckpointError")
    assert not (tmp_path / "sprung").exists()


@pytest.fixture
def own_layers(tmp_path, monkeypatch):
    """A file with a layer of the user's own module."""
    (tmp_path / "my_layers.py").write_text(
        "import torch\n\nclass Mine(torch.nn.SiLU):\n    def forward(self, x):\n        return x * 0.5\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import my_layers

    yield save(altered(lambda layers: setattr(layers[1], "act", my_layers.Mine())), tmp_path / "own.pt")
    sys.modules.pop("my_layers", None)


def test_layers_of_ones_own_need_the_flag(own_layers):
    message = refusal(own_layers)
    assert "my_layers.Mine" in message and "--trust_checkpoint" in message
    network = load_network(own_layers, trust_checkpoint=True)
    assert type(network.module.model[1].act).__name__ == "Mine"


def test_a_text_model_that_was_saved_in_a_detector_is_left_out(own_layers, tmp_path):
    model = tiny_model()
    model.clip_model = sys.modules["my_layers"].Mine()
    assert load_network(save(model, tmp_path / "yolo.pt")).names == NAMES


def test_trusted_code_that_is_not_installed_is_one_line(own_layers, monkeypatch):
    sys.modules.pop("my_layers")
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(own_layers.parent)])
    with pytest.raises(CheckpointError, match="No module named 'my_layers'"):
        load_network(own_layers, trust_checkpoint=True)


def test_two_views_do_not_share_what_a_head_remembers(tmp_path):
    network = load_network(save(tiny_model(), tmp_path / "yolo.pt"))
    with torch.inference_mode():
        first = network(torch.rand(1, 3, 64, 64))
        network(torch.rand(1, 3, 32, 32))
    assert network.module.model[-1].shape is None and first.shape[2] == 64 + 16 + 4


def test_a_file_in_a_folder_with_dots_is_found(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    shutil.copy(save(tiny_model(), tmp_path / "yolo.pt"), tmp_path / "yolov5s.pt")
    monkeypatch.chdir(tmp_path / "a")
    assert load_network(Path("../a/../yolov5s.pt")).names == NAMES


def test_both_scripts_and_the_api_hand_the_flag_on(own_layers, tiny_sam_file):
    from sav import Segmenter
    from sav.commands import seg, track

    for script in (seg, track):
        assert script.parse(["--trust_checkpoint"]).trust_checkpoint
        assert not script.parse([]).trust_checkpoint
    assert Segmenter.load(own_layers, tiny_sam_file, trust_checkpoint=True).categories == NAMES
    with pytest.raises(CheckpointError, match="--trust_checkpoint"):
        Segmenter.load(own_layers, tiny_sam_file)
