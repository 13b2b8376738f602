"""The metrics port, over real sockets: who asks properly, and who does not."""

import http.client
import random
import re
import socket
import threading
import time
from contextlib import closing, suppress

import pytest

from gluonlab.cli.listening import listen
from gluonlab.errors import ConfigError
from gluonlab.launch.metrics import port as metrics_port
from gluonlab.launch.metrics.port import CLIENT_SECONDS, MAX_CLIENTS, MetricsPort


@pytest.fixture
def served():
    looks = []
    with MetricsPort(
        listen("127.0.0.1", 0, "--host", "--port"), lambda: "a 1\n", lambda: looks.append(1)
    ) as port:
        yield port._listener.getsockname()[1], looks


def ask(port, method="GET", path="/metrics", **headers):
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer


def send(port, data, seconds=5.0, says_when_it_ends=False):
    """What comes back for raw ``data``; empty if the port just closes."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=seconds)) as connection:
        with suppress(OSError):
            connection.sendall(data)
            if says_when_it_ends:
                connection.shutdown(socket.SHUT_WR)
        answer = b""
        with suppress(OSError):
            while part := connection.recv(65536):
                answer += part
        return answer


def test_answers(served):
    port, looks = served
    status, text, answer = ask(port)
    assert (status, text) == (200, "a 1\n")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Connection"] == "close"
    assert ask(port, path="/metrics?name[]=a")[0] == 200
    assert ask(port, "HEAD")[:2] == (200, "")
    assert ask(port, path="/")[:2] == (404, "see /metrics\n")
    assert ask(port, "POST")[0] == 405
    assert ask(port, Host="evil.example:80")[0] == 403
    assert ask(port, Host="localhost:1")[0] == 200
    assert looks


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /metrics HTTP/2\r\n\r\n",
        b"\x00\xff" * 100 + b"\r\n\r\n",
        b"A" * 10_000,
        b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 3000,
    ],
    ids=["empty", "short", "version", "bytes", "long", "headers"],
)
def test_what_is_no_request_is_refused(served, data):
    port, _ = served
    answer = send(port, data)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
    assert ask(port)[0] == 200


def test_slow_clients_hold_nobody_for_long(served):
    port, looks = served
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(MAX_CLIENTS)]
    for connection in slow:
        connection.sendall(b"GET /metr")
    seen = len(looks)
    deadline = time.monotonic() + 10 * CLIENT_SECONDS
    while True:
        with suppress(OSError, http.client.HTTPException):
            if ask(port)[0] == 200:
                break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert len(looks) > seen
    for connection in slow:
        connection.close()


def hostile(number):
    """A request that means no good, another one for each number."""
    draw = random.Random(number)
    paths = [
        "/../../etc/passwd",
        "/metrics/../x",
        "/%2e%2e/",
        "http://x/metrics",
        "/metrics\x00",
        "/" + "a" * 7000,
    ]
    kind = number % 5
    if kind == 0:
        return f"GET {draw.choice(paths)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    if kind == 1:
        return draw.randbytes(draw.randrange(1, 9000))
    if kind == 2:
        return f"GET /metrics HTTP/1.1\r\nHost: {'x' * draw.randrange(100)}\r\n\r\n".encode()
    if kind == 3:
        return b"POST /metrics HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n" + draw.randbytes(2000)
    return b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * draw.randrange(2, 50)


@pytest.mark.parametrize("count", [200, pytest.param(10_000, marks=pytest.mark.slow)])
def test_hostile_requests(served, count):
    port, _ = served
    before = threading.active_count()
    for number in range(count):
        answer = send(port, hostile(number), says_when_it_ends=number % 200 > 0)
        assert b"root:" not in answer
        assert re.match(rb"$|HTTP/1\.1 (200|400|403|404|405) ", answer), answer
    assert threading.active_count() <= before + MAX_CLIENTS
    assert ask(port)[0] == 200


def test_a_port_in_use_is_refused_and_named():
    with closing(listen("127.0.0.1", 0, "--metrics-host", "--metrics-port")) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ConfigError, match=rf"CLI02\] --metrics-port: port {port} of 127.0.0.1 cannot be had"
        ):
            listen("127.0.0.1", port, "--metrics-host", "--metrics-port")
    with pytest.raises(ConfigError, match="'nowhere' is not an IP address"):
        listen("nowhere", 0, "--metrics-host", "--metrics-port")


def test_no_further_thread_closes_the_connection(served, monkeypatch):
    port, _ = served

    def refuse(*arguments, **options):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(metrics_port.threading, "Thread", refuse)
    assert send(port, b"GET /metrics HTTP/1.1\r\n\r\n") == b""
    monkeypatch.undo()
    assert ask(port)[0] == 200
