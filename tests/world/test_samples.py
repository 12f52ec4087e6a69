import json

import av
import cv2
import numpy as np
from pycocotools.coco import COCO

from tests.conftest import ROOT
from tools.world.dataset import min_pixels, truth_of
from tools.world.make_samples import CLIP_SEED, FRAMES_PER_SECOND, PICTURE_SIZE, PICTURES, SECONDS, VIDEO_SIZE
from tools.world.render import render
from tools.world.scene import make_scene
from tools.world.video import make_clip

SAMPLES = ROOT / "TestImages"
TRUTH = SAMPLES / "ground_truth"


def test_six_pictures_have_their_ground_truth():
    truth = COCO(TRUTH / "pictures.json")
    names = [image["file_name"] for image in truth.dataset["images"]]
    assert names == [f"{name}.jpg" for name, _, _ in PICTURES] and len(names) == 6
    for image in truth.dataset["images"]:
        assert cv2.imread(str(SAMPLES / image["file_name"])).shape == (image["height"], image["width"], 3)


def test_the_ground_truth_is_what_the_code_renders():
    name, seed, weather = PICTURES[0]
    scene = make_scene(seed, PICTURE_SIZE, weather)
    rendered = render(scene)
    stored = cv2.imread(str(SAMPLES / f"{name}.jpg")).astype(int)
    assert np.abs(stored - rendered.picture).mean() < 4
    truth = COCO(TRUTH / "pictures.json")
    image = truth.dataset["images"][0]
    now = truth_of(scene, rendered, min_pixels(PICTURE_SIZE))
    annotations = truth.loadAnns(truth.getAnnIds(imgIds=image["id"]))
    for annotation, thing in zip(annotations, np.flatnonzero(now.labelled), strict=True):
        stored_mask = truth.annToMask(annotation) > 0
        differing = stored_mask != (now.thing_map == thing + 1)  # a few at edges, by OpenCV's release
        assert differing.sum() <= 0.01 * stored_mask.sum()


def test_two_pictures_or_more_show_a_large_bus():
    truth = COCO(TRUTH / "pictures.json")
    buses = truth.loadAnns(truth.getAnnIds(catIds=truth.getCatIds(catNms=["bus"])))
    large = {b["image_id"] for b in buses if b["area"] > 0.08 * PICTURE_SIZE[0] * PICTURE_SIZE[1]}
    assert len(large) >= 2


def test_the_video_is_small_plays_everywhere_and_has_truth_for_every_frame():
    assert (SAMPLES / "street.mp4").stat().st_size < 1_000_000
    with av.open(str(SAMPLES / "street.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(stream)]
    images = json.loads((TRUTH / "street.json").read_text())["images"]
    assert [image["frame_index"] for image in images] == list(range(len(frames)))
    assert len(frames) == FRAMES_PER_SECOND * SECONDS and frames[0].shape == (*VIDEO_SIZE[::-1], 3)
    drawn = render(make_clip(CLIP_SEED, VIDEO_SIZE, SECONDS).scene(40 / FRAMES_PER_SECOND)).picture
    assert np.abs(frames[40].astype(int) - drawn).mean() < 8


def test_someone_in_the_video_is_hidden_and_comes_back():
    truth = json.loads((TRUTH / "street.json").read_text())
    frames = {image["id"]: image["frame_index"] for image in truth["images"]}
    seen = {}
    for annotation in truth["annotations"]:
        seen.setdefault(annotation["track_id"], []).append(frames[annotation["image_id"]])
    longest_gaps = {track: max(np.diff(sorted(f)), default=1) for track, f in seen.items()}
    assert len(seen) >= 8 and max(longest_gaps.values()) >= 8
