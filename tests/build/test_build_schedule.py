"""Recipes to learning rates, against the published numbers."""

import pytest

from gluonlab.build.data import build_calendar
from gluonlab.build.plan import plan_schedule
from gluonlab.build.schedule import build_schedule, initial_lr, peak_lr
from gluonlab.config.load import check_config
from gluonlab.errors import ConfigError

TREE = {
    "data": {"name": "synthetic", "classes": 10, "image_size": 32, "samples": 1000},
    "model": {"name": "cifar_resnet20"},
    "global_batch_size": 100,
    "epochs": 10,
    "schedule": {"name": "constant", "base_lr": 0.1, "base_batch_size": 50},
}


def config_with(**schedule):
    return check_config({**TREE, "schedule": {**TREE["schedule"], **schedule}}, "test")


def rates(**schedule):
    calendar, rate = plan_schedule(config_with(**schedule))
    return [rate(step) for step in range(calendar.total_steps(10))]


@pytest.mark.parametrize(("scaling", "expected"), [("linear", 0.2), ("sqrt", 0.1 * 2**0.5), ("none", 0.1)])
def test_the_peak_follows_the_scaling_rule(scaling, expected):
    assert peak_lr(config_with(scaling=scaling)) == pytest.approx(expected)


def test_warmup_starts_at_the_unscaled_rate_unless_told_otherwise():
    assert initial_lr(config_with()) == 0.1
    assert initial_lr(config_with(init_lr=0.0)) == 0.0
    assert initial_lr(config_with(base_batch_size=200)) == 0.05  # scaled down: never above the peak


def test_gradual_warmup_reaches_the_peak_on_its_last_boundary():
    curve = rates(warmup_epochs=2)
    assert curve[0] == pytest.approx(0.1)
    assert curve[10] == pytest.approx(0.15)
    assert curve[20] == pytest.approx(0.2)
    assert max(curve) == pytest.approx(0.2)


def test_constant_warmup_jumps():
    curve = rates(warmup="constant", warmup_epochs=1)
    assert curve[9] == 0.1
    assert curve[10] == pytest.approx(0.2)


def test_exponential_warmup_grows_by_equal_factors():
    curve = rates(warmup="exponential", warmup_epochs=1)
    assert curve[5] == pytest.approx(0.1 * 2**0.5)


def test_cosine_decays_over_what_warmup_leaves():
    curve = rates(name="cosine", warmup_epochs=2, final_lr=0.02)
    assert curve[20] == pytest.approx(0.2)
    assert curve[60] == pytest.approx(0.11)  # the middle of steps 20 to 100
    assert 0.02 < curve[99] < 0.0202


def test_polynomial_decay_has_power_two_by_default():
    curve = rates(name="polynomial", warmup_epochs=2)
    assert curve[60] == pytest.approx(0.2 * 0.25)


def test_linear_decay_ends_at_its_final_rate():
    curve = rates(name="linear", final_lr=0.1)
    assert curve[50] == pytest.approx(0.15)


def test_piecewise_factors_act_on_the_peak():
    curve = rates(name="piecewise", boundaries=[2.5, 5], factors=[1.0, 0.5, 0.25])
    assert [curve[step] for step in (0, 24, 25, 49, 50, 99)] == pytest.approx(
        [0.2, 0.2, 0.1, 0.1, 0.05, 0.05]
    )


def test_milestones_count_from_the_start_of_training():
    curve = rates(name="multistep", milestones=[3, 6], factor=0.5, warmup_epochs=2)
    assert [curve[step] for step in (29, 30, 59, 60)] == pytest.approx([0.2, 0.1, 0.1, 0.05])


def test_the_schedule_of_goyal_has_its_published_numbers(root):
    from gluonlab.config import load_config

    config = load_config(root / "configs/imagenet/resnet50_goyal_8k.yaml")
    calendar = build_calendar(config, 1_281_167)
    rate = build_schedule(config, calendar)
    assert config.virtual_workers == 256
    assert peak_lr(config) == pytest.approx(3.2)
    assert rate(0) == pytest.approx(0.1)
    for epoch, expected in (
        (5.01, 3.2),
        (29.9, 3.2),
        (30.01, 0.32),
        (60.01, 0.032),
        (80.01, 0.0032),
        (90, 0.0032),
    ):
        assert rate(int(epoch * 1_281_167 / 8192)) == pytest.approx(expected), epoch
    assert calendar.total_steps(config.epochs) == 14_075


def test_a_set_smaller_than_a_batch_is_refused():
    config = config_with()
    with pytest.raises(ConfigError, match="CFG19"):
        build_calendar(config, 99)
    assert build_calendar(config, 100).steps_per_epoch == 1


def test_quadratic_warmup_starts_flat():
    curve = rates(warmup="quadratic", warmup_epochs=2, init_lr=0.0)
    assert [curve[step] for step in (0, 5, 10, 20)] == pytest.approx([0, 0.2 / 16, 0.05, 0.2])


def test_a_decay_from_the_start_goes_on_under_the_warmup():
    curve = rates(name="polynomial", warmup_epochs=2, decay_from="start")
    assert curve[20] == pytest.approx(0.2 * 0.8**2)
    assert curve[50] == pytest.approx(0.2 * 0.5**2)


def test_a_decay_that_ends_early_stays_at_its_final_rate():
    curve = rates(name="linear", warmup_epochs=2, decay_until=6, final_lr=0.02)
    assert [curve[step] for step in (20, 40, 60, 99)] == pytest.approx([0.2, 0.11, 0.02, 0.02])


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        ({"name": "cosine", "decay_until": 1, "warmup_epochs": 2}, "must come after the warm-up"),
        ({"name": "cosine", "decay_until": 11}, "beyond the end of training"),
        ({"name": "constant", "decay_from": "start"}, "not used by 'constant'"),
        ({"name": "multistep", "milestones": [6, 3]}, "must be positive and ascend"),
        ({"warmup_epochs": 10}, "must be shorter than epochs"),
        ({"base_lr": -0.1}, "greater than 0"),
        ({"base_lr": float("nan")}, "finite"),
        ({"init_lr": float("inf")}, "finite"),
    ],
)
def test_schedules_that_make_no_sense_are_refused(schedule, told):
    with pytest.raises(ConfigError, match=told):
        config_with(**schedule)


def in_phases(*phases):
    return check_config({**TREE, "phases": list(phases)}, "test")


def test_a_schedule_of_a_phase_counts_from_it_and_is_scaled_to_its_batch():
    """The final collapse of Codreanu et al. 2017 in small: a straight line, then a parabola."""
    collapse = {"name": "polynomial", "power": 2.0, "base_lr": 0.25, "base_batch_size": 100}
    config = in_phases(
        {"from_epoch": 4, "global_batch_size": 200}, {"from_epoch": 8, "schedule": collapse}
    ).model_copy(update={"schedule": config_with(name="linear", base_lr=1.0, scaling="none").schedule})
    calendar, rate = plan_schedule(config)
    assert calendar.total_steps(10) == 40 + 20 + 10
    assert [rate(step) for step in (0, 35, 40, 59)] == pytest.approx([1, 0.5, 30 / 70, 11 / 70])
    assert [rate(60 + step) for step in range(10)] == pytest.approx(
        [0.5 * (1 - step / 10) ** 2 for step in range(10)]
    )


@pytest.mark.parametrize(
    ("phases", "told"),
    [
        (
            [{"from_epoch": 0.02, "label_smoothing": 0.1}, {"from_epoch": 0.04, "label_smoothing": 0.2}],
            "error[CFG32] phases.0.from_epoch: leaves no update to phases.0",
        ),
        (
            [{"from_epoch": 1, "global_batch_size": 2000, "label_smoothing": 0.1}],
            "error[CFG19] global_batch_size 2000 from epoch 1 on: the training set has only 1000 samples",
        ),
    ],
)
def test_phases_need_updates_and_samples(phases, told):
    with pytest.raises(ConfigError) as caught:
        plan_schedule(in_phases(*phases))
    assert told in str(caught.value)
