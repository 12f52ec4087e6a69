import csv
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sav.sam.load import load_sam
from tools.world.batches import Recipe, Scenes
from tools.world.dataset import write_dataset, write_listing
from tools.world.forward import View, decode, encode
from tools.world.muon import orthogonalised
from tools.world.objective import DenseHints, embed_prompts, mask_loss, prompt_losses, step_losses
from tools.world.prompts import draw_prompts, jitter_boxes
from tools.world.small_sam import SMALL_SAM, build, save
from tools.world.train_detector import ARCHITECTURE, bfloat16_training, strip, train
from tools.world.train_sam import Training, run

TINY = replace(
    SMALL_SAM,
    image_size=128,
    patch_size=16,
    embed_dim=32,
    depth=2,
    heads=1,
    window_size=4,
    global_blocks=(1,),
    prompt_dim=32,
    decoder_mlp_dim=32,
    iou_head_dim=32,
)
RECIPE = Recipe(steps=40, scenes=1, boxes=4, points=4, rate=2e-3, warmup=4, view=4, wide=0.2)


@pytest.fixture(scope="module")
def scenes_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    write_dataset(folder, "train", range(6), 1, (256, 168))
    write_dataset(folder, "val", range(1_000_000, 1_000_002), 1, (256, 168))
    write_listing(folder, "train", "val")
    return folder


@pytest.fixture
def scenes(scenes_folder):
    torch.set_num_threads(1)
    return Scenes(scenes_folder / "train" / "sam", TINY)


def _prompts(scenes, boxes=5, points=6):
    maps = scenes.maps[0]
    return maps, draw_prompts(np.random.default_rng(0), maps, boxes, points)


def test_rendering_again_keeps_what_is_there(scenes_folder):
    files = sorted((scenes_folder / "train" / "sam").iterdir())
    before = [f.stat().st_mtime_ns for f in files]
    write_dataset(scenes_folder, "train", range(6), 1, (256, 168))
    assert [f.stat().st_mtime_ns for f in files] == before


@pytest.mark.long
def test_the_commands_render_scenes_not_yet_seen_and_train_on_them(tmp_path):
    scenes, run_folder = str(tmp_path / "scenes"), str(tmp_path / "run")
    first = Path(__file__).parents[2] / "model" / "demo_sam.pth"
    render = ["tools.world.dataset", scenes, "--train", "1", "--first", "5", "--val", "1", "--jobs", "1"]
    prompts = ["--boxes", "2", "--points", "1", "--hints", "0.1"]
    learn = ["tools.world.train_sam", scenes, run_folder, "--start", str(first), "--steps", "1", *prompts]
    for command in (render, learn):
        subprocess.run(
            [sys.executable, "-m", *command], cwd=first.parents[1], check=True, capture_output=True
        )
    assert [path.name for path in (tmp_path / "scenes" / "train" / "sam").iterdir()] == ["0000005.npz"]
    load_sam(tmp_path / "run" / "demo_sam.pth", torch.device("cpu"))


def test_scenes_of_validation_and_evaluation_are_not_trained_on(tmp_path):
    command = ["tools.world.dataset", str(tmp_path / "scenes"), "--train", "2", "--first", "999999"]
    said = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)
    assert said.returncode == 2
    assert "not for training" in said.stderr
    assert not (tmp_path / "scenes").exists()


def test_a_point_asks_for_the_part_and_the_whole_that_it_lies_on(scenes):
    _, prompts = _prompts(scenes)
    columns, rows = np.floor(prompts.points).astype(int).T
    index = np.arange(len(rows))
    assert prompts.masks[5:][index, rows, columns].all() and prompts.wholes[index, rows, columns].all()
    assert (prompts.masks[5:] <= prompts.wholes).all()


def test_jittered_boxes_stay_near_and_inside():
    boxes = np.tile([[10.0, 10, 110, 60]], (500, 1))
    noisy = jitter_boxes(np.random.default_rng(0), boxes, (100, 400))
    assert np.abs(noisy - boxes).max() <= 20 and noisy.min() >= 0
    assert 5 < (noisy - boxes)[:, 0].std() < 12


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = build(TINY)
    for weight in [*model.image_encoder.parameters()]:
        torch.nn.init.normal_(weight, std=0.1)
    return model


def test_the_encoder_gives_what_upstreams_gives(scenes, model):
    pixels = torch.randn(2, 3, TINY.image_size, TINY.image_size)
    with torch.no_grad():
        ours, theirs = encode(model.image_encoder, pixels, scenes.all), model.image_encoder(pixels)
    torch.testing.assert_close(ours, theirs)


def test_a_view_is_encoded_as_if_the_rest_were_hidden(scenes, model):
    """Without a block that looks at the whole picture, a view gets the very embedding of the whole one."""
    for block in model.image_encoder.blocks:
        block.window_size = TINY.window_size
    for block in model.image_encoder.blocks[1:]:
        block.attn.rel_pos_h.data.zero_(), block.attn.rel_pos_w.data.zero_()
    model.image_encoder.neck = torch.nn.Identity()
    pixels, view = torch.randn(1, 3, TINY.image_size, TINY.image_size), View(4, 0, 4, 4)
    with torch.no_grad():
        part = encode(model.image_encoder, pixels[:, :, 64:, :64], view)
        whole = encode(model.image_encoder, pixels, scenes.all)
    torch.testing.assert_close(part, view.of(whole))


def test_the_decoder_gives_what_upstreams_gives(scenes, model):
    _, prompts = _prompts(scenes, boxes=3, points=2)
    embedding = torch.randn(1, TINY.prompt_dim, 8, 8)
    with torch.no_grad():
        tokens = embed_prompts(model, prompts)
        logits, iou = decode(model, embedding, model.prompt_encoder.get_dense_pe(), tokens)
        dense = model.prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1).expand(5, -1, 8, 8)
        theirs, their_iou = model.mask_decoder.predict_masks(
            embedding, model.prompt_encoder.get_dense_pe(), tokens, dense
        )
    torch.testing.assert_close(logits, theirs)
    torch.testing.assert_close(iou, their_iou)


def test_a_view_shows_its_part_of_the_picture_and_of_the_maps(scenes):
    recipe, view = replace(RECIPE, boxes=6, points=4), View(0, 4, 4, 4)
    batch = scenes.collate([scenes.maps[0]], view, np.random.default_rng(0), recipe)
    whole = scenes.collate([scenes.maps[0]], scenes.all, np.random.default_rng(0), recipe)
    torch.testing.assert_close(batch.pictures, whole.pictures[:, :, :64, 64:])
    assert torch.equal(batch.names, whole.names[:, :16, 16:])
    masks, (x, y) = batch.targets[0][0][recipe.boxes :], batch.prompts[0].points.T
    assert (x >= 64).all() and (y < 64).all() and masks.shape[1:] == (16, 16)
    rows, columns = (y / 4).astype(int), ((x - 64) / 4).astype(int)
    assert (masks[np.arange(4), rows, columns] > 0).all()


def test_a_batch_is_split_between_threads_without_loss(scenes, monkeypatch):
    # bfloat16 rounds other batches differently.
    monkeypatch.setattr("tools.world.objective.has_fast_bfloat16", lambda device: False)
    recipe = replace(RECIPE, scenes=3)
    one, two = (Training(scenes, recipe, TINY, threads=n) for n in (1, 3))
    losses = [t._backward(scenes.batch(recipe, 0)) for t in (one, two)]
    assert losses[0]["mask"] == pytest.approx(losses[1]["mask"], rel=1e-4)
    for a, b in zip(one.model.parameters(), two.model.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-3, atol=1e-5)


def test_muon_brings_singular_values_near_one():
    matrices = torch.randn(3, 24, 40) @ torch.diag(torch.logspace(0, -2, 40))
    for turned in (matrices, matrices.mT):
        values = torch.linalg.svdvals(orthogonalised(turned))
        assert values.min() > 0.3 and values.max() < 1.3


def test_a_run_starts_from_a_checkpoint_of_another_input_size(scenes, tmp_path):
    small = build(replace(TINY, image_size=64))
    save(small, tmp_path / "small.pth")
    training = Training(scenes, RECIPE, TINY, start=tmp_path / "small.pth")
    started, before = training.mean.state_dict(), small.state_dict()
    assert started["image_encoder.pos_embed"].shape == (1, 8, 8, TINY.embed_dim)
    name = "mask_decoder.output_hypernetworks_mlps.0.layers.2.weight"
    torch.testing.assert_close(started[name], before[name], rtol=2e-3, atol=1e-4)


def test_the_mask_loss_is_small_for_a_right_mask_and_large_for_a_wrong_one():
    target = torch.zeros(1, 16, 16)
    target[:, 4:12, 4:12] = 1
    right, wrong = (mask_loss(sign * (target * 20 - 10), target) for sign in (1, -1))
    assert right < 0.01 and wrong > 10


def test_a_point_s_first_mask_learns_the_part_and_its_second_the_whole(scenes):
    _, prompts = _prompts(scenes, boxes=0, points=6)
    parts, wholes = scenes.shrink(prompts.masks), scenes.shrink(prompts.wholes)
    perfect = torch.stack([parts, parts, wholes, parts], 1) * 20 - 10
    loss, _, iou = prompt_losses(perfect, torch.ones(6, 4), prompts, parts, wholes)
    swapped, _, _ = prompt_losses(perfect[:, [0, 2, 1, 3]], torch.ones(6, 4), prompts, parts, wholes)
    assert (iou >= 0.5).all() and loss.mean() < swapped.mean()


@pytest.mark.long
def test_training_lowers_the_loss(scenes):
    training = Training(scenes, RECIPE, TINY)
    losses = [training.advance()["mask"] for _ in range(30)]
    assert np.mean(losses[-6:]) < 0.8 * np.mean(losses[:6])


@pytest.mark.long
def test_a_resumed_run_goes_on_exactly(scenes, tmp_path):
    straight, first, second = (Training(scenes, RECIPE, TINY) for _ in range(3))
    for _ in range(4):
        straight.advance()
    for _ in range(2):
        first.advance()
    first.save(tmp_path / "state.pth")
    second.load(tmp_path / "state.pth")
    for _ in range(2):
        second.advance()
    for name, weight in straight.mean.state_dict().items():
        assert torch.equal(weight, second.mean.state_dict()[name]), name


def test_a_run_leaves_a_checkpoint_that_the_program_loads(scenes, scenes_folder, tmp_path):
    training = Training(scenes, replace(RECIPE, steps=2), TINY)
    run(training, Scenes(scenes_folder / "val" / "sam", TINY), tmp_path, every=1)
    save(training.mean, tmp_path / "last.pth")
    model = load_sam(tmp_path / "last.pth", torch.device("cpu"))
    assert model.sam.image_encoder.img_size == TINY.image_size
    assert (tmp_path / "state.pth").exists()


def test_calibration_changes_scales_but_neither_masks_nor_their_order(scenes, tmp_path):
    model = build(TINY)
    save(model, tmp_path / "plain.pth", sharpness=1.0, leniency=1.0)
    save(model, tmp_path / "calibrated.pth", sharpness=4.0, leniency=0.25)
    image = np.ascontiguousarray(scenes.maps[0].picture[..., ::-1])
    found = []
    for name in ("plain.pth", "calibrated.pth"):
        sam = load_sam(tmp_path / name, torch.device("cpu"))
        found.append(sam.decode_points(sam.embed([image])[0], np.array([[20.0, 30.0]])))
    (logits, iou), (sharp, lenient) = found
    torch.testing.assert_close(sharp, 4 * logits, rtol=2e-2, atol=1e-3)
    torch.testing.assert_close(1 - lenient, 0.25 * (1 - iou), rtol=2e-2, atol=1e-3)


@pytest.mark.long
def test_the_detector_trains_stops_and_goes_on(scenes_folder, tmp_path):
    class StoppedError(Exception):
        pass

    def stop_after_two(trainer):
        if trainer.epoch == 1:
            raise StoppedError

    def rows():
        with (tmp_path / "run" / "results.csv").open() as f:
            return list(csv.DictReader(f))

    listing, folder = scenes_folder / "street.yaml", tmp_path / "run"
    with pytest.raises(StoppedError):
        train(listing, folder, 4, 2, 96, 1e-3, on_epoch=stop_after_two)
    done = len(rows())
    train(listing, folder, 4, 2, 96, 1e-3)
    losses = [float(row["train/cls_loss"]) for row in rows()]
    assert 1 <= done < len(losses) and [int(row["epoch"]) for row in rows()] == [1, 2, 3, 4]
    assert np.isfinite(losses).all()
    strip(folder / "weights" / "last.pt", tmp_path / "out.pt")
    assert (tmp_path / "out.pt").stat().st_size < (folder / "weights" / "best.pt").stat().st_size * 1.01
    assert str(tmp_path).encode() not in (tmp_path / "out.pt").read_bytes()


@pytest.mark.long
def test_the_detector_s_loss_falls_in_bfloat16(scenes_folder):
    from ultralytics.cfg import get_cfg
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    model = DetectionModel(ARCHITECTURE, nc=7, verbose=False).train()
    model.args = get_cfg()
    optimiser = torch.optim.AdamW(model.parameters(), 2e-3)
    labels = np.loadtxt(scenes_folder / "train" / "labels" / "0000000.txt", ndmin=2)
    batch = {
        "img": torch.rand(1, 3, 96, 96),
        "cls": torch.tensor(labels[:, :1]).float(),
        "bboxes": torch.tensor(labels[:, 1:]).float(),
        "batch_idx": torch.zeros(len(labels)),
    }
    losses = []
    with bfloat16_training():
        for _ in range(12):
            loss = model(batch)[0].sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])


def test_bfloat16_training_is_switched_off_again():
    from ultralytics.nn.tasks import DetectionModel

    plain = DetectionModel.predict
    with bfloat16_training():
        assert DetectionModel.predict is not plain
        model = DetectionModel(ARCHITECTURE, nc=7, verbose=False).train()
        assert all(v.dtype == torch.float32 for v in _tensors(model(torch.zeros(1, 3, 64, 64))))
    assert DetectionModel.predict is plain


def _tensors(outputs):
    if isinstance(outputs, torch.Tensor):
        return [outputs]
    values = outputs.values() if isinstance(outputs, dict) else outputs
    return [t for v in values for t in _tensors(v)]


def test_places_are_encoded_in_float32_whatever_the_rest_is_in(scenes, monkeypatch):
    monkeypatch.setattr("tools.world.objective.has_fast_bfloat16", lambda device: True)
    model, batch, seen = build(TINY), scenes.batch(RECIPE, 0), []

    def spied(model, embedding, places, tokens):
        seen.append((places, tokens))
        return decode(model, embedding, places, tokens)

    monkeypatch.setattr("tools.world.objective.decode", spied)
    step_losses(model, DenseHints(TINY.prompt_dim, len(scenes.names)), batch)
    places, tokens = seen[0]
    assert torch.equal(places, batch.view.of(model.prompt_encoder.get_dense_pe()))
    assert torch.equal(tokens, embed_prompts(model, batch.prompts[0]))
