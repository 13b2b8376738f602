"""The AlexNet-BN recipes of You et al. 2017 against the numbers of their solvers."""

from pathlib import Path

import pytest

from gluonlab.build.plan import plan_schedule
from gluonlab.config import load_config

FOLDER = Path(__file__).parents[2] / "configs" / "imagenet"
IMAGES = 1_281_167


@pytest.mark.parametrize(
    ("suffix", "batch", "peak", "ramp"), [("8k", 8192, 10, 600), ("32k", 32_768, 32, 400)]
)
def test_the_solvers_of_you(suffix, batch, peak, ramp):
    config = load_config(FOLDER / f"alexnet_bn_lars_you_{suffix}.yaml", [])
    assert (config.global_batch_size, config.epochs, config.model.name) == (batch, 100, "alexnet_bn")
    update = config.optimizer
    assert (update.name, update.momentum, update.weight_decay) == ("lars", 0.9, 5e-4)
    assert update.trust_coefficient == 0.001
    assert config.about.not_published
    calendar, rate = plan_schedule(config)
    steps = 100 * IMAGES // batch
    assert calendar.total_steps(config.epochs) == steps
    assert calendar.first_step_of(config.schedule.warmup_epochs) == ramp
    for step in (0, 1, ramp // 2, ramp - 1):
        assert rate(step) == pytest.approx(1 + (peak - 1) * (step / ramp) ** 2)
    for step in (ramp, steps // 2, steps - 1):
        assert rate(step) == pytest.approx(peak * (1 - step / steps) ** 2)
