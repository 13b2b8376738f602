import numpy as np
import pytest

from gluonlab.optim.clipping import GradientClip
from gluonlab.runtime.mxnet import nd

COUNT = 4  # gradients are sums over so many samples


def clipped(clip, *means):
    gradients = [nd.array(np.asarray(mean, np.float32) * COUNT) for mean in means]
    clip(gradients, COUNT)
    return [gradient.asnumpy() / COUNT for gradient in gradients]


def test_a_norm_beyond_the_bound_is_brought_to_it():
    first, second = clipped(GradientClip(max_norm=1.0), [3.0, 0.0], [[4.0]])  # together of norm 5
    assert first == pytest.approx(np.array([0.6, 0.0]))
    assert second == pytest.approx(np.array([[0.8]]))


def test_a_norm_within_the_bound_stays_and_zero_stays_zero():
    assert clipped(GradientClip(max_norm=10.0), [3.0, 4.0])[0] == pytest.approx(np.array([3.0, 4.0]))
    assert clipped(GradientClip(max_norm=10.0), [0.0, 0.0])[0].tolist() == [0.0, 0.0]


def test_elements_are_bounded_one_by_one():
    found = clipped(GradientClip(max_value=0.5), [-2.0, 0.25, 0.75])[0]
    assert found.tolist() == [-0.5, 0.25, 0.5]


def test_the_norm_comes_before_the_elements():
    found = clipped(GradientClip(max_norm=5.0, max_value=3.5), [6.0, 8.0])[0]  # 3, 4 after the first
    assert found == pytest.approx(np.array([3.0, 3.5]))


def test_a_gradient_that_is_not_finite_is_not_hidden():
    assert np.isnan(clipped(GradientClip(max_norm=1.0), [np.inf, 1.0])[0]).any()
    assert np.isnan(clipped(GradientClip(max_norm=1.0), [np.nan, 1.0])[0]).all()
    by_value = clipped(GradientClip(max_value=1.0), [np.inf, -np.inf, np.nan, 2.0])[0]
    assert np.isnan(by_value).tolist() == [True, True, True, False]
