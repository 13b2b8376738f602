"""ResNet-50 inference by each engine on this machine, and what 8 bits cost in accuracy.

python -m benchmarks.models.inference

It writes benchmarks/results/inference.json, which `python -m benchmarks.pages` brings into
docs/weights.md. In a round every engine computes once, in turn. Needs an idle machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.tables import ROOT
from gluonlab.reporting.run_files import write_json

if TYPE_CHECKING:
    from gluonlab.inference.engines import Engine

RESULT = ROOT / "benchmarks/results/inference.json"
THREADS = psutil.cpu_count(logical=True)
MODEL, INPUT_SHAPE = "resnet50_v1b", (3, 224, 224)
CALLS_IN_A_ROUND = {1: 8, 16: 1}
"""By the number of images that are computed together."""
CALIBRATION_IMAGES = 64


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9, help="after one that warms up")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(THREADS)  # before MXNet is imported
    write_json(RESULT, measure_all(arguments.rounds))


def measure_all(rounds: int) -> dict[str, Any]:
    from benchmarks.origin import describe_origin

    flags = Path("/proc/cpuinfo").read_text().split()
    return {
        "command": f"python -m benchmarks.models.inference --rounds {rounds}",
        "threads": THREADS,
        "model": MODEL,
        "has_vnni": "avx512_vnni" in flags or "avx_vnni" in flags,
        "rounds": rounds,
        "digits": compare_on_digits(),
        **measure_speed(rounds),
        **describe_origin(),
    }


def measure_speed(rounds: int) -> dict[str, Any]:
    """Images per second of each engine and batch, ratios to the hybridized network, how far logits are."""
    from benchmarks.speed.engine import measure
    from gluonlab.inference import ENGINES
    from gluonlab.inference.engines import make_engine
    from gluonlab.runtime.mxnet import mx

    mx.random.seed(0)
    images = np.random.RandomState(0).standard_normal((16, *INPUT_SHAPE)).astype("float32")
    net = network_with_statistics()
    engines = {name: make_engine(net, name, INPUT_SHAPE, calibration=images, check=False) for name in ENGINES}
    speeds, ratios = {}, {}
    for batch, calls in CALLS_IN_A_ROUND.items():
        actions: dict[str, Callable[[], object]] = {
            name: partial(engine, images[:batch]) for name, engine in engines.items()
        }
        seconds = measure(actions, rounds, calls)
        speeds[batch] = {
            name: {
                "median": batch / times["median"],
                "lowest": batch / times["highest"],
                "highest": batch / times["lowest"],
            }
            for name, times in seconds.items()
        }
        ratios[batch] = {
            name: speed["median"] / speeds[batch]["mxnet"]["median"] for name, speed in speeds[batch].items()
        }
        print(f"batch {batch}: {ratios[batch]}", flush=True)
    return {"images_per_second": speeds, "ratios": ratios, "logits": compare(engines, images)}


def network_with_statistics() -> Any:
    """ResNet-50 with random weights, and running statistics that a fold has to take into account."""
    from gluonlab.models import create
    from gluonlab.runtime.mxnet import mx, nd

    net = create(MODEL)
    net.initialize(mx.init.Xavier())
    random = np.random.RandomState(1)
    for name, parameter in net._collect_params_with_prefix().items():
        if name.endswith("running_mean"):
            parameter.set_data(nd.array(random.uniform(-0.1, 0.1, parameter.shape)))
        if name.endswith(("running_var", "gamma")):
            parameter.set_data(nd.array(random.uniform(0.8, 1.2, parameter.shape)))
    return net


def compare(engines: dict[str, Engine], images: NDArray[np.float32]) -> dict[str, dict[str, float]]:
    """Largest difference of logits to the hybridized network, to the largest logit; share of equal top-1."""
    expected = engines["mxnet"](images)
    logits = {name: engine(images) for name, engine in engines.items()}
    return {
        name: {
            "relative_difference": float(np.abs(found - expected).max() / np.abs(expected).max()),
            "same_top1": float((found.argmax(1) == expected.argmax(1)).mean()),
        }
        for name, found in logits.items()
    }


def compare_on_digits() -> dict[str, Any]:
    """The same and top-1 for the network that the recipe of the digits trains, on its validation images."""
    from gluonlab.build.opened_model import open_model
    from gluonlab.data.digits import load_digits
    from gluonlab.inference import ENGINES
    from gluonlab.inference.engines import make_engine
    from gluonlab.inference.images import read_batch
    from gluonlab.runtime.mxnet import mx

    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "gluonlab.cli.main", "train", "configs/digits.yaml"]
        settings = ["ctx=cpu", "tensorboard=false", "checkpoint_every=never", f"run_dir={folder}/run"]
        subprocess.run([*command, *settings], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        model = open_model(Path(folder) / "run")
    train, val = (
        read_batch(load_digits(part), model.augmentation(), *model.normalisation) for part in ("train", "val")
    )
    labels = load_digits("val").labels
    mx.random.seed(0)
    engines = {
        name: make_engine(
            model.net, name, model.input_shape, calibration=train[:CALIBRATION_IMAGES], check=False
        )
        for name in ENGINES
    }
    differences = compare(engines, val)
    top1 = {name: float((engine(val).argmax(1) == labels).mean()) for name, engine in engines.items()}
    print(f"digits: top-1 {top1}", flush=True)
    return {
        "images": len(labels),
        "engines": {name: {"top1": top1[name], **differences[name]} for name in ENGINES},
    }


if __name__ == "__main__":
    main()
