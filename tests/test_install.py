"""`pip install .` gives a program that runs anywhere."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import distributions

import pytest
from packaging.requirements import Requirement

from tests.conftest import DEMO_SAM, DEMO_YOLO, ROOT, cases

SOURCES = ("pyproject.toml", "README.md", "LICENSE", "requirements.txt", "seg.py", "track.py")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder into which pip installed a copy of the sources."""
    sources, site = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("site")
    for name in SOURCES:
        shutil.copy(ROOT / name, sources)
    shutil.copytree(ROOT / "sav", sources / "sav")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(site), str(sources)], check=True)
    return site


@pytest.fixture
def installed(site, tmp_path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run an installed command in an empty folder."""

    def run(name, *flags):
        return subprocess.run(
            [site / "bin" / name, *map(str, flags)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            check=True,
        )

    return run


@cases("command", ["sav-seg", "sav-track"], quick=1)
def test_the_commands_know_their_flags(installed, command):
    assert f"usage: {command}" in installed(command, "--help").stdout


@pytest.mark.long
def test_the_command_works_without_the_sources(installed, tmp_path):
    picture = ROOT / "TestImages" / "clear.jpg"
    models = ["--sam_checkpoint", DEMO_SAM, "--yolo_checkpoint", DEMO_YOLO]
    flags = ["--img_path", picture, "--save_dir", tmp_path / "out", "--labelled_only", "--device", "cpu"]
    installed("sav-seg", *flags, *models)
    assert (tmp_path / "out" / "our" / "clear_our.jpg").exists()


def test_what_is_installed_asks_for_what_the_requirements_say(site):
    (metadata,) = distributions(path=[str(site)])
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    asked = {one for one in map(Requirement, metadata.requires) if "extra" not in str(one.marker)}
    assert asked == set(map(Requirement, lines))
