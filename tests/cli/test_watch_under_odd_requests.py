"""Odd requests by the thousand: the page goes on, tells nothing from outside its folder, changes no run."""

import contextlib
import hashlib
import http.client
import json
import random
import re
import signal
import socket
import string
import subprocess
import sys

import pytest

SECRET = "this line stands outside of the folder"


@pytest.fixture
def served(tmp_path):
    pytest.importorskip("uvicorn")
    pytest.importorskip("starlette")
    (tmp_path / "outside.txt").write_text(SECRET)
    run = tmp_path / "runs" / "a"
    run.mkdir(parents=True)
    (run / "config.json").write_text('{"config": {"epochs": 3}}')
    (run / "metrics.jsonl").write_text('{"kind": "train", "step": 1, "time": 1.0, "loss": 1.0}\n')
    command = [sys.executable, "-m", "gluonlab.cli.main", "watch", str(tmp_path / "runs"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        yield int(re.match(r"http://[\d.]+:(\d+)/", server.stdout.readline()).group(1)), run, server
        server.send_signal(signal.SIGINT)
        assert server.wait(30) == 0


def odd_path(draw):
    parts = [
        "..",
        ".",
        "a",
        "%2e%2e",
        "outside.txt",
        "api",
        "run",
        "series",
        "runs",
        "",
        "%00",
        "é",
        "x" * 300,
    ]
    query = draw.choice(
        ["", "?run=../outside.txt", "?run=a&run=b", "?value=" + "v" * 500, "?run=%2e%2e", "?=&&="]
    )
    return "/" + "/".join(draw.choice(parts) for _ in range(draw.randint(0, 6))) + query


def odd_request(draw, port):
    """The bytes of one request that no browser sends, or nearly one."""
    method = draw.choice(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "", "G" * 200])
    lines = [f"{method} {odd_path(draw)} {draw.choice(['HTTP/1.1', 'HTTP/1.0', 'HTTP/9.9', ''])}"]
    lines.append(f"Host: {draw.choice([f'127.0.0.1:{port}', 'elsewhere.example', '', 'x' * 300])}")
    for _ in range(draw.randint(0, 8)):
        name = "".join(draw.choice(string.ascii_letters + " \t:") for _ in range(draw.randint(1, 20)))
        lines.append(f"{name}: {draw.choice(['1', '-1', 'a, b', 'x' * 500, 'gluonlab_watch=1'])}")
    body = bytes(draw.randrange(256) for _ in range(draw.choice([0, 10, 400])))
    if draw.random() < 0.5:
        lines.append(f"Content-Length: {draw.choice([len(body), len(body) + 50, 'many'])}")
    whole = "\r\n".join([*lines, "", ""]).encode() + body
    return whole[: draw.randint(1, len(whole))] if draw.random() < 0.3 else whole


def answer_to(port, request):
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", port), timeout=20) as connection,
    ):
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        said = b""
        with contextlib.suppress(OSError):
            while part := connection.recv(65536):
                said += part
                if b"event-stream" in said:
                    break
        return said
    return b""


def digests(run):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in run.iterdir()}


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_odd_requests_change_nothing(served, count):
    port, run, server = served
    before, draw = digests(run), random.Random(count)
    slow = []  # clients that begin a request and never end it
    for number in range(count):
        if number % (count // 50) == 0:
            slow.append(socket.create_connection(("127.0.0.1", port), timeout=20))
            slow[-1].sendall(b"GET / HTTP/1.1\r\nHost: ")
        said = answer_to(port, odd_request(draw, port))
        assert SECRET.encode() not in said
        assert b"Traceback" not in said
    assert server.poll() is None
    assert digests(run) == before
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/api/runs")
    assert [one["name"] for one in json.loads(connection.getresponse().read())["runs"]] == ["a"]
    for one in [*slow, connection]:
        one.close()
