"""What is frozen has no gradient, keeps its statistics, and gives in training what it gives in validation."""

import numpy as np
import pytest

from gluonlab.losses.blocks import SmoothedCrossEntropy
from gluonlab.models import create
from gluonlab.models.freezing import freeze_features
from gluonlab.models.pretrained import head_of
from gluonlab.runtime.mxnet import autograd, mx, nd

IMAGES = nd.array(np.random.RandomState(0).standard_normal((4, 3, 33, 33)))


@pytest.mark.parametrize("name", ["cifar_resnet20", "mobilenet_v2", "densenet121"])
def test_only_the_classifier_learns(name):
    mx.random.seed(0)
    net = create(name, classes=10)
    net.initialize()
    freeze_features(net)
    net.hybridize(static_alloc=True)
    parameters = net._collect_params_with_prefix()
    head = head_of(net)
    assert len(head) == 2
    assert {n for n, parameter in parameters.items() if parameter.grad_req != "null"} == set(head)
    before = {n: parameter.data().asnumpy() for n, parameter in parameters.items()}
    with autograd.record(train_mode=True):
        logits = net(IMAGES)
        losses = SmoothedCrossEntropy()(logits, nd.array([0, 1, 2, 3]))
    losses.backward()
    assert all(np.abs(parameters[n].grad().asnumpy()).max() > 0 for n in head)
    for n, parameter in parameters.items():
        np.testing.assert_array_equal(parameter.data().asnumpy(), before[n], err_msg=n)
    if name == "cifar_resnet20":  # the others have dropout
        np.testing.assert_allclose(logits.asnumpy(), net(IMAGES).asnumpy(), rtol=1e-5, atol=1e-5)
