import pytest

from gluonlab.simulate.compute import ComputeLaw
from gluonlab.simulate.convergence import MLPERF_LARS, epochs_to_target
from gluonlab.simulate.training import Calendar, Overheads, price, training_time
from gluonlab.simulate.update import Work

WORK = Work(ComputeLaw(0.0, 100, 1, 100), 50, 1, (), 4, 1, False)


def test_time_of_a_run_by_hand():
    calendar = Calendar(steps=1000, epochs=10, validations=5, val_images=1000, checkpoint_seconds=200)
    run = training_time(calendar, Overheads(60, 3, 2), 0.5, WORK, gpus=4)
    assert run.updates_seconds == 500
    # 1,000 images over 4 GPUs are 5 batches of 50, a sixth of a second each.
    assert run.validation_seconds == pytest.approx(5 * (2 + 5 * 0.5 / 3))
    assert run.checkpoint_seconds == (10 + 2) * 3
    assert run.seconds == pytest.approx(500 + run.validation_seconds + 36 + 60)


def test_a_price_is_hours_times_gpus():
    assert price(7200, 8, 1.5) == 24


@pytest.mark.parametrize("point", MLPERF_LARS, ids=lambda point: str(point.global_batch_size))
def test_published_points_come_back_within_bounds_that_hold_their_runs(point):
    found = epochs_to_target(point.global_batch_size)
    assert found.epochs == pytest.approx(point.mean_epochs)
    assert found.least < point.least_epochs <= point.most_epochs < found.most


def test_epochs_between_points_lie_between_and_the_ends_are_kept():
    assert 56.0 < epochs_to_target(34_000).epochs < 60.0
    assert epochs_to_target(256).epochs == 35.0
    assert epochs_to_target(65_537) is None
