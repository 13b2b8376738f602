"""``gluonlab predict``: the classes, or the features, of images."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

import typer

from gluonlab.cli.output import JSON_OPTION, check_json_target, format_table, write_json
from gluonlab.errors import CheckpointError

ENGINE_OPTION = typer.Option("mxnet", help="What computes: mxnet, fused, int8 or onnxruntime.")


def predict(
    target: Path = typer.Argument(
        ..., metavar="MODEL_OR_CHECKPOINT", help="Model folder, store:NAME, run or checkpoint."
    ),
    images: list[Path] = typer.Argument(..., metavar="IMAGE...", help="Image files, or folders of them."),
    top: int = typer.Option(5, min=1, help="How many classes to name for each image."),
    engine: str = ENGINE_OPTION,
    features: Optional[Path] = typer.Option(
        None, help="Write what the classifier is given into this .npy file, one row for each image."
    ),
    batch_size: int = typer.Option(16, min=1, help="Images that are computed together."),
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Name the likeliest classes of images.

    Example: gluonlab predict models/resnet50 photo.jpg --top 3
    """
    import numpy as np

    from gluonlab.build.opened_model import open_model
    from gluonlab.inference.engines import make_engine
    from gluonlab.inference.images import ImageFiles, find_images, read_batch
    from gluonlab.inference.predict import features as features_of
    from gluonlab.inference.predict import top_classes

    check_json_target(json_target)
    files = find_images(images)
    model = open_model(target)
    compute: Any = None
    rows: list[dict[str, Any]] = []
    vectors: list[Any] = []
    for start in range(0, len(files), batch_size):
        part = files[start : start + batch_size]
        batch = read_batch(ImageFiles(part), model.augmentation(), *model.normalisation)
        if features:
            vectors.append(features_of(model.net, batch))
            continue
        compute = compute or make_engine(model.net, engine, model.input_shape, calibration=batch)
        classes = top_classes(compute(batch), top, model.class_names)
        rows += [{"image": str(path), "classes": best} for path, best in zip(part, classes)]
    if features:
        _write_features(features, np.concatenate(vectors), [str(path) for path in files], json_target)
    elif not write_json(rows, json_target) or json_target != "-":
        cells = [(row["image"], _describe(row["classes"])) for row in rows]
        typer.echo(format_table(("image", "classes"), cells))


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
