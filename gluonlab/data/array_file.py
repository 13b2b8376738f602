"""Arrays in one file that is there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors.numpy import save_file

from gluonlab.data.recordio.format import temporary_path


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> None:
    """Write ``arrays`` and ``metadata`` to ``path`` as safetensors, in place of what is there."""
    temporary = temporary_path(path)
    try:
        save_file(dict(arrays), temporary, dict(metadata))
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
