import re

import numpy as np
import pytest

from gluonlab import models
from gluonlab.parallel.graph_randomness import draws_random_numbers, seed_mxnet, seed_of
from gluonlab.runtime.mxnet import autograd, gluon, mx, nd


def test_dropout_is_the_same_on_1_2_and_4_processes(run_processes, root):
    digests = set()
    for processes in (1, 2, 4):
        job = run_processes(processes, root / "tests/parallel/dropout_updates.py")
        digests.update(re.findall(r"DIGEST (\w+)", job.stdout))
    assert len(digests) == 1


def dropped(step, worker, seed=0):
    seed_mxnet(mx.cpu(), seed_of(seed, step, worker))
    with autograd.record():
        return nd.Dropout(nd.ones(200), p=0.5).asnumpy()


def test_each_step_worker_and_seed_draws_its_own_numbers():
    again = dropped(3, 1)
    assert np.array_equal(dropped(3, 1), again)
    for other in (dropped(4, 1), dropped(3, 2), dropped(3, 1, seed=1)):
        assert not np.array_equal(other, again)


class Noise(gluon.HybridBlock):
    def hybrid_forward(self, F, x):
        return x + F.random.normal(shape=(1,))


class TwoInputs(gluon.HybridBlock):
    def hybrid_forward(self, F, x, y):
        return x + y


class Imperative(gluon.Block):
    def forward(self, x):
        return x


@pytest.mark.parametrize(
    ("net", "draws"),
    [
        (gluon.nn.Dense(2, in_units=3), False),
        (gluon.nn.Dropout(0.1), True),
        (Noise(), True),
        (TwoInputs(), True),  # cannot be traced with one input, so it may
        (Imperative(), True),
    ],
)
def test_networks_that_draw_random_numbers_are_recognised(net, draws):
    assert draws_random_numbers(net) == draws


@pytest.mark.parametrize("name", ["small_resnet8", "resnet18_v2"])
def test_resnets_draw_none(name):
    assert not draws_random_numbers(models.create(name))
