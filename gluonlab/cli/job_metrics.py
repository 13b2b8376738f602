"""Where a launched job tells its metrics: a port that is asked, a collector that is sent them, or both."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Optional

import typer

from gluonlab.cli.listening import listen
from gluonlab.launch.metrics.job_metrics import JobMetrics
from gluonlab.launch.metrics.otlp import OtlpPush
from gluonlab.launch.metrics.port import MetricsPort
from gluonlab.reporting.exposition import exposition


@contextmanager
def told_metrics(
    run_dir: Path, host: str, port: Optional[int], endpoint: Optional[str]
) -> Iterator[Optional[JobMetrics]]:
    """The job's metrics, while ``port`` is answered at and ``endpoint`` is sent them; None with neither.

    Raises:
        ConfigError: CLI02 the port cannot be had, or the endpoint is no address.
    """
    if port is None and endpoint is None:
        yield None
        return
    metrics = JobMetrics(run_dir)
    with ExitStack() as stack:
        if endpoint is not None:
            push = OtlpPush(endpoint, run_dir.name, metrics.families, metrics.look, os.environ)
            stack.enter_context(push)
        if port is not None:
            listener = listen(host, port, "--metrics-host", "--metrics-port")
            address = f"[{host}]" if ":" in host else host
            typer.echo(f"metrics: http://{address}:{listener.getsockname()[1]}/metrics", err=True)
            stack.enter_context(MetricsPort(listener, lambda: exposition(metrics.families()), metrics.look))
        yield metrics
