import pytest
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


def test_a_batch_that_grows_makes_the_rest_of_the_epochs_shorter():
    calendar = Epochs(100, 10, changes=((2, 20), (4, 50)))
    assert [calendar.first_step_of(epoch) for epoch in (0, 1, 2, 3, 4, 6)] == [0, 10, 20, 25, 30, 34]
    assert calendar.total_steps(6.3) == 34
    assert [calendar.batch_size_at(step) for step in (0, 19, 20, 29, 30, 99)] == [10, 10, 20, 20, 50, 50]
    assert [calendar.epoch_at(step) for step in (20, 25, 31)] == [2.0, 3.0, 4.5]


def test_with_drop_the_batch_changes_at_whole_epochs():
    assert Epochs(10, 4, "drop", ((1, 3),)).first_place_of(3) == 13  # 4, 4, (2 left out), 3, 3, 3
    with pytest.raises(ValueError, match="whole epochs"):
        Epochs(10, 4, "drop", ((1.5, 3),)).epoch_at(0)


@given(
    st.integers(1, 500),
    st.lists(st.integers(1, 60), min_size=1, max_size=4),
    st.lists(st.integers(1, 400), min_size=3, max_size=3, unique=True),
)
def test_the_places_of_all_updates_follow_each_other_without_gaps(samples, batches, hundredths):
    changes = tuple(zip((epoch / 100 for epoch in sorted(hundredths)), batches[1:]))
    calendar = Epochs(samples, batches[0], changes=changes)
    place = 0
    for step in range(40):
        assert calendar.first_place_of(step) == place
        assert calendar.epoch_at(step) == pytest.approx(place / samples)
        place += calendar.batch_size_at(step)


@given(st.integers(1, 300), st.integers(1, 40), st.integers(1, 40), st.floats(0.1, 3), st.floats(0, 5))
def test_the_first_step_of_an_epoch_is_the_first_that_does_not_start_before_it(
    samples, batch, later_batch, change, epoch
):
    calendar = Epochs(samples, batch, changes=((change, later_batch),))
    step = calendar.first_step_of(epoch)
    assert calendar.epoch_at(step) >= epoch - 1e-12
    assert step == 0 or calendar.epoch_at(step - 1) < epoch
    assert 0 <= step - calendar.total_steps(epoch) <= 1
