"""Anybody may send anything to the ports that a job opens: it goes on, and ends with the weights of an undisturbed run."""

import multiprocessing
import os
import random
import socket
import time

import psutil
import pytest
from harness import RECIPE, has_logged, launch, run, sha_of

pytestmark = pytest.mark.faults
REQUESTS, NOBODY = 10_000, 65534
LONG = [*RECIPE, "epochs=30", "eval_every=15", "checkpoint_every=1epochs"]
PICKLE = b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94."


def request(rng):
    """Bytes as scanners, browsers and enemies send them."""
    scope = rng.choice(("global", "local_0", "worker_addresses", "..", "rank_0"))
    body = rng.choice((b"", PICKLE, rng.randbytes(rng.randrange(2000))))
    return rng.choice(
        (
            b"",
            body,
            b'{"hello": "%s", "rank": 1, "host": "x", "pid": 1}\n' % rng.randbytes(32).hex().encode(),
            b"{" * 100_000,
            f"GET /{scope}/{rng.randrange(3)} HTTP/1.1\r\n\r\n".encode(),
            f"DELETE /{scope} HTTP/1.1\r\nContent-Length: 1\r\n\r\n1".encode(),
            f"PUT /{scope}/0 HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body,
            f"PUT /{scope}/0 HTTP/1.1\r\nContent-Length: {2**62}\r\n\r\n".encode(),
        )
    )


def attack(addresses, requests, sent):
    """Another user, where this one may become one, for who runs the job is no stranger."""
    if os.geteuid() == 0:
        os.setuid(NOBODY)
    rng, held = random.Random(0), []
    for _ in range(requests):
        try:
            stranger = socket.create_connection(rng.choice(addresses), timeout=5)
            stranger.settimeout(0.05)
            stranger.sendall(request(rng))
            if rng.random() < 0.01:
                held = [*held[-20:], stranger]  # stays, and says no more
            else:
                stranger.close()
        except OSError:
            pass
        sent.value += 1


def ports_of(processes):
    """Where they listen, by address and port."""
    found = set()
    for process in processes:
        try:
            listening = [one for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN]
        except psutil.Error:
            continue
        found |= {tuple(one.laddr) for one in listening}
    return sorted(found)


@pytest.mark.parametrize("backend", ["mpi", "gloo"])
def test_ten_thousand_requests_of_strangers(backend, tmp_path, table):
    undisturbed, run_dir = tmp_path / "undisturbed", tmp_path / "run"
    assert run(undisturbed, "--backend", backend, recipe=LONG).code == 0
    job = launch(run_dir, "--backend", backend, recipe=LONG)
    job.wait_for(has_logged(run_dir))
    launcher = psutil.Process(job.process.pid)
    addresses = ports_of([launcher, *job.family.values()])
    ours = addresses if backend == "gloo" else ports_of([launcher])  # mpirun listens on all addresses
    assert {address for address, _ in ours} == {"127.0.0.1"}
    memory = launcher.memory_info().rss
    fork = multiprocessing.get_context("fork")
    sent = fork.Value("i", 0)
    stranger = fork.Process(target=attack, args=(addresses, REQUESTS, sent))
    stranger.start()
    grown, start = 0, time.monotonic()
    while job.process.poll() is None:
        job.look_at_family()
        if stranger.is_alive():
            took = time.monotonic() - start
        try:
            grown = max(grown, launcher.memory_info().rss - memory)
        except psutil.NoSuchProcess:
            break
        time.sleep(0.1)
    stranger.kill()
    stranger.join()
    ended = job.end()
    assert ended.code == 0, ended.errors
    assert sent.value == REQUESTS
    assert grown < 100 << 20
    assert len(ended.errors.splitlines()) <= 1, ended.errors
    assert sha_of(run_dir) == sha_of(undisturbed)
    table.add(
        "R7",
        f"{REQUESTS} hostile requests to all {len(addresses)} ports of the job, {backend}",
        f"exit 0, launcher grew by {grown >> 20} MiB",
        took,
        "same weights",
    )
