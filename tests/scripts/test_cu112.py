"""The GPU packages on a machine without a GPU, and how the installer finds what Horovod needs for NCCL."""

import os
import re
import subprocess

import pytest

from benchmarks.machines.installation import Installation, base_python
from tests.cuda_driver_stub import build_driver


def test_the_extra_and_the_constraints_name_the_same_versions(root):
    pinned = {
        line.strip()
        for line in (root / "scripts/constraints.txt").read_text().splitlines()
        if line.startswith("nvidia-")
    }
    strings = set(re.findall(r'"(nvidia-[^"]+)"', (root / "pyproject.toml").read_text()))
    assert strings == pinned
    assert len(pinned) == 10


def find_nvcc(root, tmp_path, **environment):
    """What the installer's function of that name prints, and its warnings."""
    warn = """warn() { printf 'warning: %s\\n' "$*" >&2; }"""
    command = f"set -euo pipefail; {warn}; source {root}/scripts/horovod.sh; find_nvcc"
    return subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env={**os.environ, **environment}
    )


def make_nvcc(folder, release):
    folder.mkdir(parents=True)
    program = folder / "nvcc"
    program.write_text(f"#!/bin/sh\necho 'Cuda compilation tools, release {release}, V{release}.1'\n")
    program.chmod(0o755)
    return program


def test_only_the_nvcc_of_cuda_11_is_taken(root, tmp_path):
    make_nvcc(tmp_path / "thirteen", "13.0")
    path = f"{tmp_path}/thirteen:{os.environ['PATH']}"
    job = find_nvcc(root, tmp_path, PATH=path, CUDA_HOME="")
    assert f"warning: {tmp_path}/thirteen/nvcc is of CUDA 13, and MXNet needs 11: not used" in job.stderr
    eleven = make_nvcc(tmp_path / "eleven/bin", "11.2")
    job = find_nvcc(root, tmp_path, PATH=path, CUDA_HOME=str(tmp_path / "eleven"))
    assert (job.returncode, job.stdout, job.stderr) == (0, f"{eleven}\n", "")


@pytest.mark.slow  # 5 GB on the disk
def test_the_whole_gpu_stack_trains_on_the_cpu_and_the_doctor_misses_the_driver(tmp_path):
    installation = Installation(tmp_path, base_python())
    installation.install("cu112")
    without = installation.examine()
    assert without["gpu driver"]["state"] == without["mxnet"]["state"] == "fail"
    assert "no NVIDIA driver (libcuda.so.1) is installed" in without["gpu driver"]["found"]
    assert "./scripts/install.sh cpu" in without["gpu driver"]["mend"]
    installation.environment["LD_LIBRARY_PATH"] = build_driver(tmp_path)
    stub = installation.examine()
    assert "sees no GPU" in stub["gpu driver"]["found"]
    assert "built with CUDA, cuDNN, NCCL" in stub["mxnet"]["found"]
    assert stub["libcudnn.so.8"]["found"] == "nvidia-cudnn-cu11 8.9.6.50"
    assert {stub[name]["state"] for name in ("training step", "all-reduce", "checkpoint")} == {"ok"}
    assert "cpu(0)" in stub["training step"]["found"]
    assert installation.train(processes=1)["val_images"] == 360
