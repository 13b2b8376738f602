"""What an installation costs and what works after it: on each Python for CPUs, then the packages for GPUs.

python -m benchmarks.machines.installation                  # all rows, in about half an hour
python -m benchmarks.machines.installation cpu-3.9 cu112    # these rows alone, the others stay

Writes benchmarks/results/installation.json and its table in docs/gpu.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

from benchmarks.tables import ROOT
from gluonlab.bench.machine import describe_machine
from gluonlab.checkout import git_commit
from gluonlab.reporting.run_files import read_json, write_json
from tests.cuda_driver_stub import build_driver

RESULT = ROOT / "benchmarks/results/installation.json"
LINK = "[installation.json](../benchmarks/results/installation.json)"
PAGE, BEGIN, END = ROOT / "docs/gpu.md", "<!-- installation -->", "<!-- /installation -->"
PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
NAMES = (*(f"cpu-{version}" for version in PYTHONS), "cu112")

Row = dict[str, Any]
Findings = dict[str, dict[str, str]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; default: all")
    parser.add_argument("--note", default="nothing else ran", help="what else the machine had to do")
    arguments = parser.parse_args()
    names = arguments.names or NAMES
    rows = {row["name"]: row for row in read_json(RESULT)["rows"]} if RESULT.exists() else {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            made = {"date": time.strftime("%Y-%m-%d"), "note": arguments.note}
            rows[name] = {"name": name, **measure(name, Path(folder)), **made}
        print(json.dumps(rows[name]), flush=True)
        ordered = [rows[known] for known in NAMES if known in rows]
        origin = {"machine": describe_machine(), "git_commit": git_commit()}
        write_json(RESULT, {"benchmark": "installation", "rows": ordered, **origin})
        PAGE.write_text(fill_in(PAGE.read_text()))


def measure(name: str, folder: Path) -> Row:
    """One row: all is installed anew, Horovod built as well."""
    flavour, _, version = name.partition("-")
    python = find_python(version) if version else base_python()
    if python is None:
        sys.exit(f"no Python {version} on this machine")
    installation = Installation(folder, python)
    row = installation.install(flavour)
    if flavour == "cu112":
        row["doctor_without_driver"] = _words(installation.examine(), ("gpu driver", "mxnet"))
        installation.environment["LD_LIBRARY_PATH"] = build_driver(folder)
    row["horovod_seconds"] = installation.build_horovod(flavour)
    tests = ("training step", "all-reduce", "checkpoint")
    row.update(import_seconds=installation.import_seconds(), doctor=_words(installation.examine(), tests))
    row.update(installation.train(processes=2))
    return row


class Installation:
    """An environment in ``folder`` made by the installer, and what is done in it."""

    def __init__(self, folder: Path, python: str) -> None:
        self._folder = folder
        self._venv = folder / "venv"
        self.environment = {
            **os.environ,
            "GLUONLAB_VENV": str(self._venv),
            "GLUONLAB_PYTHON": python,
            "GLUONLAB_CACHE": str(folder / "cache"),
        }

    def install(self, flavour: str) -> Row:
        """Seconds for all packages but Horovod, gigabytes on the disk."""
        seconds = self._install(flavour, "--without-horovod")
        [site] = self._venv.glob("lib/python*/site-packages")
        return {
            "python": site.parent.name.replace("python", ""),
            "packages_seconds": seconds,
            "environment_gb": _gigabytes(self._venv),
            "mxnet_gb": _gigabytes(site / "mxnet"),
            "cuda_gb": _gigabytes(site / "nvidia"),
        }

    def build_horovod(self, flavour: str) -> float:
        """Seconds; MXNet must load, so the GPU packages need a driver by now."""
        return self._install(flavour)

    def examine(self) -> Findings:
        """What the doctor finds, by name."""
        return {
            finding["name"]: finding for finding in json.loads(self._run("doctor", "--json", "-"))["findings"]
        }

    def import_seconds(self) -> float:
        """From nothing to MXNet, in a process of its own."""
        code = "import time; t = time.monotonic(); import gluonlab.runtime.mxnet; print(time.monotonic() - t)"
        job = subprocess.run(
            [self._venv / "bin/python", "-c", code],
            env=self.environment, check=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return round(float(job.stdout), 2)

    def train(self, processes: int) -> Row:
        """Two epochs of real digits on the CPU."""
        run = self._folder / "run"
        verb = ("train",) if processes == 1 else ("launch", "-n", str(processes))
        self._run(*verb, "configs/digits.yaml", "epochs=2", "schedule.warmup_epochs=0", "ctx=cpu",
                  f"run_dir={run}")  # fmt: skip
        summary = read_json(run / "summary.json")
        return {key: summary[key] for key in ("processes", "val_images", "top1", "wall_seconds")}

    def _install(self, *arguments: str) -> float:
        start = time.monotonic()
        subprocess.run([str(ROOT / "scripts/install.sh"), *arguments], check=True, env=self.environment)
        return round(time.monotonic() - start, 1)

    def _run(self, *words: str) -> str:
        """What the verb prints; its code is in what it says."""
        command = [str(self._venv / "bin/gluonlab"), *words]
        return subprocess.run(
            command, env=self.environment, cwd=ROOT, stdout=subprocess.PIPE, text=True
        ).stdout


def fill_in(page: str, result: Path = RESULT) -> str:
    """``page`` with the table of the result between the markers."""
    before, rest = page.split(BEGIN)
    table = render(read_json(result)) if result.exists() else "Not measured yet."
    return f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}"


def render(result: Row) -> str:
    """The rows as a table in Markdown."""
    lines = [
        "| packages | Python | packages | Horovod built | on disk | of it CUDA | import | digits, top-1 | |",
        "|---|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for row in result["rows"]:
        lines.append(
            f"| {row['name'].split('-')[0]} | {row['python']} | {row['packages_seconds']:.0f} s "
            f"| {row['horovod_seconds']:.0f} s | {row['environment_gb']:.1f} GB | {row['cuda_gb']:.1f} GB "
            f"| {row['import_seconds']:.1f} s | {row['top1']:.1%} "
            f"| {row['note']} |"
        )
    machine = result["machine"]
    return "\n".join([*lines, "", f"{machine['cores']} cores of {machine['processor']}; {LINK}."])


def find_python(version: str) -> Optional[str]:
    """A Python of this version, from pyenv or from the path."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    candidates = [*sorted(pyenv.glob(f"{version}.*/bin/python3")), shutil.which(f"python{version}")]
    return next((str(path) for path in candidates if path), None)


def base_python() -> str:
    """The Python that the one in use came from."""
    return f"{sys.base_prefix}/bin/python3"


def _words(findings: Mapping[str, Mapping[str, str]], names: tuple[str, ...]) -> dict[str, str]:
    return {
        name: f"{findings[name]['state']}: {findings[name]['found']}" for name in names if name in findings
    }


def _gigabytes(folder: Path) -> float:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return round(sum(path.stat().st_size for path in files) / 1e9, 2)


if __name__ == "__main__":
    main()
