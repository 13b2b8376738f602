"""A launcher writes logs into the directory of its run, and starts nothing in another one in its place."""

import io
import os
import re

import pytest

from gluonlab.errors import CheckpointError, ClusterError
from gluonlab.launch import restarts
from gluonlab.launch.output import Output
from gluonlab.launch.plan import JobPlan
from gluonlab.launch.restarts import RestartPolicy, run_until_done
from gluonlab.launch.verdict import JobFailure


def test_a_log_that_comes_late_does_not_make_the_directory_again(tmp_path, capsys):
    run_dir = tmp_path / "run"
    output = Output(re.compile(r"^(\d): "), io.StringIO(), run_dir / "logs")
    output._copy(["0: first\n"], io.StringIO())
    os.rename(run_dir, tmp_path / "other")
    output._copy(["0: second\n", "1: late\n"], io.StringIO())
    output.finish()
    assert not run_dir.exists()
    assert (tmp_path / "other/logs/rank-00000.txt").read_text() == "first\nsecond\n"
    assert "was moved to" in capsys.readouterr().err


def test_a_job_is_not_started_again_where_its_directory_was(tmp_path, monkeypatch):
    run_dir, starts = tmp_path / "run", []

    def run_job(plan, attempt, stream, metrics, split):
        run_dir.mkdir(exist_ok=True)
        starts.append(attempt)
        return JobFailure(ClusterError("CLU10", "rank 1", "died"), rank=1, step=attempt)

    def sleep(seconds):
        if len(starts) == 2:
            os.rename(run_dir, tmp_path / "other")

    monkeypatch.setattr(restarts, "run_job", run_job)
    monkeypatch.setattr(restarts.time, "sleep", sleep)
    with pytest.raises(
        CheckpointError, match=r"error\[CKP12\] .*run: was moved to .*other since the job failed"
    ):
        run_until_done(JobPlan(["x"], 2, logs=run_dir / "logs"), RestartPolicy(max_restarts=5))
    assert starts == [1, 2]
    assert not run_dir.exists()
