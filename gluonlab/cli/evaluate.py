"""``gluonlab evaluate``: exact validation of a run or a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

from gluonlab.build.recipes import evaluate_run
from gluonlab.cli.output import (
    CHECK_OPTION,
    JSON_OPTION,
    WEIGHTS_OPTION,
    check_json_target,
    describe_classes,
    format_table,
    write_json,
)
from gluonlab.parallel.environment import launched_process


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
    samples: int = typer.Option(
        0, min=0, max=1000, help="Instead of validating, show this many images and their predicted classes."
    ),
    like: Optional[str] = typer.Option(
        None, help="Resize as torchvision (bilinear) or timm (bicubic), antialiased and pixel for pixel."
    ),
    crop_share: Optional[float] = typer.Option(
        None, help="Side of the crop as a share of the shorter side.  [default: the recipe's, or 0.875]"
    ),
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Validate a run or a checkpoint, each image once. Prints loss, top-1 and top-5.

    Example: gluonlab evaluate runs/digits
    """
    check_json_target(json_target)
    if samples:
        _show_samples(target, samples, json_target)
        return

    results = evaluate_run(
        target,
        *(overrides or []),
        engine=engine,
        weights=weights,
        check=check,
        like=like,
        crop_share=crop_share,
    )
    if launched_process().rank != 0:
        return
    if write_json(results, json_target) and json_target == "-":
        return
    typer.echo(
        f"{results['checkpoint']}: top-1 {results['top1']:.2%}  top-5 {results['top5']:.2%}  "
        f"loss {results['loss']:.4f}  ({results['images']} images, step {results['step']})"
    )
    if engine == "int8":
        typer.echo(
            f"float32: top-1 {results['float32_top1']:.2%}, difference {results['top1_difference']:+.2%}"
        )


def _show_samples(target: Path, count: int, json_target: Optional[str]) -> None:
    from gluonlab.build.predicted_samples import predicted_samples

    rows = predicted_samples(target, count)
    if not write_json(rows, json_target) or json_target != "-":
        cells = [(row["where"], row["label"], describe_classes(row["classes"])) for row in rows]
        typer.echo(format_table(("image", "class", "taken for"), cells))
