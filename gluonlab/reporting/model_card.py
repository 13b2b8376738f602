"""A model card of a run: a README whose front matter model hubs read. What the run does not know is left out.

Fields: https://github.com/huggingface/hub-docs/blob/main/modelcard.md
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import yaml

from gluonlab.commands import portable_command
from gluonlab.reporting.run_files import latest_by_step
from gluonlab.reporting.runs import RunRecord
from gluonlab.reporting.trackers.redaction import redact

LIBRARY = "gluonlab"
_TASK = "image-classification"
# Values of `data.name` that name a form of files and not a data set.
FORMS = frozenset({"folder", "record", "synthetic", "npz", "webdataset", "mds", "parquet"})


def model_card(record: RunRecord, recipe: Mapping[str, Any], licence: Optional[str] = None) -> str:
    """The card of the run ``record``, whose ``recipe`` holds what decides its result.

    ``licence``: that of the weights, as hubs name it (`apache-2.0`), which no run knows.
    """
    front = yaml.safe_dump(_front_matter(record, licence), sort_keys=False, allow_unicode=True)
    sections = [
        f"# {_name(record)}",
        _introduction(record),
        _results(record),
        _data(record),
        _recipe(record, recipe),
        _use(record),
        _origin(record),
    ]
    text = f"---\n{front}---\n\n" + "\n\n".join(filter(None, sections)) + "\n"
    return redact(text, os.environ)


def _name(record: RunRecord) -> str:
    return record.path.resolve().name


def _front_matter(record: RunRecord, licence: Optional[str]) -> dict[str, Any]:
    data_name, model = _data_name(record), _section(record, "model").get("name")
    engine = record.document.get("engine")
    known = {
        "license": licence,
        "library_name": LIBRARY,
        "pipeline_tag": _TASK,
        "tags": [tag for tag in (_TASK, LIBRARY, engine, model) if isinstance(tag, str)],
        "datasets": [data_name] if data_name else None,
        "metrics": ["accuracy"] if _measured(record) else None,
        "model-index": _model_index(record, data_name),
    }
    return {key: value for key, value in known.items() if value}


def _model_index(record: RunRecord, data_name: Optional[str]) -> Optional[list[dict[str, Any]]]:
    """Results as hubs list them, which need to know of which data set."""
    metrics = [
        {"type": "accuracy", "name": label, "value": value} for label, value in _measured(record).items()
    ]
    if not data_name or not metrics:
        return None
    result = {
        "task": {"type": _TASK},
        "dataset": {"name": data_name, "type": data_name, "split": "validation"},
        "metrics": metrics,
    }
    return [{"name": _name(record), "results": [result]}]


def _measured(record: RunRecord) -> dict[str, float]:
    """Accuracies of the summary, or of the last validation of a run that has not finished."""
    values = record.summary or (latest_by_step(record.rows, "validation") or [{}])[-1]
    return {
        label: value
        for label, key in (("top-1", "top1"), ("top-5", "top5"))
        if isinstance(value := values.get(key), (int, float))
    }


def _section(record: RunRecord, name: str) -> Mapping[str, Any]:
    section = record.config.get(name)
    return section if isinstance(section, dict) else {}


def _data_name(record: RunRecord) -> Optional[str]:
    name = _section(record, "data").get("name")
    return name if isinstance(name, str) and name not in FORMS else None


def _introduction(record: RunRecord) -> str:
    model, classes = _section(record, "model").get("name"), _section(record, "data").get("classes")
    what = f"`{model}`" if model else "A network"
    of = f" of {classes} classes" if isinstance(classes, int) else ""
    ending = (
        "" if record.summary else " The run has not finished; the figures are those of its last validation."
    )
    return f"{what}, an image classifier{of}, trained by gluonlab.{ending}"


def _results(record: RunRecord) -> str:
    summary = record.summary
    rows = [(label, f"{value:.2%}") for label, value in _measured(record).items()]
    rows += [
        (label, form.format(summary[key]))
        for label, key, form in (
            ("validation loss", "val_loss", "{:.4f}"),
            ("validation images", "val_images", "{:,}"),
            ("updates", "steps", "{:,}"),
            ("epochs", "epochs", "{:.4g}"),
            ("global batch", "global_batch_size", "{:,}"),
            ("processes", "processes", "{:,}"),
            ("images per second", "images_per_sec", "{:,.0f}"),
        )
        if isinstance(summary.get(key), (int, float))
    ]
    if summary.get("evaluated_weights") == "average":
        rows.append(("weights", "the average of those that were trained"))
    return f"## Results\n\n{_table(rows)}" if rows else ""


def _data(record: RunRecord) -> str:
    data = _section(record, "data")
    size, channels = data.get("image_size"), data.get("channels")
    names = record.document.get("class_names")
    rows = [
        (label, str(data[key])) for label, key in (("data", "name"), ("classes", "classes")) if data.get(key)
    ]
    if size and channels:
        rows.append(("input", f"{channels} x {size} x {size}"))
    rows += [
        (f"{key}, of pixels from 0 to 255", _numbers(data[key])) for key in ("mean", "std") if data.get(key)
    ]
    if isinstance(names, list) and 0 < len(names) <= 100:
        rows.append(("class names, in the order of the outputs", ", ".join(map(str, names))))
    return f"## Data\n\n{_table(rows)}" if rows else ""


def _recipe(record: RunRecord, recipe: Mapping[str, Any]) -> str:
    about = _section(record, "about")
    sources = [str(about[key]) for key in ("paper", "source") if about.get(key)]
    said = "\n\n".join(sources)
    dumped = yaml.safe_dump(_shown(recipe), sort_keys=False, allow_unicode=True)
    return "\n\n".join(filter(None, ["## Recipe", said, f"```yaml\n{dumped}```"]))


def _shown(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Without folders of the machine that trained."""
    model = dict(recipe.get("model") or {})
    if isinstance(model.get("pretrained"), str):
        model["pretrained"] = os.path.basename(model["pretrained"])
    return {**recipe, "model": model}


def _use(record: RunRecord) -> str:
    model, classes = _section(record, "model").get("name"), _section(record, "data").get("classes")
    if not model:
        return ""
    option = ["--classes", classes] if classes else []
    name = _name(record)
    taken = portable_command("models", "import", "model.safetensors", "--as", model, *option, "-o", name)
    used = portable_command("predict", name, "image.png")
    return (
        f"## How to load it\n\n```sh\n{taken}\n{used}\n```\n\n"
        "`model.safetensors` is in each checkpoint of the run."
    )


def _origin(record: RunRecord) -> str:
    versions = record.document.get("versions")
    rows = (
        [("SHA-256 of the weights", f"`{record.summary['weights_sha256']}`")]
        if "weights_sha256" in record.summary
        else []
    )
    if record.document.get("git_commit"):
        rows.append(("commit of gluonlab", f"`{record.document['git_commit']}`"))
    if isinstance(versions, dict):
        rows.append(("versions", ", ".join(f"{name} {version}" for name, version in versions.items())))
    return f"## Origin\n\n{_table(rows)}" if rows else ""


def _numbers(values: Any) -> str:
    return ", ".join(f"{value:g}" for value in values) if isinstance(values, list) else str(values)


def _table(rows: Sequence[tuple[str, str]]) -> str:
    lines = [f"| {label} | {value.replace('|', '/')} |" for label, value in rows]
    return "\n".join(["| | |", "|---|---|", *lines])
