"""A folder with a model of known name: ``model.safetensors`` and ``model.json``.

``model.json`` says what the weights are for, so that the folder can be used wherever a model is asked for.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Optional

import numpy as np
import safetensors.numpy

from gluonlab.checkpoint.tensors import Tensors
from gluonlab.errors import CheckpointError
from gluonlab.weights.files import check_sha256, sha256_of

FORMAT = 1
WEIGHTS_FILE = "model.safetensors"
FACTS_FILE = "model.json"


@dataclass(frozen=True)
class ModelFacts:
    """What a model folder says of its weights.

    ``model`` is a name of the registry, ``class_names`` are in the order of the logits or missing,
    ``source`` says where the weights came from.
    """

    model: str
    classes: int
    sha256: str
    class_names: Optional[list[str]] = None
    source: Mapping[str, Any] = field(default_factory=dict)


def write_model_folder(
    folder: Path,
    tensors: Tensors,
    *,
    model: str,
    classes: int,
    class_names: Optional[list[str]],
    source: Mapping[str, Any],
) -> ModelFacts:
    """Write the weights (our names, float32) and what they are; the folder appears whole or not at all.

    Raises:
        CheckpointError: CKP01 if it exists already, or cannot be written.
    """
    if folder.exists():
        raise CheckpointError("CKP01", str(folder), "exists already", "name a new folder, or delete this one")
    temporary = folder.with_name(f".{folder.name}.tmp-{os.getpid()}")
    try:
        temporary.mkdir(parents=True)
        arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
        write_durably(temporary / WEIGHTS_FILE, safetensors.numpy.save(arrays))
        facts = ModelFacts(model, classes, sha256_of(temporary / WEIGHTS_FILE), class_names, source)
        text = json.dumps({"format": FORMAT, **asdict(facts)}, indent=1) + "\n"
        write_durably(temporary / FACTS_FILE, text.encode())
        os.rename(temporary, folder)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise CheckpointError("CKP01", str(folder), f"cannot be written: {error.strerror}") from None
    return facts


def read_model_folder(folder: Path) -> ModelFacts:
    """What ``folder`` says of its weights, which are checked against their SHA-256.

    Raises:
        CheckpointError: CKP02 it is none, CKP03 what it says is damaged, CKP44 its weights are others.
    """
    path = folder / FACTS_FILE
    try:
        document = json.loads(path.read_bytes())
        if document.pop("format") != FORMAT:
            raise CheckpointError("CKP03", str(path), f"has another format, this version reads {FORMAT}")
        facts = ModelFacts(**document)
        if not (isinstance(facts.model, str) and type(facts.classes) is int):
            raise TypeError("model and classes are wanted")
    except OSError as error:
        raise CheckpointError("CKP02", str(path), error.strerror or "cannot be read") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError("CKP03", str(path), f"is damaged: {error}") from None
    check_sha256(folder / WEIGHTS_FILE, facts.sha256)
    return facts


def write_durably(path: Path, raw: bytes) -> None:
    """Write a file and flush it to the disk."""
    with path.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
