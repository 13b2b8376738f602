"""The CIFAR-10 speedruns against what their authors' code says, written out a second time."""

import pytest

from gluonlab.build.plan import plan_schedule
from gluonlab.config import load_config


@pytest.fixture(scope="module")
def muon(root):
    return load_config(root / "configs/cifar10/speedrun94.yaml")


@pytest.fixture(scope="module")
def sgd(root):
    return load_config(root / "configs/cifar10/speedrun94_sgd.yaml")


def test_two_hundred_updates_whose_rates_fall_to_zero(muon):
    calendar, schedule = plan_schedule(muon)
    assert calendar.total_steps(8) == 200
    for step in (0, 25, 100, 199):
        assert schedule(step) == pytest.approx(0.24 * (1 - step / 200))


def test_the_rates_and_penalties_of_muons_rest(muon):
    rest, (head, whitening) = muon.optimizer.rest, muon.optimizer.groups
    decay = 2e-6 * 2000
    assert (rest.lr, rest.momentum) == (0.053, 0.85)
    assert rest.weight_decay == pytest.approx(decay / 0.053, rel=1e-5)
    assert rest.lr * head.lr == pytest.approx(0.67, rel=1e-6)
    assert rest.weight_decay * head.weight_decay == pytest.approx(decay / 0.67, rel=1e-5)
    assert (whitening.match, whitening.until_epoch) == ("whiten.bias", 3)
    assert muon.optimizer.decay_norm_and_bias
    assert muon.model.logit_scale == 1 / 256


def test_the_rates_of_the_run_without_muon(sgd):
    """airbench94: per 1,024 images and decoupled by momentum 11.5 and 0.0153, norms at 64 times the rate."""
    momentum = 0.85
    scale = 1024 * (1 + 1 / (1 - momentum))
    lr, wd = 11.5 / scale, 0.0153 * 1024 / scale  # of a sum of losses
    calendar, schedule = plan_schedule(sgd)
    assert sgd.loss.reduction == "mean"
    assert max(schedule(step) for step in range(calendar.total_steps(9.9))) == pytest.approx(
        1024 * lr, rel=1e-2
    )
    assert sgd.schedule.base_lr == pytest.approx(1024 * lr, rel=1e-6)
    assert sgd.optimizer.weight_decay == pytest.approx(wd / (1024 * lr), rel=1e-5)
    norms, head, _ = sgd.optimizer.groups
    assert norms.lr == 64 == 1 / norms.weight_decay
    assert schedule(0) == pytest.approx(0.2 * 1024 * lr, rel=1e-6)
    assert sgd.schedule.warmup_epochs == pytest.approx(0.23 * 9.9)
    assert sgd.schedule.final_lr == pytest.approx(0.07 * 1024 * lr, rel=1e-6)
    # The classifier starts at a deviation of 1 here, of 1 / sqrt(3 * 256) there: the same logits and steps.
    start = (3 * 256) ** -0.5
    assert sgd.model.logit_scale == pytest.approx(start / 9, rel=1e-6)
    assert head.lr == pytest.approx(start**-2, rel=1e-6)
    assert head.weight_decay == pytest.approx(start**2, rel=1e-6)
    assert sgd.optimizer.lookahead.every == 5
