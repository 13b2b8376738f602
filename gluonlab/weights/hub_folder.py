"""A folder as timm puts it on Hugging Face's hub: ``config.json`` and the weights beside it.

``config.json`` says which network it is, how its images are prepared and what its classes are called.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from gluonlab.disk import reading
from gluonlab.errors import CheckpointError
from gluonlab.models.catalogue import MODELS
from gluonlab.models.entry import PIXEL, Preprocessing

CONFIG_FILE = "config.json"
WEIGHTS_FILES = ("model.safetensors", "pytorch_model.bin")
OUR_NAMES = {
    **{f"resnet{depth}": f"resnet{depth}_v1b" for depth in (18, 34, 50, 101, 152)},
    **{f"resnet{depth}c": f"resnet{depth}_v1c" for depth in (50, 101, 152)},
    **{f"resnet{depth}d": f"resnet{depth}_v1d" for depth in (18, 34, 50, 101, 152)},
    "vit_base_patch16_224": "vit_b_16",
    "vit_base_patch32_224": "vit_b_32",
    "vit_large_patch16_224": "vit_l_16",
    "vit_large_patch32_224": "vit_l_32",
}
"""timm's architectures that have another name here; what has the same name fits, or its weights say not."""
DEFAULTS = {"interpolation": "bicubic", "crop_pct": 0.875, "crop_mode": "center"}
"""timm's, where the folder does not say."""
WITHOUT_EFFECT = {
    "num_classes", "in_chans", "img_size", "global_pool", "drop_rate", "drop_path_rate", "proj_drop_rate",
    "attn_drop_rate", "pretrained",
}  # fmt: skip
"""Arguments of an architecture that are said elsewhere, that tensors show, or that only training needs."""


@dataclass(frozen=True)
class HubFolder:
    """What ``config.json`` says; ``model`` is our name of the network, ``weights`` are a file beside it."""

    weights: Path
    model: str
    classes: int
    class_names: Optional[list[str]]
    preprocessing: Preprocessing
    source: dict[str, Any]


def is_hub_folder(folder: Path) -> bool:
    """Whether ``folder`` has a ``config.json`` that names an architecture, as that of a run does not."""
    return (folder / CONFIG_FILE).is_file() and "architecture" in _read(folder / CONFIG_FILE)


def read_hub_folder(folder: Path, model: Optional[str] = None) -> HubFolder:
    """What ``folder`` says of itself; ``model`` is our name of its network where that is known otherwise.

    Raises:
        CheckpointError: CKP02 there are no weights, CKP03 ``config.json`` is damaged, CKP50 it asks for
            what is not here: another architecture, or images prepared in another way.
    """
    where = folder / CONFIG_FILE
    config = _read(where)
    weights = next((folder / name for name in WEIGHTS_FILES if (folder / name).is_file()), None)
    if weights is None:
        raise CheckpointError("CKP02", str(folder), f"holds none of {' or '.join(WEIGHTS_FILES)}")
    told = config.get("pretrained_cfg", config)  # old ones say all at the top
    try:
        architecture, classes = config["architecture"], config.get("num_classes", told.get("num_classes"))
        if not (isinstance(architecture, str) and type(classes) is int and classes > 0):
            raise TypeError("architecture is a name, num_classes a number")
        ours = model or _our_name(architecture, config.get("model_args") or {}, where)
        names = config.get("label_names", told.get("label_names"))
        return HubFolder(
            weights,
            ours,
            classes,
            _names(names, classes, where),
            _preprocessing({**DEFAULTS, **told}, where),
            {"architecture": architecture, "tag": told.get("tag")},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError("CKP03", str(where), f"is damaged: {error}") from None


def _read(path: Path) -> dict[str, Any]:
    with reading(path):
        raw = path.read_bytes()
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise CheckpointError("CKP03", str(path), f"is damaged: {error}") from None
    return document if isinstance(document, dict) else {}


def _our_name(architecture: str, arguments: Mapping[str, Any], where: Path) -> str:
    others = sorted(set(arguments) - WITHOUT_EFFECT)
    if others:
        what = f"{architecture} with {', '.join(others)} of its own is not known here"
        raise CheckpointError("CKP50", str(where), what)
    name = OUR_NAMES.get(architecture, architecture)
    if name not in MODELS:
        raise CheckpointError(
            "CKP50", str(where), f"{architecture} is no network of gluonlab", "--as NAME says which it is"
        )
    return name


def _names(names: Any, classes: int, where: Path) -> Optional[list[str]]:
    """In the order of the logits; a table may have them by their numbers."""
    if not names:
        return None
    if isinstance(names, dict):
        names = [names[str(number)] for number in range(classes)]
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise TypeError("label_names are no names")
    if len(names) != classes:
        raise CheckpointError("CKP50", str(where), f"has {len(names)} names for {classes} classes")
    return names


def _preprocessing(told: Mapping[str, Any], where: Path) -> Preprocessing:
    channels, height, width = told["input_size"]
    mean, std, share = told["mean"], told["std"], told["crop_pct"]
    if not (0 < share <= 1 and len(mean) == len(std) == channels and all(value > 0 for value in std)):
        raise ValueError(f"crop_pct {share}, mean {mean}, std {std}")
    refused = [
        what
        for what, is_refused in (
            (f"images of {height} x {width}", height != width),
            (f"images of {channels} channels", channels != 3),
            (f"interpolation {told['interpolation']}", told["interpolation"] not in ("bilinear", "bicubic")),
            (f"crop_mode {told['crop_mode']}", told["crop_mode"] != "center"),
        )
        if is_refused
    ]
    if refused:
        hint = "the file of weights itself can be imported, with --as NAME"
        raise CheckpointError("CKP50", str(where), f"{', '.join(refused)}: not known here", hint)
    # As timm does, which rounds down.
    resize = math.floor(height / share)
    mean, std = (tuple(PIXEL * float(value) for value in values) for values in (mean, std))
    return Preprocessing(mean, std, resize, height, told["interpolation"])
