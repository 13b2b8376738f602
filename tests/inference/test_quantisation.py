"""A network that MXNet cannot quantise ends the child that tries it, and is refused in one line."""

import signal
import subprocess

import numpy as np
import pytest

from gluonlab.errors import ConfigError
from gluonlab.inference import quantisation
from gluonlab.runtime.mxnet import gluon, nd

IMAGES = np.random.RandomState(0).standard_normal((4, 3, 8, 8)).astype("float32")


@pytest.fixture
def net():
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Conv2D(16, 3, in_channels=3), gluon.nn.BatchNorm(in_channels=16), gluon.nn.Flatten())
    net.initialize()
    net(nd.array(IMAGES))
    return net


def test_the_child_quantises_what_the_parent_then_does(net, monkeypatch):
    answers, run = [], subprocess.run

    def noted(*arguments, **options):
        answers.append(run(*arguments, **options))
        return answers[-1]

    monkeypatch.setattr(quantisation.subprocess, "run", noted)
    expected = net(nd.array(IMAGES)).asnumpy()
    found = quantisation.quantised(net, IMAGES)(nd.array(IMAGES)).asnumpy()
    assert [answer.returncode for answer in answers] == [0]
    assert np.abs(found - expected).max() < 0.1 * np.abs(expected).max()


def test_a_child_that_a_signal_ends_refuses_the_network(net, monkeypatch):
    status = -signal.SIGABRT
    monkeypatch.setattr(
        quantisation.subprocess,
        "run",
        lambda command, **options: subprocess.CompletedProcess(command, status),
    )
    with pytest.raises(ConfigError) as error:
        quantisation.quantised(net, IMAGES)
    assert str(error.value) == (
        "error[CFG79] engine int8: MXNet's quantisation of this network ends the process (SIGABRT); "
        "use another engine"
    )
