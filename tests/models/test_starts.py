import numpy as np
import pytest

from gluonlab.errors import ConfigError
from gluonlab.models import create
from gluonlab.models.starts import (
    first_filters,
    fix_gammas,
    scale_logits,
    start_as_identity,
    whitening_filters,
)
from gluonlab.runtime.mxnet import autograd, nd


def made(name):
    net = create(name)
    net.initialize()
    return net


def test_whitened_values_have_variance_one_and_do_not_correlate():
    mixing = np.random.RandomState(0).standard_normal((12, 12))
    values = np.random.RandomState(1).standard_normal((5000, 12)) @ mixing
    covariance = values.T @ values / len(values)
    filters = whitening_filters(covariance, eps=0.0)
    assert filters.shape == (24, 12)
    whitened = values @ filters[:12].T
    np.testing.assert_allclose(whitened.T @ whitened / len(values), np.eye(12), atol=2e-3)
    np.testing.assert_array_equal(filters[12:], -filters[:12])


def test_the_largest_eigenvalue_comes_first_and_small_ones_are_damped():
    filters = whitening_filters(np.diag([1e-6, 4.0]), eps=5e-4)
    np.testing.assert_allclose(filters[0], [0, 1 / np.sqrt(4.0005)], rtol=1e-6)
    np.testing.assert_allclose(filters[1], [1 / np.sqrt(5.01e-4), 0], rtol=1e-5)


def test_convolutions_pass_their_inputs_on():
    net = made("speednet94")
    drawn = net.groups[0][0].weight.data().asnumpy()
    assert start_as_identity(net) == 6
    conv = net.groups[0][0]
    images = nd.random.normal(shape=(2, 24, 5, 5))
    outputs = conv(images).asnumpy()
    np.testing.assert_array_equal(outputs[:, :24], images.asnumpy())
    np.testing.assert_array_equal(conv.weight.data().asnumpy()[24:], drawn[24:])
    assert not np.array_equal(outputs[:, 24:48], images.asnumpy())


def test_strided_and_first_convolutions_keep_their_draws():
    net = made("small_resnet8")
    before = {name: one.data().asnumpy() for name, one in net._collect_params_with_prefix().items()}
    assert start_as_identity(net) == 4  # of stages 2 and 3 the second convolution only
    after = {name: one.data().asnumpy() for name, one in net._collect_params_with_prefix().items()}
    assert {name for name in before if not np.array_equal(before[name], after[name])} == {
        "stage1.0.conv1.weight", "stage1.0.conv2.weight", "stage2.0.conv2.weight", "stage3.0.conv2.weight",
    }  # fmt: skip


def test_gammas_are_not_trained():
    net = made("speednet94")
    assert fix_gammas(net) == 6
    trained = [n for n, one in net._collect_params_with_prefix().items() if one.grad_req != "null"]
    assert sum(name.endswith("beta") for name in trained) == 6
    assert not any(name.endswith("gamma") for name in trained)


def test_logits_are_scaled_and_names_stay():
    net = made("speednet94")
    names, images = list(net._collect_params_with_prefix()), nd.random.normal(shape=(2, 3, 32, 32))
    before = net(images).asnumpy()
    scale_logits(net, 0.25, "speednet94")
    np.testing.assert_array_equal(net(images).asnumpy(), before * 0.25)
    assert list(net._collect_params_with_prefix()) == names
    with autograd.record():
        net(images).backward()
    assert np.abs(net.output.weight.grad().asnumpy()).max() > 0


@pytest.mark.parametrize(
    ("call", "key"),
    [
        (lambda: first_filters(made("small_resnet8"), "small_resnet8"), "model.whitening"),
        (lambda: scale_logits(made("squeezenet1_1"), 2.0, "squeezenet1_1"), "model.logit_scale"),
    ],
)
def test_networks_without_a_place_for_it_are_refused(call, key):
    with pytest.raises(ConfigError, match=f"CFG30.*{key}") as refused:
        call()
    assert refused.value.exit_code == 2
