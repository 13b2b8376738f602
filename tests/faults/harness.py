"""Real jobs with a fault on the way, what became of them, and the table of it all."""

import contextlib
import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import pytest

from gluonlab.bench.machine import processor_name
from gluonlab.checkpoint.store import CheckpointStore

ROOT = Path(__file__).parents[2]
# Two epochs are 44 steps, so checkpoints come at 7, 14, 21, 22 (an epoch's end), 28, 35, 42 and 44.
RECIPE = [
    "configs/digits.yaml", "epochs=2", "schedule.warmup_epochs=1", "log_every=10", "eval_every=1",
    "checkpoint_every=7steps", "check_weights_every=10", "tensorboard=false",
]  # fmt: skip
# Far above what these take, for other work may share the machine.
IDLE_LIMIT, STARTUP_LIMIT = 8, 90


@dataclass
class Row:
    """One line of the table."""

    promise: str
    fault: str
    happened: str
    seconds: float
    nothing_lost: str


class Table:
    """The rows of a session; written to the file that GLUONLAB_FAULT_TABLE names."""

    def __init__(self):
        self.rows = []
        self._began = time.monotonic()

    def add(self, promise, fault, happened, seconds, nothing_lost):
        happened = re.sub(r"/tmp/\S+/", "", happened)  # a test's folder is another one each time
        self.rows.append(Row(promise, fault, happened, round(seconds, 1), nothing_lost))

    def lines(self):
        for row in self.rows:
            yield f"{row.promise:4} {row.fault:58} {row.happened:60} {row.seconds:6.1f} s  {row.nothing_lost}"

    def write(self, path):
        """To the file; rows that it has from other tests at the same commit stay, so that parts add up."""
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True
        ).stdout.strip()
        document = {
            "command": f"GLUONLAB_FAULT_TABLE={path} pytest -m faults tests/faults",
            "hardware": {"cores": os.cpu_count(), "processor": processor_name(), "load": os.getloadavg()[0]},
            "python": platform.python_version(),
            "commit": commit,
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
            "seconds": round(time.monotonic() - self._began),
            "rows": sorted(
                [*self.others(Path(path), commit), *map(asdict, self.rows)],
                key=lambda row: int(row["promise"][1:]),
            ),
        }
        Path(path).write_text(json.dumps(document, indent=1) + "\n")

    def others(self, path, commit):
        before = json.loads(path.read_text()) if path.exists() else {"commit": None}
        ours = {(row.promise, row.fault) for row in self.rows}
        return [
            row
            for row in (before["rows"] if before["commit"] == commit else [])
            if (row["promise"], row["fault"]) not in ours
        ]


@dataclass
class Ended:
    """A finished job."""

    code: int
    out: str
    errors: str
    seconds: float

    @property
    def last_line(self):
        return self.errors.strip().splitlines()[-1] if self.errors.strip() else "no message"


class Job:
    """``gluonlab`` with ``arguments``, in the background."""

    def __init__(self, *arguments, fault="", environment=()):
        self.start = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gluonlab.cli.main", *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "GLUONLAB_FAULT": fault, **dict(environment)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.family = {}

    def look_at_family(self):
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in psutil.Process(self.process.pid).children(recursive=True):
                self.family[process.pid] = process

    def ranks(self):
        """The training processes by rank, as far as they have started."""
        found = {}
        self.look_at_family()
        for process in self.family.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                environment = process.environ()
                rank = environment.get("OMPI_COMM_WORLD_RANK", environment.get("HOROVOD_RANK"))
                if rank is not None and "train" in process.cmdline():
                    found[int(rank)] = process
        return found

    def wait_for(self, condition, seconds=180):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it never came"
            assert self.process.poll() is None, self.process.stderr.read()
            time.sleep(0.01)
        self.look_at_family()  # once: it goes through all processes of the machine

    def end(self, seconds=300):
        """Wait for the end; nothing of it may be left then."""
        deadline = time.monotonic() + seconds
        out, errors = self.process.communicate(timeout=seconds)
        took = time.monotonic() - self.start
        _, alive = psutil.wait_procs(
            list(self.family.values()), timeout=max(1, min(15, deadline - time.monotonic()))
        )
        left = [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
        assert not left, f"left behind: {left}"
        return Ended(self.process.returncode, out, errors, took)


def launch(run_dir, *options, processes=2, fault="", recipe=RECIPE):
    limits = ["--idle-limit", IDLE_LIMIT, "--startup-limit", STARTUP_LIMIT, "--bind", "none"]
    settings = [option for option in options if "=" in str(option)]
    options = [option for option in options if option not in settings]
    return Job(
        "launch", "-n", processes, *limits, *options, *recipe, f"run_dir={run_dir}", *settings, fault=fault
    )


def run(run_dir, *options, **values):
    job = launch(run_dir, *options, **values)
    while job.process.poll() is None and not job.ranks():
        time.sleep(0.25)
    return job.end()


def has_logged(run_dir):
    return lambda: (run_dir / "metrics.jsonl").exists()


def sha_of(run_dir):
    return json.loads((run_dir / "summary.json").read_text())["weights_sha256"]


def check_nothing_lost(run_dir, expected_sha, **values):
    """The last checkpoint loads, nothing partial bears a final name, and the run ends as if undisturbed."""
    store = CheckpointStore(run_dir / "checkpoints")
    for step in store.steps():
        store.load(step)
    again = run(run_dir, **values)
    assert again.code == 0, again.errors
    assert sha_of(run_dir) == expected_sha
    leftovers = [path.name for path in run_dir.rglob("*") if ".tmp" in path.name]
    assert not leftovers, leftovers
    resumed = [line for line in again.out.splitlines() if "resumed from" in line]
    return "same weights, " + (resumed[0].split("at ")[-1].strip() if resumed else "from the start")


def parameters(cases, slow):
    """For pytest: ``cases``, those marked slow whose names are in ``slow``."""
    return [pytest.param(case, marks=[pytest.mark.slow] if str(case) in slow else []) for case in cases]


def slowly(rows):
    """For pytest: ``rows`` of several parameters each, all marked slow."""
    return [pytest.param(*row, marks=pytest.mark.slow) for row in rows]


def send(process, number):
    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
        process.send_signal(number)


KILL, STOP, TERM, USR1, INT, HUP = (
    signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGUSR1, signal.SIGINT, signal.SIGHUP,
)  # fmt: skip
