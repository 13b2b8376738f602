"""What recipes take beside batch, update and rate: phases, mixing, augmentation, loss, network."""

import pytest

from gluonlab.build.plan import plan_schedule
from tests.recipes.test_published_numbers import IMAGES, TABLE, load


def test_the_last_phase_of_codreanu_goes_on_where_the_line_was():
    first, last = load("resnet50_codreanu_14k").in_phases()
    assert (first.data.augment, last.data.augment) == ("resized_crop_flip", "crop_flip")
    assert (first.optimizer.weight_decay, last.optimizer.weight_decay) == (5e-5, 1e-4)
    assert first.model.bn_momentum == 0.95
    calendar, rate = plan_schedule(load("resnet50_codreanu_14k"))
    begin = calendar.first_step_of(load("resnet50_codreanu_14k").phases[0].from_epoch)
    assert (begin, rate(begin)) == (8040 - 402, pytest.approx(0.254))
    assert 4.8 * (8040 - begin) / (8040 - 446) == pytest.approx(0.254, abs=5e-4)  # the line


def test_the_batch_of_smith_doubles_and_the_noise_falls_to_a_tenth():
    config = load("resnet50_smith_16k")
    calendar, rate = plan_schedule(config)
    at_30 = calendar.first_step_of(30)
    assert at_30 == -(-30 * IMAGES // 8192)
    assert [calendar.batch_size_at(step) for step in (at_30 - 1, at_30)] == [8192, 16_384]
    assert rate(at_30) / 16_384 == pytest.approx(rate(at_30 - 1) / 8192 / 10)
    assert [phase.virtual_workers for phase in config.in_phases()] == [256, 512]


@pytest.mark.parametrize("recipe", ["resnet50_tricks", "resnet50_tricks_mixup"])
def test_the_bag_of_tricks(recipe):
    config = load(recipe)
    assert (config.model.name, config.model.zero_last_gamma) == ("resnet50_v1d", True)
    data = config.data
    assert (data.brightness, data.contrast, data.saturation, data.lighting) == (0.4, 0.4, 0.4, 0.1)
    assert config.epochs == (200 if "mixup" in recipe else 120)


@pytest.mark.parametrize(
    ("recipe", "mixup", "cutmix"),
    [
        ("resnet50_tricks_mixup", 0.2, 0),
        ("resnet50_nvidia_250ep", 0.2, 0),
        ("resnet50_rsb_a2", 0.1, 1.0),
        ("resnet50_rsb_a3", 0.1, 1.0),
    ],
)
def test_images_are_mixed_as_published(recipe, mixup, cutmix):
    mixing = load(recipe).mixing
    assert (mixing.mixup_alpha, mixing.cutmix_alpha) == (mixup, cutmix)
    assert (mixing.probability, mixing.cutmix_probability) == (1, 0.5)


def test_the_others_mix_nothing():
    mixed = {name for name in TABLE if load(name).mixing.is_on}
    assert mixed == {f"resnet50_{name}" for name in ("tricks_mixup", "nvidia_250ep", "rsb_a2", "rsb_a3")}


@pytest.mark.parametrize(
    ("recipe", "epochs", "size", "magnitude", "repeats", "depth"),
    [("resnet50_rsb_a2", 300, 224, 7, 3, 0.05), ("resnet50_rsb_a3", 100, 160, 6, 1, 0)],
)
def test_resnet_strikes_back(recipe, epochs, size, magnitude, repeats, depth):
    config = load(recipe)
    data = config.data
    assert (config.epochs, data.image_size, data.val_size, data.resize) == (epochs, size, 224, 236)
    assert (data.rand_augment, data.rand_augment_magnitude) == (2, magnitude * 30 / 10)
    assert (data.rand_augment_policy, data.rand_augment_spread) == ("timm", 0.5 * 30 / 10)
    assert (data.augment_repeats, config.model.stochastic_depth) == (repeats, depth)
    assert (config.loss.name, config.loss.target_threshold) == ("bce", None)
