"""Which weights of a network Muon takes."""

from __future__ import annotations

from typing import Literal

from gluonlab.models.pretrained import head_of
from gluonlab.runtime.mxnet import gluon


def names_of_matrices(net: gluon.Block, which: Literal["hidden", "filters", "all"]) -> frozenset[str]:
    """Trained weights of ``net`` that are matrices of several rows and columns, or filters that make one.

    ``hidden`` leaves out the first of them and the classifier, ``filters`` dense layers. Filters of depthwise
    convolutions, whose outputs see one input each, are none.
    """
    parameters = net._collect_params_with_prefix()
    weights = {name: one for name, one in parameters.items() if len(one.shape) > 1}
    excluded = {next(iter(weights)), *head_of(net)} if which == "hidden" else set()
    return frozenset(
        one.name
        for name, one in weights.items()
        if name not in excluded
        and one.grad_req != "null"
        and min(one.shape[:2]) > 1
        and (which != "filters" or len(one.shape) > 2)
    )
