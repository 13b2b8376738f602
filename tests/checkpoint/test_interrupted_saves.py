"""A save that is killed, or that finds the disk full, at any of its steps: what was there is still there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gluonlab.checkpoint.store import CheckpointStore

SCRIPT = Path(__file__).parent / "save_two.py"
ROOT = Path(__file__).parents[2]
# Four files, the first in two chunks; five fsyncs of files and directories before the rename, one after it.
POINTS = [
    *(("save.write", n) for n in range(1, 6)),
    *(("save.fsync", n) for n in range(1, 7)),
    *(("save.closed", n) for n in range(1, 5)),
    ("save.rename", 1),
    ("save.renamed", 1),
]


def save_with(folder, *arguments, fault=""):
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "GLUONLAB_FAULT": fault},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    assert save_with(folder).returncode == 0
    return folder


@pytest.mark.parametrize(("point", "number"), POINTS, ids=lambda value: str(value))
def test_sigkill_at_any_point_leaves_a_good_checkpoint(tmp_path, point, number):
    job = save_with(tmp_path, fault=f"{point}:0:{number}:kill9")
    assert job.returncode == -9, "the point was never reached"
    store = CheckpointStore(tmp_path)
    has_new = point == "save.renamed" or (point, number) == ("save.fsync", 6)
    assert store.latest().step == (2 if has_new else 1)
    store.remove_leftovers()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"step-{step:08d}" for step in ([1, 2] if has_new else [1])
    ]
    assert save_with(tmp_path).returncode == 0  # the next process saves step 2 again
    assert CheckpointStore(tmp_path).latest().step == 2


def test_the_points_above_are_all_there_are(tmp_path):
    for point in ("save.write", "save.fsync", "save.closed", "save.rename", "save.renamed"):
        beyond = 1 + sum(name == point for name, _ in POINTS)
        assert save_with(tmp_path / point, fault=f"{point}:0:{beyond}:kill9").returncode == 0


@pytest.mark.parametrize("missing", [1, 2, 100, 4096, 399_999])
def test_a_limit_in_bytes_is_an_error_and_leaves_nothing(whole, tmp_path, missing):
    size = (whole / "step-00000002/model.safetensors").stat().st_size
    job = save_with(tmp_path, "--limit", size - missing)
    assert job.returncode == 1, "the limit did not strike"
    assert job.stderr.startswith("error[CKP01] "), job.stderr
    assert "File too large (a file of 0.4 MB, " in job.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


@pytest.mark.parametrize("action", ["enospc", "eio"])
@pytest.mark.parametrize(("point", "number"), [("save.write", 2), ("save.fsync", 1), ("save.rename", 1)])
def test_a_failing_call_is_an_error_and_leaves_nothing(tmp_path, point, number, action):
    job = save_with(tmp_path, fault=f"{point}:0:{number}:{action}")
    assert job.stderr.startswith("error[CKP01] ")
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")
def test_a_disk_that_is_really_full(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "none", str(disk)], check=True)
    try:
        job = save_with(disk / "checkpoints")
        assert job.stderr.startswith("error[CKP01] "), job.stderr
        assert "No space left on device" in job.stderr
        assert CheckpointStore(disk / "checkpoints").latest().step == 1
        assert len(list((disk / "checkpoints").iterdir())) == 1
    finally:
        subprocess.run(["umount", str(disk)], check=True)
