"""`gluonlab sweep`: refusals before anything is written, and whole sweeps of the digits."""

import json

import pytest

DIGITS = [
    "configs/digits.yaml", "epochs=1", "schedule.warmup_epochs=0", "eval_every=0.25", "log_every=22",
    "tensorboard=false", "checkpoint_every=never", "deterministic=true",
]  # fmt: skip
RATES = ["--over", "schedule.base_lr=0.0001,0.02,1e20"]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["--over", "schedule.base_lrr=1,2"], 2, ["CFG04", "schedule.base_lrr", "did you mean base_lr?"]),
        (["--over", "schedule.base_lr=log:-1..1:3"], 2, ["SWP01", "schedule.base_lr", "not above 0"]),
        (["--over", "epochs=linear:-1..1:3"], 2, ["CFG07", "epochs", "greater than"]),
        (["--over", "optimizer.name=nag,nagg"], 2, ["CFG09", "optimizer.name", "'nagg'"]),
        (["--over", "epochs=int:1..3", "--sampler", "random"], 2, ["CLI02", "--sampler random", "--runs"]),
        (["--over", "seed=1,2", "--runs", 3], 2, ["CLI02", "--runs"]),
        (["--over", "seed=1,2", "--jobs", 4096], 2, ["CLI02", "--jobs 4096", "cores"]),
        (["--over", "seed=1,2", "-n", 3], 2, ["CFG08"]),
        (["--over", "seed=1,2", "--stop-early", "eval_every=1"], 2, ["SWP01", "eval_every"]),
        (["--over", "epochs=1,2", "--stop-early"], 2, ["SWP01", "epochs differs"]),
        (["--over", "seed=int:1..200", "--over", "epochs=linear:1..2:200"], 2, ["SWP01", "40,000 points"]),
        ([], 2, ["CLI01", "--over"]),
    ],
)
def test_bad_input_names_the_key_and_nothing_is_written(run_gluonlab, tmp_path, arguments, exit_code, words):
    job = run_gluonlab("sweep", *DIGITS, f"run_dir={tmp_path / 'sweep'}", *arguments)
    assert job.returncode == exit_code, job.stdout + job.stderr
    assert job.stderr.startswith("error[")
    for word in words:
        assert word in job.stderr
    assert not (tmp_path / "sweep").exists()


def test_a_sweep_with_a_run_that_diverges_its_report_and_its_resumption(run_gluonlab, tmp_path):
    folder, result = tmp_path / "sweep", tmp_path / "result.json"
    command = ["sweep", *DIGITS, f"run_dir={folder}", *RATES, "--jobs", 2, "--json", result]
    job = run_gluonlab(*command)
    assert job.returncode == 0, job.stdout + job.stderr
    assert "best: schedule.base_lr=0.02" in job.stdout
    found = json.loads(result.read_text())
    assert [run["state"] for run in found["runs"]] == ["finished", "finished", "diverged"]
    assert found["best"]["values"] == {"schedule.base_lr": "0.02"}
    assert found["best"]["top1"] > found["runs"][0]["top1"]
    assert json.loads((folder / "0001/summary.json").read_text())["top1"] == found["best"]["top1"]

    before = (folder / "0001/summary.json").stat().st_mtime_ns
    (folder / "0000/summary.json").unlink()  # as if killed: the record says open, the run has checkpoints
    record = json.loads((folder / "sweep.json").read_text())
    record["trials"][0]["state"] = "open"
    (folder / "sweep.json").write_text(json.dumps(record))
    assert run_gluonlab(*command).returncode == 0
    assert json.loads(result.read_text()) == found
    assert (folder / "0001/summary.json").stat().st_mtime_ns == before

    other = run_gluonlab(*command, "epochs=2")
    assert (other.returncode, "recipe.epochs was 1.0, now 2.0" in other.stderr) == (2, True), other.stderr
    assert run_gluonlab("report", folder).returncode == 0
    page = (folder / "report.html").read_text()
    assert "Top-1 against schedule.base_lr" in page
    assert "diverged" in page


def test_a_run_that_was_stopped_at_rungs_has_the_bits_of_one_that_was_not(run_gluonlab, tmp_path):
    folder = tmp_path / "sweep"
    over = ["--over", "schedule.base_lr=0.0001,0.02,0.0002,0.04", "--jobs", 2, "--stop-early"]
    job = run_gluonlab("sweep", *DIGITS, f"run_dir={folder}", *over, "--json", tmp_path / "result.json")
    assert job.returncode == 0, job.stdout + job.stderr
    found = json.loads((tmp_path / "result.json").read_text())
    assert sorted(run["state"] for run in found["runs"]) == ["finished", "stopped", "stopped", "stopped"]
    assert sorted(len(run["scores"]) for run in found["runs"]) == [1, 1, 2, 2]
    stopped = json.loads((folder / found["best"]["run"] / "summary.json").read_text())
    assert stopped["restarts"] == 2
    rate = found["best"]["values"]["schedule.base_lr"]
    alone = run_gluonlab("train", *DIGITS, f"run_dir={tmp_path / 'alone'}", f"schedule.base_lr={rate}")
    assert alone.returncode == 0, alone.stderr
    never = json.loads((tmp_path / "alone/summary.json").read_text())
    for key in ("weights_sha256", "top1", "val_loss", "best", "steps"):
        assert stopped[key] == never[key]
