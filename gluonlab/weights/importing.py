"""A weight file of another project to a model folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any, Optional

from gluonlab.errors import CheckpointError, ConfigError
from gluonlab.models import create, entry
from gluonlab.models.entry import Preprocessing
from gluonlab.models.inspection import sizes_refused_by
from gluonlab.models.pretrained import read_fitting
from gluonlab.runtime.mxnet import gluon
from gluonlab.weights.files import check_sha256, sha256_of
from gluonlab.weights.fitting import Fitted
from gluonlab.weights.gluon_graph import graph_text
from gluonlab.weights.hub_folder import read_hub_folder
from gluonlab.weights.model_folder import write_model_folder
from gluonlab.weights.store import store_folder
from gluonlab.weights.which import Which


def import_weights(
    path: Path,
    model: str,
    folder: Path,
    *,
    classes: Optional[int] = None,
    class_names: Optional[list[str]] = None,
    sha256: Optional[str] = None,
    which: Optional[Which] = None,
    preprocessing: Optional[Preprocessing] = None,
    origin: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Write the weights of ``path`` as those of ``model`` into ``folder``; returns what was done.

    ``preprocessing`` and ``origin`` are kept too. ``sha256``, or its first 8 digits and more, is checked
    before the file is opened. Of weights and their average ``which`` are taken, without it the average.

    Raises:
        ConfigError: CFG09 unknown model, CFG77 not one name for each class.
        CheckpointError: the file is damaged or does not fit, CKP50 the model cannot take images of the size
            that ``preprocessing`` makes; nothing is written then.
    """
    classes = entry(model).classes if classes is None else classes
    _check_names(class_names, classes)
    if sha256:
        check_sha256(path, sha256)
    net = create(model, classes=classes)
    _check_size(preprocessing, net, model, path.parent)
    fitted = read_fitting(path, net, model, which=which)
    source = {**_describe(path, fitted), **origin}
    facts = write_model_folder(
        folder,
        fitted.tensors,
        model=model,
        classes=classes,
        class_names=class_names,
        source=source,
        graph=graph_text(net),
        preprocessing=preprocessing,
    )
    return {
        "model": model,
        "classes": classes,
        "folder": str(folder),
        "tensors": len(fitted.tensors),
        "sha256": facts.sha256,
        "source": source,
        "preprocessing": asdict(preprocessing) if preprocessing else None,
        "note": str(fitted.taken) if fitted.taken.is_told else None,
    }


def _check_names(class_names: Optional[list[str]], classes: int) -> None:
    if class_names is not None and len(class_names) != classes:
        raise ConfigError("CFG77", "class names", f"there are {len(class_names)} for {classes} classes")


def _check_size(
    preprocessing: Optional[Preprocessing], net: gluon.HybridBlock, model: str, where: Path
) -> None:
    size = preprocessing.crop if preprocessing else None
    if size and sizes_refused_by(net, entry(model).input_shape[0], [size]):
        raise CheckpointError("CKP50", str(where), f"{model} cannot take images of {size} x {size}")


def import_hub_folder(
    path: Path,
    folder: Optional[Path] = None,
    *,
    model: Optional[str] = None,
    sha256: Optional[str] = None,
    class_names: Optional[list[str]] = None,
) -> dict[str, Any]:
    """As `import_weights`, of a folder that timm wrote, which says itself what it holds.

    Without ``folder`` it becomes one of the store, called as the model. ``class_names`` go before its own.

    Raises:
        ConfigError, CheckpointError: as `read_hub_folder` and `import_weights`.
    """
    found = read_hub_folder(path, model)
    return import_weights(
        found.weights,
        found.model,
        folder or store_folder() / found.model,
        classes=found.classes,
        class_names=class_names or found.class_names,
        sha256=sha256,
        preprocessing=found.preprocessing,
        origin=found.source,
    )


def _describe(path: Path, fitted: Fitted) -> dict[str, Any]:
    """Where weights came from, as their folder keeps it."""
    taken = fitted.taken
    return {
        "file": path.name,
        "sha256": sha256_of(path) if path.is_file() else None,
        "names": fitted.names,
        "prefix": fitted.prefix,
        "resampled": list(fitted.resampled),
        "weights": {"kind": taken.kind, "key": taken.key, "other": taken.other, "unnamed": taken.unnamed},
    }


def read_class_names(path: Path) -> list[str]:
    """One name for each line; raises `CheckpointError` CKP02."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError("CKP02", str(path), f"cannot be read: {error}") from None
