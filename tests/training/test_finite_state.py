"""What is not finite is found in all that a checkpoint holds, and the state that has it is kept."""

import json

import numpy as np
import pytest

import gluonlab as gl
from gluonlab.checkpoint.verify import read_checkpoint
from gluonlab.errors import NumericError
from gluonlab.runtime.mxnet import autograd, gluon, nd
from gluonlab.training.finite_state import check_finite_state
from gluonlab.training.state import state_arrays

SHORT = [
    "configs/digits.yaml", "epochs=2", "schedule.warmup_epochs=1", "log_every=10", "eval_every=1",
    "checkpoint_every=7steps", "check_weights_every=10", "tensorboard=false",
]  # fmt: skip


@pytest.fixture
def state():
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(4, "relu", in_units=3), gluon.nn.Dense(2, in_units=4))
    net.initialize()
    average = gl.ExponentialMovingAverage(net, 0.9)
    state = gl.TrainState(net, gl.make_trainer(net, gl.AdamW(0.01, 0.0)), step=5, average=average)
    with autograd.record():
        loss = net(nd.ones((1, 3))).sum()
    loss.backward()
    state.trainer.step(1)  # gives the optimizer its arrays
    return state


def spoil(state, file, name, value):
    array = next(array for in_file, key, array in state_arrays(state) if (in_file, key) == (file, name))
    array.reshape(-1)[-1] = value


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("file", "name", "told"),
    [
        ("model", "1.weight", "1.weight"),
        ("optimizer", "0.bias.variance", "optimizer 0.bias.variance"),
        ("average", "0.weight", "average 0.weight"),
    ],
)
def test_each_kind_of_array_is_looked_at(state, file, name, told, value):
    check_finite_state(state)
    spoil(state, file, name, value)
    with pytest.raises(NumericError, match=rf"^error\[NUM04\] step 5: {told} is not finite; lower base_lr"):
        check_finite_state(state)


def test_the_first_in_the_order_of_the_network_is_named(state):
    for file, name in (
        ("average", "0.bias"),
        ("optimizer", "0.weight"),
        ("model", "1.bias"),
        ("model", "0.bias"),
    ):
        spoil(state, file, name, np.nan)
    with pytest.raises(
        NumericError, match=r"step 5: 0\.bias is not finite, the first of 4 such arrays of 16;"
    ):
        check_finite_state(state)


def test_a_number_whose_square_overflows_is_finite(state):
    spoil(state, "model", "1.weight", 3e38)
    check_finite_state(state)


@pytest.mark.parametrize("processes", [1, 2])
def test_weights_that_a_relu_hides_end_the_run_where_they_go_bad(processes, run_gluonlab, tmp_path):
    """Images of one pixel: no weight is finite after a dozen steps, and every loss is."""
    verb = ["train"] if processes == 1 else ["launch", "-n", processes, "--bind", "none"]
    command = [*verb, *SHORT, "data.image_size=1", f"run_dir={tmp_path / 'r'}"]
    job = run_gluonlab(*command)
    assert job.returncode == 5, job.stderr
    assert job.stderr.startswith("error[NUM04] step ")
    assert job.stderr.count("\n") == 1
    assert job.stdout.count("rolled back to step 7, once") == 1
    checkpoints = tmp_path / "r/checkpoints"
    (bad,) = checkpoints.glob("bad-step-*")
    assert f"is kept to be looked at: {bad}" in job.stdout
    kept = read_checkpoint(bad)
    assert f"error[NUM04] step {kept.step}: " in job.stderr
    broken = [name for name, array in kept.tensors("model").items() if not np.isfinite(array).all()]
    assert any(f": {name} is not finite" in job.stderr for name in broken)
    assert all(
        np.isfinite(array).all()
        for array in read_checkpoint(max(checkpoints.glob("step-*"))).tensors("model").values()
    )
    steps = [json.loads(line)["step"] for line in (tmp_path / "r/metrics.jsonl").read_text().splitlines()]
    assert max(steps) < 20  # of 44: nothing was trained in vain
    again = run_gluonlab(*command)
    assert "resumed from" in again.stdout
    assert "at step 7" in again.stdout
