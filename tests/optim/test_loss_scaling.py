import numpy as np
import pytest

from gluonlab.arrays.in_mxnet import all_finite
from gluonlab.optim.loss_scaling import LossScaler
from gluonlab.runtime.mxnet import autograd, nd


def test_the_head_gradient_scales_every_gradient():
    scaler, weight = LossScaler(scale=1024.0), nd.array([2.0])
    weight.attach_grad()
    with autograd.record():
        losses = weight * nd.array([1.0, 3.0])
    losses.backward(scaler.head_gradient(losses))
    assert weight.grad.asscalar() == 1024 * 4


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("place", [0, 59, 60, 129])  # MXNet's operator takes 60 arrays at most
def test_one_bad_element_in_130_arrays_is_found(bad, place):
    arrays = [nd.ones(3) for _ in range(130)]
    assert all_finite(arrays)
    arrays[place][1] = bad
    assert not all_finite(arrays)


def test_an_overflow_halves_the_scale_and_finite_updates_double_it():
    scaler = LossScaler(scale=8.0, growth_interval=3)
    good, bad = [nd.ones(2)], [nd.array([np.inf, 1])]
    history = []
    for gradients in (good, good, bad, good, good, good, good):
        if scaler.accepts(gradients):
            scaler.grow()
        history.append(scaler.scale)
    assert history == [8, 8, 4, 4, 4, 8, 8]


def test_the_scale_has_a_ceiling():
    scaler = LossScaler(scale=8.0, growth_interval=1, ceiling=16.0)
    for _ in range(3):
        assert scaler.accepts([nd.ones(1)])
        scaler.grow()
    assert scaler.scale == 16
