"""What can be checked of the page about clusters without one: its scripts, and the names in its manifest."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml

from tests.conftest import ROOT

# Of KubeRay's types RayJobSpec, RayClusterSpec, HeadGroupSpec and WorkerGroupSpec (ray-operator/apis/ray/v1).
JOB = {"entrypoint", "shutdownAfterJobFinishes", "rayClusterSpec"}
GROUP = {"rayStartParams", "template"}


PAGE = (ROOT / "docs" / "cluster.md").read_text()


def block(language: str) -> str:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)[0]


def test_the_slurm_script_is_one_and_starts_ray_with_flags_that_it_has():
    subprocess.run(["bash", "-n"], input=block("shell"), text=True, check=True)
    scripts = pytest.importorskip("ray.scripts.scripts")
    known = {name for option in scripts.start.params for name in option.opts}
    calls = re.findall(r"^(?:srun .*)?ray start (--.*?)(?:#|&|$)", PAGE, flags=re.MULTILINE)
    assert len(calls) >= 4
    for call in calls:
        assert set(re.findall(r"--[\w-]+", call)) <= known, call


def test_the_manifest_has_the_names_of_kuberay():
    job = yaml.safe_load(block("yaml"))
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert set(job["spec"]) == JOB
    cluster = job["spec"]["rayClusterSpec"]
    assert set(cluster) == {"headGroupSpec", "workerGroupSpecs"}
    (workers,) = cluster["workerGroupSpecs"]
    assert set(cluster["headGroupSpec"]) == GROUP and set(workers) == GROUP | {"groupName", "replicas"}
    for group in (cluster["headGroupSpec"], workers):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        pod = group["template"]["spec"]
        mounted = {mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}
