"""A run that is stopped and continued is the run that never stopped, bit for bit."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from gluonlab.checkpoint.store import CheckpointStore
from gluonlab.reporting.run_files import latest_by_step, read_metrics

SHORT = ["epochs=4", "log_every=10", "tensorboard=false", "eval_every=2", "cpu_threads=1"]


def summary_of(run_dir):
    return json.loads((run_dir / "summary.json").read_text())


@pytest.fixture(scope="module")
def undisturbed(run_gluonlab, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("undisturbed") / "run"
    job = run_gluonlab("train", "configs/digits.yaml", f"run_dir={run_dir}", *SHORT)
    assert job.returncode == 0, job.stderr
    return run_dir


def test_the_summary_has_what_the_contract_names(undisturbed):
    summary = summary_of(undisturbed)
    assert set(summary) >= {
        "steps", "epochs", "train_loss", "val_loss", "top1", "top5", "val_images", "images_per_sec",
        "wall_seconds", "processes", "virtual_workers", "global_batch_size", "restarts", "weights_sha256",
    }  # fmt: skip
    assert summary["steps"] == 4 * 1437 // 64
    assert summary["val_images"] == 360
    assert (summary["processes"], summary["virtual_workers"], summary["restarts"]) == (1, 4, 0)
    assert summary["top1"] > 0.6


def test_the_same_command_twice_gives_the_same_weights(undisturbed, run_gluonlab, tmp_path):
    run_gluonlab("train", "configs/digits.yaml", f"run_dir={tmp_path / 'r'}", *SHORT)
    assert summary_of(tmp_path / "r")["weights_sha256"] == summary_of(undisturbed)["weights_sha256"]


def test_another_seed_gives_other_weights(undisturbed, run_gluonlab, tmp_path):
    run_gluonlab("train", "configs/digits.yaml", f"run_dir={tmp_path / 'r'}", "seed=1", *SHORT)
    assert summary_of(tmp_path / "r")["weights_sha256"] != summary_of(undisturbed)["weights_sha256"]


def test_running_a_finished_run_again_changes_nothing(undisturbed, run_gluonlab):
    before = (undisturbed / "summary.json").stat().st_mtime_ns
    job = run_gluonlab("train", "configs/digits.yaml", f"run_dir={undisturbed}", *SHORT)
    assert job.returncode == 0
    assert "is finished" in job.stdout
    assert (undisturbed / "summary.json").stat().st_mtime_ns == before


def test_a_run_killed_in_mid_epoch_ends_with_the_same_weights(undisturbed, run_gluonlab, tmp_path):
    run_dir = tmp_path / "killed"
    arguments = ["train", "configs/digits.yaml", f"run_dir={run_dir}", "checkpoint_every=7steps", *SHORT]
    kill_after_checkpoint(run_dir, arguments, step=49)  # an epoch is 22.45 steps
    assert not (run_dir / "summary.json").exists()
    job = run_gluonlab(*arguments)
    assert job.returncode == 0, job.stderr
    assert "resumed from" in job.stdout
    assert summary_of(run_dir)["weights_sha256"] == summary_of(undisturbed)["weights_sha256"]
    assert summary_of(run_dir)["restarts"] == 1
    steps = [row["step"] for row in latest_by_step(read_metrics(run_dir / "metrics.jsonl"), "train")]
    assert steps == sorted(set(steps))


@pytest.mark.parametrize("processes", [2, 4])
def test_a_launched_run_killed_in_mid_epoch_ends_with_the_same_weights(run_gluonlab, tmp_path, processes):
    digests = []
    for name in ("whole", "killed"):
        run_dir = tmp_path / name
        arguments = ["launch", "-n", str(processes), "configs/digits.yaml", f"run_dir={run_dir}",
                     "checkpoint_every=7steps", *SHORT]  # fmt: skip
        if name == "killed":
            kill_after_checkpoint(run_dir, arguments, step=49)
        job = run_gluonlab(*arguments)
        assert job.returncode == 0, job.stderr
        digests.append(summary_of(run_dir)["weights_sha256"])
    assert digests[0] == digests[1]


def test_a_stopped_run_is_resumed_by_name(undisturbed, run_gluonlab, tmp_path):
    run_dir = tmp_path / "runs" / "stopped"
    arguments = ["train", "configs/digits.yaml", f"run_dir={run_dir}", "checkpoint_every=7steps", *SHORT]
    kill_after_checkpoint(run_dir, arguments, step=49)
    assert "stopped" in run_gluonlab("runs", tmp_path / "runs").stdout
    job = run_gluonlab("runs", tmp_path / "runs", "--resume", "stopped", cwd=tmp_path)
    assert job.returncode == 0, job.stderr
    assert summary_of(run_dir)["weights_sha256"] == summary_of(undisturbed)["weights_sha256"]
    assert run_gluonlab("runs", tmp_path / "runs", "--resume", "none").returncode == 4


def test_a_damaged_checkpoint_costs_the_steps_since_the_one_before(undisturbed, run_gluonlab, tmp_path):
    run_dir = tmp_path / "damaged"
    arguments = ["train", "configs/digits.yaml", f"run_dir={run_dir}", "checkpoint_every=7steps", *SHORT]
    kill_after_checkpoint(run_dir, arguments, step=49)
    newest = max((run_dir / "checkpoints").glob("step-*"))
    weights = newest / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    job = run_gluonlab(*arguments)
    assert job.returncode == 0, job.stderr
    assert "falling back" in job.stderr
    assert summary_of(run_dir)["weights_sha256"] == summary_of(undisturbed)["weights_sha256"]


def test_a_run_resumes_on_another_number_of_processes(run_gluonlab, tmp_path):
    run_dir = tmp_path / "moved"
    common = ["configs/digits.yaml", f"run_dir={run_dir}", "checkpoint_every=7steps", *SHORT]
    kill_after_checkpoint(run_dir, ["train", *common], step=49)
    job = run_gluonlab("launch", "-n", 2, *common)
    assert job.returncode == 0, job.stderr
    summary = summary_of(run_dir)
    assert (summary["processes"], summary["restarts"], summary["steps"]) == (2, 1, 89)
    assert summary["top1"] > 0.6


def test_evaluate_finds_the_accuracy_of_the_summary(undisturbed, run_gluonlab, tmp_path):
    job = run_gluonlab("evaluate", undisturbed, "--json", tmp_path / "e.json")
    assert job.returncode == 0, job.stderr
    result = json.loads((tmp_path / "e.json").read_text())
    summary = summary_of(undisturbed)
    assert (result["top1"], result["images"]) == (summary["top1"], 360)
    assert result["loss"] == pytest.approx(summary["val_loss"], rel=1e-6)


def test_a_run_directory_holds_one_recipe_only(undisturbed, run_gluonlab):
    job = run_gluonlab(
        "train", "configs/digits.yaml", f"run_dir={undisturbed}", *SHORT, "optimizer.momentum=0.8"
    )
    assert job.returncode == 2
    assert job.stderr.startswith("error[CFG20]")
    assert "optimizer.momentum was 0.9, now 0.8" in job.stderr
    assert job.stderr.count("\n") == 1


def test_numbers_that_are_not_finite_end_with_code_5_after_one_rollback(run_gluonlab, tmp_path):
    run_dir = tmp_path / "nan"
    job = run_gluonlab(
        "train", "configs/digits.yaml", f"run_dir={run_dir}", "epochs=3", "schedule.base_lr=1e18",
        "schedule.warmup_epochs=1", "schedule.init_lr=0", "checkpoint_every=1steps", "log_every=1",
        "tensorboard=false",
    )  # fmt: skip
    assert job.returncode == 5, job.stderr
    assert job.stderr.startswith("error[NUM04] step ")  # each step is saved, so each is looked at
    assert job.stderr.count("\n") == 1
    assert job.stdout.count("rolled back to step") == 1
    good = CheckpointStore(run_dir / "checkpoints").latest()
    assert good is not None
    assert json.loads((run_dir / "error.json").read_text())["exit_code"] == 5


def kill_after_checkpoint(run_dir: Path, arguments: list[str], step: int) -> None:
    """Start a run and end it with SIGKILL once a checkpoint of ``step`` is there.

    Or of a later one, for a save that comes while the disk is busy is left out.
    """
    checkpoints = CheckpointStore(run_dir / "checkpoints")
    with tempfile.NamedTemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "gluonlab.cli.main", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=said,
            env={**os.environ},
        )
        deadline = time.monotonic() + 120
        while max(checkpoints.steps(), default=0) < step:
            assert time.monotonic() < deadline, "the checkpoint never came"
            assert process.poll() is None, Path(said.name).read_text()
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize(
    ("eval_every", "steps"),
    [
        ("1", [23, 45, 67]),  # an epoch is 22.45 steps: 1, 2 and 3 epochs; the end is 3 epochs as well
        ("0.5", [12, 23, 34, 45, 57, 67]),
        ("2", [45, 67]),
        ("100", [67]),
    ],
)
def test_validation_comes_when_an_interval_is_over_and_at_the_end(run_gluonlab, tmp_path, eval_every, steps):
    run_gluonlab(
        "train", "configs/digits.yaml", f"run_dir={tmp_path / 'r'}", "epochs=3", f"eval_every={eval_every}",
        "schedule.warmup_epochs=0", "tensorboard=false", "checkpoint_every=2epochs",
    )  # fmt: skip
    rows = read_metrics(tmp_path / "r/metrics.jsonl")
    assert [row["step"] for row in rows if row["kind"] == "validation"] == steps
    assert [row["step"] for row in rows if row["kind"] == "checkpoint"] == [23, 45, 67]
    assert sum(row["count"] for row in rows if row["kind"] == "train") == 67 * 64


def test_a_validation_at_the_step_of_a_checkpoint_is_in_it(run_gluonlab, tmp_path):
    run_gluonlab(
        "train", "configs/digits.yaml", f"run_dir={tmp_path / 'r'}", "epochs=3", "eval_every=1",
        "schedule.warmup_epochs=0", "tensorboard=false", "checkpoint_every=1epochs",
    )  # fmt: skip
    states = [json.loads(path.read_text()) for path in (tmp_path / "r/checkpoints").glob("step-*/state.json")]
    assert states
    for state in states:
        assert state["last_results"]["validation"]["step"] == state["step"]
        assert state["trained_images"] == state["step"] * 64


def test_a_second_process_finds_the_run_of_the_first_finished(tmp_path):
    run_dir = tmp_path / "shared"
    short = ["epochs=1", "schedule.warmup_epochs=0", "tensorboard=false"]  # the second waits 10 s at most
    verb = [sys.executable, "-m", "gluonlab.cli.main", "train", "configs/digits.yaml"]
    jobs = [
        subprocess.Popen([*verb, f"run_dir={run_dir}", *short], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [job.communicate(timeout=120)[0] for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0]
    assert sum("is finished" in output for output in outputs) == 1
    assert summary_of(run_dir)["restarts"] == 0
