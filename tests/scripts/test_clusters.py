"""The files for clusters: the job leaves in time and comes back, the operator takes the manifest."""

# ruff: noqa: N815  (fields have the names of the operator)

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

JOB = ["configs/digits.yaml", "epochs=6", "schedule.warmup_epochs=1", "tensorboard=false", "log_every=1",
       "checkpoint_every=never"]  # fmt: skip


SRUN = """#!/bin/bash
echo "$*" >> {asked}
while [[ $1 == --* ]]; do
    [[ $1 == --ntasks=* ]] && tasks=${{1#*=}}
    shift
done
unset ${{!SLURM_*}}
exec mpirun --allow-run-as-root --bind-to none --map-by :OVERSUBSCRIBE -n "$tasks" "$@"
"""


@pytest.fixture
def job_environment(root, tmp_path):
    """What SLURM would set for two processes; `scontrol` and `srun` write down what they are asked for."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "scontrol").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    (programs / "srun").write_text(SRUN.format(asked=tmp_path / "asked_of_srun"))
    for program in programs.iterdir():
        program.chmod(0o755)
    venv = tmp_path / "venv/bin"
    venv.mkdir(parents=True)
    (venv / "activate").write_text(f"PATH={programs}:{Path(sys.executable).parent}:$PATH\n")
    return {
        **os.environ, "GLUONLAB_VENV": str(tmp_path / "venv"), "GLUONLAB_RUNS": str(tmp_path / "runs"),
        "SLURM_SUBMIT_DIR": str(root), "SLURM_JOB_ID": "71", "SLURM_NTASKS": "2", "SLURM_CPUS_PER_TASK": "3",
        "SLURM_ARRAY_JOB_ID": "70", "SLURM_ARRAY_TASK_ID": "3",
    }  # fmt: skip


def test_a_preempted_slurm_job_saves_requeues_and_goes_on(root, tmp_path, job_environment):
    script = str(root / "scripts/slurm_job.sh")
    run = tmp_path / "runs/digits-70-3"
    job = subprocess.Popen([script, *JOB], env=job_environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 100
    while not (run / "metrics.jsonl").exists():
        assert time.monotonic() < deadline
        assert job.poll() is None, job.stderr.read()
        time.sleep(0.05)
    job.send_signal(signal.SIGUSR1)
    _, errors = job.communicate(timeout=60)
    assert job.returncode == 75, errors
    assert (tmp_path / "asked").read_text() == "requeue 71\n"
    options = (tmp_path / "asked_of_srun").read_text().split()
    assert {"--mpi=pmix", "--cpus-per-task=3", "--ntasks=2"} <= set(options)
    assert not (run / "summary.json").exists()
    subprocess.run([script, *JOB], env=job_environment, check=True, capture_output=True)
    assert json.loads((run / "summary.json").read_text())["val_images"] == 360
    assert json.loads((run / "config.json").read_text())["config"]["seed"] == 3
    assert any('"resume"' in line for line in (run / "metrics.jsonl").read_text().splitlines())


def test_a_slurm_job_without_a_recipe_is_one_line(root):
    job = subprocess.run([root / "scripts/slurm_job.sh"], capture_output=True, text=True)
    assert job.returncode == 2
    assert job.stderr.startswith("error[CLI01] slurm_job: no CONFIG")


NODES = {"SLURM_JOB_NUM_NODES": "2", "SLURM_NNODES": "2", "SLURM_JOB_CPUS_PER_NODE": "64(x2)"}


@pytest.mark.parametrize(
    ("variables", "tasks"),
    [
        pytest.param({"SLURM_JOBID": "71", "SLURM_NNODES": "4", "SLURM_NPROCS": "7",
                      "SLURM_TASKS_PER_NODE": "2(x3),1"}, 7, id="1.3"),
        pytest.param({**NODES, "SLURM_NPROCS": "4", "SLURM_NTASKS": "4", "SLURM_NTASKS_PER_NODE": "2",
                      "SLURM_TASKS_PER_NODE": "2(x2)"}, 4, id="22.05"),
        pytest.param({**NODES, "SLURM_NTASKS_PER_NODE": "8", "SLURM_TASKS_PER_NODE": "64(x2)"}, 16,
                     id="23.02.0 --exclusive --ntasks-per-node=8"),
        pytest.param({**NODES, "SLURM_TASKS_PER_NODE": "2(x3),1"}, 7, id="20.11 without --ntasks"),
        pytest.param({**NODES, "SLURM_TASKS_PER_NODE": "3", "SLURM_STEP_NUM_TASKS": "1"}, 3,
                     id="sent from an srun"),
        pytest.param({"SLURM_NTASKS": "", "SLURM_STEP_NUM_TASKS": "5"}, 5, id="in a step"),
        pytest.param({**NODES, "SLURM_TASKS_PER_NODE": "2(x0"}, 2, id="a list that is none"),
        pytest.param(NODES, 2, id="26.05 without --ntasks"),
    ],
)  # fmt: skip
def test_tasks_are_counted_from_what_slurm_says(root, tmp_path, job_environment, variables, tasks):
    (tmp_path / "bin/gluonlab").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n')
    (tmp_path / "bin/gluonlab").chmod(0o755)
    plain = {name: value for name, value in job_environment.items() if not name.startswith("SLURM_")}
    job_id = {} if "SLURM_JOBID" in variables else {"SLURM_JOB_ID": "71"}
    job = subprocess.run(
        [root / "scripts/slurm_job.sh", "configs/digits.yaml"],
        env={**plain, **job_id, **variables}, cwd=root, capture_output=True, text=True,
    )  # fmt: skip
    assert job.returncode == 0, job.stderr
    assert job.stdout.startswith(f"[slurm_job] {tasks} processes (")
    asked = (tmp_path / "asked").read_text()
    assert asked.startswith(f"launch -n {tasks} --max-restarts 3 configs/digits.yaml run_dir=")
    assert asked.endswith("/runs/digits-71-0\n")


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"SLURM_JOB_ID": ""}, 2, "error[CLI02] slurm_job: not inside a SLURM job"),
        (
            {"SLURM_NTASKS": ""},
            2,
            "error[CLI02] slurm_job: SLURM does not say how many tasks job 71 has; give sbatch",
        ),
        ({"SLURM_NTASKS": "two"}, 2, "error[CLI02] slurm_job: SLURM does not say how many tasks job 71 has"),
        ({"SLURM_SUBMIT_DIR": "/nowhere"}, 2, "error[CLI02] slurm_job: SLURM_SUBMIT_DIR is not on this host"),
        ({"GLUONLAB_VENV": "/nowhere"}, 8, "error[ENV10] slurm_job: /nowhere/bin/activate is not there"),
    ],
)
def test_a_slurm_job_that_cannot_start_is_one_line(root, job_environment, changes, code, message):
    job = subprocess.run(
        [root / "scripts/slurm_job.sh", "configs/digits.yaml"],
        env={**job_environment, **changes}, capture_output=True, text=True,
    )  # fmt: skip
    assert job.returncode == code
    assert job.stderr.splitlines()[-1].startswith(message)


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


Count = Annotated[int, Field(ge=0, lt=2**31)]


class RunPolicy(Strict):
    cleanPodPolicy: Optional[Literal["All", "Running", "None"]] = None
    ttlSecondsAfterFinished: Optional[Count] = None
    activeDeadlineSeconds: Optional[Count] = None
    backoffLimit: Optional[Count] = None
    schedulingPolicy: Optional[dict[str, Any]] = None
    managedBy: Optional[str] = None
    suspend: bool = False


class Container(BaseModel):  # of Kubernetes itself: what is needed of it
    name: str
    image: str
    command: list[str]
    args: list[str]


class PodSpec(BaseModel):
    containers: Annotated[list[Container], Field(min_length=1)]


class Template(BaseModel):
    spec: PodSpec


class Replica(Strict):
    replicas: Count = 1
    restartPolicy: Optional[Literal["Always", "OnFailure", "Never", "ExitCode"]] = None
    template: Template


class Replicas(Strict):
    Launcher: Replica
    Worker: Optional[Replica] = None


class Spec(Strict):
    slotsPerWorker: Count = 1
    runPolicy: RunPolicy = RunPolicy()
    mpiReplicaSpecs: Replicas
    runLauncherAsWorker: bool = False
    sshAuthMountPath: str = "/root/.ssh"
    mpiImplementation: Literal["OpenMPI", "Intel", "MPICH"] = "OpenMPI"
    launcherCreationPolicy: Literal["AtStartup", "WaitForWorkersReady"] = "AtStartup"


class MPIJob(Strict):
    """The fields of the operator's definition (mpijobs.kubeflow.org, v2beta1), and no others."""

    apiVersion: Literal["kubeflow.org/v2beta1"]
    kind: Literal["MPIJob"]
    metadata: dict[str, Any]
    spec: Spec


@pytest.fixture
def manifest(root):
    return yaml.safe_load((root / "scripts/kubernetes/mpijob.yaml").read_text())


def test_the_operator_takes_the_manifest(manifest):
    spec = MPIJob.model_validate(manifest).spec
    workers = spec.mpiReplicaSpecs.Worker
    [launcher] = spec.mpiReplicaSpecs.Launcher.template.spec.containers
    assert f"--processes={workers.replicas * spec.slotsPerWorker}" in launcher.args
    worker = manifest["spec"]["mpiReplicaSpecs"]["Worker"]["template"]["spec"]["containers"][0]
    assert worker["resources"]["limits"]["nvidia.com/gpu"] == spec.slotsPerWorker
    manifest["spec"]["slotPerWorker"] = 8
    with pytest.raises(ValidationError, match="slotPerWorker"):
        MPIJob.model_validate(manifest)


def test_every_volume_that_is_mounted_is_there(manifest):
    for replica in manifest["spec"]["mpiReplicaSpecs"].values():
        pod = replica["template"]["spec"]
        mounted = {mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_the_launcher_of_the_manifest_understands_its_arguments(root, manifest):
    """All but the hosts, which are not here: the recipe is found not to have its data."""
    pod = manifest["spec"]["mpiReplicaSpecs"]["Launcher"]["template"]["spec"]
    arguments = pod["containers"][0]["args"]
    recipe = [argument for argument in arguments if argument.startswith("configs/")]
    assert (root / recipe[0]).exists()
    job = subprocess.run(
        [sys.executable, "-m", "gluonlab.cli.main", "launch", *arguments],
        capture_output=True, text=True, cwd=root,
    )  # fmt: skip
    assert job.returncode in (2, 3), job.stderr
    assert re.match(r"error\[(DAT\d+|CLI02)\]", job.stderr), job.stderr
