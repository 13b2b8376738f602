"""A folder with a model of known name: ``model.safetensors`` and ``model.json``.

``model.json`` says what the weights are for, so that the folder can be used wherever a model is asked for.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Optional, get_args

import numpy as np
import safetensors.numpy

from gluonlab.checkpoint.tensors import Tensors
from gluonlab.disk import make_folder, writing
from gluonlab.errors import CheckpointError
from gluonlab.models.entry import Interpolation, Preprocessing
from gluonlab.weights.files import check_sha256, sha256_of
from gluonlab.weights.which import Taken, Which

FORMAT = 1
WEIGHTS_FILE = "model.safetensors"
AVERAGE_FILE = "average.safetensors"
"""Beside the weights in the checkpoint of a run that averages them."""
FACTS_FILE = "model.json"
GRAPH_FILE = "network-symbol.json"
"""Of the network, by structural names, as MXNet writes graphs; beside weights, and in a run directory."""


@dataclass(frozen=True)
class ModelFacts:
    """What a model folder says of its weights.

    ``model`` is a name of the registry, ``class_names`` are in the order of the logits or missing,
    ``source`` says where the weights came from. ``preprocessing`` is how images were prepared for them, if
    that is not how the model usually has them.
    """

    model: str
    classes: int
    sha256: str
    class_names: Optional[list[str]] = None
    source: Mapping[str, Any] = field(default_factory=dict)
    preprocessing: Optional[Preprocessing] = None


def write_model_folder(
    folder: Path,
    tensors: Tensors,
    *,
    model: str,
    classes: int,
    class_names: Optional[list[str]],
    source: Mapping[str, Any],
    graph: Optional[str] = None,
    preprocessing: Optional[Preprocessing] = None,
) -> ModelFacts:
    """Write the weights (our names, float32) and what they are; the folder appears whole or not at all.

    With ``graph``, the JSON of the network's graph, the folder can be used without MXNet.

    Raises:
        CheckpointError: CKP01 if it exists already, or cannot be written.
    """
    if folder.exists():
        raise CheckpointError("CKP01", str(folder), "exists already", "name a new folder, or delete this one")
    temporary = folder.with_name(f".{folder.name}.tmp-{os.getpid()}")
    try:
        make_folder(temporary)
        arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
        write_durably(temporary / WEIGHTS_FILE, safetensors.numpy.save(arrays))
        if graph is not None:
            write_durably(temporary / GRAPH_FILE, graph.encode())
        digest = sha256_of(temporary / WEIGHTS_FILE)
        facts = ModelFacts(model, classes, digest, class_names, source, preprocessing)
        document = asdict(facts)
        if preprocessing is None:
            del document["preprocessing"]  # which earlier versions do not know
        text = json.dumps({"format": FORMAT, **document}, indent=1) + "\n"
        write_durably(temporary / FACTS_FILE, text.encode())
        os.rename(temporary, folder)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise CheckpointError("CKP01", str(folder), f"cannot be written: {error.strerror}") from None
    return facts


def read_model_folder(folder: Path) -> ModelFacts:
    """What ``folder`` says of its weights, which are checked against their SHA-256.

    Raises:
        CheckpointError: as `read_facts`; CKP44 its weights are others.
    """
    facts = read_facts(folder)
    check_sha256(folder / WEIGHTS_FILE, facts.sha256)
    return facts


def weights_in(folder: Path, which: Optional[Which]) -> tuple[Path, Taken]:
    """The file with ``which`` of the weights of a model folder or checkpoint, without it the average if any.

    Raises:
        CheckpointError: CKP49 it has none, CKP02 or CKP03 if a model folder says nothing readable of itself.
    """
    files: dict[Which, str] = {"average": AVERAGE_FILE, "raw": WEIGHTS_FILE}
    there: list[Which] = ["average", "raw"] if (folder / AVERAGE_FILE).is_file() else ["raw"]
    if (folder / FACTS_FILE).is_file():
        source = read_facts(folder).source.get("weights")
        kind: Which = "average" if isinstance(source, dict) and source.get("kind") == "average" else "raw"
        files, there = {kind: WEIGHTS_FILE}, [kind]
    chosen = which or there[0]
    if chosen not in there:
        only = "an average of weights alone" if chosen == "raw" else "no average of weights"
        raise CheckpointError("CKP49", str(folder), f"holds {only}")
    other = next((files[kind] for kind in there if kind != chosen), "")
    return folder / files[chosen], Taken(chosen, files[chosen], other) if other else Taken(chosen)


def read_facts(folder: Path) -> ModelFacts:
    """What ``folder`` says of its weights; raises `CheckpointError` CKP02, or as `parse_facts` does."""
    path = folder / FACTS_FILE
    try:
        return parse_facts(path.read_bytes(), str(path))
    except OSError as error:
        raise CheckpointError("CKP02", str(path), error.strerror or "cannot be read") from None


def parse_facts(raw: bytes, where: str) -> ModelFacts:
    """What is written in a ``model.json``; raises `CheckpointError` CKP03 if it is damaged."""
    try:
        document = json.loads(raw)
        if document.pop("format") != FORMAT:
            raise CheckpointError("CKP03", where, f"has another format, this version reads {FORMAT}")
        told = document.pop("preprocessing", None)
        facts = ModelFacts(**document, preprocessing=told and _preprocessing(told))
        if not (isinstance(facts.model, str) and type(facts.classes) is int and type(facts.source) is dict):
            raise TypeError("model, classes and source are wanted")
        if not re.fullmatch("[0-9a-f]{64}", facts.sha256):
            raise ValueError("sha256 is none")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError("CKP03", where, f"is damaged: {error}") from None
    return facts


def _preprocessing(told: Mapping[str, Any]) -> Preprocessing:
    numbers = {key: tuple(map(float, told[key])) for key in ("mean", "std")}
    found = Preprocessing(**{**told, **numbers})
    sizes = [found.crop] if found.resize is None else [found.crop, found.resize]
    if not all(type(size) is int and size > 0 for size in sizes):
        raise ValueError(f"resize {found.resize}, crop {found.crop}")
    if found.interpolation not in get_args(Interpolation):
        raise ValueError(f"interpolation {found.interpolation}")
    return found


def write_durably(path: Path, raw: bytes) -> None:
    """Write a file and flush it to the disk."""
    with writing(path), path.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
