"""What a site leaves behind, and whom it calls."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request

import pytest

from sav.web.config import WebConfig
from tests.conftest import ROOT
from tests.web.conftest import StubModels

pytest.importorskip("gradio")

from sav.web.models import list_checkpoints
from sav.web.server import serving


def test_when_it_ends_its_folder_is_gone_and_the_environment_as_before(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = dict(os.environ)
    models = StubModels(list_checkpoints(ROOT / "model"))
    with serving(WebConfig(model_dir=ROOT / "model", port=0), models) as site:
        (folder,) = tmp_path.iterdir()
        assert site.desk.results.uploads.is_relative_to(folder)
    assert [*tmp_path.iterdir()] == [] and dict(os.environ) == before


def test_it_listens_on_loopback_alone_unless_told_otherwise(site):
    port = int(site.address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass
    others = {found[4][0] for found in socket.getaddrinfo(socket.gethostname(), port, socket.AF_INET)}
    for host in others - {"127.0.0.1", "127.0.1.1"}:
        with pytest.raises(OSError):
            socket.create_connection((host, port), timeout=5).close()


@pytest.mark.long
def test_ctrl_c_ends_the_command_well_and_leaves_nothing(tmp_path):
    command = [sys.executable, "-m", "sav", "web", "--port", "0", "--device", "cpu"]
    settings = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=settings) as running:
        address = running.stdout.readline().split()[1]
        with urllib.request.urlopen(f"{address}/config", timeout=120) as answer:
            assert answer.status == 200
        assert len([*tmp_path.iterdir()]) == 1
        running.send_signal(signal.SIGINT)
        assert running.wait(120) == 0
    assert [*tmp_path.iterdir()] == []


_ALONE = """
import socket, sys, threading, urllib.request



connect = socket.socket.connect
def local(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] != "127.0.0.1":
        print("CALLED", address, flush=True)
        raise OSError("no network")
    return connect(self, address)

resolve = socket.getaddrinfo
def known(host, *rest, **more):
    if host not in ("127.0.0.1", "localhost", None, ""):
        print("ASKED FOR", host, flush=True)
        raise socket.gaierror("no network")
    return resolve(host, *rest, **more)

socket.socket.connect, socket.getaddrinfo = local, known
from pathlib import Path
from sav.web.config import WebConfig
from sav.web.server import serving
with serving(WebConfig(model_dir=Path("model"), port=0)) as site:
    thread = threading.Thread(target=site.run)
    thread.start()
    for path in ("/", "/config", "/theme.css"):
        print(urllib.request.urlopen(site.address + path, timeout=60).status, flush=True)
    site.stop()
    thread.join()
"""


@pytest.mark.long
def test_it_calls_nobody_from_start_to_end():
    done = subprocess.run([sys.executable, "-c", _ALONE], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ["200"] * 3, done.stdout + done.stderr
