"""Whether an exported network computes what the network computes: the largest difference of logits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gluonlab.disk import reading
from gluonlab.inference.compare import compare_logits
from gluonlab.inference.engines import Engine, in_mxnet, in_onnxruntime, make_engine
from gluonlab.models import create
from gluonlab.runtime.mxnet import gluon
from gluonlab.weights.formats import Format
from gluonlab.weights.gluon_graph import block_of
from gluonlab.weights.onnx_export.model import INPUT


def check_export(
    net: gluon.HybridBlock, form: Format, files: Sequence[Path], model: str, images: NDArray[np.float32]
) -> dict[str, Any]:
    """Run what was written to ``files`` on ``images``, and compare with ``net``.

    Raises:
        CheckpointError: CKP47 if a logit differs by more than 1e-4 of the largest one.
    """
    expected = make_engine(net, "mxnet", images.shape[1:])(images)
    return compare_logits(_read_back(form, files, model, expected.shape[1])(images), expected, str(files[0]))


def _read_back(form: Format, files: Sequence[Path], model: str, classes: int) -> Engine:
    if form == "onnx":
        with reading(files[0]):
            return in_onnxruntime(files[0].read_bytes())
    if form == "torch":
        return in_mxnet(create(model, classes=classes, pretrained=files[0]))
    return in_mxnet(block_of(files[0], files[1], INPUT))
