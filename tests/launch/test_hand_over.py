"""A process dies and not one update is lost: the others hand over the state of the last one."""

import json

DIGITS = [
    "configs/digits.yaml", "epochs=2", "schedule.warmup_epochs=1", "tensorboard=false", "deterministic=true",
    "checkpoint_every=1000steps", "eval_every=2",
]  # fmt: skip


def test_a_job_that_loses_a_process_goes_on_from_the_last_update_of_the_others(tmp_path, run_gluonlab):
    alone = run_gluonlab("train", *DIGITS, f"run_dir={tmp_path / 'alone'}")
    assert alone.returncode == 0, alone.stderr
    job = run_gluonlab(
        "launch", "-n", "2", "--max-restarts", "1", *DIGITS, f"run_dir={tmp_path / 'run'}",
        environment={"GLUONLAB_FAULT": "step:1:13:kill9:1"},
    )  # fmt: skip
    assert job.returncode == 0, job.stderr
    assert "died of SIGKILL at step 13 (training)" in job.stderr
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    (resumed_at,) = [row["step"] for row in rows if row["kind"] == "resume"]
    assert resumed_at in (12, 13)  # the device may not have finished what the host has asked for
    assert f"nothing is lost: rank 0 hands over step {resumed_at}\n" in job.stderr
    first, second = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("alone", "run"))
    assert second["weights_sha256"] == first["weights_sha256"]
    assert second["restarts"] == 1
