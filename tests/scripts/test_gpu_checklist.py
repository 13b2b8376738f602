"""The checklist for GPUs: its whole path on the CPU, and what it says where there is no GPU."""

import json
import os
import subprocess
import sys

import pytest


def checklist(root, output, *options, **environment):
    command = [sys.executable, "-m", "benchmarks.machines.gpu_checklist", "-o", str(output), *options]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=root, env={**os.environ, **environment}
    )


def test_without_a_driver_it_is_one_line(root, tmp_path):
    job = checklist(root, tmp_path / "result.json", LD_LIBRARY_PATH=str(tmp_path))
    if job.returncode == 0:
        pytest.skip("there are GPUs here")
    assert job.returncode == 8
    assert job.stderr.startswith("error[ENV24] gpu_checklist: no NVIDIA driver")
    assert job.stderr.count("\n") == 1
    assert not (tmp_path / "result.json").exists()


def test_a_part_beyond_its_limit_is_written_down_and_the_next_one_runs(root, tmp_path):
    job = checklist(root, tmp_path / "result.json", "--cpu", "--limit", "0.1")
    assert job.returncode == 1
    parts = json.loads((tmp_path / "result.json").read_text())["parts"]
    assert len(parts) == 5
    assert {part["exit"] for part in parts.values()} == {124}


@pytest.mark.slow
def test_the_whole_path_on_the_cpu(root, tmp_path):
    job = checklist(root, tmp_path / "result.json", "--cpu")
    result = json.loads((tmp_path / "result.json").read_text())
    assert job.returncode == 0, result["parts"]
    parts = result["parts"]
    assert parts["doctor"]["result"]["state"] in ("ok", "warn")
    assert parts["throughput float32"]["result"]["rows"][0]["median"] > 0
    trained = [parts[name]["result"]["val_images"] for name in parts if name.startswith("training")]
    assert trained == [360, 360]
