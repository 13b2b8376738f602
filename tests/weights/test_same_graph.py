"""Two graphs of one network, and graphs that only look alike."""

import pytest

from gluonlab.runtime.mxnet import mx
from gluonlab.weights.same_graph import difference, match_variables
from gluonlab.weights.symbol_graph import parse_symbol


def graph(symbol):
    return parse_symbol(symbol.tojson(), "test")


def conv(images, name, **more):
    return mx.sym.Convolution(images, name=name, kernel=(3, 3), num_filter=4, pad=(1, 1), **more)


def network(names, *, swap=False, loss=False, drop=False, stride=(1, 1), eps=1e-5, **norm):
    """Two convolutions side by side and their sum, a norm, a classifier."""
    images = mx.sym.var(names("images"))
    first = conv(images, names("a"), stride=stride)
    second = mx.sym.relu(conv(images, names("b"), stride=stride, no_bias=True))
    total = second + first if swap else first + second
    total = mx.sym.BatchNorm(total, name=names("norm"), eps=eps, fix_gamma=False, **norm)
    total = mx.sym.Dropout(total) if drop else total
    logits = mx.sym.FullyConnected(mx.sym.Flatten(total) if drop else total, name=names("fc"), num_hidden=3)
    return graph(mx.sym.SoftmaxOutput(logits, name="softmax") if loss else logits)


def ours(name):
    return f"net.{name}"


def theirs(name):
    return f"resnetv17_{name}0"


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("loss", [False, True])
@pytest.mark.parametrize("drop", [False, True])
def test_variables_are_found_by_their_place(swap, loss, drop):
    found = match_variables(network(theirs, swap=swap, loss=loss, drop=drop), network(ours))
    parts = (
        "a_weight",
        "a_bias",
        "b_weight",
        "norm_gamma",
        "norm_beta",
        "norm_moving_mean",
        "norm_moving_var",
    )
    names = {name.replace("_", "0_", 1): name for name in (*parts, "fc_weight", "fc_bias")}
    assert found == {
        "resnetv17_images0": "net.images",
        **{f"resnetv17_{their}": f"net.{our}" for their, our in names.items()},
    }


@pytest.mark.parametrize("other", [{"stride": (2, 2)}, {"eps": 1e-3}, {"axis": 3}])
def test_other_settings_are_another_network(other):
    assert match_variables(network(theirs, **other), network(ours)) is None
    assert "with other settings" in difference(network(theirs, **other), network(ours))


def test_other_operators_and_other_sharing_are_another_network():
    images = mx.sym.var("images")
    one = mx.sym.FullyConnected(images, name="one", num_hidden=3)
    assert match_variables(graph(one), network(ours)) is None
    assert difference(graph(one), network(ours)) == "it has 0 BatchNorm, the model has 1"
    weight, bias = mx.sym.var("w"), mx.sym.var("b")
    shared = [mx.sym.FullyConnected(images, weight, bias, num_hidden=3) for _ in range(2)]
    apart = [mx.sym.FullyConnected(images, name=f"part{n}", num_hidden=3) for n in range(2)]
    assert match_variables(graph(shared[0] + shared[1]), graph(apart[0] + apart[1])) is None
    assert match_variables(graph(apart[0] + apart[1]), graph(shared[0] + shared[1])) is None
    assert match_variables(graph(mx.sym.Group(apart)), graph(apart[0])) is None


def test_a_graph_of_many_layers_one_behind_the_other_is_compared():
    def deep(prefix):
        layer = mx.sym.var("images")
        for number in range(3000):
            layer = mx.sym.FullyConnected(layer, name=f"{prefix}{number}", num_hidden=3)
        return graph(layer)

    assert match_variables(deep("a"), deep("b"))["a2999_bias"] == "b2999_bias"
