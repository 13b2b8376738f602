"""What every result file says of where it was made."""

from __future__ import annotations

import time
from typing import Any

from gluonlab.build.run import package_versions
from gluonlab.checkout import git_commit


def describe_origin() -> dict[str, Any]:
    """Where and with what a result was made."""
    from gluonlab.bench.machine import describe_machine  # imports MXNet, which most scripts do without

    return {
        "machine": describe_machine(),
        "versions": package_versions(),
        "git_commit": git_commit(),
        "date": time.strftime("%Y-%m-%d"),
    }
