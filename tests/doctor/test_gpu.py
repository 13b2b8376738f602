"""What the doctor says of GPUs that are not there, through a driver library made for the test."""

import json
import os
import subprocess
import sys

import pytest

from gluonlab.doctor.gpu import check_models
from gluonlab.runtime.cuda_driver import Gpu
from tests.cuda_driver_stub import build_driver

A100, RTX4090, H100 = ("NVIDIA A100", 8, 0, 40), ("RTX 4090", 8, 9, 24), ("NVIDIA H100", 9, 0, 80)


def read_driver(tmp_path, *gpus, cuda=12040):
    job = subprocess.run(
        [sys.executable, "-m", "gluonlab.doctor.probes", "driver"],
        capture_output=True,
        text=True,
        env={**os.environ, "LD_LIBRARY_PATH": build_driver(tmp_path, gpus, cuda)},
    )
    assert job.returncode == 0, job.stderr
    return json.loads(job.stdout)["values"]


def test_version_and_gpus_come_from_the_driver(tmp_path):
    values = read_driver(tmp_path, A100, H100)
    assert values["cuda"] == "12.4"
    assert [(gpu["name"], gpu["major"], gpu["memory_gib"]) for gpu in values["gpus"]] == [
        ("NVIDIA A100", 8, 40.0),
        ("NVIDIA H100", 9, 80.0),
    ]


def test_a_driver_without_a_device_is_told_as_such(tmp_path):
    assert read_driver(tmp_path) == {"missing": "the NVIDIA driver sees no GPU (cuInit: 100)"}


@pytest.mark.parametrize(
    ("gpus", "state", "told"),
    [
        ([A100, A100], "ok", "0: NVIDIA A100 (8.0, 40 GiB), 1: NVIDIA A100"),
        ([RTX4090], "ok", "8.9"),
        ([("GTX 750", 5, 0, 2)], "ok", "5.0"),
        ([("K80", 3, 7, 12)], "fail", "5.0 to 8.9"),
        ([H100], "fail", "ONNX"),
        ([A100, H100, A100], "warn", "export CUDA_VISIBLE_DEVICES=0,2"),
        ([A100, RTX4090], "warn", "the slowest would set the pace"),
    ],
)
def test_compute_capability_against_the_code_in_the_wheel(gpus, state, told):
    finding = check_models([Gpu(*gpu) for gpu in gpus], is_cuda_build=True)
    assert finding.state == state
    assert told in f"{finding.found} {finding.mend}"


def test_a_gpu_beside_the_cpu_build_is_worth_a_warning():
    finding = check_models([Gpu(*A100)], is_cuda_build=False)
    assert (finding.state, finding.mend) == ("warn", "./scripts/install.sh cu112")


def test_the_cuda_build_is_not_recommended_for_a_gpu_that_it_has_no_code_for():
    finding = check_models([Gpu(*H100)], is_cuda_build=False)
    assert finding.state == "warn"
    assert "NVIDIA H100 (9.0, 80 GiB); MXNet is the CPU build, and mxnet-cu112 has code for" in finding.found
    assert finding.mend.startswith("train on the CPU (ctx=cpu)")
    assert "install.sh" not in finding.mend
