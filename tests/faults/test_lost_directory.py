"""The directory of a run goes away under it: noticed, told, and nothing is written in its place."""

import os
import shutil
import subprocess

import pytest

from tests.faults.harness import check_nothing_lost, launch, slowly

pytestmark = pytest.mark.faults


def start(run_dir, fault="step:0:16:pause"):
    """A job that stands still for 5 s at step 16, with checkpoints at 7 and 14."""
    job = launch(run_dir, fault=fault)
    job.wait_for(lambda: (run_dir / "checkpoints/step-00000014").exists())
    return job


@pytest.mark.parametrize(
    "what", ["moved", "a copy in its place", "an empty one in its place", *slowly([("its parent moved",)])]
)
def test_a_directory_that_was_moved_is_put_back(what, tmp_path, undisturbed, table):
    run_dir, other = tmp_path / "runs/run", tmp_path / "other"
    job = start(run_dir)
    moved = run_dir.parent if what == "its parent moved" else run_dir
    os.rename(moved, other)
    if what == "a copy in its place":
        shutil.copytree(other, run_dir)
    elif what == "an empty one in its place":
        run_dir.mkdir()
    before = sorted(moved.rglob("*"))
    ended = job.end()
    assert ended.code == 4, ended.errors
    assert ended.last_line.startswith(f"error[CKP12] {run_dir}: was moved to {other}")
    assert sorted(moved.rglob("*")) == before
    shutil.rmtree(moved, ignore_errors=True)
    os.rename(other, moved)
    lost = check_nothing_lost(run_dir, undisturbed)
    table.add("R2", f"run directory: {what}", f"exit 4, {ended.last_line}", ended.seconds, lost)


def test_a_directory_that_was_removed(tmp_path, table):
    run_dir = tmp_path / "run"
    job = start(run_dir)
    subprocess.run(["rm", "-rf", str(run_dir)], check=True)
    ended = job.end()
    assert ended.code == 4, ended.errors
    assert ended.last_line.startswith(f"error[CKP12] {run_dir}: was removed, at step ")
    assert not run_dir.exists()
    table.add("R2", "run directory: removed", f"exit 4, {ended.last_line}", ended.seconds, "all, as asked")


@pytest.mark.parametrize("what", ["hidden by a mount", "its disk unmounted"])
def test_a_disk_that_comes_or_goes(what, tmp_path, undisturbed, table):
    disk = tmp_path / "disk"
    run_dir = disk / "run"
    run_dir.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "none"]
    place = run_dir if what == "hidden by a mount" else disk
    if subprocess.run([*mount, str(place)]).returncode:
        pytest.skip("needs the right to mount")
    if what == "hidden by a mount":
        subprocess.run(["umount", str(place)], check=True)
    try:
        job = start(run_dir)
        if what == "hidden by a mount":
            subprocess.run([*mount, str(run_dir)], check=True)
        else:
            subprocess.run(["umount", "--lazy", str(disk)], check=True)
        ended = job.end()
        assert ended.code == 4, ended.errors
        assert ended.last_line.startswith(f"error[CKP12] {run_dir}: has another directory in its place")
        assert not list(disk.rglob("*")) or not list(run_dir.iterdir())
    finally:
        subprocess.run(["umount", "--quiet", str(place)])
    is_back = what == "hidden by a mount"
    lost = check_nothing_lost(run_dir, undisturbed) if is_back else "as the disk holds it"
    table.add("R2", f"run directory: {what}", f"exit 4, {ended.last_line}", ended.seconds, lost)
