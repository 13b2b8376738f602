"""In which forms a network can leave, and writing its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from gluonlab.disk import make_folder
from gluonlab.errors import CheckpointError, ConfigError
from gluonlab.weights.model_folder import write_durably

Format = Literal["onnx", "torch", "mxnet", "pytorch"]
FORMATS: tuple[Format, ...] = ("onnx", "torch", "mxnet", "pytorch")


def check_format(form: str) -> Format:
    """``form``; raises `ConfigError` CFG09 if it is no format that can be written."""
    for known in FORMATS:
        if form == known:
            return known
    raise ConfigError("CFG09", f"--format {form}", "is not known", f"known are {', '.join(FORMATS)}")


def write_files(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write ``files`` into ``folder``, which is made; returns their paths. Raises `CheckpointError` CKP01."""
    try:
        make_folder(folder)
        for name, raw in files.items():
            write_durably(folder / name, raw)
    except OSError as error:
        raise CheckpointError("CKP01", str(folder), f"cannot be written: {error.strerror}") from None
    return [folder / name for name in files]
