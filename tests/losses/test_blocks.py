import numpy as np
import pytest

from gluonlab.losses.blocks import BinaryCrossEntropy, Distillation, SmoothedCrossEntropy
from gluonlab.losses.distillation import DistillationSection
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


GENERATOR = np.random.RandomState(1)
LOGITS, LABELS, PARTNERS = GENERATOR.standard_normal((5, 7)) * 3, np.array([0, 3, 6, 3, 1]), [1, 3, 0, 2, 6]
SHARE = np.array([0.7, 0.6, 0.9, 1.0, 0.7])


def mixed_targets():
    targets = np.zeros((5, 7))
    for row, (label, partner, share) in enumerate(zip(LABELS, PARTNERS, SHARE)):
        targets[row, label] += share
        targets[row, partner] += 1 - share
    return targets


def loss_and_gradient(loss_fn, *mixture, hybridize=True):
    loss_fn.hybridize(hybridize)
    x = nd.array(LOGITS)
    x.attach_grad()
    with autograd.record():
        losses = loss_fn(x, nd.array(LABELS), *map(nd.array, mixture))
    losses.backward()
    return losses.asnumpy(), x.grad.asnumpy()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("hybridize", [False, True])
def test_cross_entropy_of_mixed_labels_is_that_of_the_mixed_target(smoothing, hybridize):
    target = (1 - smoothing) * mixed_targets() + smoothing / 7
    probabilities = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
    loss_fn = SmoothedCrossEntropy(smoothing)
    losses, gradient = loss_and_gradient(loss_fn, PARTNERS, SHARE, hybridize=hybridize)
    assert losses == pytest.approx(-(target * np.log(probabilities)).sum(1), abs=1e-5)
    assert gradient == pytest.approx(probabilities - target, abs=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("threshold", [None, 0.0, 0.2])
@pytest.mark.parametrize("is_mixed", [False, True])
def test_binary_cross_entropy_is_the_mean_of_each_class_by_itself(smoothing, threshold, is_mixed):
    target = mixed_targets() if is_mixed else np.eye(7)[LABELS]
    if threshold is not None:
        target = (target > threshold).astype(float)
    target = (1 - smoothing) * target + smoothing / 7
    sigmoid = 1 / (1 + np.exp(-LOGITS))
    expected = -(target * np.log(sigmoid) + (1 - target) * np.log(1 - sigmoid)).mean(1)
    loss_fn = BinaryCrossEntropy(7, smoothing, threshold)
    losses, gradient = loss_and_gradient(loss_fn, *((PARTNERS, SHARE) if is_mixed else ()))
    assert losses == pytest.approx(expected, rel=2e-5)
    assert gradient == pytest.approx((sigmoid - target) / 7, abs=1e-6)


def test_binary_cross_entropy_of_large_logits_is_finite():
    losses = BinaryCrossEntropy(2)(nd.array([[1e4, -1e4], [-1e4, 1e4]]), nd.array([0, 0])).asnumpy()
    assert losses.tolist() == [0, 1e4]


TEACHER = GENERATOR.standard_normal((5, 7)) * 2


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("is_mixed", [False, True])
def test_distillation_by_soft_targets_is_that_of_hinton_and_others(temperature, is_mixed):
    target = 0.9 * (mixed_targets() if is_mixed else np.eye(7)[LABELS]) + 0.1 / 7
    soft, ours = softmax(TEACHER / temperature), softmax(LOGITS / temperature)
    by_labels, by_teacher = -(target * np.log(softmax(LOGITS))).sum(1), -(soft * np.log(ours)).sum(1)
    loss_fn = Distillation(7, 0.1, share=0.3, temperature=temperature)
    mixture = (PARTNERS, SHARE) if is_mixed else ()
    losses, gradient = loss_and_gradient(loss_fn, *mixture, TEACHER)
    assert losses == pytest.approx(0.7 * by_labels + 0.3 * temperature**2 * by_teacher, rel=2e-5)
    expected = 0.7 * (softmax(LOGITS) - target) + 0.3 * temperature * (ours - soft)
    assert gradient == pytest.approx(expected, abs=1e-5)


def test_distillation_by_hard_targets_takes_the_teachers_class_for_a_label():
    loss_fn = Distillation(7, share=0.25)
    losses, gradient = loss_and_gradient(loss_fn, TEACHER)
    target = 0.75 * np.eye(7)[LABELS] + 0.25 * np.eye(7)[TEACHER.argmax(1)]
    assert losses == pytest.approx(-(target * np.log(softmax(LOGITS))).sum(1), rel=2e-5)
    assert gradient == pytest.approx(softmax(LOGITS) - target, abs=1e-5)


@pytest.mark.parametrize("temperature", [None, 2.0])
def test_of_two_heads_the_first_learns_from_labels_and_the_second_from_the_teacher(temperature):
    x = nd.array(np.concatenate([LOGITS, TEACHER], axis=1))
    x.attach_grad()
    with autograd.record():
        losses = Distillation(7, share=0.25, temperature=temperature)(x, nd.array(LABELS), nd.array(TEACHER))
    losses.backward()
    by_labels, by_teacher = x.grad.asnumpy()[:, :7], x.grad.asnumpy()[:, 7:]
    assert by_labels == pytest.approx(0.75 * (softmax(LOGITS) - np.eye(7)[LABELS]), abs=1e-5)
    if temperature:  # it says what its teacher says
        assert by_teacher == pytest.approx(np.zeros((5, 7)), abs=1e-5)
    else:
        assert by_teacher == pytest.approx(0.25 * (softmax(TEACHER) - np.eye(7)[TEACHER.argmax(1)]), abs=1e-5)


@pytest.mark.parametrize("keys", [{"temperature": 3.0, "share": 0.2}, {"targets": "hard", "share": 0.2}])
def test_the_loss_of_equal_logits_does_not_depend_on_the_teacher(keys):
    section = DistillationSection(teacher="any", **keys)
    zeros = nd.zeros((5, 7))
    losses = section.build(7, 0.1)(zeros, nd.array(LABELS), nd.array(TEACHER)).asnumpy()
    assert losses == pytest.approx(np.full(5, section.of_equal_logits(7)), rel=1e-5)
