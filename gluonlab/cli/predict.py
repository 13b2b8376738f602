"""``gluonlab predict``: the classes, or the features, of images."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import typer

from gluonlab.cli.output import (
    CHECK_OPTION,
    JSON_OPTION,
    MAX_BYTES,
    MAX_PIXELS,
    WEIGHTS_OPTION,
    check_json_target,
    format_table,
    write_json,
)
from gluonlab.errors import CheckpointError

if TYPE_CHECKING:
    from gluonlab.build.image_model import ImageModel
    from gluonlab.weights.which import Which

ENGINE_OPTION = typer.Option("mxnet", help="What computes: mxnet, fused, int8, onnxruntime or torch.")


def predict(
    target: Path = typer.Argument(
        ...,
        metavar="MODEL_OR_CHECKPOINT",
        help="Model folder, store:NAME, run or checkpoint; with torch also a -symbol.json or its folder.",
    ),
    images: list[Path] = typer.Argument(..., metavar="IMAGE...", help="Image files, or folders of them."),
    top: int = typer.Option(5, min=1, help="How many classes to name for each image."),
    engine: str = ENGINE_OPTION,
    features: Optional[Path] = typer.Option(
        None, help="Write what the classifier is given into this .npy file, one row for each image."
    ),
    weights: Optional[str] = WEIGHTS_OPTION,
    check: bool = CHECK_OPTION,
    batch_size: int = typer.Option(16, min=1, help="Images that are computed together."),
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Name the likeliest classes of images.

    Example: gluonlab predict models/resnet50 photo.jpg --top 3
    """
    import numpy as np

    from gluonlab.data.image_limits import ImageLimits
    from gluonlab.inference.images import ImageFiles, find_images, read_batch
    from gluonlab.inference.predict import top_classes
    from gluonlab.weights.which import check_which

    check_json_target(json_target)
    files, limits = find_images(images), ImageLimits(max_pixels, max_bytes)
    model, compute_for = _open(target, engine, check_which(weights), features is not None, check)
    compute: Any = None
    rows: list[dict[str, Any]] = []
    vectors: list[Any] = []
    for start in range(0, len(files), batch_size):
        part = files[start : start + batch_size]
        batch = read_batch(ImageFiles(part, limits), model.augmentation(), *model.normalisation)
        compute = compute or compute_for(batch)
        if features:
            vectors.append(compute(batch))
            continue
        classes = top_classes(compute(batch), top, model.class_names)
        rows += [{"image": str(path), "classes": best} for path, best in zip(part, classes)]
    if features:
        _write_features(features, np.concatenate(vectors), [str(path) for path in files], json_target)
    elif not write_json(rows, json_target) or json_target != "-":
        cells = [(row["image"], _describe(row["classes"])) for row in rows]
        typer.echo(format_table(("image", "classes"), cells))


def _open(
    target: Path, engine: str, which: Optional[Which], are_features: bool, check: bool
) -> tuple[ImageModel, Callable[[Any], Any]]:
    """What is known of the network, and from its first batch to what computes logits or features."""
    if engine == "torch" and not are_features:  # the one engine that needs no MXNet
        from gluonlab.build.leaving import network_logits
        from gluonlab.build.portable_model import open_portable
        from gluonlab.inference.compare import check_engine
        from gluonlab.torch_engine import check_torch

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


def _describe(classes: list[dict[str, Any]]) -> str:
    return ", ".join(f"{item['name']} {item['probability']:.1%}" for item in classes)


def _write_features(path: Path, vectors: Any, files: list[str], json_target: Optional[str]) -> None:
    import numpy as np

    try:
        with path.open("wb") as file:
            np.save(file, vectors, allow_pickle=False)
    except OSError as error:
        raise CheckpointError("CKP01", str(path), f"cannot be written: {error.strerror}") from None
    facts = {"file": str(path), "images": files, "shape": list(vectors.shape)}
    if not write_json(facts, json_target) or json_target != "-":
        typer.echo(f"{path}: {vectors.shape[0]} images, {vectors.shape[1]} features each")
