"""A run whose directory goes away ends soon, says so, and writes nothing in its place."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager

import psutil
import pytest

RECIPE = [
    "configs/digits.yaml", "epochs=200", "log_every=5", "noise_every=0", "checkpoint_every=5steps",
]  # fmt: skip


def move(run_dir):
    os.rename(run_dir, run_dir.with_name("other"))
    return f"was moved to {run_dir.with_name('other')}, at step "


def replace(run_dir):
    os.rename(run_dir, run_dir.with_name("other"))
    shutil.copytree(run_dir.with_name("other"), run_dir)
    return f"was moved to {run_dir.with_name('other')}, at step "


def remove(run_dir):
    shutil.rmtree(run_dir)
    return "was removed, at step "


@pytest.mark.parametrize(("processes", "how"), [(1, move), (2, replace), (4, remove)])
def test_all_processes_end_and_nothing_is_written(processes, how, root, tmp_path):
    if processes > 1:
        pytest.importorskip("horovod")
    run_dir = tmp_path / "run"
    verb = ["train"] if processes == 1 else ["launch", "-n", str(processes), "--bind", "none"]
    job = subprocess.Popen(
        [sys.executable, "-m", "gluonlab.cli.main", *verb, *RECIPE, f"run_dir={run_dir}"],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not (run_dir / "checkpoints/step-00000005").exists():
            assert job.poll() is None, job.stderr.read()
            assert time.monotonic() < deadline, "no checkpoint came"
            time.sleep(0.01)
        with standing_still(job):  # or the test would race with what is being written
            happened = how(run_dir)
            before = content(run_dir)
        _, errors = job.communicate(timeout=60)
    finally:
        job.kill()
    assert job.returncode == 4, errors
    assert errors.startswith(f"error[CKP12] {run_dir}: {happened}")
    assert "its last checkpoint was of step " in errors
    assert errors.count("\n") == 1
    assert content(run_dir) == before


@contextmanager
def standing_still(job):
    """Nothing of ``job`` runs in this context."""
    processes = [psutil.Process(job.pid), *psutil.Process(job.pid).children(recursive=True)]
    for process in processes:
        process.suspend()
    yield
    for process in reversed(processes):
        process.resume()


def content(folder):
    """All that is in ``folder``; of files that are there, their bytes."""
    return {
        path.relative_to(folder): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")
    }
