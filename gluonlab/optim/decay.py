"""Which parameters weight decay applies to."""

from __future__ import annotations

from gluonlab.runtime.mxnet import gluon


def exempt_norm_and_bias(net: gluon.Block) -> list[str]:
    """Switch weight decay off for all one-dimensional parameters: gamma, beta and biases.

    As Goyal et al. 2017 (gamma, beta) and Jia et al. 2018 (biases too) do. Shapes must be known.
    Returns the names of the parameters that were exempted.
    """
    exempted = []
    for name, parameter in net._collect_params_with_prefix().items():
        if parameter.grad_req != "null" and len(parameter.shape) <= 1:
            parameter.wd_mult = 0.0
            exempted.append(name)
    return exempted
