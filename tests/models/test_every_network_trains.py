"""Every network of the zoo makes two updates at its smallest image, as a run would compute it on a CPU."""

import numpy as np
import pytest

import gluonlab as gl
from gluonlab.models import create, list_models
from gluonlab.models.norm_and_relu import join_norm_and_relu
from gluonlab.runtime.mxnet import autograd, mx, nd
from gluonlab.training.state import make_trainer
from tests.models.smallest_images import smallest_shape

SAMPLE = {
    *("cifar_resnet8", "mobilenet_v3_large", "resnet18_v1b", "gluon:resnet18_v2", "squeezenet1_1"),
    *(
        "regnet_x_400mf",
        "shufflenet_v2_x0_5",
        "vit_tiny_patch16_224",
        "convnext_atto",
        "convnextv2_atto",
        "mobilenetv4_conv_small",
    ),
}


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(model, id=model.name, marks=[] if model.name in SAMPLE else pytest.mark.slow)
        for model in list_models()
    ],
)
def test_two_updates_move_all_parameters(model):
    mx.random.seed(0)
    net = create(model.name, classes=4)
    net.initialize(mx.init.Xavier())
    shape = smallest_shape(model, net, batch=4)
    net.hybridize(static_alloc=True)
    join_norm_and_relu(net)
    loss_fn, trainer = gl.SmoothedCrossEntropy(), make_trainer(net, gl.SGD(0.01, 0.9, 1e-4))
    parameters = net._collect_params_with_prefix()
    before = {name: parameter.data().asnumpy() for name, parameter in parameters.items()}
    images = nd.random.normal(shape=shape)
    for _ in range(2):
        with autograd.record():
            losses = loss_fn(net(images), nd.arange(4))
        losses.backward()
        trainer.step(4)
    assert np.isfinite(losses.asnumpy()).all()
    after = {name: parameter.data().asnumpy() for name, parameter in parameters.items()}
    still = [
        name
        for name, parameter in parameters.items()
        if parameter.grad_req != "null" and np.array_equal(before[name], after[name])
    ]
    assert not still
    assert all(np.isfinite(array).all() for array in after.values())
