"""What it costs a run to be looked at: the live page, two trackers and the metrics port, on and off in turn.

python -m benchmarks.watching.observed_run --tracker mlflow=VENV/bin/python --tracker trackio=VENV/bin/python

Some minutes on an idle machine with the extra `watch`. One run of 2 processes trains; after each log interval
all that looks at it is stopped (SIGSTOP) or goes on, so intervals with and without take turns in the same
processes. Trackers follow the run in the environments named, or in this one (`--tracker mlflow`); a page is
open and asks for runs and curves twice a second; the metrics port is asked once a second. The result is
benchmarks/results/observed_run.json, whose ratio is that of the times of an update, observed over alone.
Switching lags by up to 50 ms, of intervals of seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.origin import describe_origin
from benchmarks.tables import ROOT
from gluonlab.bench.statistics import ratio_of
from gluonlab.reporting.run_files import read_metrics, write_json

OUT = ROOT / "benchmarks/results/observed_run.json"
WARM_UP = 6
"""Intervals that do not count: trackers are imported and opened meanwhile."""
LIMIT_SECONDS = 1500.0


class Observers:
    """Processes that look at the run, and threads that ask for pages; all of them rest or none."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[Any]] = []
        self.asking = threading.Event()
        self.answers = 0

    def observe(self, is_on: bool) -> None:
        """Let them go on, or stop them."""
        (self.asking.set if is_on else self.asking.clear)()
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT if is_on else signal.SIGSTOP)

    def ask(self, address: str, every_seconds: float) -> None:
        """Ask for ``address`` again and again, from a thread of its own."""

        def run() -> None:
            while True:
                self.asking.wait()
                with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:
                    self.answers += bool(answer.read())
                time.sleep(every_seconds)

        threading.Thread(target=run, daemon=True).start()


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tracker", action="append", default=[], metavar="NAME[=PYTHON]")
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--updates", type=int, default=20, help="of an interval")
    parser.add_argument("--note", default="", help="goes into the result, as: beside other work")
    parser.add_argument("-o", "--out", type=Path, default=OUT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder, ExitStack() as stack:
        run_dir = Path(folder).absolute() / "runs" / "observed"
        job, address = stack.enter_context(training(run_dir, options.updates))
        observers = Observers()
        wait_for_rows(run_dir, 1, job)
        for tracker in options.tracker:
            observers.processes.append(stack.enter_context(following(run_dir, tracker, Path(folder))))
        page, server = stack.enter_context(watching(run_dir.parent))
        observers.processes.append(server)
        observers.ask(address, 1.0)
        for path in ("api/runs", "api/series?run=observed"):
            observers.ask(page + path, 0.5)
        observers.observe(True)
        times = take_turns(run_dir, observers, options.pairs, job)
        living = [process.poll() is None for process in observers.processes]
        observers.observe(True)
    if not all(living):
        raise SystemExit("a tracker or the page ended before the run")
    ratio = ratio_of(times["observed"], times["alone"])
    result = {
        "command": "python -m benchmarks.watching.observed_run "
        f"--pairs {options.pairs} --updates {options.updates}",
        "note": options.note,
        "ratio": ratio.ratio,
        "ratio_interval_95": ratio.interval,
        "pairs": options.pairs,
        "updates_per_interval": options.updates,
        "trackers": [tracker.partition("=")[0] for tracker in options.tracker],
        "answers": observers.answers,
        "load_average": os.getloadavg()[0],
        "seconds_per_update": times,
    }
    write_json(options.out, {**result, **describe_origin()})
    sys.stdout.write(f"observed / alone: {ratio.ratio:.4f} {ratio.interval}, {observers.answers} answers\n")


def take_turns(
    run_dir: Path, observers: Observers, pairs: int, job: subprocess.Popen[str]
) -> dict[str, list[float]]:
    """Seconds of an update in intervals that were observed and in those that were not."""
    times: dict[str, list[float]] = {"observed": [], "alone": []}
    first = len(wait_for_rows(run_dir, 1, job)) + WARM_UP
    wait_for_rows(run_dir, first, job)
    for number in range(2 * pairs):
        # on, off, off, on: what drifts meets both alike
        is_on = number % 4 in (0, 3)
        observers.observe(is_on)
        row = wait_for_rows(run_dir, first + number + 1, job)[first + number]
        times["observed" if is_on else "alone"].append(row["sec_per_step"])
    return times


def wait_for_rows(run_dir: Path, count: int, job: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """The train rows, once there are so many."""
    path, deadline = run_dir / "metrics.jsonl", time.monotonic() + LIMIT_SECONDS
    while True:
        rows = [row for row in read_metrics(path) if row["kind"] == "train"] if path.exists() else []
        if len(rows) >= count:
            return rows
        if job.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the run ended, code {job.poll()}, or took too long")
        time.sleep(0.05)


@contextmanager
def training(run_dir: Path, updates: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A launched run that goes on until it is stopped, and the address of its metrics."""
    recipe = run_dir.parent.parent / "recipe.yaml"
    recipe.write_text(f"""
data: {{name: synthetic, classes: 10, image_size: 32, samples: 10000000}}
model: {{name: cifar_resnet20}}
worker_batch_size: 16
global_batch_size: 32
epochs: 1
optimizer: {{name: sgd, momentum: 0.9}}
schedule: {{name: constant, base_lr: 0.001, scaling: none}}
log_every: {updates}
checkpoint_every: never
tensorboard: false
cpu_threads: 1
""")
    words = ["launch", "-n", "2", "--metrics-port", "0", str(recipe), f"run_dir={run_dir}"]
    with gluonlab(words, stderr=subprocess.PIPE) as job:
        assert job.stderr is not None, "it is a pipe"
        found = re.search(r"http://\S+", job.stderr.readline())
        if found is None:
            raise SystemExit(f"no metrics port: {job.stderr.read()}")
        yield job, found[0]


@contextmanager
def watching(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The live page over ``folder``: its address and process."""
    with gluonlab(["watch", str(folder), "--port", "0"], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None, "it is a pipe"
        found = re.match(r"http://\S+", server.stdout.readline())
        if found is None:
            raise SystemExit("no live page: install gluonlab[watch]")
        yield found[0], server


@contextmanager
def gluonlab(words: Sequence[str], **pipes: int) -> Iterator[subprocess.Popen[str]]:
    """The command, until it is not needed any more."""
    command = [sys.executable, "-m", "gluonlab.cli.main", *words]
    process = subprocess.Popen(command, text=True, **{"stdout": subprocess.DEVNULL, **pipes})  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGINT)
        process.wait(60)


@contextmanager
def following(run_dir: Path, tracker: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The process that follows the run for ``tracker``, as a run with `trackers` starts it."""
    name, _, python = tracker.partition("=")
    variables = {
        "PYTHONPATH": str(ROOT),
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder.absolute()}/mlflow.db",
        "TRACKIO_DIR": f"{folder.absolute()}/trackio",
        "WANDB_MODE": "offline",
        "WANDB_DIR": str(folder.absolute()),
    }
    words = ["-m", "gluonlab.reporting.trackers.child", str(run_dir), name, "600", "600"]
    process = subprocess.Popen(
        [python or sys.executable, *words],
        stdin=subprocess.PIPE,
        env={**os.environ, **variables},
    )
    try:
        yield process
    finally:
        assert process.stdin is not None, "it is a pipe"
        process.send_signal(signal.SIGCONT)
        process.stdin.close()
        process.wait(120)


if __name__ == "__main__":
    main()
