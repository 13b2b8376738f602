"""A job's metrics sent by OpenTelemetry's protocol: OTLP over HTTP, as JSON, which a Collector takes at 4318.

https://opentelemetry.io/docs/specs/otlp/ and, for the variables, .../specs/otel/protocol/exporter/. Names are
those that OpenTelemetry's translation to Prometheus turns into the names of the Prometheus page.
"""

from __future__ import annotations

import http.client
import json
import math
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from gluonlab import __version__
from gluonlab.errors import ConfigError
from gluonlab.reporting.exposition import Family

LOOK_SECONDS = 0.5
PUSH_SECONDS = 10.0
ANSWER_SECONDS = 5.0
# How OpenTelemetry's translation to Prometheus ends a name of this unit.
_UNITS = {"_seconds": "s", "_ratio": "1", "_per_second": "{image}/s"}
_NAMESPACES = ("rank", "train", "validation", "checkpoint", "data")
_ATTRIBUTES = {"host": "host.name"}
_INFO = "gluonlab_info"  # whose labels are the resource's attributes
_CUMULATIVE = 2

Variables = Mapping[str, str]


class OtlpPush:
    """Sends ``families()`` to ``endpoint`` every ten seconds while it is entered, and at its end.

    ``look`` is called twice a second. One that does not answer costs a line, and five seconds at the end.
    ``variables`` hold headers and more attributes, as OpenTelemetry names them.

    Raises:
        ConfigError: CLI02 ``endpoint`` is no address.
    """

    def __init__(
        self,
        endpoint: str,
        run: str,
        families: Callable[[], Iterable[Family]],
        look: Callable[[], None],
        variables: Variables,
    ) -> None:
        self._url, self._host = _url_of(endpoint)
        self._families, self._look = families, look
        self._headers = {"Content-Type": "application/json", **pairs(variables, "OTEL_EXPORTER_OTLP_HEADERS")}
        self._resource = {
            "service.name": "gluonlab",
            "service.version": __version__,
            "service.instance.id": str(uuid4()),
            "gluonlab.run": run,
            **pairs(variables, "OTEL_RESOURCE_ATTRIBUTES"),
        }
        self._began = time.time_ns()
        self._has_warned = False
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._push_often, name="gluonlab-otlp", daemon=True)

    def __enter__(self) -> OtlpPush:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join(ANSWER_SECONDS + 1)

    def _push_often(self) -> None:
        pushed = -math.inf
        while not self._is_over.wait(LOOK_SECONDS):
            self._look()
            if time.monotonic() - pushed >= PUSH_SECONDS:
                pushed = time.monotonic()
                self._push()
        self._push()

    def _push(self) -> None:
        try:
            body = json.dumps(request_of(self._families(), self._resource, self._began, time.time_ns()))
            request = urllib.request.Request(self._url, body.encode(), self._headers)
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
                answer.read(4096)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if not self._has_warned:
                self._has_warned = True
                what = str(error) or type(error).__name__
                sys.stderr.write(
                    f"warning: metrics cannot be sent to {self._host} ({what}); the run goes on\n"
                )


def request_of(
    families: Iterable[Family], resource: Mapping[str, str], began: int, now: int
) -> dict[str, Any]:
    """An ExportMetricsServiceRequest as its JSON; times in ns. Values that are not finite are left out."""
    metrics = [_metric(family, str(began), str(now)) for family in families if family.name != _INFO]
    scope = {"scope": {"name": "gluonlab", "version": __version__}, "metrics": [m for m in metrics if m]}
    return {"resourceMetrics": [{"resource": {"attributes": _attributes(resource)}, "scopeMetrics": [scope]}]}


def name_and_unit(family: Family) -> tuple[str, str]:
    """What OpenTelemetry calls ``family``: gluonlab_rank_phase_seconds_total is gluonlab.rank.phase, in s."""
    name = family.name[len("gluonlab_") :]
    if family.kind == "counter":
        name = name[: -len("_total")]
    unit = ""
    for suffix, its_unit in _UNITS.items():
        if name.endswith(suffix):
            name, unit = name[: -len(suffix)], its_unit
    first, _, rest = name.partition("_")
    return f"gluonlab.{first}.{rest}" if first in _NAMESPACES else f"gluonlab.{name}", unit


def pairs(variables: Variables, name: str) -> dict[str, str]:
    """The ``key=value,key=value`` of a variable, with ``%2C`` and the like for what they may not hold."""
    items = (item.partition("=") for item in variables.get(name, "").split(","))
    return {unquote(key.strip()): unquote(value.strip()) for key, _, value in items if key.strip()}


def _metric(family: Family, began: str, now: str) -> dict[str, Any]:
    points = [
        {
            "asDouble": value,
            "timeUnixNano": now,
            "startTimeUnixNano": began,
            "attributes": _attributes(labels),
        }
        for labels, value in family.samples
        if math.isfinite(value)
    ]
    if not points:
        return {}
    name, unit = name_and_unit(family)
    data: dict[str, Any] = {"gauge": {"dataPoints": points}}
    if family.kind == "counter":
        data = {"sum": {"dataPoints": points, "aggregationTemporality": _CUMULATIVE, "isMonotonic": True}}
    return {"name": name, "unit": unit, "description": family.help, **data}


def _attributes(labels: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {"key": _ATTRIBUTES.get(name, name), "value": {"stringValue": value}}
        for name, value in labels.items()
    ]


def _url_of(endpoint: str) -> tuple[str, str]:
    """``endpoint``, with the path of metrics where it has none of its own; and its host and port."""
    try:
        parts = urlsplit(endpoint)
        is_address = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or "@" in parts.netloc or parts.query:
        hint = "such as http://127.0.0.1:4318; keys go into OTEL_EXPORTER_OTLP_HEADERS"
        raise ConfigError("CLI02", "--otlp", "no address of a collector", hint)
    url = endpoint if parts.path.strip("/") else f"{endpoint.rstrip('/')}/v1/metrics"
    return url, parts.netloc
