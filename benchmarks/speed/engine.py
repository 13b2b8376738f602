"""What the large-batch engine costs on this machine: accumulation, the update, noise, bfloat16; ratios only.

python -m benchmarks.speed.engine accumulation update noise precision -o benchmarks/results/engine

Each figure is the median of several rounds; in a round everything that is compared runs once, in turn.
Needs an idle machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from benchmarks.origin import describe_origin
from gluonlab.reporting.run_files import write_json

THREADS = psutil.cpu_count(logical=True)
Action = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="+", choices=PARTS)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the result files")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(THREADS)  # before MXNet is imported
    arguments.output.mkdir(parents=True, exist_ok=True)
    for part in arguments.parts:
        result = {"threads": THREADS, **PARTS[part](), **describe_origin()}
        write_json(arguments.output / f"{part}.json", result)
        print(f"{part}: {result['ratios']}", flush=True)


def measure(actions: Mapping[str, Action], rounds: int, calls: int = 1) -> dict[str, dict[str, float]]:
    """Seconds of ``calls`` calls and a wait for each action, after one warm-up: median and range."""
    from gluonlab.runtime.mxnet import nd

    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for number in range(rounds + 1):
        for name, action in actions.items():
            start = time.perf_counter()
            for _ in range(calls):
                action()
            nd.waitall()
            if number > 0:
                seconds[name].append((time.perf_counter() - start) / calls)
    return {
        name: {"median": statistics.median(times), "lowest": min(times), "highest": max(times)}
        for name, times in seconds.items()
    }


def ratio_of(seconds: Mapping[str, Mapping[str, float]], one: str, other: str) -> float:
    return round(seconds[one]["median"] / seconds[other]["median"], 3)


def measure_accumulation() -> dict[str, Any]:
    """Time per image with 16 virtual workers on one process against plain training, same micro-batch."""
    ratios, seconds = {}, {}
    for model, images, size in (
        ("cifar_resnet20", 32, 32),
        ("resnet18_v1b", 8, 224),
        ("resnet50_v1b", 8, 224),
    ):
        times = measure(
            {
                "plain": training(model, images, size, workers=1, updates=16),
                "W=16": training(model, images, size, workers=16, updates=1),
            },
            rounds=5,
        )
        seconds[f"{model}, {images} images of {size} px"] = times
        ratios[model] = ratio_of(times, "W=16", "plain")
    return {"ratios": ratios, "seconds_per_16_micro_batches": seconds}


def training(
    model: str,
    images: int,
    size: int,
    *,
    workers: int,
    updates: int,
    precision: str = "float32",
    noise_every: int = 0,
) -> Action:
    """``updates`` updates of a run of a model on one process, on a synthetic batch."""
    from gluonlab.bench.work import Training
    from gluonlab.build.run import build_run
    from gluonlab.config.load import check_config
    from gluonlab.parallel.world import SingleProcess

    recipe = {
        "data": {"name": "synthetic", "classes": 1000, "image_size": size, "samples": 1_000_000},
        "model": {"name": model},
        "global_batch_size": images * workers,
        "worker_batch_size": images,
        "epochs": 1,
        "optimizer": {"name": "sgd", "momentum": 0.9, "weight_decay": 1e-4},
        "schedule": {"name": "constant", "base_lr": 0.001, "scaling": "none"},
        "precision": precision,
        "noise_every": noise_every,
        "checkpoint_every": "never",
    }
    work = Training(build_run(check_config(recipe, "benchmark"), Path("unused"), SingleProcess()))

    def train() -> None:
        for _ in range(updates):
            work.step()

    return train


def measure_update() -> dict[str, Any]:
    """One update over the 161 tensors of ResNet-50: LARS here, MXNet's optimizers, SGD tensor by tensor."""
    from gluonlab import models
    from gluonlab.optim.lars import LARS
    from gluonlab.optim.momentum import SGD
    from gluonlab.runtime.mxnet import mx, nd

    net = models.create("resnet50_v1b")
    net.initialize()
    parameters = [p.data() for p in net.collect_params().values() if p.grad_req != "null"]
    gradients = [nd.random.normal(0, 1e-3, shape=array.shape) for array in parameters]

    def updating(optimizer: Any) -> Action:
        updater = mx.optimizer.get_updater(optimizer)
        weights = [array.copy() for array in parameters]
        return lambda: updater(list(range(len(weights))), gradients, weights)

    mxnet = {"learning_rate": 0.1, "momentum": 0.9, "wd": 1e-4}
    times = measure(
        {
            "gluonlab LARS": updating(LARS(0.1, 0.9, 1e-4)),
            "gluonlab SGD": updating(SGD(0.1, 0.9, 1e-4)),
            "MXNet LARS": updating(mx.optimizer.create("lars", **mxnet)),
            "MXNet SGD": updating(mx.optimizer.create("sgd", **mxnet)),
        },
        rounds=15,
    )
    ratios = {
        f"gluonlab LARS / {other}": ratio_of(times, "gluonlab LARS", other)
        for other in ("MXNet LARS", "MXNet SGD", "gluonlab SGD")
    }
    return {"ratios": ratios, "tensors": len(parameters), "seconds": times}


def measure_noise() -> dict[str, Any]:
    """Cost of the gradient noise scale: every update measured against none, a tenth of it by default."""
    from gluonlab.config.schema import Config

    default = Config.model_fields["noise_every"].default
    ratios, seconds = {}, {}
    for model, images, size, rounds in (("cifar_resnet20", 32, 32, 101), ("resnet50_v1b", 8, 224, 11)):
        times = measure(
            {
                name: training(model, images, size, workers=4, updates=1, noise_every=every)
                for name, every in (("without", 0), ("each update", 1))
            },
            rounds=rounds,
        )
        seconds[f"{model}, 4 workers of {images} images of {size} px"] = times
        cost = times["each update"]["median"] / times["without"]["median"] - 1
        ratios[model] = round(1 + cost / default, 4)
    return {"noise_every": default, "ratios": ratios, "seconds_per_update": seconds}


def measure_precision() -> dict[str, Any]:
    """Training ResNet-50 at 224 px in bfloat16 against float32."""
    from gluonlab.parallel.environment import has_cpu_feature

    if not has_cpu_feature("avx512_bf16"):
        return {"ratios": {}, "skipped": "this processor has no bfloat16 arithmetic"}
    times = measure(
        {
            precision: training("resnet50_v1b", 8, 224, workers=1, updates=1, precision=precision)
            for precision in ("float32", "bfloat16")
        },
        rounds=7,
    )
    return {
        "ratios": {"speed of bfloat16": ratio_of(times, "float32", "bfloat16")},
        "images_per_sec": {name: round(8 / values["median"], 2) for name, values in times.items()},
        "seconds": times,
    }


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "accumulation": measure_accumulation,
    "update": measure_update,
    "noise": measure_noise,
    "precision": measure_precision,
}


if __name__ == "__main__":
    main()
