"""Networks of Gluon's own zoo by ``gluon:NAME``: the same networks, with our options."""

import numpy as np
import pytest

from gluonlab.errors import ConfigError
from gluonlab.models import ModelOptions, create, list_models
from gluonlab.runtime.mxnet import autograd, gluon, nd


def random_images(*shape):
    return nd.array(np.random.RandomState(0).normal(size=shape))


def test_every_name_of_gluons_zoo_is_there():
    with pytest.raises(ValueError, match="Available options are") as error:
        gluon.model_zoo.vision.get_model("?")
    theirs = str(error.value).split("Available options are")[1].split()
    assert {model.name for model in list_models("gluon:*")} == {f"gluon:{name}" for name in theirs}


def test_the_network_is_that_of_the_zoo():
    ours, theirs = create("gluon:resnet18_v1"), gluon.model_zoo.vision.resnet18_v1()
    ours.initialize()
    theirs.initialize()
    images = random_images(2, 3, 64, 64)
    theirs(images)
    their_parameters = theirs._collect_params_with_prefix()
    parameters = ours._collect_params_with_prefix()
    assert set(parameters) == set(their_parameters)
    for name, parameter in their_parameters.items():
        parameters[name].set_data(parameter.data())
    np.testing.assert_array_equal(ours(images).asnumpy(), theirs(images).asnumpy())


@pytest.mark.parametrize(
    ("name", "size"), [("gluon:resnet18_v2", (33, 50)), ("gluon:mobilenet0.25", (64, 42))]
)
def test_hybridized_equals_imperative_with_gradients_at_another_size(name, size):
    net = create(name, classes=7)
    net.initialize()
    images = random_images(2, 3, *size)
    imperative = net(images).asnumpy()
    net.hybridize(static_alloc=True)
    np.testing.assert_allclose(net(images).asnumpy(), imperative, rtol=1e-3, atol=1e-5)
    with autograd.record():
        loss = (net(images) ** 2).sum()
    loss.backward()
    gradients = [p.grad().asnumpy() for p in net.collect_params().values() if p.grad_req != "null"]
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert gradients[0].any()


def test_options_reach_the_layers(batchnorm_momenta):
    net = create("gluon:mobilenet0.25", options=ModelOptions(bn_momentum=0.8, input_channels=1))
    assert batchnorm_momenta(net) == {0.8}
    assert next(iter(net.collect_params().values())).shape[1] == 1


def test_options_that_a_network_has_no_place_for_are_refused():
    with pytest.raises(ConfigError, match=r"^error\[CFG70\] model.dropout: gluon:resnet18_v1 has no layer"):
        create("gluon:resnet18_v1", options=ModelOptions(dropout=0.3))
    for name in ("gluon:resnet18_v1", "vgg11"):
        with pytest.raises(
            ConfigError, match=r"CFG71.* model.zero_last_gamma: .* no residual branches"
        ) as error:
            create(name, options=ModelOptions(zero_last_gamma=True))
        assert error.value.exit_code == 2


def test_a_misspelled_name_gets_the_nearest():
    with pytest.raises(ConfigError, match="did you mean gluon:resnet50_v1, gluon:resnet50_v2"):
        create("gluon:resnet50")
    with pytest.raises(ConfigError, match=r"did you mean gluon:mobilenet1\.0"):
        create("gluon:mobilnet1.0")
