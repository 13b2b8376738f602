import numpy as np
import pytest

from gluonlab.losses import SmoothedCrossEntropy
from gluonlab.runtime.mxnet import autograd, nd


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("hybridize", [False, True])
def test_the_loss_and_its_gradient_equal_the_formula(smoothing, hybridize):
    generator = np.random.RandomState(0)
    logits, labels = generator.standard_normal((5, 7)), np.array([0, 3, 6, 3, 1])
    target = np.full((5, 7), smoothing / 7)
    target[np.arange(5), labels] += 1 - smoothing
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)

    loss_fn = SmoothedCrossEntropy(smoothing)
    if hybridize:
        loss_fn.hybridize()
    x = nd.array(logits)
    x.attach_grad()
    with autograd.record():
        losses = loss_fn(x, nd.array(labels))
    losses.backward()
    assert losses.asnumpy() == pytest.approx(-(target * np.log(probabilities)).sum(1), rel=2e-5)
    assert x.grad.asnumpy() == pytest.approx(probabilities - target, abs=1e-5)
