"""The state of the last update, read while the next one hangs: what a checkpoint would have held."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import gluonlab as gl
from gluonlab.parallel.world import SingleProcess
from gluonlab.runtime.mxnet import gluon, mx, nd
from gluonlab.training import last_update
from gluonlab.training.last_update import LastUpdate
from gluonlab.training.state import state_arrays

BATCH = 8
SOURCE = gl.ArraySource(
    np.random.RandomState(0).standard_normal((40, 3)).astype("float32"), np.arange(40) % 2
)
CTX = nd.zeros(1).context
TASK = gl.Classification(gl.SmoothedCrossEntropy())

OPTIMIZERS = {
    "nag": lambda: gl.NAG(0.1, 0.9, 1e-4),
    "lamb": lambda: gl.LAMB(0.1, 1.5),
    "muon": lambda: gl.Muon(0.1, 0.9, 1e-4, gl.NAG(0.1, 0.9, 1e-4), rest_lr_ratio=0.5),
    "shampoo": lambda: gl.Shampoo(0.1, 0.9, 0.05, precondition_every=2),
    "soap": lambda: gl.SOAP(0.1, 0.05, precondition_every=2),
    "schedule-free adamw": lambda: gl.ScheduleFreeAdamW(0.1, 0.05),
}


class Training:
    """Updates of a network with BatchNorm by ``workers`` virtual workers, followed by a `LastUpdate`."""

    def __init__(self, optimizer, workers, average=False):
        mx.random.seed(0)
        net = gluon.nn.HybridSequential()
        net.add(
            gluon.nn.Dense(4, in_units=3), gluon.nn.BatchNorm(in_channels=4), gluon.nn.Dense(2, in_units=4)
        )
        net.initialize(mx.init.Normal(1.0))
        self.state = gl.TrainState(net, gl.make_trainer(net, optimizer))
        if average:
            self.state.average = gl.ExponentialMovingAverage(net, 0.5)
        self.workers = gl.VirtualWorkers(net, SingleProcess(), BATCH, BATCH // workers)
        self.metrics = gl.Metrics(SingleProcess(), CTX, TASK)
        self.last = LastUpdate(partial(state_arrays, self.state), partial(gl.checkpoint_state, self.state))
        self.state.last_update = self.last
        self.last.hold(self.workers)
        sampler = gl.Sampler(gl.Epochs(40, BATCH), seed=0)
        requests = sampler.requests(0, 10, self.workers.worker_batch_size, self.workers.mine)
        self.batches = gl.SourceLoader(SOURCE, ctx=CTX).batches(requests)

    def update(self):
        gl.train_step(self.state, self.batches, TASK, gl.schedules.constant(0.1), self.workers, self.metrics)

    def begin_update(self):
        """Forward and backward of an update whose sums never come."""
        for _ in self.workers.turns(self.state.step):
            self.state.network.train(next(self.batches), TASK)
        nd.waitall()


def same(snapshot, tensors):
    assert snapshot.tensors.keys() == tensors.keys()
    for file, arrays in tensors.items():
        assert snapshot.tensors[file].keys() == arrays.keys()
        for name, values in arrays.items():
            np.testing.assert_array_equal(snapshot.tensors[file][name], values, err_msg=f"{file}/{name}")
    return True


@pytest.mark.parametrize(("name", "workers"), [*((name, 2) for name in OPTIMIZERS), ("nag", 4)])
def test_the_state_is_that_of_the_last_update_whatever_the_next_one_has_done(name, workers):
    training = Training(OPTIMIZERS[name](), workers, average=True)
    assert training.last.snapshot() is None  # there was no update yet
    for step in (1, 2, 3):
        training.update()
        saved = gl.checkpoint_tensors(training.state)
        training.begin_update()
        snapshot = training.last.snapshot()
        assert snapshot.step == step
        assert same(snapshot, saved)
        assert snapshot.state == gl.checkpoint_state(training.state)
        training.workers.statistics.advance(1)  # whatever it is: the next update begins with it


def test_half_an_update_is_no_state(monkeypatch):
    monkeypatch.setattr(last_update, "PATIENCE_SECONDS", 0.1)
    training = Training(OPTIMIZERS["nag"](), 2)
    training.update()
    training.last.begins(training.workers.summed)
    nd.waitall()
    assert training.last.snapshot() is None
    training.last.ends(training.workers)
    nd.waitall()
    assert training.last.snapshot() is not None


def test_what_something_else_changes_is_no_state_until_it_is_held_again():
    training = Training(OPTIMIZERS["nag"](), 2)
    training.update()
    training.last.release()
    assert training.last.snapshot() is None
    training.last.hold(training.workers)
    assert training.last.snapshot().step == 1


def test_weights_are_those_of_training_while_their_average_is_evaluated():
    training = Training(OPTIMIZERS["nag"](), 2, average=True)
    training.update()
    saved = gl.checkpoint_tensors(training.state)
    with training.state.weights_to_evaluate():
        training.state.network.predict(nd.ones((4, 3))).wait_to_read()
        assert same(training.last.snapshot(), saved)
    assert same(training.last.snapshot(), saved)


def test_the_digest_is_of_every_bit_and_every_counter():
    training = Training(OPTIMIZERS["nag"](), 2)
    training.update()
    first, again = training.last.snapshot(), training.last.snapshot()
    assert first.digest() == again.digest()
    again.tensors["optimizer"]["0.weight"].flat[0] += 1
    assert first.digest() != again.digest()
    counters = {**first.state["optimizer"], "num_update": 9}
    assert first.digest() != replace(first, state={**first.state, "optimizer": counters}).digest()
