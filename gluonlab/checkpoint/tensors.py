"""Named arrays in safetensors files, and whether they fit a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from gluonlab.errors import CheckpointError

Tensors = dict[str, NDArray[Any]]

SHOWN = 5
SHOWN_LENGTH = 200


def read_tensors(path: Path) -> Tensors:
    """The arrays of a safetensors file.

    Raises:
        CheckpointError: CKP03 if it is missing or not such a file, CKP05 if it cannot be read.
    """
    try:
        with path.open("rb"):
            pass  # of a file that may not be read, safetensors says that it is not there
        return dict(safetensors.numpy.load_file(path))
    except FileNotFoundError:
        raise CheckpointError("CKP03", str(path), "no such file", "give a model.safetensors file") from None
    except OSError as error:
        raise CheckpointError("CKP05", str(path), f"cannot be read: {error.strerror or error}") from None
    except (safetensors.SafetensorError, TypeError, ValueError, KeyError) as error:
        raise CheckpointError("CKP03", str(path), f"is not a readable safetensors file: {error}") from None


def check_tensors(where: str, tensors: Tensors, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse ``tensors`` unless they have exactly the names and shapes of ``shapes``.

    Raises:
        CheckpointError: CKP06, with the first tensors that do not fit and their number.
    """
    misfits = {}
    for name in tensors.keys() | shapes.keys():
        if name not in tensors:
            misfits[name] = "is missing"
        elif name not in shapes:
            misfits[name] = "is not in the model"
        elif tensors[name].shape != tuple(shapes[name]):
            misfits[name] = f"has shape {tensors[name].shape} instead of {tuple(shapes[name])}"
    if misfits:
        raise misfit(where, misfits)


def misfit(where: str, misfits: Mapping[str, str]) -> CheckpointError:
    """The error CKP06 that the tensors named in ``misfits`` do not fit, with what is wrong with each."""
    if len(misfits) == 1:
        ((name, what),) = misfits.items()
        return CheckpointError("CKP06", where, f"tensor {name} {what}")
    shown = first_five([f"{name} {misfits[name]}" for name in sorted(misfits)])
    return CheckpointError("CKP06", where, f"{len(misfits)} tensors do not fit: {shown}")


def first_five(items: Sequence[str]) -> str:
    """The first five of ``items``, each cut to a length that can be read, and how many more there are."""
    shown = ", ".join(item[:SHOWN_LENGTH] for item in items[:SHOWN])
    return f"{shown} and {len(items) - SHOWN:,} more" if len(items) > SHOWN else shown
