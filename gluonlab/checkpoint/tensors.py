"""Named arrays in safetensors files, and whether they fit a network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from gluonlab.errors import CheckpointError, Problem

Tensors = dict[str, NDArray[Any]]


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
        CheckpointError: CKP06, one line for each tensor that does not fit.
    """
    problems = []
    for name in sorted(tensors.keys() | shapes.keys()):
        if name not in tensors:
            problems.append(Problem("CKP06", where, f"tensor {name} is missing"))
        elif name not in shapes:
            problems.append(Problem("CKP06", where, f"tensor {name} is not in the model"))
        elif tensors[name].shape != tuple(shapes[name]):
            found = f"{tensors[name].shape}, in the model {tuple(shapes[name])}"
            problems.append(Problem("CKP06", where, f"tensor {name} has shape {found}"))
    if problems:
        raise CheckpointError.from_problems(problems)
