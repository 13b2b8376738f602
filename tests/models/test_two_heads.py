"""Two classifiers: both predict, and each learns by itself where the loss has a teacher."""

import numpy as np
import pytest

from gluonlab.losses.blocks import Distillation, SmoothedCrossEntropy
from gluonlab.models import ModelOptions, create
from gluonlab.models.freezing import freeze_features
from gluonlab.models.lower_precision import compute_in_lower_precision
from gluonlab.models.pretrained import head_of
from gluonlab.runtime.mxnet import mx, nd
from gluonlab.task import Classification
from gluonlab.training.network import GluonNetwork

NAME = "deit_tiny_distilled_patch16_224"
HEADS = ("head.weight", "head.bias", "head_dist.weight", "head_dist.bias")
TASK = Classification(Distillation(3, share=0.25, temperature=2.0))
GENERATOR = np.random.RandomState(0)
IMAGES, TEACHER = (nd.array(GENERATOR.standard_normal(shape)) for shape in ((4, 3, 32, 32), (4, 3)))
LABELS = nd.array([0, 1, 2, 1])


def network(*, learns_apart=True, hybridize=True):
    mx.random.seed(1)
    net = create(NAME, classes=3, options=ModelOptions(image_size=32))
    net.initialize()
    net.learns_apart = learns_apart
    trained = GluonNetwork(net)
    if hybridize:
        for block in (trained.in_training, net):
            block.hybridize(static_alloc=True)
    return trained


def gradients_of(trained):
    return {name: one.grad().asnumpy().copy() for name, one in trained.parameters.items()}


@pytest.mark.parametrize("hybridize", [False, True])
def test_logits_are_the_mean_of_both_heads_and_each_has_its_own_loss(hybridize):
    trained = network(hybridize=hybridize)
    losses, logits = trained.train((IMAGES, LABELS, TEACHER), TASK)
    both, mean = (output.asnumpy() for output in trained.net.both(IMAGES)) if not hybridize else (None, None)
    assert logits.shape == (4, 3)
    assert logits.asnumpy() == pytest.approx(trained.predict(IMAGES).asnumpy(), abs=1e-5)
    if both is not None:
        assert mean == pytest.approx((both[:, :3] + both[:, 3:]) / 2, abs=1e-6)
        assert losses.asnumpy() == pytest.approx(
            TASK.loss_fn(nd.array(both), LABELS, TEACHER).asnumpy(), abs=1e-5
        )
    gradients = gradients_of(trained)
    assert all(np.abs(gradients[name]).max() > 1e-4 for name in HEADS)
    # What the teacher says moves the second head and what both see, but not the first.
    trained.train((IMAGES, LABELS, -TEACHER), TASK)
    others = gradients_of(trained)
    assert others["head.weight"] == pytest.approx(gradients["head.weight"], abs=1e-6)
    assert np.abs(others["head_dist.weight"] - gradients["head_dist.weight"]).max() > 1e-3
    assert np.abs(others["dist_token"] - gradients["dist_token"]).max() > 1e-5


def test_without_a_teacher_the_mean_learns_as_any_network():
    trained = network(learns_apart=False)
    assert trained.in_training is trained.net
    trained.train((IMAGES, LABELS), Classification(SmoothedCrossEntropy()))
    gradients = gradients_of(trained)
    assert gradients["head.bias"] == pytest.approx(gradients["head_dist.bias"], abs=1e-6)
    assert np.abs(gradients["head.bias"]).max() > 1e-3


def test_both_heads_are_the_classifier():
    net = network().net
    assert head_of(net) == HEADS
    freeze_features(net)
    assert [name for name, one in net._collect_params_with_prefix().items() if one.grad_req != "null"] == [
        *HEADS
    ]


def test_training_computes_in_bfloat16():
    trained = network()
    for block in (trained.in_training, trained.net):
        compute_in_lower_precision(block, "bfloat16")
    _, logits = trained.train((IMAGES, LABELS, TEACHER), TASK)
    gradients = gradients_of(trained)
    assert logits.dtype == np.float32
    exact = network()
    _, in_float32 = exact.train((IMAGES, LABELS, TEACHER), TASK)
    difference = np.abs(logits.asnumpy() - in_float32.asnumpy()).max()
    assert 0 < difference < 0.05  # it would be 0 if the graph of both heads had stayed in float32
    for name, gradient in gradients_of(exact).items():
        cosine = (gradient * gradients[name]).sum()
        cosine /= np.linalg.norm(gradient) * np.linalg.norm(gradients[name]) + 1e-30
        assert cosine > 0.98 or np.linalg.norm(gradient) < 1e-4, name
