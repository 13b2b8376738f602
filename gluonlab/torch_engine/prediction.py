"""A graph as an engine of inference: normalised images to logits, by PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gluonlab.torch_engine.network import TorchNetwork, use_cpu_threads
from gluonlab.weights.symbol_graph import SymbolGraph


def device() -> str:
    """Where `in_torch` computes: "cuda" or "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def in_torch(
    graph: SymbolGraph, values: Mapping[str, NDArray[Any]], input_name: str, input_shape: Sequence[int]
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """What computes ``graph`` for images (N, *``input_shape``), on a GPU if PyTorch sees one.

    On a CPU it uses as many threads as OMP_NUM_THREADS says.

    Raises:
        ConfigError: CFG81 a layer that PyTorch has nothing like, or that cannot take such images.
    """
    use_cpu_threads()
    network = TorchNetwork(graph, values, inputs=[input_name], device=device())
    network.check({input_name: (1, *input_shape)})
    return lambda images: np.asarray(network.predict(images)[0])
