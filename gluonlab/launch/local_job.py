"""P workers on this host's loopback, started and ended together, with a parameter server if one is wanted.

usage: python -m gluonlab.launch.local_job KIND PROCESSES COMMAND ...

KIND is "kvstore", with MXNet's scheduler and server, or "torch", without.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from functools import partial
from platform import node

from gluonlab.parallel.environment import KVSTORE_LAUNCHER
from gluonlab.runtime.parent import end_with_parent
from gluonlab.supervision.variables import ADDRESS

# Seconds for the other processes to end by themselves, and so to report, once one has failed or all are done.
GRACE = 5.0

Process = subprocess.Popen[bytes]


def run_job(kind: str, command: Sequence[str], processes: int) -> int:
    """Run ``command`` as each of ``processes`` workers; the exit code of the first that fails, or 0."""
    meeting_point, servers = {}, {}
    if kind == "kvstore":
        meeting_point = _meeting_point(processes)
        server = [sys.executable, "-m", "gluonlab.parallel.kvstore_server"]
        of_servers = {**os.environ, **meeting_point, "OMP_NUM_THREADS": "1"}
        servers = {role: _start([*server, role], of_servers) for role in ("scheduler", "server")}
        meeting_point["DMLC_ROLE"] = "worker"
    elif ADDRESS not in os.environ:  # else the launcher tells where
        meeting_point = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port())}
    workers = {
        f"rank {rank}": _start(command, {**os.environ, **meeting_point, **_place(rank, processes)})
        for rank in range(processes)
    }
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, lambda number, _: _send(number, workers.values()))
    try:
        failed = _first_failure(workers, servers)
        _wait([*workers.values(), *(servers.values() if failed is None else ())], GRACE)
    finally:
        _send(signal.SIGKILL, [*workers.values(), *servers.values()])
    if failed is None:
        return 0
    process = workers.get(failed) or servers[failed]
    if process.returncode < 0:
        _report_death(failed, process)
    return process.returncode if process.returncode > 0 else 128 - process.returncode


def _meeting_point(processes: int) -> dict[str, str]:
    """Variables of ps-lite: everybody meets at the scheduler, on a port that is free now."""
    return {
        "DMLC_PS_ROOT_URI": "127.0.0.1",
        "DMLC_PS_ROOT_PORT": str(_free_port()),
        "DMLC_NODE_HOST": "127.0.0.1",  # listen nowhere else
        "DMLC_NUM_WORKER": str(processes),
        "DMLC_NUM_SERVER": "1",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _place(rank: int, processes: int) -> dict[str, str]:
    return dict(zip(KVSTORE_LAUNCHER, map(str, (processes, rank, rank, processes))))


def _start(command: Sequence[str], environment: dict[str, str]) -> Process:
    return subprocess.Popen(command, env=environment, preexec_fn=partial(end_with_parent, signal.SIGKILL))


def _first_failure(workers: dict[str, Process], servers: dict[str, Process]) -> str | None:
    """The name of the first process that fails; None once all workers have ended well."""
    while True:
        for name, process in {**workers, **servers}.items():
            if process.poll():
                return name
        if all(process.poll() == 0 for process in workers.values()):
            return None
        time.sleep(0.05)


def _wait(processes: Sequence[Process], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))


def _send(number: int, processes: Iterable[Process]) -> None:
    for process in processes:
        if process.poll() is None:
            process.send_signal(number)
            if number == signal.SIGKILL:
                process.wait()


def _report_death(name: str, process: Process) -> None:
    """Tell the launcher, in the words of mpirun, of a process that could not do it itself."""
    where = f"with PID {process.pid} on node {node()} exited on signal {-process.returncode}"
    sys.stderr.write(f"local_job: process {name} {where}\n")


if __name__ == "__main__":
    sys.exit(run_job(sys.argv[1], sys.argv[3:], int(sys.argv[2])))
