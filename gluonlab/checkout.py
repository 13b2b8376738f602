"""Which state of the source runs."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Optional


def git_commit() -> Optional[str]:
    """The commit of gluonlab's own checkout that this code runs from; None outside one."""
    root = Path(__file__).parents[1]
    command = ["git", "-C", str(root), "rev-parse", "--show-toplevel", "HEAD"]
    try:
        top, commit = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=10
        ).stdout.split()
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return commit if Path(top) == root.resolve() else None
