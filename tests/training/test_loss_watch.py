import re

import pytest

BAD = 17


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_the_bad_sample_is_named_on_every_process(processes, run_processes, root):
    job = run_processes(processes, root / "tests/parallel/bad_sample.py")
    expected = re.findall(r"EXPECTED step (\d+) worker (\d+) rank (\d+)", job.stdout)
    raised = re.findall(r"RAISED (.*)", job.stdout)
    assert len(expected) == len(raised) == processes
    assert len(set(expected)) == len(set(raised)) == 1
    step, worker, rank = expected[0]
    assert f"error[NUM01] step {step}: training loss is nan" in raised[0]
    assert f"first on rank {rank} (virtual worker {worker}) for samples {BAD};" in raised[0]
    assert "parameters not finite by now: weight, bias" in raised[0]
