"""Which parameters weight decay applies to."""

from __future__ import annotations

from gluonlab.runtime.mxnet import gluon


def exempt_norm_and_bias(net: gluon.Block, *, norm: bool = True, bias: bool = True) -> list[str]:
    """Switch weight decay off for one-dimensional parameters: ``norm`` (gamma, beta) and ``bias``.

    As Goyal et al. 2017 (gamma, beta) and Jia et al. 2018 (biases too) do. Shapes must be known.
    Returns the names of the parameters that were exempted. What its network exempts itself (the position
    embedding of a transformer) stays so in any case.
    """
    exempted = []
    for name, parameter in net._collect_params_with_prefix().items():
        if parameter.grad_req == "null" or len(parameter.shape) > 1:
            continue
        if bias if is_bias(name) else norm:
            parameter.wd_mult = 0.0
            exempted.append(name)
    return exempted


def is_bias(name: str) -> bool:
    """Whether the parameter ``name`` is a layer's bias; normalisation calls its own beta."""
    return name.endswith("bias")
