"""A network and an engine become one function: normalised images to logits.

``mxnet`` is the hybridized network. ``fused`` lets MXNet's oneDNN backend fold each BatchNorm into the
convolution before it and join it with the ReLU and the addition behind it. ``int8`` computes convolutions and
fully connected layers in 8-bit integers, by ranges that were seen on calibration images. ``onnxruntime`` runs
the exported ONNX model, ``torch`` the graph in PyTorch, on a GPU if it sees one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Optional

import numpy as np
from numpy.typing import NDArray

from gluonlab.commands import pip_command
from gluonlab.errors import ConfigError, SetupError
from gluonlab.inference import ENGINES
from gluonlab.inference.compare import check_engine
from gluonlab.inference.quantisation import graph_of, quantised, quiet_backend
from gluonlab.runtime.mxnet import gluon, mx, nd
from gluonlab.torch_engine import check_torch
from gluonlab.weights import gluon_graph
from gluonlab.weights.onnx_export.model import INPUT, onnx_model

Engine = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Images (N, C, H, W) to logits (N, classes); returns when they are computed."""

ONEDNN = "MKLDNN"
"""MXNet's name of its oneDNN backend."""


def make_engine(
    net: gluon.HybridBlock,
    engine: str,
    input_shape: Sequence[int],
    *,
    calibration: Optional[NDArray[np.float32]] = None,
    check: bool = True,
) -> Engine:
    """What computes ``net``, initialised on the CPU, for images (N, *``input_shape``) of any N.

    ``net`` is not changed. ``calibration`` (N, *input_shape) are images for ``int8``, a batch of real ones.
    With ``check``, the logits of the first batch are compared with those of the network: they may differ by
    `tolerance_of` the engine times the largest one, else the call raises `CheckpointError` CKP47.

    Raises:
        ConfigError: CFG79 an unknown engine, or no calibration images; MXNet's oneDNN backend cannot compute
            the network so, which it may say at the first batch.
        SetupError: ENV75 if onnx or onnxruntime is not installed, ENV77 if PyTorch is not.
    """
    with _refusing(engine):
        compute = _refusing(engine)(_engine(net, engine, input_shape, calibration))
    if engine == "mxnet" or not check:
        return compute
    return checked_once(compute, engine, lambda images: in_mxnet(graph_of(net))(images))


@contextmanager
def _refusing(engine: str) -> Iterator[None]:
    """What MXNet has against a network, in one line."""
    try:
        yield
    except mx.MXNetError as error:
        said = " ".join(str(error).replace("Traceback (most recent call last):", "").split())[:160]
        hint = "use another engine"
        raise ConfigError("CFG79", f"engine {engine}", f"cannot compute this network: {said}", hint) from None


def checked_once(compute: Engine, engine: str, network: Engine) -> Engine:
    """``compute``, which at its first call is compared with the ``network`` itself."""
    unchecked = [network]

    def compute_and_check(images: NDArray[np.float32]) -> NDArray[np.float32]:
        logits = compute(images)
        if unchecked:
            check_engine(engine, logits, unchecked[0](images))
            unchecked.clear()
        return logits

    return compute_and_check


def _engine(
    net: gluon.HybridBlock,
    engine: str,
    input_shape: Sequence[int],
    calibration: Optional[NDArray[np.float32]],
) -> Engine:
    if engine == "mxnet":
        return in_mxnet(graph_of(net))
    if engine == "fused":
        return in_mxnet(fused(net, input_shape))
    if engine == "int8":
        if calibration is None or len(calibration) == 0:
            raise ConfigError(
                "CFG79", "engine int8", "needs calibration images", "give a folder of real ones"
            )
        return in_mxnet(quantised(net, calibration))
    if engine == "onnxruntime":
        return in_onnxruntime(onnx_model(net, input_shape).SerializeToString())
    if engine == "torch":
        check_torch()
        from gluonlab.torch_engine.prediction import in_torch

        return in_torch(gluon_graph.graph_of(net), gluon_graph.values_of(net), gluon_graph.INPUT, input_shape)
    raise ConfigError("CFG79", f"engine {engine}", "is not known", f"known are {', '.join(ENGINES)}")


def in_mxnet(net: gluon.HybridBlock) -> Engine:
    """``net`` as it is, hybridized if it was not."""
    if not net._active:
        net.hybridize(static_alloc=True, static_shape=True)
    return lambda images: net(nd.array(images)).asnumpy()


def fused(net: gluon.HybridBlock, input_shape: Sequence[int]) -> gluon.HybridBlock:
    """``net`` with BatchNorm folded and operators joined, hybridized; the parameters are shared."""
    with quiet_backend():
        graph = graph_of(net)
        graph.optimize_for(nd.zeros((1, *input_shape)), backend=ONEDNN, static_alloc=True, static_shape=True)
        return graph


def in_onnxruntime(model: bytes) -> Engine:
    """The ONNX model ``model`` in onnxruntime, on as many threads as OMP_NUM_THREADS says.

    Raises:
        SetupError: ENV75 if onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ImportError:
        raise SetupError(
            "ENV75", "onnxruntime", "is not installed", pip_command("install", "gluonlab[export]")
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", 0))
    session = onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
    return lambda images: np.asarray(session.run(None, {INPUT: images})[0])
