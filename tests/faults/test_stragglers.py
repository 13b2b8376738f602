"""A process that is slowed down is named, once, and the job ends as if it had not been."""

import re
import time

import psutil
import pytest

from tests.faults.harness import RECIPE, has_logged, launch

SLOW_SECONDS = 45


@pytest.mark.faults
def test_a_slow_rank_is_named_once(tmp_path, table):
    run_dir = tmp_path / "run"
    job = launch(run_dir, "--straggler-factor", 1.5, "epochs=100000", recipe=RECIPE)
    job.wait_for(has_logged(run_dir))
    slow = job.ranks()[1]
    end = time.monotonic() + SLOW_SECONDS
    while time.monotonic() < end:  # two thirds of the time it stands still
        slow.suspend()
        time.sleep(0.1)
        slow.resume()
        time.sleep(0.05)
    job.process.send_signal(psutil.signal.SIGTERM)
    ended = job.end()
    assert ended.code == 75, ended.errors
    named = [line for line in ended.errors.splitlines() if "of its own for an update" in line]
    assert len(named) == 1, ended.errors
    assert re.match(r"rank 1 \(\S+, pid \d+\) takes .* wait for it \d\d% of their time", named[0])
    table.add("R7", "slow (SIGSTOP for two thirds of the time)", named[0], ended.seconds, "state saved")
