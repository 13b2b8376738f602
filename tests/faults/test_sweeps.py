"""The long sweeps: SIGKILL at random moments, and a hundred jobs one after another."""

import random
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from gluonlab.checkpoint.store import CheckpointStore
from tests.faults.harness import KILL, launch, run, send, sha_of

pytestmark = [pytest.mark.faults, pytest.mark.slow]
# In parts of a few minutes, so that each can be run by itself: 200 kills, 100 jobs over MPI, 30 over Gloo.
KILLS, SEEDS = 25, range(8)
PARTS = {"mpi": (25, 4), "gloo": (15, 2)}


@pytest.mark.parametrize("seed", SEEDS)
def test_sigkill_at_random_moments(seed, tmp_path, undisturbed, table):
    """Of a rank, of the launcher, or of anything between them, from the start to the end of a run of 44 steps."""
    rng, start = random.Random(seed), time.monotonic()
    length = run(tmp_path / "whole").seconds
    killed = finished = loaded = 0
    run_dir = tmp_path / "run-0"
    while killed < KILLS:
        job = launch(run_dir)
        moment = time.monotonic() + rng.uniform(0, length)
        while job.process.poll() is None and time.monotonic() < moment:
            job.look_at_family()
            time.sleep(0.03)
        if job.process.poll() is None:
            ranks = list(job.ranks().values())
            between = [process for process in job.family.values() if process.is_running()]
            send(rng.choice([*ranks, *ranks, *between, job.process]), KILL)
            killed += 1
        ended = job.end()
        store = CheckpointStore(run_dir / "checkpoints")
        for step in store.steps():
            assert store.load(step).step == step
            loaded += 1
        if ended.code == 0:
            check_finished(run_dir, undisturbed)
            finished += 1
            run_dir = tmp_path / f"run-{finished}"
    assert run(run_dir).code == 0
    check_finished(run_dir, undisturbed)
    table.add(
        "R1",
        f"SIGKILL at {killed} random moments, seed {seed}",
        f"each of {loaded} checkpoints loads, {finished + 1} runs finished",
        time.monotonic() - start,
        "same weights each time",
    )


def check_finished(run_dir, expected_sha):
    assert sha_of(run_dir) == expected_sha
    assert not [path for path in run_dir.rglob("*") if ".tmp" in path.name]


@pytest.mark.parametrize(
    ("backend", "part"), [(name, part) for name, (_, parts) in PARTS.items() for part in range(parts)]
)
def test_a_hundred_jobs_in_a_row(backend, part, tmp_path, undisturbed, table, monkeypatch):
    jobs, parts = PARTS[backend]
    start, temporary = time.monotonic(), tempfile.mkdtemp()
    monkeypatch.setenv("TMPDIR", temporary)
    for number in range(jobs):
        ended = run(tmp_path / str(number), "--backend", backend)
        assert ended.code == 0, f"job {number}: {ended.errors}"
        assert ended.errors == "", ended.errors
        check_finished(tmp_path / str(number), undisturbed)
    left = [one for one in psutil.process_iter() if _belongs_to(one, tmp_path)]
    assert not left
    Path(temporary).rmdir()  # which works if it is empty
    table.add(
        "R8",
        f"no fault: {jobs} jobs in a row over {backend}, part {part + 1} of {parts}",
        f"{jobs} times exit 0, no process or file left",
        time.monotonic() - start,
        "same weights each time",
    )


def _belongs_to(process, folder):
    try:
        return any(str(folder) in word for word in process.cmdline())
    except psutil.Error:
        return False
