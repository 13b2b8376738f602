"""Writing a network as a PyTorch module, and looking whether what was written computes the same."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import torch
from numpy.typing import NDArray

from gluonlab.torch_engine.source import module_source
from gluonlab.weights.formats import write_files
from gluonlab.weights.symbol_graph import SymbolGraph


def write_module(
    folder: Path,
    model: str,
    graph: SymbolGraph,
    values: Mapping[str, NDArray[Any]],
    input_name: str,
    input_shape: Sequence[int],
) -> list[Path]:
    """Write ``MODEL.py`` and ``MODEL.safetensors`` into ``folder``; returns the two.

    Raises:
        ConfigError: CFG81 an operator that PyTorch has nothing like.
        CheckpointError: CKP01 a file cannot be written.
    """
    name = re.sub(r"\W", "_", model, flags=re.ASCII)  # so that it can be imported
    used = {key: np.ascontiguousarray(values[key]) for key in graph.variables if key in values}
    count = sum(array.size for array in used.values())
    source = module_source(
        graph,
        {key: array.shape for key, array in used.items()},
        title=f"{model}: a network of {count:,} numbers, from its MXNet graph.",
        weights=f"{name}.safetensors",
        image=tuple(input_shape),
    )
    files = {f"{name}.py": source.encode(), f"{name}.safetensors": safetensors.numpy.save(used)}
    return write_files(folder, files)


def run_module(files: Sequence[Path], images: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the module that `write_module` wrote computes for ``images`` (N, C, H, W)."""
    source, weights = files
    spec = importlib.util.spec_from_file_location(f"_exported_{source.stem}", source)
    assert spec is not None
    assert spec.loader is not None, "it is a file"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with torch.no_grad():
        return np.asarray(module.load(str(weights)).train(False)(torch.from_numpy(images)))
