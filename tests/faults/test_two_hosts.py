"""A job across two hosts, which are network namespaces with addresses and sshd of their own; one is cut off."""

import contextlib
import os
import re
import shutil
import subprocess
import time

import psutil
import pytest

from tests.faults.harness import RECIPE, check_nothing_lost, has_logged, launch, run, sha_of

NAMESPACE, HERE, THERE = "gluonlab-b", "10.77.6.1", "10.77.6.2"
# The same bits on one process as on two, so that what a lost host costs can be seen to be nothing.
DETERMINISTIC = [*RECIPE, "deterministic=true"]

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(
        os.geteuid() != 0 or not all(map(shutil.which, ("ip", "ssh", "sshd"))),
        reason="needs root, ip and sshd (Debian: apt-get install iproute2 openssh-server)",
    ),
]

SSH = """#!/bin/sh
exec /usr/bin/ssh -i {folder}/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "$@"
"""


def sh(command, check=True):
    return subprocess.run(command, shell=True, check=check, capture_output=True, text=True).stdout


def remove_namespace():
    sh(
        f"ip netns pids {NAMESPACE} | xargs -r kill -9; ip netns del {NAMESPACE}; ip link del gl6-a",
        check=False,
    )


@pytest.fixture(scope="module")
def second_host(tmp_path_factory):
    """Its link can be cut by the name that this gives."""
    folder = tmp_path_factory.mktemp("ssh")
    remove_namespace()
    sh(f"ip netns add {NAMESPACE} && ip link add gl6-a type veth peer name gl6-b netns {NAMESPACE}")
    sh(f"ip addr add {HERE}/24 dev gl6-a && ip link set gl6-a up")
    inside = f"ip netns exec {NAMESPACE}"
    sh(
        f"{inside} ip addr add {THERE}/24 dev gl6-b && {inside} ip link set gl6-b up && {inside} ip link set lo up"
    )
    for name in ("key", "host"):
        sh(f"ssh-keygen -q -t ed25519 -N '' -f {folder}/{name}")
    os.makedirs("/run/sshd", exist_ok=True)
    options = "-o StrictModes=no -o PidFile=none -o PermitRootLogin=yes"
    sshd = f"{shutil.which('sshd')} -f /dev/null -h {folder}/host -o AuthorizedKeysFile={folder}/key.pub {options}"
    sh(f"{inside} unshare --uts sh -c 'hostname {NAMESPACE} && exec {sshd}'")
    (folder / "bin").mkdir()
    (folder / "bin/ssh").write_text(SSH.format(folder=folder))
    (folder / "bin/ssh").chmod(0o755)
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{folder}/bin:{before}"
    yield "gl6-a"
    os.environ["PATH"] = before
    remove_namespace()


@pytest.fixture(scope="module")
def undisturbed_bits(tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("bits") / "run"
    assert run(run_dir, recipe=DETERMINISTIC).code == 0
    return sha_of(run_dir)


HOSTS = ["--hosts", f"{HERE}:1,{THERE}:1", "--interface", "10.77.6.0/24"]


def test_a_job_across_both(second_host, tmp_path, undisturbed_bits, table):
    run_dir = tmp_path / "run"
    job = launch(run_dir, *HOSTS, recipe=DETERMINISTIC)
    job.wait_for(has_logged(run_dir))
    words = [" ".join(process.cmdline()) for process in job.family.values() if process.is_running()]
    assert any("ssh" in word for word in words)
    assert not [word for word in words if re.search(r"\b[0-9a-f]{64}\b", word)], (
        "the key is on a command line"
    )
    inside = sh(f'ip netns pids {NAMESPACE} | xargs -n1 -I@ sh -c \'tr "\\0" " " </proc/@/cmdline; echo\'')
    assert "gluonlab.cli.main train" in inside
    listening = [
        each.laddr.ip for each in psutil.Process(job.process.pid).net_connections() if each.status == "LISTEN"
    ]
    assert listening == [HERE]
    ended = job.end()
    assert ended.code == 0, ended.errors
    assert sha_of(run_dir) == undisturbed_bits
    assert (run_dir / "logs/rank-00000.txt").exists()
    table.add("R4", "no fault: two hosts instead of one", "exit 0", ended.seconds, "same weights")


def cut_off(link, run_dir, job):
    job.wait_for(lambda: any(run_dir.glob("checkpoints/step-*")))
    sh(f"ip link set {link} down")
    return time.monotonic()


@contextlib.contextmanager
def mended(link):
    try:
        yield
    finally:
        sh(f"ip link set {link} up && ip addr replace {HERE}/24 dev {link}")


def test_a_host_that_is_cut_off_ends_the_job(second_host, tmp_path, undisturbed_bits, table):
    run_dir = tmp_path / "run"
    with mended(second_host):
        job = launch(run_dir, *HOSTS, recipe=DETERMINISTIC)
        start = cut_off(second_host, run_dir, job)
        ended = job.end()
        took = time.monotonic() - start
    assert ended.code == 7, ended.errors
    assert re.search(r"error\[CLU1[03]\] rank \d \(", ended.last_line), ended.errors
    lost = check_nothing_lost(run_dir, undisturbed_bits, recipe=DETERMINISTIC)
    table.add("R7", "one of two hosts is cut off", f"exit 7, {ended.last_line}", took, lost)
    deadline = time.monotonic() + 120
    while "gluonlab.cli.main" in sh(
        f"ip netns pids {NAMESPACE} | xargs -r -I@ cat /proc/@/cmdline", check=False
    ):
        assert time.monotonic() < deadline, "its process went on alone"
        time.sleep(1)


def test_the_job_goes_on_with_the_host_that_is_left(second_host, tmp_path, undisturbed_bits, table):
    run_dir = tmp_path / "run"
    restarts = ["--max-restarts", 1, "--min-processes", 1, "--restart-delay", 0.5]
    with mended(second_host):
        job = launch(run_dir, *HOSTS, *restarts, recipe=DETERMINISTIC)
        start = cut_off(second_host, run_dir, job)
        ended = job.end()
        took = time.monotonic() - start
    assert ended.code == 0, ended.errors
    assert f"host {THERE} is gone; going on with 1 of 2 processes" in ended.errors
    assert sha_of(run_dir) == undisturbed_bits
    table.add(
        "R11",
        "one of two hosts is cut off, --min-processes 1",
        "goes on with 1 process",
        took,
        "same weights",
    )


def test_a_host_that_is_not_there_is_named_at_once(second_host, tmp_path, table):
    ended = run(tmp_path / "run", "--hosts", f"{HERE}:1,10.77.6.9:1", "--interface", "10.77.6.0/24")
    assert ended.code == 7
    assert "error[CLU24] host 10.77.6.9: does not answer to ssh" in ended.errors
    assert ended.seconds < 45
    table.add(
        "R15",
        "a host that does not answer",
        f"exit 7, {ended.last_line}",
        ended.seconds,
        "nothing begun",
    )
