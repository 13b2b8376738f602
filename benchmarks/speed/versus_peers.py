"""gluonlab against others on this machine; ratios only, each from rounds in which all sides take turns.

python -m benchmarks.speed.versus_peers resnet50_by_hand -o benchmarks/results/versus_peers.json

Each row takes at most 4 minutes and is merged into the file. Without names, lists them. Needs an idle
machine; those of engines need PyTorch in this environment.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

from benchmarks.speed.peers.allreduce_rows import mpi_row, together_row
from benchmarks.speed.peers.protocol import Side
from benchmarks.tables import ROOT
from gluonlab.bench.machine import available_cores, describe_machine
from gluonlab.bench.statistics import Ratio, paired_ratio, summarize
from gluonlab.build.run import package_versions
from gluonlab.checkout import git_commit
from gluonlab.reporting.run_files import read_json, write_json

PEERS = ROOT / "benchmarks/speed/peers"
Command = tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """The best of ``ours`` against the best of ``theirs``, commands that are asked for ``steps`` at a time.

    ``ratio`` says of what; of speeds it should reach the ``target``, of the others stay below it.
    """

    what: str
    target: float
    ours: Mapping[str, Command]
    theirs: Mapping[str, Command]
    steps: int
    ratio: Literal["speed", "time", "memory"] = "speed"


def gluonlab(
    side: str, model: str, batch: int, size: int, classes: int, precision: str = "float32"
) -> Command:
    return ("gluonlab_training.py", side, model, precision, str(batch), str(size), str(classes))


def mxnet(side: str, model: str, batch: int, size: int, classes: int) -> Command:
    return ("mxnet_training.py", side, model, str(batch), str(size), str(classes))


def torch(mode: str, layout: str, batch: int) -> Command:
    return ("torch_resnet50.py", mode, layout, str(batch), str(available_cores()))


def engine(name: str, batch: int) -> Command:
    return ("gluonlab_inference.py", name, "resnet50_v1b", str(batch), "224")


RESNET50 = ("resnet50_v1b", 8, 224, 1000)
RESNET20 = ("cifar_resnet20", 32, 32, 10)
RESNET8 = ("small_resnet8", 16, 32, 10)
OUR_RESNET50 = {"gluonlab": gluonlab("updates", *RESNET50)}
LAYOUTS = ("nchw", "nhwc")


def inference(batch: int) -> Comparison:
    return Comparison(
        f"ResNet-50 inference, float32, batch {batch} / PyTorch eval",
        1.15,
        {name: engine(name, batch) for name in ("mxnet", "fused", "onnxruntime")},
        {f"PyTorch {layout}": torch("infer", layout, batch) for layout in LAYOUTS},
        steps=max(32 // batch, 1),
    )


def engines(what: str, target: float, network: tuple[str, int, int, int], steps: int) -> Comparison:
    return Comparison(
        f"{what}, engine=torch / engine=mxnet",
        target,
        {"engine=torch": gluonlab("torch_updates", *network)},
        {"engine=mxnet": gluonlab("updates", *network)},
        steps,
    )


COMPARISONS: dict[str, Comparison] = {
    "resnet50_by_hand": Comparison(
        "ResNet-50 training, float32, batch 8 / loop written by hand",
        0.99,
        OUR_RESNET50,
        {"by hand": mxnet("by_hand", *RESNET50)},
        steps=2,
    ),
    "resnet50_examples": Comparison(
        "ResNet-50 training, float32, batch 8 / the step of Horovod's example",
        1.0,
        OUR_RESNET50,
        {"Horovod's example": mxnet("horovod_example", *RESNET50)},
        steps=2,
    ),
    "resnet8_examples": Comparison(
        "CIFAR ResNet-8 training, batch 16 / the better step of GluonCV's and Horovod's examples",
        1.1,
        {"gluonlab": gluonlab("updates", *RESNET8)},
        {
            "GluonCV's example": mxnet("gluoncv_example", *RESNET8),
            "Horovod's example": mxnet("horovod_example", *RESNET8),
        },
        steps=100,
    ),
    "resnet50_pytorch": Comparison(
        "ResNet-50 training, float32, batch 8 / PyTorch, better of two layouts",
        0.9,
        OUR_RESNET50,
        {f"PyTorch {layout}": torch("train", layout, 8) for layout in LAYOUTS},
        steps=2,
    ),
    "resnet50_bfloat16": Comparison(
        "ResNet-50 training, bfloat16, batch 8 / PyTorch autocast, better of two layouts",
        0.75,
        {"gluonlab": gluonlab("updates", *RESNET50, "bfloat16")},
        {f"PyTorch {layout}": torch("train_bfloat16", layout, 8) for layout in LAYOUTS},
        steps=2,
    ),
    "inference_1": inference(1),
    "inference_16": inference(16),
    "memory": Comparison(
        "memory peak of ResNet-50 training, batch 8 / loop written by hand",
        1.02,
        OUR_RESNET50,
        {"by hand": mxnet("by_hand", *RESNET50)},
        steps=2,
        ratio="memory",
    ),
    "cifar_engines": engines("CIFAR ResNet-20 training, float32, batch 32", 1.5, RESNET20, steps=20),
    "resnet50_engines": engines("ResNet-50 training, float32, batch 8", 1.0, RESNET50, steps=2),
    "overhead": Comparison(
        "ResNet-50 training, batch 8, with logging, metrics, watchdog and checksums / without any",
        1.01,
        {"with all": gluonlab("observed", *RESNET50)},
        {"without": gluonlab("bare", *RESNET50)},
        steps=10,  # in each 2 reports and one comparison of weights, of which a run has a tenth by default
        ratio="time",
    ),
}
OTHER_ROWS = {"two_processes": together_row, "allreduce": mpi_row}


def compare(comparison: Comparison, rounds: int, torch_python: str) -> dict[str, Any]:
    """Start all sides, let them take turns, and divide the best of ours by the best of theirs."""
    started = {}
    try:
        for name, command in {**comparison.ours, **comparison.theirs}.items():
            python = torch_python if command[0].startswith("torch") else sys.executable
            threads = {"OMP_NUM_THREADS": str(available_cores()), "PYTHONPATH": str(ROOT)}
            started[name] = Side([python, str(PEERS / command[0]), *command[1:]], threads)
        seconds: dict[str, list[float]] = {name: [] for name in started}
        for number in range(rounds):
            order = list(started) if number % 2 == 0 else list(started)[::-1]
            for name in order:
                seconds[name].append(started[name].seconds_per_step(comparison.steps))
    finally:
        for side in started.values():
            side.close()
    row = divide(comparison, seconds, {name: side.peak_memory_bytes for name, side in started.items()})
    row["versions"] = {key: value for side in started.values() for key, value in side.about.items()}
    return row


def divide(
    comparison: Comparison, seconds: Mapping[str, Sequence[float]], peaks: Mapping[str, int]
) -> dict[str, Any]:
    best = min(comparison.ours, key=lambda name: median(seconds[name]))
    rival = min(comparison.theirs, key=lambda name: median(seconds[name]))
    if comparison.ratio == "memory":
        ratio = Ratio(peaks[best] / peaks[rival], None)
    elif comparison.ratio == "time":
        ratio = paired_ratio(seconds[best], seconds[rival])
    else:
        ratio = paired_ratio(seconds[rival], seconds[best])
    row: dict[str, Any] = {
        "what": comparison.what,
        "target": comparison.target,
        "at_most": comparison.ratio != "speed",
        "ratio": ratio.ratio,
        "interval_95": ratio.interval,
        "ours": best,
        "theirs": rival,
    }
    row["sides"] = {
        name: {"seconds_per_step": summarize(times), "peak_memory_bytes": peaks[name]}
        for name, times in seconds.items()
    }
    return row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", choices=[[], *COMPARISONS, *OTHER_ROWS])
    parser.add_argument("-o", "--output", type=Path, help="result file; rows in it are replaced")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--torch-python", default="python", help="a Python that has PyTorch")
    arguments = parser.parse_args()
    for name in arguments.rows:
        start = time.monotonic()
        if name in COMPARISONS:
            row = compare(COMPARISONS[name], arguments.rounds, arguments.torch_python)
        else:
            row = OTHER_ROWS[name](arguments.rounds)
        row["seconds_measured"] = round(time.monotonic() - start)
        print(f"{row['what']}: {row['ratio']:.3f} {row['interval_95'] or ''}", flush=True)
        if arguments.output:
            merge(arguments.output, name, row, arguments.rounds)
    if not arguments.rows:
        print("\n".join([*COMPARISONS, *OTHER_ROWS]))


def merge(path: Path, name: str, row: dict[str, Any], rounds: int) -> None:
    result = read_json(path) if path.exists() else {"rows": {}}
    row["origin"] = {
        "machine": describe_machine(),
        "versions": {**package_versions(), **row.pop("versions", {})},
        "git_commit": git_commit(),
        "command": [Path(sys.argv[0]).name, name, "--rounds", str(rounds)],
        "date": time.strftime("%Y-%m-%d"),
        "threads": os.environ.get("OMP_NUM_THREADS"),
    }
    result["rows"][name] = row
    write_json(path, result)


if __name__ == "__main__":
    main()
