"""The long sweeps: SIGKILL at random moments, and a hundred jobs one after another."""

import random
import time
from pathlib import Path

import psutil
import pytest
from harness import KILL, launch, run, send, sha_of

from gluonlab.checkpoint.store import CheckpointStore

pytestmark = [pytest.mark.faults, pytest.mark.slow]
KILLS, LAUNCHES = 200, 100


def test_sigkill_at_random_moments(tmp_path, undisturbed, table):
    """Of a rank, of the launcher, or of mpirun, between the start and the end of a run of 44 steps."""
    rng, start = random.Random(0), time.monotonic()
    killed = finished = resumed_steps = number = 0
    while killed < KILLS:
        run_dir = tmp_path / f"run-{number}"
        job = launch(run_dir)
        moment = time.monotonic() + rng.uniform(0, 9)
        while job.process.poll() is None and time.monotonic() < moment:
            job.look_at_family()
            time.sleep(0.01)
        if job.process.poll() is None:
            ranks = list(job.ranks().values())
            send(rng.choice([*ranks, *ranks, *job.family.values(), job.process]), KILL)
            killed += 1
        ended = job.end()
        store = CheckpointStore(run_dir / "checkpoints")
        for step in store.steps():
            assert store.load(step).step == step
        resumed_steps += bool(store.steps())
        if ended.code == 0:
            assert sha_of(run_dir) == undisturbed
            assert not [path for path in run_dir.rglob("*") if ".tmp" in path.name]
            finished, number = finished + 1, number + 1
    assert run(run_dir).code == 0
    assert sha_of(run_dir) == undisturbed
    table.add(
        "R1", f"SIGKILL at {killed} random moments", f"{finished + 1} runs finished, each checkpoint loads",
        time.monotonic() - start, "same weights each time",
    )  # fmt: skip


@pytest.mark.parametrize("backend", ["mpi", "gloo"])
def test_a_hundred_jobs_in_a_row(backend, tmp_path, undisturbed, table):
    before, start = set(Path("/tmp").glob("gluonlab-*")), time.monotonic()
    for number in range(LAUNCHES):
        ended = run(tmp_path / str(number), "--backend", backend)
        assert ended.code == 0, f"job {number}: {ended.errors}"
        assert ended.errors == "", ended.errors
        assert sha_of(tmp_path / str(number)) == undisturbed
    left = [one for one in psutil.process_iter() if _belongs_to(one, tmp_path)]
    assert not left
    assert set(Path("/tmp").glob("gluonlab-*")) <= before
    happened = f"{LAUNCHES} times exit 0, no process or file left"
    table.add(
        "R8",
        f"{LAUNCHES} jobs in a row, {backend}",
        happened,
        time.monotonic() - start,
        "same weights each time",
    )


def _belongs_to(process, folder):
    try:
        return any(str(folder) in word for word in process.cmdline())
    except psutil.Error:
        return False
