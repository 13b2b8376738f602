"""The recipes of DeiT-S and ConvNeXt-T against the tables of their papers."""

import math
from pathlib import Path

import pytest

from gluonlab.build.plan import plan_schedule
from gluonlab.config import load_config

FOLDER = Path(__file__).parents[2] / "configs" / "imagenet"
IMAGES = 1_281_167


@pytest.mark.parametrize(
    ("recipe", "model", "batch", "worker_batch", "repeats", "decay", "top1"),
    [
        ("deit_small", "deit_small_patch16_224", 1024, 256, 3, None, 0.798),
        ("convnext_tiny", "convnext_tiny", 4096, 128, 1, 0.9999, 0.821),
    ],
)
def test_what_the_papers_list(recipe, model, batch, worker_batch, repeats, decay, top1):
    config = load_config(FOLDER / f"{recipe}.yaml", [])
    data, update = config.data, config.optimizer
    assert (config.global_batch_size, config.worker_size, config.epochs) == (batch, worker_batch, 300)
    assert (config.model.name, config.model.stochastic_depth) == (model, 0.1)
    assert (update.name, update.weight_decay, update.beta1, update.beta2) == ("adamw", 0.05, 0.9, 0.999)
    assert (update.eps, update.clip_norm, update.decay_norm_and_bias) == (1e-8, None, False)
    assert (config.label_smoothing, getattr(config.averaging, "decay", None)) == (0.1, decay)
    assert (config.mixing.mixup_alpha, config.mixing.cutmix_alpha) == (0.8, 1.0)
    assert (config.mixing.probability, config.mixing.cutmix_probability) == (1.0, 0.5)
    assert (data.rand_augment, data.rand_augment_magnitude, data.rand_augment_spread) == (2, 9, 1.5)
    assert (data.erasing, data.augment_repeats, data.image_size, data.resize) == (0.25, repeats, 224, 256)
    assert config.about.expects["top1"] == top1


def test_the_rate_of_deit_is_a_cosine_from_the_start_with_a_warm_up_over_it():
    calendar, rate = plan_schedule(load_config(FOLDER / "deit_small.yaml", []))
    steps, warmup = 300 * IMAGES // 1024, calendar.first_step_of(5)
    assert calendar.total_steps(300) == steps
    assert rate(0) == pytest.approx(1e-6)
    assert rate(warmup // 2) == pytest.approx(1e-6 + (1e-3 - 1e-6) * (warmup // 2) / warmup, rel=1e-3)
    for step in (warmup, steps // 2, steps - 1):
        cosine = 1e-5 + (1e-3 - 1e-5) * (1 + math.cos(math.pi * step / steps)) / 2
        assert rate(step) == pytest.approx(cosine, rel=1e-3)


def test_the_rate_of_convnext_is_a_cosine_behind_its_warm_up():
    calendar, rate = plan_schedule(load_config(FOLDER / "convnext_tiny.yaml", []))
    steps, warmup = 300 * IMAGES // 4096, calendar.first_step_of(20)
    assert rate(0) == pytest.approx(0, abs=1e-12)
    assert rate(warmup // 2) == pytest.approx(4e-3 * (warmup // 2) / warmup)
    for step in (warmup, (warmup + steps) // 2, steps - 1):
        cosine = 1e-6 + (4e-3 - 1e-6) * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2
        assert rate(step) == pytest.approx(cosine, rel=1e-3)
