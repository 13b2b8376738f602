"""Training the classifier alone, on features that stay as they are."""

from __future__ import annotations

from gluonlab.models.layers import BATCH_NORMS
from gluonlab.models.pretrained import head_of
from gluonlab.runtime.mxnet import gluon


def freeze_features(net: gluon.Block) -> None:
    """Train nothing of the initialised ``net`` but its classifier; call it before the first forward pass.

    BatchNorm then normalises by its running statistics in training too, and does not change them.
    """
    head = head_of(net)
    for name, parameter in net._collect_params_with_prefix().items():
        if name not in head:
            parameter.grad_req = "null"
    net.apply(_fix_statistics)


def _fix_statistics(layer: gluon.Block) -> None:
    if isinstance(layer, BATCH_NORMS):
        layer._kwargs["use_global_stats"] = True
