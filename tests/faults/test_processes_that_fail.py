"""A process dies, freezes, loops, skips a collective: the job ends in time, names it, and nothing is lost."""

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass

import pytest

from tests.faults.harness import (
    KILL,
    RECIPE,
    ROOT,
    Job,
    check_nothing_lost,
    has_logged,
    launch,
    parameters,
    run,
    send,
    sha_of,
)

AT_9 = r"error\[CLU10\] rank {} \(\S+, pid \d+\): {} at step 9 \(training\)"


@dataclass
class Case:
    name: str
    promise: str
    fault: str
    code: int
    message: str
    options: tuple = ()

    def __str__(self):
        return self.name


CASES = [
    Case("SIGKILL of rank 1", "R8", "step:1:9:kill9", 7, AT_9.format(1, "died of SIGKILL")),
    Case("SIGKILL of rank 0", "R8", "step:0:9:kill9", 7, AT_9.format(0, "died of SIGKILL")),
    Case("crash (SIGSEGV)", "R8", "step:1:9:segv", 7, AT_9.format(1, "died of SIGSEGV")),
    Case("abort (SIGABRT)", "R8", "step:1:9:abort", 7, AT_9.format(1, "died of SIGABRT")),
    Case("exit 0 before the end", "R8", "step:1:9:exit0", 7, AT_9.format(1, "ended before its work was done")),
    Case("exit 3", "R8", "step:1:9:exit3", 7, AT_9.format(1, "ended with code 3 before its work was done")),
    Case("exception", "R8", "step:1:9:raise", 70, r"error\[BUG01\] RuntimeError: injected"),
    Case("exception while others save", "R8", "step:1:8:raise", 70, r"error\[BUG01\] RuntimeError: injected"),
    Case("SIGKILL before the first step", "R8", "start:1:1:kill9", 7, r"rank 1 \(\S+, pid \d+\): died of SIGKILL"),
    Case("SIGKILL in validation", "R8", "validate:1:1:kill9", 7, r"died of SIGKILL at step 23 \(validating\)"),
    Case("SIGKILL while waiting for data", "R8", "data:1:20:kill9", 7, AT_9.format(1, "died of SIGKILL")),
    Case("endless wait", "R7", "step:1:9:hang", 7, r"CLU15\] rank 1 .*no progress for \d+ s at step 9"),
    Case("endless loop", "R7", "step:1:9:loop", 7, r"CLU15\] rank 1 .*no progress for \d+ s at step 9"),
    Case("endless call that holds the interpreter", "R7", "step:1:9:hold", 7, r"CLU13\] rank 1 .*no heartbeat"),
    Case("frozen (SIGSTOP)", "R7", "step:1:9:stop", 7, r"CLU13\] rank 1 .*no heartbeat for \d+ s at step 9"),
    Case("frozen rank 0", "R7", "step:0:9:stop", 7, r"CLU13\] rank 0 .*no heartbeat"),
    Case("starved of data", "R7", "data:1:20:hang", 7, r"CLU15\] rank 1 .*\(waiting for data\)"),
    Case("stuck in validation", "R7", "validate:1:1:hang", 7, r"CLU15\] rank 1 .*\(validating\)"),
    Case("collective left out", "R7", "collective:1:40:skip", 7, r"CLU15\] rank 1 .*entered '\S+' where the others entered '\S+'"),
    Case("collective of another name", "R7", "collective:1:40:rename", 7, r"CLU15\] rank \d .*entered '(another)?\S*' where the others"),
    Case("never starts", "R7", "start:1:1:hang", 7, r"CLU15\] rank 1 .*\(starting\)", ("--startup-limit", 20)),
    Case("save killed in a write", "R1", "save.write:0:9:kill9", 7, r"rank 0 \(.*died of SIGKILL"),
    Case("save killed before its rename", "R1", "save.rename:0:2:kill9", 7, r"rank 0 \(.*died of SIGKILL"),
    Case("save killed after its rename", "R1", "save.renamed:0:2:kill9", 7, r"rank 0 \(.*died of SIGKILL"),
    Case("save killed in a sync", "R1", "save.fsync:0:8:kill9", 7, r"rank 0 \(.*died of SIGKILL"),
]  # fmt: skip


# Close to others, or part of a sweep.
SLOWLY = ("abort (SIGABRT)", "exception while others save", "SIGKILL while waiting for data", "save killed in a sync",
          "save killed before its rename", "save killed after its rename")  # fmt: skip


@pytest.mark.faults
@pytest.mark.parametrize("case", parameters(CASES, SLOWLY), ids=str)
def test_a_fault_is_named_and_nothing_is_lost(case, tmp_path, undisturbed, table):
    run_dir = tmp_path / "run"
    ended = run(run_dir, *case.options, fault=case.fault)
    assert ended.code == case.code, ended.errors
    assert re.search(case.message, ended.last_line), ended.errors
    assert "Traceback" not in ended.errors
    assert len([line for line in ended.errors.splitlines() if line.startswith("error[")]) == 1
    if case.promise == "R7" and "STOP" not in case.name and "interpreter" not in case.name:
        logs = "".join(path.read_text() for path in (run_dir / "logs").iterdir())
        assert "most recent call first" in logs or "frozen" in case.name
    lost = check_nothing_lost(run_dir, undisturbed)
    table.add(case.promise, case.name, f"exit {ended.code}, {ended.last_line}", ended.seconds, lost)


GLOO_TOO = ("SIGKILL of rank 1", "collective left out")
SLOWLY_TOO = ("frozen (SIGSTOP)", "exit 0 before the end", "endless wait", "crash (SIGSEGV)", "exception")
GLOO = [case for case in CASES if case.name in GLOO_TOO + SLOWLY_TOO]


@pytest.mark.faults
@pytest.mark.parametrize("case", parameters(GLOO, SLOWLY_TOO), ids=str)
def test_the_same_over_gloo(case, tmp_path, undisturbed, table):
    run_dir = tmp_path / "run"
    ended = run(run_dir, "--backend", "gloo", fault=case.fault)
    assert ended.code == case.code, ended.errors
    assert re.search(case.message, ended.last_line), ended.errors
    lost = check_nothing_lost(run_dir, undisturbed)
    table.add(
        case.promise, f"{case.name}, Gloo", f"exit {ended.code}, {ended.last_line}", ended.seconds, lost
    )


@pytest.mark.faults
@pytest.mark.parametrize("backend", ["mpi", pytest.param("gloo", marks=pytest.mark.slow)])
def test_a_process_that_is_40_s_late_is_told_and_waited_for(tmp_path, undisturbed, table, backend):
    ended = run(tmp_path / "run", "--backend", backend, fault="start:1:1:late")
    assert ended.code == 0, ended.errors
    assert re.fullmatch(r"rank 1 has not started yet; waited \d+ of 90 s", ended.errors.strip())
    assert sha_of(tmp_path / "run") == undisturbed
    table.add("R7", f"40 s late at the start, {backend}", "told, exit 0", ended.seconds, "same weights")


@pytest.mark.faults
@pytest.mark.slow
def test_a_process_that_is_later_than_the_limit_ends_the_job(tmp_path, undisturbed, table):
    ended = run(tmp_path / "run", "--startup-limit", 25, fault="start:1:1:late")
    assert ended.code == 7, ended.errors
    assert re.search(r"CLU15\] rank 1 .*\(starting\), rank 0 waits for it", ended.last_line), ended.errors
    assert ended.seconds < 40
    lost = check_nothing_lost(tmp_path / "run", undisturbed)
    happened = f"exit 7, {ended.last_line}"
    table.add("R7", "40 s late at the start, --startup-limit 25", happened, ended.seconds, lost)


@pytest.mark.faults
@pytest.mark.parametrize("who", ["the launcher", "mpirun"])
def test_who_loses_its_launcher_ends(who, tmp_path, undisturbed, table):
    run_dir = tmp_path / "run"
    job = launch(run_dir)
    job.wait_for(has_logged(run_dir))
    victim = job.process
    if who == "mpirun":
        victim = next(one for one in job.family.values() if one.name() in ("mpirun", "prterun", "prte"))
    send(victim, KILL)
    ended = job.end(60)
    assert ended.code == (-9 if who == "the launcher" else 7), ended.errors
    lost = check_nothing_lost(run_dir, undisturbed)
    happened = f"exit {ended.code}, no process left"
    table.add("R8", f"SIGKILL of {who}", happened, ended.seconds, lost)


@pytest.mark.faults
def test_a_process_alone_is_killed_and_goes_on(tmp_path, table):
    run_dirs = [tmp_path / name for name in ("whole", "killed")]
    for run_dir, fault in zip(run_dirs, ("", "step:0:30:kill9")):
        job = Job("train", *RECIPE, f"run_dir={run_dir}", fault=fault)
        ended = job.end()
    assert ended.code == -9
    assert Job("train", *RECIPE, f"run_dir={run_dirs[1]}").end().code == 0
    assert sha_of(run_dirs[0]) == sha_of(run_dirs[1])
    table.add("R4", "SIGKILL of a run without a launcher", "exit -9", ended.seconds, "same weights")


@pytest.mark.faults
@pytest.mark.parametrize("files", [8, 20])
def test_a_limit_of_open_files_is_named(files, tmp_path, table):
    """For the launcher itself, and for mpirun, which needs more."""
    limited = ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh", sys.executable, "-m", "gluonlab.cli.main"]
    start = time.monotonic()
    job = subprocess.run(
        [*limited, "launch", "-n", "2", *RECIPE, f"run_dir={tmp_path / 'run'}"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert job.returncode == 9, job.stderr
    assert re.fullmatch(r"error\[RES02\] .*raise the limits: ulimit -n, ulimit -u\n", job.stderr)
    happened = f"exit 9, {job.stderr.strip()}"
    table.add(
        "R15",
        f"at most {files} open files in the launcher",
        happened,
        time.monotonic() - start,
        "nothing begun",
    )
