"""Networks of other Gluon libraries, made to behave as our own: all shapes known, our options obeyed."""

from __future__ import annotations

from gluonlab.errors import ConfigError
from gluonlab.models.inspection import shapes_in
from gluonlab.models.layers import BATCH_NORMS
from gluonlab.models.options import ModelOptions
from gluonlab.runtime.mxnet import gluon, mx


def build_zoo_net(
    name: str, input_shape: tuple[int, int, int], classes: int, options: ModelOptions
) -> gluon.HybridBlock:
    """The network of MXNet's own ``gluon.model_zoo.vision`` that is called ``name`` there."""
    net = gluon.model_zoo.vision.get_model(name, classes=classes)
    adapt(net, f"gluon:{name}", input_shape, options)
    return net


def adapt(
    net: gluon.HybridBlock, name: str, input_shape: tuple[int, int, int], options: ModelOptions
) -> None:
    """Find all shapes of the uninitialised ``net``, and set its batch normalisation and dropout.

    Raises `ConfigError` CFG70 if the options ask for dropout and the net has no such layer.
    """
    channels, *size = input_shape
    parameters = net.collect_params()
    shape = (1, options.input_channels or channels, *size)
    for key, known_shape in shapes_in(net(mx.sym.var("data")), shape):
        if key in parameters:
            parameters[key].shape = known_shape
    dropouts = []

    def set_options(layer: gluon.Block) -> None:
        if isinstance(layer, BATCH_NORMS):
            layer._kwargs.update(
                momentum=layer._kwargs["momentum"] if options.bn_momentum is None else options.bn_momentum,
                eps=layer._kwargs["eps"] if options.bn_epsilon is None else options.bn_epsilon,
            )
        if isinstance(layer, gluon.nn.Dropout):
            layer._rate = options.dropout_or(layer._rate)
            dropouts.append(layer)

    net.apply(set_options)
    if options.dropout and not dropouts:
        raise ConfigError("CFG70", "model.dropout", f"{name} has no layer for it")
