from hypothesis import given
from hypothesis import strategies as st

from gluonlab.epochs import Epochs

IMAGENET = 1_281_167


def test_ninety_epochs_of_imagenet_at_batch_8192_are_14075_steps():
    assert Epochs(IMAGENET, 8192).total_steps(90) == 14_075  # 90 * 1,281,167 / 8,192 = 14,075.3


def test_a_milestone_is_the_first_update_that_starts_at_or_after_its_epoch():
    calendar = Epochs(10, 4)
    assert [calendar.first_step_of(epoch) for epoch in (0, 1, 2, 4)] == [0, 3, 5, 10]


def test_drop_makes_epochs_whole():
    calendar = Epochs(10, 4, "drop")
    assert calendar.steps_per_epoch == 2
    assert calendar.total_steps(3.5) == 7
    assert calendar.epoch_at(4) == 2.0


def test_epochs_mean_the_decimal_that_was_written():
    assert Epochs(100, 10).first_step_of(0.1) == 1  # the float nearest 0.1 is above it


@given(st.integers(1, 5000), st.integers(1, 500), st.integers(1, 30))
def test_rollover_sees_at_least_all_but_one_batch(samples, batch, epochs):
    steps = Epochs(samples, batch).total_steps(epochs)
    assert 0 <= epochs * samples - steps * batch < batch
