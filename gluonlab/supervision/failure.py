"""How a failed rank tells the launcher what happened, so that the first faulty rank is the one named."""

from __future__ import annotations

import json
import os
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from platform import node
from typing import Any

from gluonlab.errors import ClusterError, GluonlabError, PeerFailedError, Problem
from gluonlab.parallel.environment import launched_process
from gluonlab.supervision.line import launcher_line

# So long a process that did nothing wrong may be asked for its state.
STAY_SECONDS = 60.0
# What collectives of Horovod and PyTorch say on the ranks that did nothing wrong.
_PEER_SIGNS = (
    "Horovod has been shut down",
    "Connection reset by peer",
    "Connection closed by peer",
    "failed to recv, got 0 bytes",
    "ncclRemoteError",
)


@dataclass(frozen=True)
class FailureReport:
    """What one rank wrote when it failed."""

    rank: int
    host: str
    time: float
    exit_code: int
    problems: tuple[Problem, ...]
    is_victim: bool

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> FailureReport:
        """Read what `report_of` made; KeyError, TypeError or ValueError for anything else."""
        values = {key: raw[key] for key in cls.__dataclass_fields__}
        values["problems"] = tuple(Problem(**problem) for problem in raw["problems"])
        report = cls(**values)
        if not report.problems or not isinstance(report.exit_code, int):
            raise ValueError("not a report")
        return report


def as_rank_failure(error: BaseException, shown: GluonlabError, rank: int) -> GluonlabError:
    """``shown``, or `PeerFailedError` if this rank did nothing wrong but lost its peer."""
    if not isinstance(error, GluonlabError) and any(sign in str(error) for sign in _PEER_SIGNS):
        return PeerFailedError("CLU10", f"rank {rank}", "a peer process ended")
    return shown


def tell_launcher(error: GluonlabError) -> bool:
    """Report to the launcher, which tells once for all ranks; False if there is none of ours."""
    try:
        line = launcher_line()
    except ClusterError:
        return False
    if line is None:
        return False
    line.tell_recorder()
    line.tell({"report": report_of(error, launched_process().rank)})
    if isinstance(error, PeerFailedError):
        line.stay(STAY_SECONDS)
    return True


def report_of(error: GluonlabError, rank: int) -> dict[str, Any]:
    """What ``rank`` failed of as JSON data, with the traceback that is being handled."""
    return {
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


def write_report(path: Path, error: GluonlabError, rank: int) -> None:
    """Write `report_of` to ``path``. A report that is there stays: it is the first."""
    try:
        with path.open("x") as file:
            file.write(json.dumps(report_of(error, rank), indent=2) + "\n")
    except OSError:
        return  # a full disk must not take the place of the error itself
