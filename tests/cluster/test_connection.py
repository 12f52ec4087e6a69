"""What is said of clusters that cannot be joined, and of a Ray that is not there."""

import builtins
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sav.cluster.connection import Cluster
from sav.errors import ClusterError, PackageMissingError
from tests.conftest import ROOT

WAITING = """
import argparse, time
from sav.cluster.connection import Cluster
from sav.commands import cli

def run(args):
    with Cluster(cpus=1, gpus=0):
        print("ready", flush=True)
        time.sleep(60)
    return 0

if __name__ == "__main__":
    cli.script(lambda: cli.guarded(run, argparse.Namespace(debug=False)))
"""
ENDING = """
import sys
from sav.cluster.connection import Cluster

hook = sys.excepthook
with Cluster(cpus=1, gpus=0):
    pass
assert sys.excepthook is hook
"""


@pytest.mark.parametrize("address", ["", "6379", "host", "ray://host:10001", "host:port", "host:"])
def test_what_is_no_address_is_told_what_one_is(address):
    pytest.importorskip("ray")
    with pytest.raises(ClusterError, match="HOST:PORT"):
        Cluster(address)


def test_an_address_where_nobody_answers_is_told_of_at_once():
    pytest.importorskip("ray")
    with pytest.raises(ClusterError, match=r"no Ray cluster answers at 127\.0\.0\.1:9"):
        Cluster("127.0.0.1:9")


def test_without_ray_one_line_says_how_to_get_it(monkeypatch):
    real = builtins.__import__

    def without_ray(name, *rest):
        if name == "ray":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_ray)
    with pytest.raises(PackageMissingError, match=r"pip install '\.\[cluster\]'"):
        Cluster()


@pytest.fixture
def short_folder():
    """One whose path leaves room for that of a socket."""
    folder = Path(tempfile.mkdtemp(prefix="s", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal")
def test_what_ray_has_written_goes_whatever_ends_the_run(short_folder):
    pytest.importorskip("ray")
    more = {"cwd": ROOT, "env": {**os.environ, "TMPDIR": str(short_folder)}, "text": True}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        program = subprocess.Popen([sys.executable, "-c", WAITING], stdout=subprocess.PIPE, **more)
        assert program.stdout.readline() == "ready\n"
        assert len(list(short_folder.glob(".ray.*"))) == 1
        program.send_signal(number)
        program.communicate(timeout=60)
        is_left = number == signal.SIGKILL
        assert len(list(short_folder.glob(".*.sav-part"))) == is_left
    subprocess.run([sys.executable, "-c", ENDING], check=True, **more)
    assert not list(short_folder.glob(".*.sav-part"))
