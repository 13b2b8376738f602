"""``gluonlab bench fit``: a cluster file for the simulator from what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
import yaml

from gluonlab.bench.fit import ClusterFit, fit_cluster
from gluonlab.bench.result import read_result
from gluonlab.cli.output import check_json_target
from gluonlab.config.cluster import load_cluster
from gluonlab.disk import writing
from gluonlab.parallel.horovod_world import BUCKET_BYTES


def fit(
    results: list[Path] = typer.Argument(..., metavar="RESULT...", help="Results of gluonlab bench (JSON)."),
    output: Path = typer.Option(..., "-o", "--output", metavar="FILE", help="Cluster file to write (YAML)."),
) -> None:
    """Write a cluster file from measurements of this machine. It is for `gluonlab simulate`.

    Takes results of throughput (one process, and --independent), allreduce, startup and data. Example:
    gluonlab bench fit throughput.json allreduce.json -o mine.yaml
    """
    check_json_target(str(output))
    found = fit_cluster([read_result(path) for path in results])
    text = _as_yaml(_tree(found, results))
    with writing(output):
        output.write_text(text, encoding="utf-8")
    load_cluster(output)
    typer.echo(f"{output}: {found.name}, {len(found.rates)} rate(s), {found.processes} process(es)")


def _tree(found: ClusterFit, results: list[Path]) -> dict[str, Any]:
    """The keys of a cluster file; what was not measured is a default, and ``source`` says so."""
    models = {(rate.model, rate.precision) for rate in found.rates}
    assumed = []
    device: dict[str, Any] = {"name": f"one process of {found.name}"}
    device["memory_gigabytes_per_second"] = _rounded(1e-9 * (found.memory_bytes_per_second or 10e9))
    assumed += [] if found.memory_bytes_per_second else ["memory bandwidth"]
    if any(sum((r.model, r.precision) == key for r in found.rates) < 2 for key in models):
        device["pass_overhead_milliseconds"] = 0.0
        assumed.append("no overhead of a pass, for a model has one batch")
    device["throughput"] = [
        {
            "model": rate.model,
            "precision": rate.precision,
            "batch_images": rate.batch,
            "images_per_second": _rounded(rate.images_per_sec),
            **(
                {}
                if rate.contention_fraction is None
                else {"contention_fraction": _rounded(rate.contention_fraction)}
            ),
        }
        for rate in found.rates
    ]
    inside = {"gigabytes_per_second": 1.0, "latency_microseconds": 100.0}
    if found.link_bytes_per_second:
        inside["gigabytes_per_second"] = _rounded(1e-9 * found.link_bytes_per_second)
        inside["latency_microseconds"] = _rounded(1e6 * found.link_latency_seconds)
    else:
        assumed.append("the link")
    assumed += [] if found.noise_fraction is not None else ["noise"]
    source = f"gluonlab bench fit {' '.join(map(str, results))}"
    tree: dict[str, Any] = {
        "name": found.name,
        "source": source + (f"; assumed: {', '.join(assumed)}" if assumed else ""),
        "gpus_per_node": found.processes,
        "device": device,
        "inside_node": inside,
        "contention_fraction": _rounded(found.contention_fraction),
        "compute_noise_fraction": _rounded(0.03 if found.noise_fraction is None else found.noise_fraction),
        "communication": {"fusion_threshold_mebibytes": float(BUCKET_BYTES >> 20)},
    }
    if found.decoded_images_per_second:
        tree["input"] = {"decoded_images_per_second_per_node": _rounded(found.decoded_images_per_second)}
    if found.startup_seconds:
        tree["run"] = {"startup_seconds": _rounded(found.startup_seconds)}
    return tree


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _as_yaml(tree: dict[str, Any]) -> str:
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=110)
