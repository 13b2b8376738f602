"""``gluonlab watch`` as a process of its own, over real sockets."""

import contextlib
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

COMMAND = [sys.executable, "-m", "gluonlab.cli.main", "watch"]


def refusal(*arguments):
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr


def row(step):
    return json.dumps({"kind": "train", "step": step, "time": float(step), "loss": 1.0 / step}) + "\n"


@pytest.fixture
def folder(tmp_path):
    run = tmp_path / "runs" / "a"
    run.mkdir(parents=True)
    (run / "config.json").write_text('{"config": {"epochs": 3}, "total_steps": 9}')
    (run / "metrics.jsonl").write_text(row(1))
    return tmp_path / "runs"


@pytest.fixture
def port_and_token(folder, request):
    pytest.importorskip("uvicorn")
    pytest.importorskip("starlette")
    host = getattr(request, "param", "127.0.0.1")
    command = [*COMMAND, str(folder), "--port", "0", "--host", host]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        line = server.stdout.readline()
        found = re.match(r"http://[\d.]+:(\d+)/(?:\?token=(\S+))?", line)
        yield int(found.group(1)), found.group(2)
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0
        assert server.stderr.read().splitlines()[1:] == []


def get(port, path, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def test_page_answers_and_headers(port_and_token):
    port, token = port_and_token
    assert token is None
    for path in ("/", "/watch.js", "/watch.css", "/uPlot.min.js", "/uPlot.min.css", "/api/runs"):
        answer, _ = get(port, path)
        assert answer.status == 200
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    runs = json.loads(get(port, "/api/runs")[1])["runs"]
    assert [(run["name"], run["step"]) for run in runs] == [("a", 1)]
    series = json.loads(get(port, "/api/series?run=a&value=train.loss")[1])
    assert series["points"]["mean"] == [1.0]
    assert json.loads(get(port, "/api/run?run=a")[1])["config"] == {"epochs": 3}


def test_what_is_refused(port_and_token):
    port, _ = port_and_token
    for path in (
        "/../a/config.json",
        "/%2e%2e/a",
        "/api/run?run=../a",
        "/api/series?run=b",
        "/uPlot.LICENSE",
    ):
        assert get(port, path)[0].status == 404
    assert get(port, "/", Host="elsewhere.example")[0].status == 421
    assert get(port, "/api/runs", method="POST")[0].status == 405


@pytest.fixture
def controlled(folder):
    """Port and cookie of a page that may control the runs of ``folder``."""
    pytest.importorskip("uvicorn")
    command = [*COMMAND, str(folder), "--port", "0", "--allow-control"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        port, token = re.match(r"http://[\d.]+:(\d+)/\?token=(\S+)", server.stdout.readline()).groups()
        answer, _ = get(int(port), f"/?token={token}")
        yield int(port), answer.headers["Set-Cookie"].split(";")[0]
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0


def wish(port, body, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(
            "POST", "/api/control", body if isinstance(body, bytes) else json.dumps(body), headers
        )
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_control_needs_cookie_and_origin(controlled, folder):
    port, cookie = controlled
    delete = {"run": "a", "action": "delete"}
    origin = f"http://127.0.0.1:{port}"
    assert wish(port, delete, Origin=origin)[0] == 403
    assert wish(port, delete, Cookie=cookie)[0] == 403
    assert wish(port, delete, Cookie=cookie, Origin="http://elsewhere.example")[0] == 403
    assert (folder / "a").exists()
    for body in (b"", b"[]", b"{", {"run": "a"}, b"x" * 100_000):
        assert wish(port, body, Cookie=cookie, Origin=origin)[0] == 400
    for name in ("../a", "/etc", "b", ""):
        assert wish(port, {**delete, "run": name}, Cookie=cookie, Origin=origin)[0] == 404
    assert b"no such action" in wish(port, {**delete, "action": "rm"}, Cookie=cookie, Origin=origin)[1]
    assert b"no process of this host" in stop_of_a_run_that_is_not_running(port, cookie, origin, folder)
    assert b"deleted" in wish(port, delete, Cookie=cookie, Origin=origin)[1]
    assert not (folder / "a").exists()


def stop_of_a_run_that_is_not_running(port, cookie, origin, folder):
    (folder / "a" / ".lock").write_text("1 on elsewhere")
    return wish(port, {"run": "a", "action": "stop"}, Cookie=cookie, Origin=origin)[1]


def test_without_the_option_nothing_is_controlled(port_and_token, folder):
    port, _ = port_and_token
    body = {"run": "a", "action": "delete"}
    assert wish(port, body, Origin=f"http://127.0.0.1:{port}")[0] == 403
    assert json.loads(get(port, "/api/runs")[1])["may_control"] is False
    assert (folder / "a").exists()


def test_a_new_row_is_told_within_a_second(port_and_token, folder):
    port, _ = port_and_token
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/api/live?run=a")
    stream = connection.getresponse()
    assert stream.readline() == b"data: changed\n"
    with (folder / "a" / "metrics.jsonl").open("a") as file:
        file.write(row(2))
    written = time.monotonic()
    while stream.readline() != b"data: changed\n":
        pass
    assert time.monotonic() - written < 5  # 0.5 s and what a busy machine adds
    stream.close()
    connection.close()


@pytest.mark.parametrize("port_and_token", ["0.0.0.0"], indirect=True)
def test_another_address_needs_the_token(port_and_token):
    port, token = port_and_token
    assert get(port, "/api/runs")[0].status == 403
    assert get(port, "/?token=wrong")[0].status == 403
    answer, _ = get(port, f"/?token={token}")
    assert answer.status == 303
    cookie = answer.headers["Set-Cookie"].split(";")[0]
    assert get(port, "/api/runs", Cookie=cookie)[0].status == 200


def test_a_port_in_use_is_one_line(folder):
    pytest.importorskip("uvicorn")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, said = refusal(str(folder), "--port", str(taken.getsockname()[1]))
    assert code == 2
    assert said.startswith("error[CLI02] watch --port: port ")
    assert said.count("\n") == 1


def test_no_folder_is_one_line(tmp_path):
    code, said = refusal(str(tmp_path / "none"))
    assert code == 4
    assert said.startswith("error[CKP02]")


def test_without_the_extra_one_line_names_it(folder):
    hidden = "import sys; sys.modules['uvicorn'] = None; from gluonlab.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", hidden, "watch", str(folder)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 8
    assert re.fullmatch(r"error\[ENV79\] watch: .*gluonlab\[watch\]'?\n", done.stderr)


def test_help_imports_no_server():
    seen = "import sys, gluonlab.cli.main; sys.exit('uvicorn' in sys.modules or 'starlette' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", seen], timeout=60).returncode == 0


@pytest.fixture
def open_to_the_end():
    with contextlib.ExitStack() as stack:
        yield stack


def test_it_ends_without_a_word_while_a_page_is_open(open_to_the_end, port_and_token):
    port, _ = port_and_token  # which ends the server, and holds that it says nothing, before the page closes
    page = open_to_the_end.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
    page.sendall(f"GET /api/live?run=a HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    assert b"200" in page.recv(4096)
