"""One update: what clipping and loss scaling change, and what they must not."""

import numpy as np
import pytest

import gluonlab as gl
from gluonlab.errors import CheckpointError, NumericError
from gluonlab.parallel.world import SingleProcess
from gluonlab.runtime.mxnet import gluon, mx, nd
from gluonlab.training.state import weights_sha256

STEPS, BATCH = 5, 8
POINTS = np.random.RandomState(0).standard_normal((40, 3)).astype("float32")
SOURCE = gl.ArraySource(POINTS, np.arange(40) % 2)
CTX = nd.zeros(1).context


def make_state(optimizer=None, **treatment):
    mx.random.seed(0)
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(4, "relu", in_units=3), gluon.nn.Dense(2, in_units=4))
    net.initialize(mx.init.Normal(1.0))
    return gl.TrainState(net, gl.make_trainer(net, optimizer or gl.LARS(0.1, 0.9, 1e-4)), **treatment)


def train(state, until=STEPS, schedule=gl.schedules.constant(0.1)):  # noqa: B008
    workers = gl.VirtualWorkers(state.net, SingleProcess(), BATCH, 4)
    requests = gl.Sampler(gl.Epochs(40, BATCH), seed=0).requests(state.step, until, 4, workers.mine)
    batches = gl.SourceLoader(SOURCE, ctx=CTX).batches(requests)
    task = gl.Classification(gl.SmoothedCrossEntropy())
    metrics = gl.Metrics(SingleProcess(), CTX, task)
    while state.step < until:
        gl.train_step(state, batches, task, schedule, workers, metrics)
    return weights_sha256(state.net)


def save_and_restore(state, other, folder):
    store = gl.CheckpointStore(folder)
    store.save(state.step, gl.checkpoint_tensors(state), gl.checkpoint_state(state))
    gl.restore(other, store.latest())


def test_a_loss_scale_that_is_a_power_of_two_changes_no_bit():
    clip = gl.GradientClip(max_norm=0.5, max_value=0.2)
    plain = train(make_state(clip=clip))
    scaled = train(make_state(clip=clip, loss_scaler=gl.LossScaler(scale=1024.0, growth_interval=2)))
    assert scaled == plain
    assert plain != train(make_state())  # the bounds are felt


def test_an_update_that_overflows_is_left_out_and_the_scale_halved():
    state = make_state(loss_scaler=gl.LossScaler(scale=2.0**127))
    before = weights_sha256(state.net)
    assert train(state, until=1) == before
    assert (state.step, state.loss_scaler.scale) == (1, 2.0**126)


def test_a_run_whose_first_updates_were_left_out_resumes(tmp_path):
    state = make_state(loss_scaler=gl.LossScaler(scale=2.0**127))
    train(state, until=1)
    state.loss_scaler.scale = 1024.0
    resumed = make_state(loss_scaler=gl.LossScaler())
    save_and_restore(state, resumed, tmp_path)
    assert (resumed.step, resumed.loss_scaler.scale) == (1, 1024.0)
    assert train(resumed) == train(state)


OPTIMIZERS = {
    "sgd": lambda: gl.SGD(0.1, 0.9, 1e-4),
    "nag": lambda: gl.NAG(0.1, 0.9, 1e-4),
    "lars": lambda: gl.LARS(0.1, 0.9, 1e-4),
    "adamw": lambda: gl.AdamW(0.1, 0.05),
    "lamb": lambda: gl.LAMB(0.1, 1.5),
    "lamb without bias correction": lambda: gl.LAMB(0.1, 1.5, bias_correction=False),
    "muon": lambda: gl.Muon(0.1, 0.9, 1e-4, gl.NAG(0.1, 0.9, 1e-4), rest_lr_ratio=0.5),
    "muon, adamw": lambda: gl.Muon(0.1, 0.9, 1e-4, gl.AdamW(0.1, 1e-4), normalizes=True),
    "shampoo": lambda: gl.Shampoo(0.1, 0.9, 0.05, precondition_every=2),
    "soap": lambda: gl.SOAP(0.1, 0.05, precondition_every=2),
    "nadamw": lambda: gl.NAdamW(0.1, 0.05),
    "schedule-free sgd": lambda: gl.ScheduleFreeSGD(0.1, 0.05),
    "schedule-free adamw": lambda: gl.ScheduleFreeAdamW(0.1, 0.05),
    "rmsprop warm-up": lambda: gl.RMSpropWarmup(0.1, 0.9, 1e-4),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("stop", [1, 3])
def test_a_run_that_is_saved_and_restored_goes_on_to_the_same_bits(optimizer, stop, tmp_path):
    falls, share = gl.schedules.linear(0.1, 0.0, STEPS), gl.schedules.rmsprop_to_sgd(2, 3)
    state, resumed = (make_state(optimizer(), sgd_share=share) for _ in range(2))
    train(state, until=stop, schedule=falls)
    save_and_restore(state, resumed, tmp_path)
    assert train(resumed, schedule=falls) == train(state, schedule=falls)


@pytest.mark.parametrize("optimizer", [OPTIMIZERS["adamw"], OPTIMIZERS["lamb"]])
def test_an_update_that_was_left_out_does_not_count_for_the_bias_correction(optimizer, tmp_path):
    state, resumed = (make_state(optimizer(), loss_scaler=gl.LossScaler(scale=2.0**127)) for _ in range(2))
    train(state, until=1)
    state.loss_scaler.scale = 1024.0
    train(state, until=3)
    save_and_restore(state, resumed, tmp_path)
    assert (resumed.step, resumed.optimizer.num_update) == (3, 2)
    assert train(resumed) == train(state)


def test_a_checkpoint_that_does_not_count_updates_is_read_as_before(tmp_path):
    state, resumed = (make_state(gl.SGD(0.1, 0.9, 1e-4)) for _ in range(2))
    train(state, until=2)
    saved = gl.checkpoint_state(state)
    del saved["optimizer"]["num_update"]
    store = gl.CheckpointStore(tmp_path)
    store.save(2, gl.checkpoint_tensors(state), saved)
    assert sorted(store.latest().tensors("optimizer")) == ["0.bias", "0.weight", "1.bias", "1.weight"]
    gl.restore(resumed, store.latest())
    assert train(resumed) == train(state)


def test_the_arrays_of_an_optimizer_have_their_names_in_a_checkpoint():
    state = make_state(gl.LAMB(0.1, 1.5))
    assert gl.checkpoint_tensors(state)["optimizer"] == {}
    train(state, until=1)
    names = [name for name in gl.checkpoint_tensors(state)["optimizer"] if name.startswith("0.weight")]
    assert names == ["0.weight", "0.weight.variance"]


def test_the_loop_sets_the_share_of_sgd_as_it_sets_the_rate():
    state = make_state(gl.RMSpropWarmup(0.1, 0.9, 1e-4), sgd_share=lambda step: step / 8)
    train(state, until=4, schedule=lambda step: 1.0 + step)
    assert (state.optimizer.sgd_share, state.optimizer.applied_lr) == (3 / 8, 4.0)


def averaging_state(**treatment):
    state = make_state(gl.SGD(0.1, 0.9, 1e-4), **treatment)
    state.average = gl.ExponentialMovingAverage(state.net, 0.9, warm_up=True)
    return state


def test_averages_are_restored_and_go_on_to_the_same_bits(tmp_path):
    state, resumed = averaging_state(), averaging_state()
    train(state, until=2)
    save_and_restore(state, resumed, tmp_path)
    assert train(resumed) == train(state)
    found, expected = resumed.average.tensors(), state.average.tensors()
    assert all(np.array_equal(found[name], value) for name, value in expected.items())
    assert not np.array_equal(expected["0.weight"], state.net[0].weight.data().asnumpy())


def test_averages_do_not_change_the_training():
    assert train(averaging_state()) == train(make_state(gl.SGD(0.1, 0.9, 1e-4)))


def test_an_update_that_was_left_out_is_not_averaged():
    state = averaging_state(loss_scaler=gl.LossScaler(scale=2.0**127))
    before = state.average.tensors()
    train(state, until=1)
    assert all(np.array_equal(value, before[name]) for name, value in state.average.tensors().items())


def test_a_checkpoint_without_averages_is_refused_where_they_are_kept(tmp_path):
    state, resumed = make_state(gl.SGD(0.1, 0.9, 1e-4)), averaging_state()
    train(state, until=1)
    before = weights_sha256(resumed.net)
    with pytest.raises(CheckpointError, match=r"average\.safetensors"):
        save_and_restore(state, resumed, tmp_path)
    assert weights_sha256(resumed.net) == before


@pytest.mark.parametrize("optimizer", [OPTIMIZERS["sgd"], OPTIMIZERS["adamw"]])
def test_float16_weights_are_restored_with_their_masters(optimizer, tmp_path):
    states = [make_state(optimizer()) for _ in range(2)]
    for state in states:
        state.net.cast("float16")
        for parameter in state.net.collect_params().values():
            state.trainer.states.clear()
            parameter.grad()[:] = 0.001
            parameter.data()._fresh_grad = True
    states[0].trainer.step(1)
    states[0].step = 1
    save_and_restore(*states, tmp_path)
    assert "0.weight.master" in gl.checkpoint_tensors(states[1])["optimizer"]
    masters = [
        [arrays[-1].asnumpy() for _, arrays in sorted(state.trainer.states.items())] for state in states
    ]
    assert len(masters[0]) == 4
    for one, other in zip(*masters):
        assert one.dtype == np.float32
        assert np.array_equal(one, other)


def test_gradients_that_no_scale_makes_finite_are_named():
    state = make_state(loss_scaler=gl.LossScaler(scale=1.0))
    state.net[1].weight.set_data(nd.full((2, 4), np.nan))
    with pytest.raises(NumericError, match="NUM03") as raised:
        train(state, until=1)
    assert "step 1: the loss scale is at its floor and gradients are not finite: 0.weight" in str(
        raised.value
    )
    assert raised.value.exit_code == 5


def test_a_summed_loss_takes_a_rate_as_much_smaller_as_the_batch_is_large():
    mean = train(make_state(gl.NAG(0.1, 0.9, 0.01)), schedule=gl.schedules.constant(0.25))
    summed = make_state(gl.NAG(0.1, 0.9, 0.01 * BATCH), sums_losses=True)
    assert train(summed, schedule=gl.schedules.constant(0.25 / BATCH)) == mean
