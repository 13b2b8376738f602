"""A network without its classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gluonlab.runtime.mxnet import gluon, nd


def features(net: gluon.HybridBlock, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the last layer of ``net`` is given for ``images`` (N, C, H, W): (N, features).

    ``net`` runs imperatively, whether it is hybridized or not.
    """
    seen: list[Any] = []
    is_active = net._active
    net.hybridize(active=False)  # a compiled network does not call the hooks of its parts
    hook = _last_layer(net).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        net(nd.array(images))
    finally:
        hook.detach()
        net.hybridize(active=is_active)
    return np.asarray(seen[-1].asnumpy()).reshape(len(images), -1)


def _last_layer(net: gluon.Block) -> gluon.Block:
    """The layer that has parameters and was made last: the classifier."""
    with_parameters = [child for child in net._children.values() if child.collect_params()]
    return _last_layer(with_parameters[-1]) if with_parameters else net
