"""Limits that are too low to start with are refused, with what raises them; what ran out is named."""

import errno
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gluonlab.errors import ResourceError
from gluonlab.runtime import limits
from gluonlab.runtime.limits import short_in_words, short_of

KIB = 1024


@pytest.fixture
def limited(monkeypatch):
    """Set what `resource.getrlimit` says, by kind; for the rest there is no limit."""

    def set_limits(**kinds):
        by_kind = {getattr(resource, f"RLIMIT_{name}"): value for name, value in kinds.items()}
        unlimited = resource.RLIM_INFINITY
        monkeypatch.setattr(resource, "getrlimit", lambda kind: (by_kind.get(kind, unlimited), unlimited))

    return set_limits


def test_limits_under_which_nothing_can_train(limited):
    limited(AS=700_000 * KIB, STACK=64 * KIB)
    with pytest.raises(ResourceError) as caught:
        limits.check_limits()
    assert str(caught.value).splitlines() == [
        "error[RES03] ulimit -v: allows 700,000 KiB of address space, "
        "a process that trains takes 1,500,000 or more; ulimit -v 1500000, or more",
        "error[RES03] ulimit -s: allows 64 KiB of stack, a process that trains takes 512 or more; "
        "ulimit -s 512, or more",
    ]
    limited(AS=1_600_000 * KIB, DATA=600_000 * KIB)
    limits.check_limits()
    with pytest.raises(ResourceError, match=r"2,250,000 or more(.|\n)*1,000,000 or more"):
        limits.check_limits(is_launched=True)
    limited()
    limits.check_limits(is_launched=True)
    assert limits.limits_in_force() == ""
    limited(AS=3_000_000 * KIB, CPU=60)
    assert limits.limits_in_force() == "ulimit -v 3000000, ulimit -t 60"


def write_group(folder, limit, current):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pids.max").write_text(f"{limit}\n")
    (folder / "pids.current").write_text(f"{current}\n")


@pytest.mark.parametrize(
    ("line", "root"), [("0::/jobs/mine\n", ""), ("7:pids:/jobs/mine\n3:cpu:/x\n", "pids")]
)
def test_threads_that_the_control_group_leaves(line, root, tmp_path):
    """The least of the own group and of those it lies in, for both versions of control groups."""
    membership, mount = tmp_path / "cgroup", tmp_path / "mount"
    membership.write_text(line)
    write_group(mount / root / "jobs/mine", "max", 5)
    assert limits._left_of_group(membership, mount) is None
    write_group(mount / root / "jobs", 30, 18)
    assert limits._left_of_group(membership, mount) == 12
    write_group(mount / root / "jobs/mine", 10, 12)
    assert limits._left_of_group(membership, mount) == 0
    assert limits._left_of_group(tmp_path / "none", mount) is None


def test_threads_that_the_user_may_still_start(limited, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    for number, (user, threads) in enumerate([(1000, 4), (1000, 1), (0, 90)]):
        (tmp_path / str(number)).mkdir()
        status = f"Name:\ta: b\nUid:\t{user}\t{user}\t{user}\t{user}\nThreads:\t{threads}\n"
        (tmp_path / str(number) / "status").write_text(status)
    limited(NPROC=20)
    assert limits._left_of_user(tmp_path) == 15
    limited()
    assert limits._left_of_user(tmp_path) is None


def test_too_few_threads(monkeypatch):
    monkeypatch.setattr(limits, "_left_of_group", lambda: 40)
    limits.check_threads(is_launched=True)
    limits.check_threads_of_job(2)
    with pytest.raises(ResourceError) as caught:
        limits.check_threads_of_job(4)
    assert str(caught.value) == (
        "error[RES02] pids.max of the control group: 40 more processes and threads are allowed, "
        "66 are needed; raise it by 26 or more"
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), "RES03"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "RES03"),
        (RuntimeError("Check failed: AlignedMallocPitch failed"), "RES03"),
        (RuntimeError("std: :bad_alloc"), "RES03"),
        (ImportError("cv2.abi3.so: failed to map segment from shared object"), "RES03"),
        (OSError(errno.EMFILE, "Too many open files"), "RES02"),
        (RuntimeError("MXNetError: Resource temporarily unavailable"), "RES02"),
        (RuntimeError("unable to start watchdog thread"), "RES02"),
        (OSError(errno.EFBIG, "File too large", "x"), "RES01"),
    ],
)
def test_what_ran_out_is_named(error, code):
    shown = short_of(error)
    assert (shown.problems[0].code, shown.exit_code) == (code, 9)


def test_what_is_no_shortage():
    assert short_of(FileNotFoundError(errno.ENOENT, "No such file", "x")) is None
    assert short_of(ValueError("abc")) is None
    assert short_in_words("rank 0 failed") is None


def test_the_limits_in_force_are_part_of_the_hint(limited):
    limited(AS=3_000_000 * KIB)
    assert str(short_of(MemoryError())).endswith("or raise the limits in force (ulimit -v 3000000)")
    threads = short_of(RuntimeError("can't start new thread"))
    assert str(threads).endswith("raise the limits: ulimit -n, ulimit -u; in force: ulimit -v 3000000")


def test_no_more_threads():
    before = threading.stack_size(1 << 46)  # no address space has room for it
    try:
        with pytest.raises(RuntimeError) as caught:
            threading.Thread(target=print).start()
    finally:
        threading.stack_size(before)
    assert str(short_of(caught.value)).startswith("error[RES02] files and threads: can't start new thread; ")


@pytest.mark.parametrize(
    ("limit", "words", "named"),
    [
        ("-v 700000", ["train"], "ulimit -v: allows 700,000 KiB of address space"),
        ("-v 1500000", ["launch", "-n", "2"], "ulimit -v: allows 1,500,000 KiB of address space"),
        ("-d 300000", ["train"], "ulimit -d: allows 300,000 KiB of data"),
    ],
)
def test_a_run_under_limits_ends_at_once(limit, words, named, tmp_path, root):
    command = ["bash", "-c", f'ulimit {limit}; exec "$@"', "bash", sys.executable, "-m", "gluonlab.cli.main"]
    job = subprocess.run(
        [*command, *words, "configs/digits.yaml", f"run_dir={tmp_path / 'run'}"],
        cwd=root, capture_output=True, text=True, timeout=15,
    )  # fmt: skip
    assert job.returncode == 9, job.stderr
    assert job.stderr.startswith(f"error[RES03] {named}")
    assert job.stderr.count("\n") == 1
    assert not Path(tmp_path / "run").exists()
