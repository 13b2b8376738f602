"""``gluonlab models``: which models there are, what one costs, weights in and out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any, Optional

import typer

from gluonlab.cli.model_card import card
from gluonlab.cli.output import (
    JSON_OPTION,
    WEIGHTS_OPTION,
    check_json_target,
    echo_table,
    format_table,
    write_json,
)
from gluonlab.commands import gluonlab_command
from gluonlab.errors import ConfigError
from gluonlab.models import ModelEntry, Preprocessing, create, entry, list_models
from gluonlab.weights.formats import check_format
from gluonlab.weights.hub_folder import CONFIG_FILE, is_hub_folder
from gluonlab.weights.model_folder import read_model_folder
from gluonlab.weights.store import PREFIX, find_weights, list_store, store_folder
from gluonlab.weights.which import check_which

MEGABYTE = 1e6

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The models: list, show, import, fetch, export, card.",
)
app.command()(card)


@app.command("list")
def list_(
    pattern: str = typer.Argument("*", help="Shell pattern that names must match."),
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """List the models.

    Example: gluonlab models list "resnet50*"
    """
    models = list_models(pattern)
    stored: dict[str, list[str]] = defaultdict(list)
    for name, facts in list_store().items():
        stored[facts.model].append(PREFIX + name)
    rows = [
        {
            "name": model.name,
            "parameters": model.parameters,
            "multiply_adds": model.multiply_adds,
            "input_shape": list(model.input_shape),
            "classes": model.classes,
            "paper": model.paper,
            "year": model.year,
            "preprocessing": asdict(model.preprocessing),
            "weights": stored[model.name],
        }
        for model in models
    ]
    if write_json(rows, json_target):
        return
    header = ("name", "parameters", "GMACs", "input", "classes", "paper", "year", "weights")
    cells = [
        (
            model.name,
            model.parameters,
            round(model.gmacs, 3),
            _format_shape(model.input_shape),
            model.classes,
            model.paper,
            model.year,
            ", ".join(stored[model.name]),
        )
        for model in models
    ]
    echo_table(
        header,
        cells,
        empty=f"no model matches {pattern!r}; {gluonlab_command('models', 'list')} shows all",
    )


@app.command()
def show(
    name: str = typer.Argument(..., help="A name that `gluonlab models list` shows."),
    classes: Optional[int] = typer.Option(None, help="Number of classes, if not the model's default."),
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Show size, cost, layers and stored weights of a model.

    Example: gluonlab models show resnet50_v1b --classes 10
    """
    model = entry(name)
    facts = _describe(model, classes)
    if write_json(facts, json_target):
        return
    typer.echo(f"{name}: {model.paper}, {model.year}")
    typer.echo(f"input              {_format_shape(facts['input_shape'])}, {facts['classes']} classes")
    typer.echo(f"preprocessing      {_format_preprocessing(model.preprocessing)}")
    typer.echo(f"parameters         {facts['parameters']:,} ({facts['parameter_bytes'] / MEGABYTE:.1f} MB)")
    typer.echo(f"multiply-adds      {facts['multiply_adds'] / 1e9:.3f} G per image")
    typer.echo(f"activations        {facts['activation_bytes_per_image'] / MEGABYTE:.1f} MB per image")
    for weights in facts["weights"]:
        source = weights["source"].get("file", "")
        typer.echo(
            f"weights            {weights['name']}: {weights['classes']} classes, {source}".rstrip(", ")
        )
    typer.echo()
    layers = [
        (layer["name"], _format_shape(layer["output_shape"]), layer["parameters"])
        for layer in facts["layers"]
    ]
    typer.echo(format_table(("layer", "output", "parameters"), layers))


@app.command("import")
def import_(
    file: Path = typer.Argument(
        ...,
        help="A .safetensors, .pth, .params or .onnx file, a checkpoint, or a folder of timm as the hub of "
        "Hugging Face has it.",
    ),
    model: Optional[str] = typer.Option(
        None, "--as", help="The model that it holds weights of; a folder of the hub says so itself."
    ),
    output: Optional[Path] = typer.Option(
        None,
        "-o",
        "--output",
        help="The model folder to write; by default one in the store, named after the model.",
    ),
    classes: Optional[int] = typer.Option(None, help="Number of classes, if not the model's default."),
    class_names: Optional[Path] = typer.Option(None, help="A text file with one class name for each line."),
    sha256: Optional[str] = typer.Option(None, help="SHA-256 of the file, or at least its first 8 digits."),
    weights: Optional[str] = WEIGHTS_OPTION,
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Turn another project's weights into a model folder.

    It may be torchvision, timm, Gluon or GluonCV; nothing in the file is executed.

    Example: gluonlab models import resnet50-0676ba61.pth --as resnet50_v1b -o models/resnet50
    """
    from gluonlab.weights.importing import import_hub_folder, import_weights, read_class_names

    check_json_target(json_target)
    names = read_class_names(class_names) if class_names else None
    if is_hub_folder(file):
        if classes is not None or weights is not None:
            what = "says itself how many classes it has, and holds one set of weights"
            raise ConfigError("CLI02", str(file / CONFIG_FILE), what, "leave --classes and --weights out")
        report = import_hub_folder(file, output, model=model, sha256=sha256, class_names=names)
    elif model is None:
        raise ConfigError("CLI02", "--as", "is missing", "name the model that it holds weights of")
    else:
        which, folder = check_which(weights), output or store_folder() / model
        report = import_weights(
            file, model, folder, classes=classes, class_names=names, sha256=sha256, which=which
        )
    if not write_json(report, json_target) or json_target != "-":
        source = report["source"]
        what = f"{report['model']}, {report['tensors']} tensors by the names of {source['names']}"
        typer.echo(f"{report['folder']}: {what}")
        if report["preprocessing"]:
            typer.echo(f"images: {_format_preprocessing(Preprocessing(**report['preprocessing']))}")
        if report["note"]:
            typer.echo(f"took {report['note']}")


@app.command()
def fetch(
    name: str = typer.Argument(..., help="What the mirror calls the weights; often the name of the model."),
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Bring weights from a mirror into the store.

    GLUONLAB_MIRROR is the address of the mirror, GLUONLAB_STORE the folder of the store; the weights are then
    at hand as store:NAME.

    Example: GLUONLAB_MIRROR=https://models.example.org gluonlab models fetch resnet50_v1b
    """
    check_json_target(json_target)
    folder = find_weights(PREFIX + name)
    facts = read_model_folder(folder)
    report = {"name": PREFIX + name, "folder": str(folder), **asdict(facts)}
    if not write_json(report, json_target) or json_target != "-":
        typer.echo(f"{folder}: {facts.model}, {facts.classes} classes, SHA-256 {facts.sha256[:16]}")


@app.command("export")
def export_(
    target: Path = typer.Argument(
        ..., metavar="MODEL_OR_CHECKPOINT", help="Model folder, store:NAME, run or checkpoint."
    ),
    output: Path = typer.Option(..., "-o", "--output", help="The folder to write into."),
    form: str = typer.Option("onnx", "--format", help="onnx, torch (weights), pytorch (a module) or mxnet."),
    check: bool = typer.Option(False, "--check", help="Run what was written, and compare logits."),
    weights: Optional[str] = WEIGHTS_OPTION,
    images: Optional[list[Path]] = typer.Option(
        None, help="Images, or folders of them, for --check; the digits that ship if none are given."
    ),
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Write a network for ONNX, PyTorch or MXNet.

    The file of ``torch`` has torchvision's names. ``pytorch`` writes a module that needs neither gluonlab nor
    MXNet, of a -symbol.json with its .params too, without MXNet if need be; it is always checked.

    Example: gluonlab models export models/resnet50 -o exported --format onnx --check
    """
    from gluonlab.build.leaving import (
        export_model,
    )  # with configuration and images, which list can do without

    check_json_target(json_target)
    which = check_which(weights)
    report = export_model(target, check_format(form), output, check=check, images=images or [], which=which)
    if write_json(report, json_target) and json_target == "-":
        return
    typer.echo("\n".join(report["files"]))
    if report["check"]:
        typer.echo(
            f"largest difference of logits {report['check']['largest_difference']:.2e} on "
            f"{report['check']['images']} images, the largest logit is {report['check']['largest_logit']:.3g}"
        )


def _describe(model: ModelEntry, classes: Optional[int]) -> dict[str, Any]:
    """Facts of the model at its own input size; sizes in bytes are those of float32."""
    from gluonlab.models.inspection import (
        FLOAT32_BYTES,
        activation_bytes,
        count_multiply_adds,
        count_parameters,
        list_layers,
    )

    net = create(model.name, classes=classes)
    parameters = count_parameters(net)
    return {
        "name": model.name,
        "input_shape": list(model.input_shape),
        "classes": model.classes if classes is None else classes,
        "preprocessing": asdict(model.preprocessing),
        "parameters": parameters,
        "parameter_bytes": FLOAT32_BYTES * parameters,
        "multiply_adds": count_multiply_adds(net, model.input_shape),
        "activation_bytes_per_image": activation_bytes(net, model.input_shape, batch_size=1),
        "layers": [asdict(layer) for layer in list_layers(net, model.input_shape)],
        "weights": [
            {"name": PREFIX + name, **asdict(facts)}
            for name, facts in list_store().items()
            if facts.model == model.name
        ],
    }


def _format_shape(shape: tuple[int, ...]) -> str:
    return "x".join(str(size) for size in shape)


def _format_preprocessing(preprocessing: Preprocessing) -> str:
    size = f"centre {preprocessing.crop} px"
    if preprocessing.resize is not None:
        size = f"shorter side to {preprocessing.resize} px ({preprocessing.interpolation}), {size}"
    mean, std = (", ".join(map(str, values)) for values in (preprocessing.mean, preprocessing.std))
    return f"{size}, minus ({mean}), by ({std})"
