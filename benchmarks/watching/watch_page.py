"""The live page over 2,000 runs and a metrics file of 1,000,000 rows: first paint, list, long curve, memory.

python -m benchmarks.watching.watch_page [--runs 2000] [--rows 1000000] [--rounds 5] [--note TEXT]

Takes about five minutes. The first paint is a browser's, with Playwright and chromium; else it is left out.
The result is benchmarks/results/watch_page.json.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import importlib.util
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, Optional

import psutil

from benchmarks.tables import ROOT, Sections

RESULT = ROOT / "benchmarks/results/watch_page.json"
CHROMIUM = shutil.which("chromium")
Timing = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5, help="servers that are started one after the other")
    parser.add_argument("--note", default="", help="what else the machine had to do")
    parser.add_argument("-o", "--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_runs(folder, arguments.runs, arguments.rows)
        rounds = [measure(folder) for _ in range(arguments.rounds)]
    facts = {"runs": arguments.runs, "rows": arguments.rows, "note": arguments.note}
    result = {"benchmark": "watch_page", **facts, "date": time.strftime("%Y-%m-%d"), "rounds": rounds}
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")


def make_runs(folder: Path, runs: int, rows: int) -> None:
    """Finished runs of 200 rows each, and ``long``, whose metrics file has ``rows`` rows."""
    lines = [_row(step) for step in range(200)]
    for number in range(runs - 1):
        _make_run(folder / f"run-{number:05d}", number).write_text("".join(lines))
    with _make_run(folder / "long", runs).open("w") as file:
        for step in range(rows):
            file.write(_row(step))


def _make_run(run: Path, seed: int) -> Path:
    run.mkdir()
    config = {"config": {"seed": seed, "global_batch_size": 64}, "total_steps": 1_000_000, "processes": 2}
    (run / "config.json").write_text(json.dumps(config))
    (run / "summary.json").write_text(json.dumps({"steps": 200, "top1": 0.9}))
    return run / "metrics.jsonl"


def _row(step: int) -> str:
    values = {"epoch": step / 100, "loss": 1.25, "top1": 0.5, "images_per_sec": 900.0, "sec_per_step": 0.07}
    return (
        json.dumps({"kind": "train", "step": step, "time": step * 1.5, "learning_rate": 0.1, **values}) + "\n"
    )


def measure(folder: Path) -> Timing:
    """One server: seconds to the first list and to later ones, of the long curve, and the most memory."""
    with _serving(folder) as (port, process):
        timing: Timing = {}
        paint = _first_paint(port)
        if paint is not None:
            timing["browser_paint"] = paint
        timing["first_list"] = _whole_list(port)
        timing["later_list"] = median(_seconds(port, "/api/runs") for _ in range(5))
        timing["first_points"], timing["all_points"], timing["list_meanwhile"] = _long_curve(port)
        timing["memory_mib"] = process.memory_info().rss / 2**20
    return timing


@contextlib.contextmanager
def _serving(folder: Path) -> Iterator[tuple[int, psutil.Process]]:
    command = [sys.executable, "-m", "gluonlab.cli.main", "watch", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        assert server.stdout
        found = re.match(r"http://[\d.]+:(\d+)/", server.stdout.readline())
        assert found, "no server"
        yield int(found.group(1)), psutil.Process(server.pid)
        server.send_signal(signal.SIGINT)


def _get(port: int, path: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def _seconds(port: int, path: str) -> float:
    began = time.perf_counter()
    _get(port, path)
    return time.perf_counter() - began


def _whole_list(port: int) -> float:
    """Seconds until every run is in the list; each answer has what was read by then."""
    began = time.perf_counter()
    while _get(port, "/api/runs")["unread"]:
        pass
    return time.perf_counter() - began


def _long_curve(port: int) -> tuple[float, float, float]:
    """Seconds until the first points are there, until all are, and of the slowest list meanwhile."""
    began, first, slowest = time.perf_counter(), 0.0, 0.0
    while True:
        answer = _get(port, "/api/series?run=long&value=train.loss")
        first = first or time.perf_counter() - began
        if answer["read"] >= answer["size"]:
            return first, time.perf_counter() - began, slowest
        slowest = max(slowest, _seconds(port, "/api/runs"))


def _first_paint(port: int) -> Optional[float]:
    """Seconds from the navigation to the first row of the table, in a browser; None without one."""
    if CHROMIUM is None or importlib.util.find_spec("playwright") is None:
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/", wait_until="domcontentloaded")
        page.locator("#runs tr").first.wait_for()
        seconds = float(page.evaluate("performance.now()")) / 1000
        browser.close()
    return seconds


NAMES = {
    "browser_paint": "first row of the table in a browser (the server's first request)",
    "first_list": "list of all runs, asked for after that",
    "later_list": "list of all runs, nothing having changed",
    "first_points": "first points of the long curve",
    "all_points": "the whole long curve, in parts of 4 MB",
    "list_meanwhile": "slowest list while the long curve is read",
}


def render(results: Path) -> str:
    """Median and range of each time, and the server's memory."""
    result = json.loads((results / "watch_page.json").read_text())
    rounds: list[Timing] = result["rounds"]
    lines = ["| | median | range |", "|---|--:|--:|"]
    for name, words in NAMES.items():
        values = [one[name] for one in rounds if name in one]
        if values:
            lines.append(f"| {words} | {median(values):.2f} s | {min(values):.2f} to {max(values):.2f} s |")
    memory = [one["memory_mib"] for one in rounds]
    lines.append(f"| memory of the server at the end | {median(memory):.0f} MiB | to {max(memory):.0f} MiB |")
    head = f"{result['runs']:,} runs, one with {result['rows']:,} rows; {len(rounds)} servers in turn."
    note = f" {result['note']}" if result["note"] else ""
    link = "[watch_page.json](../benchmarks/results/watch_page.json)"
    return "\n".join([f"{head}{note} {link}.", "", *lines, ""])


WATCH_SECTIONS: Sections = {"watch": render}


if __name__ == "__main__":
    main()
