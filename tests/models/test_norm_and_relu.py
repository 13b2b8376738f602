import json

import numpy as np
import pytest

from gluonlab import models
from gluonlab.losses.blocks import SmoothedCrossEntropy
from gluonlab.models.norm_and_relu import NORM_AND_RELU, join_norm_and_relu, joined
from gluonlab.models.options import ModelOptions
from gluonlab.runtime.mxnet import autograd, gluon, mx, nd

nn = gluon.nn


SHAPES = {"images": (2, 16, 4, 4)}


def operators(graph):
    return [node["op"] for node in json.loads(graph.tojson())["nodes"] if node["op"] != "null"]


def norm(**attributes):
    return mx.sym.BatchNorm(mx.sym.var("images"), name="norm", **attributes)


def convolution(symbol):
    return mx.sym.Convolution(symbol, kernel=(1, 1), num_filter=16, name="last")


def relu(symbol):
    return mx.sym.Activation(symbol, act_type="relu")


def test_a_norm_and_its_relu_become_one_operator():
    graph = joined(convolution(relu(norm(momentum=0.8, eps=1e-4, fix_gamma=False))), SHAPES)
    assert operators(graph) == [NORM_AND_RELU, "Convolution"]
    assert graph.list_arguments() == ["images", "norm_gamma", "norm_beta", "last_weight", "last_bias"]
    assert graph.list_auxiliary_states() == ["norm_moving_mean", "norm_moving_var"]
    assert graph.list_outputs() == ["last_output"]
    attributes = graph.attr_dict()["norm"]
    assert (attributes["momentum"], attributes["eps"]) == ("0.8", "0.0001")


@pytest.mark.parametrize(
    "graph",
    [
        convolution(norm()),
        convolution(mx.sym.Activation(norm(), act_type="sigmoid")),
        convolution(relu(norm(axis=3))),
        convolution(relu(norm(use_global_stats=True))),
        relu(norm()),
        mx.sym.exp(relu(norm())),
    ],
)
def test_other_graphs_stay_as_they_are(graph):
    assert operators(joined(graph, SHAPES)) == operators(graph)


@pytest.mark.parametrize(
    ("channels", "filters", "groups", "is_joined"),
    [(64, 24, 1, False), (64, 32, 1, True), (72, 24, 1, False), (64, 64, 64, False), (128, 128, 32, False)],
)
def test_it_is_joined_where_gradients_come_in_its_own_blocks(channels, filters, groups, is_joined):
    """oneDNN has no backward pass for them: "could not create a primitive descriptor iterator"."""
    net = nn.HybridSequential()
    net.add(nn.Conv2D(channels, 1, in_channels=3), nn.BatchNorm(in_channels=channels), nn.Activation("relu"))
    net.add(nn.MaxPool2D(2), nn.Conv2D(filters, 3, groups=groups, in_channels=channels))
    graph = joined(net(mx.sym.var("images")), {"images": (2, 3, 8, 8)})
    assert (NORM_AND_RELU in operators(graph)) == is_joined
    net.initialize()
    net.hybridize(static_alloc=True)
    join_norm_and_relu(net)
    with autograd.record():
        outputs = net(nd.random.normal(shape=(2, 3, 8, 8)))
    outputs.backward()
    assert np.isfinite(net[0].weight.grad().asnumpy()).all()


def test_a_norm_that_others_read_too_keeps_its_output():
    shared = norm()
    graph = mx.sym.Group([shared, convolution(relu(shared))])
    assert operators(joined(graph, SHAPES)) == operators(graph)


def trained(net, images, labels, steps=3):
    """Loss and all parameters after training, and logits in prediction mode."""
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1, "momentum": 0.9})
    loss_fn = SmoothedCrossEntropy()
    for _ in range(steps):
        with autograd.record():
            loss = loss_fn(net(images), labels)
        loss.backward()
        trainer.step(len(images))
    arrays = [parameter.data().asnumpy() for parameter in net._collect_params_with_prefix().values()]
    return [loss.asnumpy(), *arrays, net(images).asnumpy()]


def flat_net():
    net = nn.HybridSequential()
    net.add(nn.Dense(24, in_units=48), nn.BatchNorm(in_channels=24), nn.Activation("relu"))
    net.add(nn.Dense(10, in_units=24))
    return net


NETWORKS = {
    "small_resnet8": (16, 3, 15, 15),  # an odd size
    "cifar_resnet20": (4, 3, 32, 32),
    "resnet18_v1b": (2, 3, 32, 32),
    "resnet18_v2": (2, 3, 32, 32),  # norms before convolutions
    "mobilenet_v2": (2, 3, 32, 32),
    "flat": (6, 48),
}
STAY = {"mobilenet_v2", "flat"}  # ReLU6, and norms of vectors


@pytest.mark.parametrize("name", NETWORKS)
def test_training_and_prediction_have_the_same_bits(name):
    images = nd.random.normal(shape=NETWORKS[name], ctx=mx.cpu())
    results = []
    for join in (False, True):
        mx.random.seed(0)
        options = ModelOptions(input_channels=3)
        net = flat_net() if name == "flat" else models.create(name, classes=10, options=options)
        net.initialize()
        net.hybridize(static_alloc=True)
        if join:
            join_norm_and_relu(net)
        results.append(trained(net, images, nd.arange(len(images))))
        assert (NORM_AND_RELU in operators(net._cached_graph[1])) == (join and name not in STAY)
    for plain, fused in zip(*results):
        np.testing.assert_array_equal(plain, fused)


def test_it_survives_another_hybridize_and_another_size():
    net = models.create("small_resnet8", options=ModelOptions(input_channels=3))
    net.initialize()
    net.hybridize(static_alloc=True)
    join_norm_and_relu(net)
    small = net(nd.ones((1, 3, 8, 8)))
    net.hybridize(static_alloc=True)
    net(nd.ones((2, 3, 16, 16)))
    assert NORM_AND_RELU in operators(net._cached_graph[1])
    np.testing.assert_array_equal(net(nd.ones((1, 3, 8, 8))).asnumpy(), small.asnumpy())


def test_a_network_that_learns_its_shapes_from_the_first_batch():
    net = nn.HybridSequential()
    net.add(nn.Conv2D(16, 3), nn.BatchNorm(), nn.Activation("relu"), nn.Conv2D(16, 3), nn.Dense(2))
    net.initialize()
    net.hybridize(static_alloc=True)
    join_norm_and_relu(net)
    assert net(nd.ones((2, 3, 5, 5))).shape == (2, 2)
    assert operators(net._cached_graph[1]) == [
        "Convolution",
        NORM_AND_RELU,
        "Convolution",
        "FullyConnected",
    ]


def test_a_norm_of_unknown_shape_stays():
    assert operators(joined(convolution(relu(norm())), {})) == ["BatchNorm", "Activation", "Convolution"]
