"""Phases: what a recipe is in each of them, and what is refused, with every problem at once."""

import pytest

from gluonlab.config import load_config
from gluonlab.errors import ConfigError

RECIPE = """
data: {name: synthetic, classes: 10, image_size: 32, augment: shift}
model: {name: cifar_resnet20}
global_batch_size: 32
worker_batch_size: 8
epochs: 30
optimizer: {weight_decay: 1.0e-4}
schedule: {name: constant, base_lr: 0.1, warmup_epochs: 2}
mixing: {mixup_alpha: 0.2, probability: 0.5}
"""


@pytest.fixture
def load(tmp_path):
    def from_phases(phases, *overrides):
        (tmp_path / "recipe.yaml").write_text(f"{RECIPE}\nphases:\n{phases}")
        return load_config(tmp_path / "recipe.yaml", overrides)

    return from_phases


def test_what_a_phase_changes_holds_until_another_changes_it(load):
    config = load(
        "  - {from_epoch: 10, until_epoch: 20, global_batch_size: 64, data: {image_size: 24}}\n"
        "  - {from_epoch: 20, label_smoothing: 0.1, optimizer: {weight_decay: 0.0},\n"
        "     mixing: {cutmix_alpha: 1.0}}\n"
    )
    first, second, third = config.in_phases()
    assert first is config
    assert [c.global_batch_size for c in (first, second, third)] == [32, 64, 64]
    assert [c.virtual_workers for c in (first, second, third)] == [4, 8, 8]
    assert [c.data.image_size for c in (first, second, third)] == [32, 24, 24]
    assert [c.label_smoothing for c in (first, second, third)] == [0, 0, 0.1]
    assert [c.optimizer.weight_decay for c in (first, second, third)] == [1e-4, 1e-4, 0]
    assert (second.mixing.mixup_alpha, second.mixing.probability) == (0.2, 0.5)
    assert (third.mixing.mixup_alpha, third.mixing.cutmix_alpha, third.mixing.probability) == (0, 1, 1)
    assert type(config).model_validate_json(config.model_dump_json()) == config


def refusal(load, phases, *overrides):
    with pytest.raises(ConfigError) as caught:
        load(phases, *overrides)
    return str(caught.value)


@pytest.mark.parametrize(
    ("phases", "told"),
    [
        ("  - {from_epoch: 20, label_smoothing: 0.1}\n  - {from_epoch: 10, label_smoothing: 0.2}",
         "phases.0.from_epoch 20 does not come before phases.1.from_epoch 10: they overlap"),
        ("  - {from_epoch: 5, until_epoch: 8, label_smoothing: 0}\n  - {from_epoch: 10, label_smoothing: 0}",
         "phases.0.until_epoch 8 is not phases.1.from_epoch (10): that leaves a gap"),
        ("  - {from_epoch: 5, until_epoch: 12, label_smoothing: 0}\n  - {from_epoch: 10, label_smoothing: 0}",
         "phases.0.until_epoch 12 is not phases.1.from_epoch (10): they overlap"),
        ("  - {from_epoch: 5, until_epoch: 12, label_smoothing: 0.1}",
         "phases.0.until_epoch 12 is not the end of training, epoch 30 (30): that leaves a gap"),
        ("  - {from_epoch: 30, label_smoothing: 0.1}", "lies at or beyond the end of training, epoch 30"),
        ("  - {from_epoch: 0, label_smoothing: 0.1}", "phases.0.from_epoch: should be greater than 0"),
        ("  - {from_epoch: 5}", "phases.0: changes nothing"),
        ("  - {from_epoch: 5, global_batch_size: 60}",
         "phases.0: global_batch_size 60 is not a multiple of worker_batch_size 8"),
        ("  - {from_epoch: 5, optimizer: {weight_decay: 2.0}}",
         "phases.0.optimizer.weight_decay: should be less than 1"),
        ("  - {from_epoch: 25, schedule: {name: constant, base_lr: 0.1, warmup_epochs: 5}}",
         "phases.0.schedule.warmup_epochs 5 must be shorter than epochs 5"),
        ("  - {from_epoch: 5, optimizer: {momentum: 0.8}}", "phases.0.optimizer.momentum: unknown key"),
        ("  - {from_epoch: 5, data: {image_sice: 8}}", "did you mean image_size?"),
    ],
)  # fmt: skip
def test_a_bad_phase_is_one_line_that_names_its_key(load, phases, told):
    text = refusal(load, phases)
    assert told in text
    assert text.count("\n") == 0


def test_all_problems_are_told_at_once_and_each_once(load):
    text = refusal(
        load,
        "  - {from_epoch: 20, global_batch_size: 60}\n  - {from_epoch: 10, data: {pad: 40}}\n",
        "schedule.warmup_epochs=40",
        "loss.name=bce",
        "loss.target_threshold=0.6",
    )
    assert sorted(line.split("yaml: ")[1].split(" ")[0] for line in text.splitlines()) == [
        "loss.target_threshold", "phases.0.from_epoch", "phases.0:", "phases.1.data:",
        "schedule.warmup_epochs",
    ]  # fmt: skip


def test_with_drop_and_with_rmsprop_warm_up_the_batch_cannot_change_anywhere(load):
    phase = "  - {from_epoch: 2.5, global_batch_size: 64}"
    assert "phases.0.from_epoch 2.5 must be whole" in refusal(load, phase, "last_batch=drop")
    overrides = ["optimizer.name=rmsprop_warmup", "optimizer.transition_center=4"]
    assert "cannot change before RMSprop warm-up ends, epoch 6.5" in refusal(load, phase, *overrides)


def test_command_lines_can_bring_phases(load):
    config = load("  - {from_epoch: 5, label_smoothing: 0.1}", "phases=[]")
    assert config.phases == []
