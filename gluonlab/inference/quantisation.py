"""MXNet's quantisation to 8-bit integers, tried in a process of its own first.

For some networks that of MXNet 1.9.1 writes beyond its arrays, which ends the process then or later.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gluonlab.errors import ConfigError
from gluonlab.runtime.mxnet import gluon, mx, nd
from gluonlab.weights.exporting import export_symbol
from gluonlab.weights.gluon_graph import INPUT, block_of

DATA = "data"
"""What MXNet's quantisation calls the input of an exported graph."""
NAME, IMAGES = "network", "images.npy"
PASSES = 3
"""Memory that was damaged is noticed when it is used or freed, so one pass may not be enough."""


def graph_of(net: gluon.HybridBlock) -> gluon.SymbolBlock:
    """The graph of ``net`` as a block of its own with the same parameters: it may be hybridized otherwise."""
    data = mx.sym.var(DATA, dtype="float32")
    return gluon.SymbolBlock(net(data), data, params=net.collect_params())


@contextmanager
def quiet_backend() -> Iterator[None]:
    """Without MXNet's line for each graph that its oneDNN backend takes over."""
    before = os.environ.get("MXNET_SUBGRAPH_VERBOSE")
    os.environ["MXNET_SUBGRAPH_VERBOSE"] = "0"
    try:
        yield
    finally:
        os.environ.pop("MXNET_SUBGRAPH_VERBOSE")
        if before is not None:
            os.environ["MXNET_SUBGRAPH_VERBOSE"] = before


def quantised(net: gluon.HybridBlock, calibration: NDArray[np.float32]) -> gluon.HybridBlock:
    """``net`` in 8-bit integers where oneDNN can, ranges being the extremes seen on ``calibration``.

    Raises:
        ConfigError: CFG79 a process that tried it was ended by a signal.
    """
    _try_in_child(net, calibration)
    return _quantised(graph_of(net), calibration)


def _quantised(graph: gluon.HybridBlock, calibration: NDArray[np.float32]) -> gluon.HybridBlock:
    images = mx.io.NDArrayIter(nd.array(calibration), batch_size=len(calibration), data_name=DATA)
    with warnings.catch_warnings(), quiet_backend():
        warnings.simplefilter("ignore")  # MXNet warns of its own old names
        return mx.contrib.quantization.quantize_net_v2(
            graph,
            quantized_dtype="auto",
            calib_data=images,
            calib_mode="naive",
            ctx=mx.cpu(),
            logger=None,
        )


def _try_in_child(net: gluon.HybridBlock, calibration: NDArray[np.float32]) -> None:
    with tempfile.TemporaryDirectory(prefix="gluonlab-int8-") as folder:
        export_symbol(net, Path(folder), NAME)
        np.save(Path(folder, IMAGES), calibration, allow_pickle=False)
        command = [sys.executable, "-m", "gluonlab.inference.quantisation", folder]
        status = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    if status < 0:
        raise ConfigError(
            "CFG79",
            "engine int8",
            f"MXNet's quantisation of this network ends the process ({signal.Signals(-status).name})",
            "use another engine",
        )


def _try(folder: Path) -> None:
    """What `_try_in_child` has done; that it raises is found again, and told, by who asked for it."""
    calibration = np.load(folder / IMAGES, allow_pickle=False)
    net = block_of(folder / f"{NAME}-symbol.json", folder / f"{NAME}-0000.params", INPUT)
    compute = _quantised(graph_of(net), calibration)
    for _ in range(PASSES):
        compute(nd.array(calibration)).wait_to_read()


if __name__ == "__main__":
    _try(Path(sys.argv[1]))
