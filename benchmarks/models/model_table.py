"""How fast each model is on this machine, and docs/models.md with what the table of models says of it.

python -m benchmarks.models.model_table measure --seconds 220
python -m benchmarks.models.model_table page

``measure`` adds the models that benchmarks/results/models/cpu.json does not hold yet, until its time is over;
run it again for the others. Needs an idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.tables import ROOT
from gluonlab.models import ModelEntry, create, list_models
from gluonlab.reporting.run_files import write_json

RESULT = ROOT / "benchmarks/results/models/cpu.json"
PUBLISHED = ROOT / "tests/models/published_counts.json"
PAGE = ROOT / "docs/models.md"
COMMAND = "python -m benchmarks.models.model_table measure"
BATCH_SIZE = 2
INTRODUCTION = """# Models

Made by `python -m benchmarks.models.model_table page`; do not edit. `gluonlab models show NAME` shows more.

Parameters are the trainable ones, GMACs the multiply-adds of convolutions and fully connected layers for
one image, in billions. Names with `gluon:` are the networks of MXNet's own zoo. Top-1 is that of
torchvision's first weights of the same network (IMAGENET1K_V1), as torchvision documents it; gluonlab ships
no weights. How to bring some in, and where they are kept: [weights.md](weights.md).
"""
SPEED = """
Images/s: inference in float32, hybridized, batch {batch_size}, {threads} threads of {processor},
MXNet {mxnet}; the median of some rounds, whose range is in
[cpu.json](../benchmarks/results/models/cpu.json). Empty where it was not measured.
"""
LEAST_ROUNDS, LEAST_SECONDS = 3, 0.4


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("measure", "page"))
    parser.add_argument("--seconds", type=float, default=220, help="no model is begun after so long")
    arguments = parser.parse_args()
    if arguments.what == "measure":
        measure_until(time.monotonic() + arguments.seconds)
    else:
        PAGE.write_text(render(RESULT, PUBLISHED))


def measure_until(end: float) -> None:
    """Measure what is missing in the result file, which is written after each model."""
    threads = psutil.cpu_count(logical=True)
    os.environ["OMP_NUM_THREADS"] = str(threads)  # before MXNet is imported
    from benchmarks.origin import describe_origin

    RESULT.parent.mkdir(parents=True, exist_ok=True)
    speeds = json.loads(RESULT.read_text())["images_per_second"] if RESULT.exists() else {}
    settings = {"command": COMMAND, "batch_size": BATCH_SIZE, "threads": threads, "precision": "float32"}
    for model in list_models():
        if model.name not in speeds and time.monotonic() < end:
            speeds[model.name] = measure(model)
            write_json(RESULT, {"images_per_second": speeds, **settings, **describe_origin()})
    missing = sum(model.name not in speeds for model in list_models())
    print(f"{len(speeds)} measured, {missing} missing")


def measure(model: ModelEntry) -> dict[str, Any]:
    """Images a second of the hybridized net: median and range of some rounds after one that warms up."""
    from gluonlab.runtime.mxnet import nd

    net = create(model.name)
    net.initialize()
    net.hybridize(static_alloc=True)
    images = nd.random.normal(shape=(BATCH_SIZE, *model.input_shape))
    net(images).wait_to_read()
    seconds: list[float] = []
    while len(seconds) < LEAST_ROUNDS or sum(seconds) < LEAST_SECONDS:
        start = time.perf_counter()
        net(images).wait_to_read()
        seconds.append(time.perf_counter() - start)
    speeds = {
        "median": statistics.median(seconds),
        "lowest": max(seconds),
        "highest": min(seconds),
    }
    return {**{key: round(BATCH_SIZE / value, 3) for key, value in speeds.items()}, "rounds": len(seconds)}


def render(result: Path, published: Path) -> str:
    """The page, from the table of models, the measured speeds and the published accuracies."""
    measured = json.loads(result.read_text()) if result.exists() else None
    speeds = measured["images_per_second"] if measured else {}
    top1 = {
        name: row["top1"]
        for source in json.loads(published.read_text()).values()
        for name, row in source.items()
        if "top1" in row
    }
    header = ["model", "input", "parameters", "GMACs", "paper", "year", "top-1"]
    rows = [
        [
            f"`{model.name}`",
            "x".join(str(size) for size in model.input_shape),
            f"{model.parameters:,}",
            f"{model.gmacs:.3f}",
            model.paper,
            str(model.year),
            f"{top1[model.name]:.2f} %" if model.name in top1 else "",
        ]
        for model in list_models()
    ]
    introduction = INTRODUCTION
    if measured:
        header.append("images/s")
        for model, row in zip(list_models(), rows):
            row.append(f"{speeds[model.name]['median']:.3g}" if model.name in speeds else "")
        introduction += SPEED.format(
            batch_size=measured["batch_size"],
            threads=measured["threads"],
            processor=measured["machine"]["processor"],
            mxnet=measured["versions"]["mxnet"],
        )
    lines = [" | ".join(cells) for cells in (header, ["---"] * len(header), *rows)]
    return introduction + "\n" + "".join(f"| {line} |\n" for line in lines)


if __name__ == "__main__":
    main()
