"""No checkpoint is good, or none can be read: the run ends, changes nothing and never begins anew by itself."""

import json
import shutil
import subprocess
import sys

import pytest

from tests.faults.harness import RECIPE, ROOT, check_nothing_lost, run, sha_of, slowly

pytestmark = pytest.mark.faults
RESTARTS = ["--max-restarts", 3, "--restart-delay", 0.2]
WITHOUT_RIGHTS = ["capsh", "--drop=cap_dac_override,cap_dac_read_search", "--", "-c"]


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """With checkpoints of steps 21 and 22."""
    run_dir = tmp_path_factory.mktemp("interrupted") / "run"
    assert run(run_dir, fault="step:1:26:kill9").code == 7
    return run_dir


def contents(run_dir):
    files = (path for path in run_dir.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(run_dir)): path.read_bytes() for path in files}


def damage(run_dir, name, how):
    for path in run_dir.glob(f"checkpoints/step-*/{name}"):
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.unlink()
        if how != "delete":
            path.write_bytes({"cut": raw[:-1], "flip": raw, "empty": b""}[how])


CASES = [("model.safetensors", "flip"), ("MANIFEST.json", "delete")]
REST = [("optimizer.safetensors", "cut"), ("state.json", "delete"), ("MANIFEST.json", "empty")]


@pytest.mark.parametrize(("name", "how"), [*CASES, *slowly(REST)])
def test_the_same_file_of_each_checkpoint(name, how, interrupted, tmp_path, table):
    run_dir = shutil.copytree(interrupted, tmp_path / "run")
    damage(run_dir, name, how)
    before = contents(run_dir)
    for _ in range(2):
        ended = run(run_dir, *RESTARTS)
        assert ended.code == 4, ended.errors
        assert "error[CKP04]" in ended.last_line
        assert ended.last_line.count("step-000000") == len(list(run_dir.glob("checkpoints/step-*")))
        assert ended.last_line.endswith("step 0 with --start-over")
        assert "restart 1" not in ended.errors
        assert contents(run_dir) == before
    table.add(
        "R2", f"{name} of each checkpoint: {how}", "exit 4, reasons named", ended.seconds, "nothing changed"
    )


def test_the_folder_of_checkpoints_is_gone(interrupted, tmp_path, table):
    run_dir = shutil.copytree(interrupted, tmp_path / "run")
    shutil.rmtree(run_dir / "checkpoints")
    ended = run(run_dir)
    assert ended.code == 4, ended.errors
    assert "holds no checkpoint, but the run was saved at step 2" in ended.last_line
    table.add("R2", "checkpoints/ removed", "exit 4, last saved step named", ended.seconds, "nothing changed")


def test_checkpoints_of_another_owner(interrupted, tmp_path, undisturbed, table):
    if not shutil.which("capsh"):
        pytest.skip("needs capsh, to give up the right to read all files")
    run_dir = shutil.copytree(interrupted, tmp_path / "run")
    before = contents(run_dir)
    owned = list(run_dir.glob("checkpoints/step-*/*"))
    for path in owned:
        shutil.chown(path, 65534)
    command = [sys.executable, "-m", "gluonlab.cli.main", "launch", "-n", "2", *RECIPE, f"run_dir={run_dir}"]
    ended = subprocess.run([*WITHOUT_RIGHTS, " ".join(command)], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 4, ended.stderr
    assert "error[CKP05]" in ended.stderr
    assert "MANIFEST.json cannot be read (Permission denied)" in ended.stderr
    assert contents(run_dir) == before
    for path in owned:
        shutil.chown(path, "root")
    lost = check_nothing_lost(run_dir, undisturbed)
    table.add("R2", "checkpoints that this user may not read", "exit 4, file named", 0.0, lost)


@pytest.mark.parametrize("error", ["eio", "estale", "enoent"])
def test_reading_that_fails_once(error, interrupted, tmp_path, undisturbed, table):
    run_dir = shutil.copytree(interrupted, tmp_path / "run")
    ended = run(run_dir, fault=f"checkpoint.read:0:2:{error}")
    assert ended.code == 0, ended.errors
    assert sha_of(run_dir) == undisturbed
    assert "falling back" not in ended.errors
    table.add(
        "R2", f"{error.upper()} in reading a checkpoint, once", "tried again", ended.seconds, "same weights"
    )


@pytest.mark.parametrize("error", ["eio", "estale", "eacces"])
def test_reading_that_fails_at_a_restart_spends_no_further_one(error, tmp_path, undisturbed, table):
    run_dir = tmp_path / "run"
    ended = run(run_dir, *RESTARTS, fault=f"step:1:26:kill9:1,checkpoint.read:0:1+:{error}:2")
    assert ended.code == 4, ended.errors
    assert "error[CKP05]" in ended.last_line
    assert "restart 2" not in ended.errors
    assert not list(run_dir.glob("checkpoints/damaged-*"))
    lost = check_nothing_lost(run_dir, undisturbed)
    table.add(
        "R11", f"{error.upper()} in reading checkpoints, --max-restarts 3", "exit 4", ended.seconds, lost
    )


def test_a_job_starts_over_once_however_often_it_is_restarted(interrupted, tmp_path, undisturbed, table):
    run_dir = shutil.copytree(interrupted, tmp_path / "run")
    before = contents(run_dir)
    ended = run(run_dir, "--start-over", *RESTARTS, fault="start:1:1:kill9:1,step:1:9:kill9:2")
    assert ended.code == 0, ended.errors
    assert ended.out.count("starting over; what") == 1
    assert "resumed from" in ended.out
    assert "at step 7" in ended.out
    assert [path.name for path in run_dir.glob("before-*")] == ["before-1"]
    left = contents(run_dir / "before-1")
    assert left == {name: raw for name, raw in before.items() if not name.startswith("logs/")}
    assert json.loads((run_dir / "summary.json").read_text())["restarts"] == 1
    assert sha_of(run_dir) == undisturbed
    table.add(
        "R10",
        "--start-over, killed before and after it began",
        "begins anew once",
        ended.seconds,
        "old run kept",
    )
