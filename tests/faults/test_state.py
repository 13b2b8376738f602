"""Checkpoints that are damaged, runs that move, change or meet: what was saved is found, or the difference is named."""

import json
import shutil
import subprocess

import numpy as np
import pytest

from gluonlab.checkpoint.store import CheckpointStore
from gluonlab.data.digits import load_digits
from tests.faults.harness import RECIPE, Job, check_nothing_lost, launch, run, sha_of, slowly

pytestmark = pytest.mark.faults
FILES = ["model.safetensors", "optimizer.safetensors", "state.json", "MANIFEST.json"]
DAMAGE = [(name, "flip") for name in FILES]
DAMAGE += [(name, damage) for name in (FILES[0], FILES[-1]) for damage in ("cut", "delete", "empty")]
REST = [(name, damage) for name in FILES[1:3] for damage in ("cut", "delete", "empty")]


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """A run that was killed with checkpoints at steps 21 and 22, or near there."""
    run_dir = tmp_path_factory.mktemp("interrupted") / "run"
    assert run(run_dir, fault="step:1:26:kill9").code == 7
    return run_dir


@pytest.mark.parametrize(("name", "damage"), [*DAMAGE, *slowly(REST)])
def test_damage_costs_the_steps_since_the_checkpoint_before(
    name, damage, interrupted, tmp_path, undisturbed, table
):
    run_dir = tmp_path / "run"
    shutil.copytree(interrupted, run_dir)
    steps = CheckpointStore(run_dir / "checkpoints").steps()
    path = CheckpointStore(run_dir / "checkpoints").path_of(steps[-1]) / name
    raw = bytearray(path.read_bytes())
    if damage == "delete":
        path.unlink()
    else:
        raw[len(raw) // 2] ^= 1
        path.write_bytes({"cut": raw[:-1], "flip": raw, "empty": b""}[damage])
    job = run(run_dir)
    assert job.code == 0, job.errors
    assert "falling back to the one before" in job.errors
    assert f"at step {steps[-2]}" in job.out
    assert sha_of(run_dir) == undisturbed
    table.add(
        "R2",
        f"{name} of the last checkpoint: {damage}",
        f"goes on from step {steps[-2]}",
        job.seconds,
        "same weights",
    )


@pytest.mark.parametrize(
    "moves", [(2, 1), (1, 2), (2, 4), pytest.param((4, 1), marks=pytest.mark.slow)], ids=str
)
def test_a_run_moves_to_another_number_of_processes(moves, tmp_path, table):
    first, then = moves
    bits = [*RECIPE, "deterministic=true"]
    whole, moved = tmp_path / "whole", tmp_path / "moved"
    assert run(whole, recipe=bits, processes=then).code == 0
    assert run(moved, recipe=bits, processes=first, fault="step:0:26:kill9").code == 7
    ended = run(moved, recipe=bits, processes=then)
    assert ended.code == 0, ended.errors
    assert "resumed from" in ended.out
    assert sha_of(moved) == sha_of(whole)
    assert json.loads((moved / "summary.json").read_text())["val_images"] == 360
    table.add("R5", f"killed on {first}, continued on {then} processes", "exit 0", ended.seconds, "same bits")


def test_changes_are_refused_by_name_and_allowed_by_name(interrupted, tmp_path, table):
    run_dir = tmp_path / "run"
    shutil.copytree(interrupted, run_dir)
    changed = ["optimizer.momentum=0.8", "optimizer.name=sgd"]
    refused = run(run_dir, *[], recipe=[*RECIPE, *changed])
    assert refused.code == 2
    for word in ("CFG20", "optimizer.momentum was 0.9, now 0.8", "optimizer.name was 'nag', now 'sgd'"):
        assert word in refused.last_line
    part = run(run_dir, "--allow-change", "optimizer.momentum", recipe=[*RECIPE, *changed])
    assert (part.code, "optimizer.momentum" in part.last_line) == (2, False)
    allowed = run(run_dir, "--allow-change", "optimizer", recipe=[*RECIPE, *changed])
    assert allowed.code == 0, allowed.errors
    assert "resumed from" in allowed.out
    table.add(
        "R10",
        "optimizer changed between two starts",
        "exit 2, keys named; allowed by name",
        refused.seconds,
        "goes on",
    )


def test_another_network_is_refused_unless_allowed(interrupted, tmp_path, table):
    run_dir = tmp_path / "run"
    shutil.copytree(interrupted, run_dir)
    changed = [*RECIPE, "model.name=cifar_resnet20"]
    refused = run(run_dir, recipe=changed)
    assert refused.code == 2
    assert "model.name was 'small_resnet8'" in refused.last_line
    table.add(
        "R10", "network changed between two starts", "exit 2, key named", refused.seconds, "nothing changed"
    )


def test_other_images_behind_the_same_labels(tmp_path, table):
    for split in ("train", "val"):
        digits = load_digits(split)
        pixels = np.stack([digits.image(number) for number in range(len(digits))])
        np.savez(tmp_path / split, images=pixels, labels=digits.labels, classes=np.array(digits.classes))
    files = [f"data.{split}={tmp_path / split}.npz" for split in ("train", "val")]
    recipe, run_dir = [*RECIPE, "data.name=npz", *files], tmp_path / "run"
    assert run(run_dir, recipe=recipe, fault="step:1:26:kill9").code == 7
    arrays = dict(np.load(tmp_path / "train.npz"))
    arrays["images"][1000, 4, 4] ^= 1
    np.savez(tmp_path / "train.npz", **arrays)
    refused = run(run_dir, recipe=recipe)
    assert refused.code == 4
    assert "data.train: has other images behind the same 1,437 labels: 1 of 64 parts" in refused.last_line
    assert "the first holds images 987 to 1009" in refused.last_line
    allowed = run(run_dir, "--allow-change", "data", recipe=recipe)
    assert allowed.code == 0, allowed.errors
    assert "resumed from" in allowed.out
    table.add(
        "R10",
        "one pixel of 1,437 images changed between two starts",
        "exit 4, images named; allowed by name",
        refused.seconds,
        "goes on",
    )


def test_two_jobs_in_one_directory(tmp_path, undisturbed, table):
    run_dir = tmp_path / "run"
    first, second = launch(run_dir), launch(run_dir)
    ends = [first.end(), second.end()]
    assert sorted(end.code for end in ends) in ([0, 0], [0, 4]), [end.errors for end in ends]
    (loser,) = (end for end in ends if end.code == 4 or "is finished" in end.out)
    assert loser.code == 0 or "is in use by process" in loser.errors
    assert sha_of(run_dir) == undisturbed
    table.add(
        "R10", "two jobs in one directory", "one waits or ends with exit 4", ends[0].seconds, "same weights"
    )


@pytest.mark.parametrize("call", ["save.write", "save.fsync", "save.rename"])
@pytest.mark.parametrize("error", ["enospc", "eio"])
def test_a_save_that_fails_once_costs_nothing(call, error, tmp_path, undisturbed, table):
    ended = run(tmp_path / "run", fault=f"{call}:0:2:{error}")
    assert ended.code == 0, ended.errors
    assert "training goes on (1 of 3 failed saves)" in ended.out
    assert sha_of(tmp_path / "run") == undisturbed
    table.add(
        "R2",
        f"{error.upper()} in {call.split('.')[1]}",
        "told, training goes on",
        ended.seconds,
        "same weights",
    )


def test_a_disk_that_stays_full(tmp_path, undisturbed, table):
    run_dir = tmp_path / "run"
    ended = run(run_dir, "max_failed_saves=2", fault="save.write:0:20+:enospc")
    assert ended.code == 4, ended.errors
    assert ended.last_line.startswith("error[CKP01] ")
    assert "No space left on device (a file of " in ended.last_line
    lost = check_nothing_lost(run_dir, undisturbed)
    table.add("R2", "no space from some save on, max_failed_saves=2", "exit 4", ended.seconds, lost)


def test_a_disk_that_answers_eio_at_the_end(tmp_path, undisturbed, table):
    """The checkpoint is there; what cannot be written is named, with what was being done."""
    run_dir = tmp_path / "run"
    ended = run(run_dir, fault="text.write:0:2+:eio")  # all but the configuration
    assert ended.code == 4
    assert ended.last_line == f"error[IO01] {run_dir / 'summary.json'}: Input/output error while writing it"
    lost = check_nothing_lost(run_dir, undisturbed)
    table.add("R2", "EIO from the summary on", f"exit 4, {ended.last_line}", ended.seconds, lost)


@pytest.mark.parametrize("kilobytes", [300, 700])
def test_a_file_system_that_is_really_full(kilobytes, tmp_path, table):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", str(disk)]).returncode:
        pytest.skip("needs the right to mount")
    try:
        ended = run(disk / "run", "max_failed_saves=2")
        assert ended.code == 4, ended.errors
        assert "error[CKP01]" in ended.errors
        store = CheckpointStore(disk / "run/checkpoints")
        kept = [store.load(step).step for step in store.steps()]
        assert not list((disk / "run/checkpoints").glob(".step*"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    table.add(
        "R2",
        f"a disk of {kilobytes} kB",
        f"exit 4, steps {kept} load",
        ended.seconds,
        "last good ones intact",
    )


def test_a_log_that_cannot_be_written_does_not_stop_the_run(tmp_path, undisturbed, table):
    run_dir = tmp_path / "run"
    for name in ("metrics.jsonl", "log.txt"):
        (run_dir / name).mkdir(parents=True)
    run_dir.chmod(0o700)
    ended = run(run_dir)
    assert ended.code == 0, ended.errors
    assert ended.out.count("warning: metrics.jsonl cannot be written") == 1
    assert sha_of(run_dir) == undisturbed
    table.add("R2", "metrics.jsonl cannot be written", "told once, exit 0", ended.seconds, "same weights")


def test_the_record_of_a_run(tmp_path, undisturbed, table):
    run_dir = tmp_path / "run"
    environment = {
        "MY_API_TOKEN": "hunter2",
        "AWS_SECRET_ACCESS_KEY": "hunter2",
        "GLUONLAB_SECRET": "hunter2",
    }
    job = Job("launch", "-n", 2, *RECIPE, f"run_dir={run_dir}", environment=environment)
    seen = ""
    while job.process.poll() is None:
        for rank in job.ranks().values():
            try:
                seen += " ".join(rank.cmdline()) + str(rank.environ())
            except Exception:
                continue
    ended = job.end()
    assert ended.code == 0
    assert "GLUONLAB_LAUNCHER" in seen
    assert "hunter2" not in seen
    assert "hunter2" not in "".join(p.read_text(errors="replace") for p in run_dir.rglob("*") if p.is_file())
    record = json.loads((run_dir / "config.json").read_text())
    assert record["config"]["seed"] == 0
    assert {"versions", "git_commit", "command", "host", "started", "processes"} <= record.keys()
    assert record["command"][:2] == ["gluonlab", "launch"]
    assert run_dir.stat().st_mode & 0o077 == 0
    table.add(
        "R16", "secrets in the environment", "in no process, log or record", ended.seconds, "record complete"
    )


def test_every_sample_once_whatever_happens(tmp_path, table):
    """The log counts what was trained: two epochs are 2 * 1437 samples less the rest of a batch."""
    run_dir = tmp_path / "run"
    for fault in ("step:1:9:kill9", "step:0:16:term", "validate:1:1:kill9", ""):
        ended = run(run_dir, fault=fault)
    assert ended.code == 0
    from gluonlab.reporting.run_files import latest_by_step, read_metrics

    rows = latest_by_step(read_metrics(run_dir / "metrics.jsonl"), "train")
    steps = [row["step"] for row in rows]
    assert steps == sorted(set(steps))
    assert json.loads((run_dir / "summary.json").read_text())["steps"] == 44
    summary = json.loads((run_dir / "summary.json").read_text())
    assert summary["val_images"] == 360
    assert np.isfinite(summary["val_loss"])
    table.add(
        "R14",
        "three interruptions, one of them in validation",
        "360 of 360 images",
        ended.seconds,
        "counted once",
    )
