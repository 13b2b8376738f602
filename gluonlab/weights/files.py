"""Any weight file to named arrays, its format known by its first bytes; and SHA-256 of files."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Optional

import numpy as np

from gluonlab import disk
from gluonlab.checkpoint.tensors import Tensors, read_tensors
from gluonlab.disk import reading
from gluonlab.errors import CheckpointError
from gluonlab.weights.mxnet_params import LIST_MAGIC, DamagedError, parse_params
from gluonlab.weights.onnx_files import is_onnx, parse_onnx
from gluonlab.weights.tensor_pickle import RefusedError
from gluonlab.weights.torch_files import LEGACY_START, ZIP_START, parse_torch
from gluonlab.weights.which import AbsentError, Taken, Which, take

PARAMS_START = struct.pack("<QQ", LIST_MAGIC, 0)
SYMBOL_PREFIXES = ("arg:", "aux:")
SHORTEST_SHA256_PREFIX = 8


def read_weights(path: Path) -> Tensors:
    """The arrays of a file, the average of its weights if it has one; see `read_which`."""
    return read_which(path)[0]


def read_which(path: Path, which: Optional[Which] = None) -> tuple[Tensors, Taken]:
    """The arrays of a safetensors, MXNet ``.params``, PyTorch ``.pth`` or ONNX file, by the names in it.

    Of a file with weights and their average, ``which`` of them, without it the average; and what was taken.

    Raises:
        CheckpointError: CKP02 missing, CKP03 or CKP41 damaged, CKP40 another format, CKP42 a pickle that
            asks for more than tensors, CKP43 a number in it is not finite. It names the tensor where one is
            known. CKP49 it does not hold ``which``.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError("CKP02", str(path), "no such file") from None
    except OSError as error:
        raise CheckpointError("CKP02", str(path), error.strerror or "cannot be read") from None
    try:
        tensors, taken = _parse(raw, path, which)
    except RefusedError as error:
        raise CheckpointError(
            "CKP42", str(path), f"{error}; nothing was executed", "keep the weights alone: a state dict"
        ) from None
    except DamagedError as error:
        raise CheckpointError("CKP41", str(path), str(error)) from None
    except AbsentError as error:
        raise CheckpointError("CKP49", str(path), str(error)) from None
    check_numbers(tensors, str(path))
    return tensors, taken


def _parse(raw: bytes, path: Path, which: Optional[Which]) -> tuple[Tensors, Taken]:
    if raw.startswith((ZIP_START, LEGACY_START)):
        return parse_torch(raw, which)
    found, taken = take(_parse_flat(raw, path), which, lambda item: isinstance(item, np.ndarray))
    return dict(found), taken


def _parse_flat(raw: bytes, path: Path) -> Tensors:
    if raw.startswith(PARAMS_START):
        return {_without_kind(name): array for name, array in parse_params(raw).items()}
    if raw[8:9] == b"{":
        return read_tensors(path)
    if is_onnx(raw):
        return parse_onnx(raw)
    raise CheckpointError(
        "CKP40",
        str(path),
        "is no weight file that is known here",
        "known are .safetensors, .params, .pth and .onnx",
    )


def is_params_file(path: Path) -> bool:
    """Whether MXNet wrote ``path``, which can be read."""
    with reading(path), path.open("rb") as file:
        return file.read(len(PARAMS_START)) == PARAMS_START


def _without_kind(name: str) -> str:
    """``name`` without the mark of arguments and auxiliary states that files beside a symbol have."""
    return name.split(":", 1)[1] if name.startswith(SYMBOL_PREFIXES) else name


def check_numbers(tensors: Tensors, where: str) -> None:
    """Refuse infinities and NaN, which only damage puts into weights; raises `CheckpointError` CKP43."""
    for name, array in tensors.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise CheckpointError("CKP43", where, f"tensor {name} holds numbers that are not finite")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file of weights, in hexadecimal; raises `CheckpointError` CKP02."""
    try:
        return disk.sha256_of(path)
    except OSError as error:
        raise CheckpointError("CKP02", str(path), error.strerror or "cannot be read") from None


def check_sha256(path: Path, expected: str) -> None:
    """Refuse ``path`` unless its SHA-256 starts with ``expected``, 8 hexadecimal digits or more.

    Raises:
        CheckpointError: CKP44.
    """
    found = sha256_of(path)
    if len(expected) < SHORTEST_SHA256_PREFIX or not found.startswith(expected.lower()):
        raise CheckpointError(
            "CKP44",
            str(path),
            f"SHA-256 is {found}, expected {expected}",
            "the file is damaged or another one",
        )
