import numpy as np
import pytest

from gluonlab.parallel.virtual_workers import VirtualWorkers
from gluonlab.parallel.world import SingleProcess
from gluonlab.runtime.mxnet import autograd, gluon, mx, nd

CONFIGS = {
    "digits": ("configs/digits.yaml", []),
    "synthetic ResNet-20": ("configs/smoke.yaml", []),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_one_update_is_the_same_on_1_2_and_4_processes(name, run_processes, root, tmp_path):
    recipe, overrides = CONFIGS[name]
    for processes in (1, 2, 4):
        run_processes(processes, root / "tests/parallel/one_update.py", recipe, tmp_path, 1, *overrides)
    alone, *others = (np.load(tmp_path / f"processes-{processes}.npz") for processes in (1, 2, 4))
    assert len(alone.files) > 20
    for other in others:
        assert other.files == alone.files
        for key in alone.files:
            difference = np.linalg.norm(other[key].astype(float) - alone[key].astype(float))
            # Only the order of additions differs.
            assert difference <= 1e-6 * np.linalg.norm(alone[key].astype(float)), key


def make_net():
    net = gluon.nn.HybridSequential()
    net.add(
        gluon.nn.Dense(4, in_units=3),
        gluon.nn.BatchNorm(in_channels=4, momentum=0.8),
        gluon.nn.Dense(2, in_units=4),
    )
    mx.random.seed(0)
    net.initialize(mx.init.Normal(1.0))
    return net


def run_update(net, workers, images):
    for turn, _ in enumerate(workers.turns(step=0)):
        part = images[turn * workers.worker_batch_size : (turn + 1) * workers.worker_batch_size]
        with autograd.record():
            losses = net(nd.array(part)).square().sum(axis=1)
        losses.backward()
    workers.reduce()


def test_gradients_are_the_sum_over_workers_each_with_its_own_batch_statistics():
    images = np.random.RandomState(0).standard_normal((12, 3)).astype(np.float32)
    net = make_net()
    together = VirtualWorkers(net, SingleProcess(), 12, 4)
    for _ in range(2):  # the second update must not see the first one's gradient
        run_update(net, together, images)
    expected = None
    for part in np.split(images, 3):
        lone = make_net()
        run_update(lone, VirtualWorkers(lone, SingleProcess(), 4, 4), part)
        gradient = lone[0].weight.grad().asnumpy()
        expected = gradient if expected is None else expected + gradient
    assert net[0].weight.grad().asnumpy() == pytest.approx(expected, rel=1e-5)


def test_running_statistics_advance_once_by_the_mean_over_workers():
    images = np.random.RandomState(0).standard_normal((12, 3)).astype(np.float32)
    net = make_net()
    run_update(net, VirtualWorkers(net, SingleProcess(), 12, 4), images)
    hidden = images @ net[0].weight.data().asnumpy().T + net[0].bias.data().asnumpy()
    means = np.mean([part.mean(0) for part in np.split(hidden, 3)], axis=0)
    variances = np.mean([part.var(0) for part in np.split(hidden, 3)], axis=0)
    assert net[1].running_mean.data().asnumpy() == pytest.approx(0.8 * 0 + 0.2 * means, rel=1e-5, abs=1e-6)
    assert net[1].running_var.data().asnumpy() == pytest.approx(0.8 * 1 + 0.2 * variances, rel=1e-5)


def test_a_net_without_batchnorm_has_no_statistics_to_average():
    net = gluon.nn.Dense(2, in_units=3)
    net.initialize()
    workers = VirtualWorkers(net, SingleProcess(), 8, 2)
    run_update(net, workers, np.ones((8, 3), np.float32))
    assert net.bias.grad().shape == (2,)
