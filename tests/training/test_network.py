"""Forward and backward: parameters that a pass does without, and norms that backward would not come by."""

import json

import numpy as np
import pytest

from gluonlab.models import create, list_models
from gluonlab.models.norm_and_relu import join_norm_and_relu
from gluonlab.runtime.mxnet import gluon, mx, nd
from gluonlab.task import LossTask
from gluonlab.training.network import GluonNetwork

nn = gluon.nn
SAMPLE = ("gluon:resnet18_v2", "cifar_resnet8")


@pytest.mark.parametrize("order", ["running", "pairs"])
@pytest.mark.parametrize("processes", [1, 2, 4])
def test_a_gradient_is_the_sum_over_the_workers_that_used_the_parameter(
    run_processes, root, processes, order
):
    job = run_processes(processes, root / "tests/training/branching.py", order)
    found = json.loads(next(line for line in job.stdout.splitlines() if line.startswith("{")))
    for gradients in found["gradients"]:
        assert gradients["first.weight"] == [[-2.0, 100.0]]  # of all four samples
        assert gradients["second.weight"] == [[4.0, 40.0]]  # of the two that begin with a positive number
        assert gradients["never.weight"] == [[0.0, 0.0]]
    assert np.allclose(found["weights"]["second.weight"], [[1 - 0.2, 1 - 2.0]])
    assert found["weights"]["never.weight"] == [[1.0, 1.0]]


def test_a_graph_with_all_parameters_is_not_looked_at():
    """Flags of gradients cost a call for each parameter, so they are for networks that may leave some out."""
    net = create("small_resnet8")
    net.initialize()
    assert len(GluonNetwork(net)._may_be_left_out()) == 23, "layer by layer anything may happen"
    net.hybridize()
    assert GluonNetwork(net)._may_be_left_out() == []


def statistics_after_a_pass(net, shape):
    """Images, and the running statistics by name before and after they went through."""
    parameters = {
        name: parameter
        for name, parameter in net._collect_params_with_prefix().items()
        if name.endswith(("running_mean", "running_var"))
    }
    before = {name: parameter.data().asnumpy() for name, parameter in parameters.items()}
    images = nd.random.normal(3.0, 2.0, shape=shape)
    GluonNetwork(net).train([images], LossTask(lambda net, images: net(images).sum(axis=1)))
    nd.waitall()  # backward of BatchNormWithReLU does not tell the engine that it writes them
    return images.asnumpy(), before, {name: p.data().asnumpy() for name, p in parameters.items()}


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(model, id=model.name, marks=[] if model.name in SAMPLE else pytest.mark.slow)
        for model in list_models()
        if model.input_shape[0] == 3
    ],
)
def test_every_running_statistic_of_the_zoo_advances(model):
    mx.random.seed(0)
    net = create(model.name, classes=3)
    net.initialize(mx.init.Xavier())
    net.hybridize(static_alloc=True)
    join_norm_and_relu(net)
    size = 32 if model.input_shape[1] <= 32 else 299 if "inception" in model.name else 224
    _, before, after = statistics_after_a_pass(net, (2, 3, size, size))
    assert not [name for name in before if np.array_equal(before[name], after[name])]


@pytest.mark.parametrize("norm", [nn.BatchNorm, nn.BatchNormReLU])
@pytest.mark.parametrize("is_hybrid", [False, True])
def test_a_norm_that_trains_nothing_and_stands_first_takes_up_its_batch(norm, is_hybrid):
    net = nn.HybridSequential()
    net.add(norm(scale=False, center=False, in_channels=16, momentum=0.75))
    net.add(nn.Conv2D(2, 3, in_channels=16), nn.Flatten(), nn.Dense(2, in_units=2 * 6 * 6))
    net.initialize()
    if is_hybrid:
        net.hybridize(static_alloc=True)
    images, _, after = statistics_after_a_pass(net, (4, 16, 8, 8))
    assert after["0.running_mean"] == pytest.approx(0.25 * images.mean((0, 2, 3)), rel=1e-4)
    assert after["0.running_var"] == pytest.approx(0.75 + 0.25 * images.var((0, 2, 3)), rel=1e-4)


def test_frozen_layers_before_a_frozen_norm_do_not_keep_its_statistics_still():
    net = nn.HybridSequential()
    net.add(nn.Conv2D(2, 3, in_channels=3), nn.BatchNorm(in_channels=2, momentum=0.0), nn.Flatten())
    net.add(nn.Dense(2, in_units=2 * 6 * 6))
    net.initialize()
    net[0].collect_params().setattr("grad_req", "null")
    net[1].collect_params().setattr("grad_req", "null")
    images, _, after = statistics_after_a_pass(net, (4, 3, 8, 8))
    seen = net[0](nd.array(images)).asnumpy()
    assert after["1.running_mean"] == pytest.approx(seen.mean((0, 2, 3)), rel=1e-3, abs=1e-5)


def test_norms_by_running_statistics_stay_as_they_are():
    net = nn.HybridSequential()
    net.add(
        nn.BatchNorm(scale=False, center=False, use_global_stats=True, in_channels=3),
        nn.Conv2D(2, 3, in_channels=3),
    )
    net.add(nn.Flatten(), nn.Dense(2, in_units=2 * 6 * 6))
    net.initialize()
    _, before, after = statistics_after_a_pass(net, (4, 3, 8, 8))
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values)
