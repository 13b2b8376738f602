"""What a death costs: runs of 2 or 4 processes, one of which is killed again and again at random moments.

python -m benchmarks.reliability.killed_runs -o benchmarks/results/killed_runs/digits.json    # nine minutes
python -m benchmarks.reliability.killed_runs --network resnet50 -o resnet50.json

A run is killed once for each restart, at a random moment after its first update, in a random process. Its
weights at the end are compared with those of the undisturbed run. An update is repeated if a process that
survived had finished it: none is where the last one was handed over. `asked_for` is the step to which the
process that died had asked for updates, up to two of which the device had not finished.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks.origin import describe_origin
from benchmarks.tables import Sections
from gluonlab.reporting.run_files import read_metrics, write_json

RECIPES = {
    "digits": ["configs/digits.yaml", "epochs=12", "eval_every=4"],
    "resnet50": [
        "configs/smoke.yaml", "model.name=resnet50_v1b", "data.image_size=64", "data.classes=1000",
        "data.samples=480", "global_batch_size=16", "worker_batch_size=4",
    ],
}  # fmt: skip
COMMON = ["log_every=1", "checkpoint_every=10min", "tensorboard=false"]
KILLS_OF_A_RUN = 5
# Of one death: where it died, what was handed over, and the seconds of the restart.
_DEATH = re.compile(r"died of SIGKILL at step (?P<asked_for>\d+)")
_LEFT = re.compile(r"nothing is lost: rank \d+ hands over step (\d+)")
_SPLIT = re.compile(r"restart \d+, in seconds: (.*)")


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--network", choices=sorted(RECIPES), default="digits")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--backend", default="mpi")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", type=Path, required=True)
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        whole = _run(Path(folder) / "whole", arguments, 0, draw)
        if whole["code"]:
            sys.exit("the undisturbed run failed")
        deaths: list[dict[str, Any]] = []
        runs: list[dict[str, Any]] = []
        while len(deaths) < arguments.kills and len(runs) < arguments.kills:
            kills = min(KILLS_OF_A_RUN, arguments.kills - len(deaths))
            run = _run(Path(folder) / f"run-{len(runs)}", arguments, kills, draw)
            runs.append({"code": run["code"], "same_weights": run["weights"] == whole["weights"]})
            deaths += run["deaths"]
            print(f"{len(deaths)} of {arguments.kills} deaths, {runs[-1]}, {run['deaths']}", flush=True)
    result = {
        **describe_origin(),
        **_asked(arguments),
        **_summary(deaths, runs),
        "runs": runs,
        "deaths": deaths,
    }
    write_json(arguments.out, result)
    print(
        json.dumps({key: value for key, value in result.items() if key not in ("runs", "deaths")}, indent=1)
    )


def _asked(arguments: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(arguments, name) for name in ("network", "processes", "kills", "backend", "seed")}


def _summary(deaths: list[dict[str, Any]], runs: list[dict[str, Any]]) -> dict[str, Any]:
    seconds = [death["all"] for death in deaths if "all" in death]
    same = sum(run["same_weights"] for run in runs)
    lossless = sum(death["repeated"] == 0 for death in deaths)
    return {
        "runs_with_the_same_weights": f"{same} of {len(runs)}",
        "deaths_without_a_repeated_update": f"{lossless} of {len(deaths)}",
        "median_seconds_to_the_next_update": median(seconds) if seconds else None,
        "worst_seconds_to_the_next_update": max(seconds, default=None),
    }


def _run(run_dir: Path, arguments: argparse.Namespace, kills: int, draw: random.Random) -> dict[str, Any]:
    """One run with as many ``kills``, if it lasts so long."""
    command = [
        "launch",
        "-n",
        str(arguments.processes),
        "--backend",
        arguments.backend,
        "--max-restarts",
        "1000",
    ]
    command += [*RECIPES[arguments.network], *COMMON, f"run_dir={run_dir}"]
    errors = run_dir.with_suffix(".err")
    with errors.open("w") as stderr:
        job = subprocess.Popen(
            [sys.executable, "-m", "gluonlab.cli.main", *command], stdout=subprocess.DEVNULL, stderr=stderr
        )
        for number in range(kills):
            if not _wait_for_updates(job, run_dir, number):
                break
            time.sleep(draw.uniform(0.0, 1.0))
            _kill_one(job, draw)
        code = job.wait()
    text = errors.read_text()
    if code:
        print(text, file=sys.stderr)
    summary = run_dir / "summary.json"
    weights = json.loads(summary.read_text())["weights_sha256"] if summary.exists() else None
    return {"code": code, "weights": weights, "deaths": _deaths(text)}


def _wait_for_updates(job: subprocess.Popen[bytes], run_dir: Path, restarts: int) -> bool:
    """Wait until the start after so many ``restarts`` has logged an update; False if the job ends before."""
    while job.poll() is None:
        rows = read_metrics(run_dir / "metrics.jsonl") if (run_dir / "metrics.jsonl").exists() else []
        kinds = [row["kind"] for row in rows]
        if kinds.count("resume") >= restarts and kinds[-1:] == ["train"]:
            return True
        time.sleep(0.02)
    return False


def _kill_one(job: subprocess.Popen[bytes], draw: random.Random) -> None:
    """SIGKILL to one of the processes that train."""
    try:
        family = psutil.Process(job.pid).children(recursive=True)
        parents = {process.ppid() for process in family}
        training = [one for one in family if "train" in one.cmdline() and one.pid not in parents]
        os.kill(draw.choice(sorted(training, key=lambda one: one.pid)).pid, 9)
    except (psutil.NoSuchProcess, ProcessLookupError, IndexError):
        return  # the job has just ended


def _deaths(text: str) -> list[dict[str, Any]]:
    """What the launcher said of each."""
    found: list[dict[str, Any]] = []
    for line in text.splitlines():
        if death := _DEATH.search(line):
            found.append({"asked_for": int(death[1]), "handed_over": None, "repeated": None})
        elif left := _LEFT.search(line):
            found[-1].update(handed_over=int(left[1]), repeated=0)
        elif split := _SPLIT.search(line):
            parts = (part.rsplit(" ", 1) for part in split[1].split(", "))
            found[-1].update({name: float(seconds) for name, seconds in parts})
    return found


def render_killed_runs(results: Path) -> str:
    """A row for each result: what was lost, and where the seconds to the next update went."""
    lines = [
        "| network | processes | deaths | nothing repeated | runs with the weights of the undisturbed "
        "| seconds to the next update: median, worst |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    notes = []
    for path in sorted((results / "killed_runs").glob("*.json")):
        found = json.loads(path.read_text())
        seconds = [found[f"{which}_seconds_to_the_next_update"] for which in ("median", "worst")]
        lines.append(
            f"| [{path.stem}](../benchmarks/results/killed_runs/{path.name}) | {found['processes']} | "
            f"{len(found['deaths'])} | {found['deaths_without_a_repeated_update']} | "
            f"{found['runs_with_the_same_weights']} | {seconds[0]:.1f}, {seconds[1]:.1f} |"
        )
        parts = [part for part in found["deaths"][-1] if part not in _NO_PART]
        medians = (median(death[part] for death in found["deaths"] if part in death) for part in parts)
        split = ", ".join(f"{part} {value:.2f}" for part, value in zip(parts, medians))
        machine = f"{found['machine']['cores']} cores of {found['machine']['processor']}"
        notes += ["", f"{path.stem}, medians in seconds: {split}. {machine}."]
    return "\n".join([*lines, *notes]) + "\n"


_NO_PART = ("asked_for", "handed_over", "repeated", "all")
KILLED_SECTIONS: Sections = {"killed runs": render_killed_runs}

if __name__ == "__main__":
    main()
