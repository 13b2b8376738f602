"""What is sent to an OpenTelemetry Collector, as OpenTelemetry's own message classes read it."""

import http.server
import json
import math
import socket
import threading
import time

import pytest

from gluonlab import __version__
from gluonlab.errors import ConfigError
from gluonlab.launch.metrics import otlp
from gluonlab.launch.metrics.job_metrics import _OF_ROWS
from gluonlab.launch.metrics.otlp import OtlpPush, name_and_unit, request_of
from gluonlab.reporting.exposition import Family

# How OpenTelemetry's translation ends a name of this unit, and a sum.
ENDINGS = {"s": "_seconds", "1": "_ratio", "{image}/s": "_per_second", "": ""}


def families():
    info = Family("gluonlab_info", "gauge", "The run.", [({"run": "a"}, 1.0)])
    phases = Family("gluonlab_rank_phase_seconds_total", "counter", "Time.")
    phases.add(1.5, rank="0", phase="waiting for data")
    up = Family("gluonlab_rank_up", "gauge", "Whether it is there.")
    up.add(1, rank="0", host="a")
    loss = Family("gluonlab_train_loss", "gauge", "Loss.", [({}, math.nan)])
    return [info, phases, up, loss, Family("gluonlab_nothing", "gauge", "Nothing.")]


def test_opentelemetry_reads_what_was_said():
    json_format = pytest.importorskip("google.protobuf.json_format")
    service = pytest.importorskip("opentelemetry.proto.collector.metrics.v1.metrics_service_pb2")
    text = json.dumps(request_of(families(), {"service.name": "gluonlab"}, 10, 20))
    request = json_format.Parse(text, service.ExportMetricsServiceRequest())
    (resource,) = request.resource_metrics
    assert [(one.key, one.value.string_value) for one in resource.resource.attributes] == [
        ("service.name", "gluonlab")
    ]
    (scope,) = resource.scope_metrics
    assert (scope.scope.name, scope.scope.version) == ("gluonlab", __version__)
    phase, up = scope.metrics  # a loss that is not a number is no point
    assert (phase.name, phase.unit, phase.description) == ("gluonlab.rank.phase", "s", "Time.")
    assert (phase.sum.is_monotonic, phase.sum.aggregation_temporality) == (True, 2)
    (point,) = phase.sum.data_points
    assert (point.as_double, point.start_time_unix_nano, point.time_unix_nano) == (1.5, 10, 20)
    assert {one.key: one.value.string_value for one in point.attributes} == {
        "rank": "0",
        "phase": "waiting for data",
    }
    assert (up.name, up.unit, up.gauge.data_points[0].as_double) == ("gluonlab.rank.up", "", 1.0)
    assert up.gauge.data_points[0].attributes[1].key == "host.name"


NAMES = [(f"gluonlab_{name}", "gauge") for _, _, name, _ in _OF_ROWS] + [
    ("gluonlab_restarts_total", "counter"),
    ("gluonlab_rank_phase_seconds_total", "counter"),
    ("gluonlab_data_seconds_per_image", "gauge"),
    ("gluonlab_checkpoint_age_seconds", "gauge"),
]


@pytest.mark.parametrize(("name", "kind"), NAMES)
def test_its_translation_to_prometheus_gives_the_names_of_the_page(name, kind):
    theirs, unit = name_and_unit(Family(name, kind, "Help."))
    assert theirs.replace(".", "_") + ENDINGS[unit] + "_total" * (kind == "counter") == name
    assert theirs.startswith("gluonlab.")
    assert not theirs.endswith(("seconds", "total", "ratio"))


class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.took.append((self.path, headers, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def collector():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        server.took = []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def push(endpoint, looks=None, **variables):
    looks = [] if looks is None else looks
    with OtlpPush(endpoint, "my run", families, lambda: looks.append(1), variables):
        time.sleep(0.1)


def test_it_is_sent_while_the_job_runs_and_at_its_end(collector, monkeypatch, capsys):
    monkeypatch.setattr(otlp, "LOOK_SECONDS", 0.01)
    looks = []
    variables = {
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%2Cb, x=y",
        "OTEL_RESOURCE_ATTRIBUTES": "team=vision",
    }
    push(f"http://127.0.0.1:{collector.server_port}", looks, **variables)
    assert len(collector.took) == 2
    path, headers, body = collector.took[-1]
    assert path == "/v1/metrics"
    assert (headers["content-type"], headers["api-key"], headers["x"]) == ("application/json", "a,b", "y")
    attributes = body["resourceMetrics"][0]["resource"]["attributes"]
    found = {one["key"]: one["value"]["stringValue"] for one in attributes}
    assert (found["gluonlab.run"], found["service.name"], found["team"]) == ("my run", "gluonlab", "vision")
    assert looks
    push(f"http://127.0.0.1:{collector.server_port}/otlp/v1/metrics")
    assert collector.took[-1][0] == "/otlp/v1/metrics"
    assert capsys.readouterr().err == ""


def test_one_that_does_not_answer_costs_a_line(monkeypatch, capsys):
    monkeypatch.setattr(otlp, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(otlp, "PUSH_SECONDS", 0.0)
    monkeypatch.setattr(otlp, "ANSWER_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        push(f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert time.monotonic() - began < 5
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: metrics cannot be sent to 127.0.0.1:")
    assert line.endswith("; the run goes on")


@pytest.mark.parametrize(
    "endpoint",
    ["", "localhost:4318", "ftp://a", "http://", "http://me:key@a", "http://a:x", "http://[", "http://a?b"],
)
def test_what_is_no_address_is_refused_without_saying_it(endpoint):
    with pytest.raises(ConfigError, match=r"CLI02\] --otlp: no address of a collector") as error:
        push(endpoint)
    assert "me:key" not in str(error.value)
