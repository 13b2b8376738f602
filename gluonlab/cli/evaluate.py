"""``gluonlab evaluate``: exact validation of a run or a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

import typer

from gluonlab.cli.output import CHECK_OPTION, JSON_OPTION, WEIGHTS_OPTION, check_json_target, write_json


def evaluate(
    target: Path = typer.Argument(..., metavar="RUN_OR_CHECKPOINT", help="Run or checkpoint directory."),
    overrides: Optional[list[str]] = typer.Argument(
        None, metavar="[key=value]...", help="Override keys; paths of the data, for example."
    ),
    engine: Optional[str] = typer.Option(
        None, help="What computes instead of the network itself: mxnet, fused, int8 or onnxruntime."
    ),
    weights: Optional[str] = WEIGHTS_OPTION,
    check: bool = CHECK_OPTION,
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Validate a run or a checkpoint, each image once. Prints loss, top-1 and top-5.

    Example: gluonlab evaluate runs/digits
    """
    from gluonlab.build.gpu_settings import set_gpu_environment
    from gluonlab.build.run_directory import find_checkpoint, load_run_config
    from gluonlab.checkpoint.verify import read_checkpoint
    from gluonlab.parallel.environment import launched_process, set_cpu_threads
    from gluonlab.weights.which import check_which

    check_json_target(json_target)
    which = check_which(weights)
    checkpoint = find_checkpoint(target.resolve())
    settings = ["engine=mxnet"] if engine else []  # from whose arrays the other takes its weights
    config = load_run_config(checkpoint.path.parent.parent, [*settings, *(overrides or [])])
    set_cpu_threads(config.compute_threads, launched_process().local_size)
    set_gpu_environment(config)
    from gluonlab.build.device import load_engine
    from gluonlab.build.run import validate_checkpoint
    from gluonlab.parallel.world import join_world

    load_engine(config)
    world = join_world()
    chosen = Path(world.exchange(str(checkpoint.path))[0])  # of a run that goes on, each finds its newest
    checkpoint = world.run_on_all(
        lambda: checkpoint if checkpoint.path == chosen else read_checkpoint(chosen)
    )
    results: dict[str, Any] = validate_checkpoint(config, checkpoint, world, engine, which, check=check)
    if engine == "int8":
        exact = validate_checkpoint(config, checkpoint, world, None, which)
        results.update(float32_top1=exact["top1"], top1_difference=results["top1"] - exact["top1"])
    world.shutdown()
    if world.rank != 0:
        return
    if write_json(results, json_target) and json_target == "-":
        return
    typer.echo(
        f"{checkpoint.path}: top-1 {results['top1']:.2%}  top-5 {results['top5']:.2%}  "
        f"loss {results['loss']:.4f}  ({results['images']} images, step {results['step']})"
    )
    if engine == "int8":
        typer.echo(
            f"float32: top-1 {results['float32_top1']:.2%}, difference {results['top1_difference']:+.2%}"
        )
