"""What the doctor finds: packages, devices, checkpoints that are whole or not, and how fast a machine is."""

import hashlib
import zipfile
from importlib import metadata

import pytest

from sav.checkpoints import Release
from sav.runs import doctor
from tests.test_requirements import RUN


def test_every_package_that_is_required_is_looked_for(monkeypatch):
    assert set(doctor.REQUIRED) == set(RUN)
    found = {finding.what: finding for finding in doctor.packages()}
    assert found["torch"].state == metadata.version("torch")
    assert not any(finding.is_missing for finding in found.values())

    monkeypatch.setattr(doctor, "REQUIRED", ("no-such-package",))
    missing = [finding for finding in doctor.packages() if finding.is_missing]
    assert [(finding.what, finding.advice) for finding in missing] == [
        ("no-such-package", "pip install -r requirements.txt")
    ]


def test_the_device_and_what_suits_it_are_told():
    found = {finding.what: finding.state for finding in doctor.devices("cpu")}
    assert found["device"].startswith("cpu (") and "threads" in found["device"]
    assert found["preset"] in ("auto is light here", "auto is balanced here")


def test_checkpoints_are_whole_damaged_or_missing(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "yolov8n.pt", "w") as archive:
        archive.writestr("data", b"tensors")
    (tmp_path / "yolov8x.pt").write_bytes((tmp_path / "yolov8n.pt").read_bytes()[:-5])
    (tmp_path / "mobile_sam.pt").write_bytes(b"whole")
    (tmp_path / "sam_vit_b_01ec64.pth").write_bytes(b"another")
    sha256 = hashlib.sha256(b"whole").hexdigest()
    names = [
        "yolov8n.pt",
        "yolov8x.pt",
        "mobile_sam.pt",
        "sam_vit_b_01ec64.pth",
        "sam_vit_h_4b8939.pth",
        "yolov8m.pt",
    ]
    releases = {name: Release(f"https://x/{name}", sha256 if "sam" in name else "") for name in names}
    monkeypatch.setattr(doctor, "OFFICIAL", releases)

    found = {finding.what.rpartition("/")[2]: finding for finding in doctor.checkpoints(tmp_path)}
    assert found["yolov8n.pt"].state == found["mobile_sam.pt"].state == "0 MB, whole"
    assert "SHA-256 is another" in found["sam_vit_b_01ec64.pth"].state
    assert "damaged" in found["yolov8x.pt"].state and "https://x/yolov8x.pt" in found["yolov8x.pt"].advice
    assert (
        found["sam_vit_h_4b8939.pth"].state == "not here"
        and "--preset light" in found["sam_vit_h_4b8939.pth"].advice
    )
    missing = {name for name, finding in found.items() if finding.is_missing}
    assert missing == {"yolov8x.pt", "sam_vit_h_4b8939.pth"} and "yolov8m.pt" not in found


def test_text_models_are_told_with_how_to_get_them_and_what_is_kept_of_words(tmp_path):
    (tmp_path / "mobileclip_blt.ts").touch()
    for number in range(2):
        (tmp_path / f"ViT-B-32.words-{number}.safetensors").touch()
    found = {finding.what.rpartition("/")[2]: finding for finding in doctor.text_models(tmp_path)}
    assert list(found) == ["ViT-B-32.pt", "mobileclip_blt.ts", "mobileclip2_b.pt"]
    assert (
        found["ViT-B-32.pt"].state
        == "not here; needed for words that are new to YOLO-World, 2 lists of words kept"
    )
    assert "openaipublic" in found["ViT-B-32.pt"].advice
    assert (found["mobileclip_blt.ts"].state, found["mobileclip_blt.ts"].advice) == ("here", "")
    assert not any(finding.is_missing for finding in found.values())


def test_a_video_encoder_that_fails_is_missing(monkeypatch):
    def fail():
        raise OSError("no H.264\nhere")

    monkeypatch.setattr("sav.sam.speed.measured_seconds", lambda device, precision: 12.345)
    monkeypatch.setattr(doctor, "frames_a_second", fail)
    encoder, video = doctor.speeds("cpu")
    assert (encoder.state, encoder.is_missing) == ("12.3 s a picture", False)
    assert (video.state, video.is_missing) == ("fails: no H.264 here", True)


@pytest.mark.long
def test_speeds_are_measured():
    encoder, video = doctor.speeds("cpu")
    assert encoder.state.endswith(" s a picture") and video.state.endswith(" frames of 1920x1080 a second")
    assert float(encoder.state.split()[0]) > 0 and float(video.state.split()[0]) > 0
