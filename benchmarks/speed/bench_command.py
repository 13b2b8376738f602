"""What the thin scripts share: one `gluonlab bench` command, its result in the file named by ``-o``."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Optional


def run_bench(about: Optional[str], *command: str) -> None:
    """Run ``gluonlab bench COMMAND`` with what else the user typed; ends with its exit code."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="result file")
    arguments, more = parser.parse_known_args()
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    program = [sys.executable, "-m", "gluonlab.cli.main", "bench", *command, *more]
    sys.exit(subprocess.run([*program, "--json", str(arguments.output)]).returncode)
