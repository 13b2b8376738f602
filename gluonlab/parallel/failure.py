"""How a failed rank tells the launcher what happened, so that the first faulty rank is the one named."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from platform import node

from gluonlab.errors import GluonlabError, Problem
from gluonlab.parallel.environment import launched_process
from gluonlab.parallel.world import PeerFailedError

# Set by the launcher: a private directory for the reports of this launch.
REPORT_DIRECTORY = "GLUONLAB_REPORT_DIR"

# What Horovod's collectives say on the ranks that did nothing wrong.
_PEER_SIGNS = ("Horovod has been shut down", "Connection reset by peer", "Connection closed by peer")


@dataclass(frozen=True)
class FailureReport:
    """What one rank wrote when it failed."""

    rank: int
    host: str
    time: float
    exit_code: int
    problems: tuple[Problem, ...]
    is_victim: bool


def as_rank_failure(error: BaseException, shown: GluonlabError, rank: int) -> GluonlabError:
    """``shown``, or `PeerFailedError` if this rank did nothing wrong but lost its peer."""
    if not isinstance(error, GluonlabError) and any(sign in str(error) for sign in _PEER_SIGNS):
        return PeerFailedError("CLU10", f"rank {rank}", "a peer process ended")
    return shown


def tell_launcher(error: GluonlabError) -> None:
    """Leave a report where the launcher looks; nothing if there is no launcher of ours."""
    directory = os.environ.get(REPORT_DIRECTORY)
    if directory:
        rank = launched_process().rank
        write_report(Path(directory) / f"rank-{rank:05d}.json", error, rank)


def write_report(path: Path, error: GluonlabError, rank: int) -> None:
    """Write what ``rank`` failed of as JSON, with the traceback that is being handled.

    A report that is there stays: it is the first.
    """
    report = {
        "rank": rank,
        "host": node(),
        "pid": os.getpid(),
        "time": time.time(),
        "exit_code": error.exit_code,
        "message": str(error),
        "problems": [asdict(problem) for problem in error.problems],
        "is_victim": isinstance(error, PeerFailedError),
        "traceback": traceback.format_exc(),
    }
    try:
        with path.open("x") as file:
            file.write(json.dumps(report, indent=2) + "\n")
    except OSError:
        return  # a full disk must not take the place of the error itself


def end_failed_rank(exit_code: int) -> None:
    """End this process at once if it is one of several; otherwise return.

    The ordinary way out would wait for collectives that no other process will join.
    """
    if launched_process().size > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)


def read_reports(directory: Path) -> list[FailureReport]:
    """The reports of a launch: the faulty first, then its victims, each by time."""
    reports = []
    for path in directory.glob("rank-*.json"):
        try:
            raw = json.loads(path.read_text())
            values = {key: raw[key] for key in FailureReport.__dataclass_fields__}
            values["problems"] = tuple(Problem(**problem) for problem in raw["problems"])
            reports.append(FailureReport(**values))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # a rank killed while it wrote; the others tell
    return sorted(reports, key=lambda report: (report.is_victim, report.time))
