"""``gluonlab predict``: the classes, or the features, of images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Optional

import numpy as np
import typer

from gluonlab.build.image_model import ImageModel
from gluonlab.build.leaving import network_logits
from gluonlab.build.portable_model import open_portable
from gluonlab.cli.output import (
    CHECK_OPTION,
    JSON_OPTION,
    MAX_BYTES,
    MAX_PIXELS,
    WEIGHTS_OPTION,
    check_json_target,
    describe_classes,
    format_table,
    write_json,
)
from gluonlab.data.image_limits import ImageLimits
from gluonlab.data.source import Source
from gluonlab.errors import CheckpointError
from gluonlab.inference import default_engine
from gluonlab.inference.compare import check_engine
from gluonlab.inference.images import open_images, read_batch
from gluonlab.inference.predict import are_right, top_classes
from gluonlab.torch_engine import check_torch
from gluonlab.weights.which import Which, check_which

ENGINE_OPTION = typer.Option(
    "auto",
    help="What computes: mxnet, fused, int8, onnxruntime or torch; auto: mxnet, or torch where only that "
    "is installed.",
)


def predict(
    target: Path = typer.Argument(
        ...,
        metavar="MODEL_OR_CHECKPOINT",
        help="Model folder, store:NAME, run or checkpoint; with torch also a -symbol.json or its folder.",
    ),
    images: list[Path] = typer.Argument(
        ..., metavar="IMAGE...", help="Image files, folders of them, or record files."
    ),
    top: int = typer.Option(5, min=1, help="How many classes to name for each image."),
    engine: str = ENGINE_OPTION,
    features: Optional[Path] = typer.Option(
        None, help="Write the classifier's input to this .npy file, one row for each image."
    ),
    weights: Optional[str] = WEIGHTS_OPTION,
    check: bool = CHECK_OPTION,
    batch_size: int = typer.Option(16, min=1, help="Images that are computed together."),
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Name the likeliest classes of images. For record files, which have labels, print the accuracy too.

    Example: gluonlab predict models/resnet50 photo.jpg --top 3
    """
    check_json_target(json_target)
    sources, which = open_images(images, ImageLimits(max_pixels, max_bytes)), check_which(weights)
    engine = default_engine() if engine == "auto" else engine
    model, compute_for = _open(target, engine, which, features is not None, check)
    compute: Any = None
    rows: list[dict[str, Any]] = []
    vectors: list[Any] = []
    right: list[bool] = []
    for names, labels, batch in _batches(sources, model, batch_size):
        compute = compute or compute_for(batch)
        outputs = compute(batch)
        if features:
            vectors.append(outputs)
            rows += [{"image": name} for name in names]
            continue
        for name, label, classes in zip(names, labels, top_classes(outputs, top, model.class_names)):
            rows.append({"image": name, **({"label": label} if label >= 0 else {}), "classes": classes})
        labelled = [place for place, label in enumerate(labels) if label >= 0]
        right += are_right(outputs[labelled], [labels[place] for place in labelled])
    if features:
        _write_features(features, np.concatenate(vectors), [row["image"] for row in rows], json_target)
        return
    if not write_json(rows, json_target) or json_target != "-":
        cells = [(row["image"], describe_classes(row["classes"])) for row in rows]
        typer.echo(format_table(("image", "classes"), cells))
        if right:
            typer.echo(f"top-1 {np.mean(right):.2%} of {len(right)} images with a label")


def _batches(
    sources: Sequence[Source], model: ImageModel, batch_size: int
) -> Iterator[tuple[list[str], list[int], Any]]:
    """Names, labels and normalised pixels of all images."""
    for source in sources:
        for start in range(0, len(source), batch_size):
            part = range(start, min(start + batch_size, len(source)))
            batch = read_batch(source, model.augmentation(), *model.normalisation, part)
            yield [source.where(index) for index in part], source.labels[part].tolist(), batch


def _open(
    target: Path, engine: str, which: Optional[Which], are_features: bool, check: bool
) -> tuple[ImageModel, Callable[[Any], Any]]:
    """What is known of the network, and from its first batch to what computes logits or features."""
    if engine == "torch" and not are_features:  # the one engine that needs no MXNet
        check_torch()
        from gluonlab.torch_engine.prediction import in_torch

        portable = open_portable(target, which)
        compute = in_torch(portable.graph, portable.values, portable.input_name, portable.input_shape)

        def compared(batch: Any) -> Any:
            expected = network_logits(target, portable, batch, which) if check else None
            if expected is not None:
                check_engine(engine, compute(batch), expected)
            return compute

        return portable, compared
    from gluonlab.build.opened_model import open_model
    from gluonlab.inference.engines import make_engine
    from gluonlab.inference.features import features

    model = open_model(target, which)
    if are_features:
        return model, lambda batch: partial(features, model.net)
    make = partial(make_engine, model.net, engine, model.input_shape, check=check)
    return model, lambda batch: make(calibration=batch)


def _write_features(path: Path, vectors: Any, files: list[str], json_target: Optional[str]) -> None:
    try:
        with path.open("wb") as file:
            np.save(file, vectors, allow_pickle=False)
    except OSError as error:
        raise CheckpointError("CKP01", str(path), f"cannot be written: {error.strerror}") from None
    facts = {"file": str(path), "images": files, "shape": list(vectors.shape)}
    if not write_json(facts, json_target) or json_target != "-":
        typer.echo(f"{path}: {vectors.shape[0]} images, {vectors.shape[1]} features each")
