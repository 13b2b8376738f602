"""Fixtures that several test folders use."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Examples take as long as the machine lets them: a busy one is no fault of the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Before MXNet is imported, and the same on every machine.
os.environ["OMP_NUM_THREADS"] = "1"

HAS_HOROVOD = importlib.util.find_spec("horovod") is not None
ROOT = Path(__file__).parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def run_gluonlab():
    """Run the command line as a user would; returns the finished process."""

    def run(*arguments, cwd=ROOT, timeout=300, environment=None):
        if "launch" in arguments and not HAS_HOROVOD:
            pytest.skip("Horovod is not installed in this environment")
        return subprocess.run(
            [sys.executable, "-m", "gluonlab.cli.main", *map(str, arguments)],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**ENVIRONMENT, **(environment or {})},
        )

    return run


@pytest.fixture(scope="session")
def run_processes():
    """Run a script in ``processes`` real processes of one world; returns the finished job.

    ``backend`` is "mpi", Horovod's, "kvstore" or "torch".
    """

    def run(processes, script, *arguments, backend="mpi", timeout=300, check=True, cwd=ROOT):
        command = [sys.executable, str(script), *map(str, arguments)]
        if backend in ("kvstore", "torch"):
            command = [sys.executable, "-m", "gluonlab.launch.local_job", backend, str(processes), *command]
        elif processes > 1:
            mpirun = Path(sys.executable).parent / "mpirun"
            root_user = ["--allow-run-as-root"] if os.geteuid() == 0 else []
            options = ["--map-by", ":OVERSUBSCRIBE", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"]
            command = [str(mpirun), *root_user, *options, "-np", str(processes), *command]
        job = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, env=ENVIRONMENT, cwd=cwd
        )
        assert job.returncode == 0 or not check, job.stdout + job.stderr
        return job

    return run


def pytest_collection_modifyitems(items):
    if HAS_HOROVOD:
        return
    for item in items:
        if "run_processes" in item.fixturenames or "test_launcher" in item.nodeid:
            item.add_marker(pytest.mark.skip(reason="Horovod is not installed in this environment"))
