"""Images as small as a network can take, for tests that go through the whole zoo."""

from gluonlab.runtime.mxnet import mx

SIZES = (32, 64, 96, 128, 192, 224, 256, 299)


def smallest_shape(model, net, batch, at_least=32):
    """(batch, channels, side, side) of the first of `SIZES` that all layers of ``net`` can take.

    Networks for smaller images than ``at_least`` have their own size.
    """
    own = model.input_shape[1]
    sizes = [own] if own < at_least else []
    known = {parameter.name: parameter.shape for parameter in net.collect_params().values()}
    for size in [*sizes, *(size for size in SIZES if size >= at_least)]:
        shape = (batch, model.input_shape[0], size, size)
        try:
            net(mx.sym.var("images")).infer_shape(images=shape, **known)
        except mx.MXNetError:
            continue
        return shape
    raise AssertionError(f"{model.name} takes no image")
