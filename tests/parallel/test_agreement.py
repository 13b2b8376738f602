"""Wishes travel with the gradients: one process's becomes everybody's two updates later, none is lost."""

import json

import pytest

from gluonlab.parallel.agreement import LAG


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_all_processes_hear_a_wish_at_the_same_update(run_processes, root, processes):
    job = run_processes(processes, root / "tests/parallel/wishes.py")
    heard = [json.loads(line) for line in job.stdout.splitlines() if line.startswith("{")]
    assert len(heard) == processes
    lag = 0 if processes == 1 else LAG
    for of_rank in heard:
        # rank 0 wishes to stop after update 3; the last rank to save after 5, just before the workers change
        assert of_rank["stop"] == [3 + lag]
        assert of_rank["save"] == [5 + (lag and lag + 1)]
        assert of_rank["gradient"] == 4.0 * processes, "the gradients have their sum all the same"
