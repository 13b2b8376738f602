"""Each technique in a whole run: a run that moves to two processes in mid-epoch keeps its bits."""

import json
import shutil

import pytest
from safetensors.numpy import load_file

SHORT = [
    "configs/digits.yaml", "epochs=1", "schedule.warmup_epochs=0.2", "deterministic=true", "log_every=11",
    "tensorboard=false", "checkpoint_every=10steps", "keep_checkpoints=9",
]  # fmt: skip
TECHNIQUES = {
    "adamw": ["optimizer.name=adamw", "schedule.base_lr=0.001"],
    "lamb": ["optimizer.name=lamb", "optimizer.clip_norm=1.0", "schedule.base_lr=0.005"],
    "muon": ["optimizer.name=muon", "schedule.base_lr=0.02", "optimizer.rest.name=adamw",
             "optimizer.rest.lr=0.003", "optimizer.weight_decay=0.01"],
    "shampoo": ["optimizer.name=shampoo", "optimizer.precondition_every=4", "optimizer.max_side=128"],
    "soap": ["optimizer.name=soap", "optimizer.precondition_every=4", "optimizer.max_side=128",
             "schedule.base_lr=0.003"],
    "schedule_free_adamw": ["optimizer.name=schedule_free_adamw", "schedule.name=constant", "eval_every=0.2",
                            "schedule.base_lr=0.001", "optimizer.statistics_samples=300"],
    "groups": ["optimizer.groups=[{match: biases, lr: 3.0, until_epoch: 0.7},"
               " {match: stage1.*.weight, lr: 0.5, weight_decay: 2.0}]", "optimizer.layer_decay=0.8"],
    "lookahead": ["optimizer.lookahead.every=4", "optimizer.name=muon", "schedule.base_lr=0.02"],
    "the speedrun's": ["data.augment=shift_flip", "data.pad_mode=reflect", "data.flip=alternating",
                       "model.identity_start=true", "model.fixed_gamma=true", "model.logit_scale=0.5",
                       "loss.reduction=sum", "schedule.base_lr=0.0003", "eval_views=mirror_shift"],
    "rmsprop_warmup": ["optimizer.name=rmsprop_warmup", "optimizer.transition_center=0.5",
                       "optimizer.transition_period=0.4"],
    "dropout and stochastic depth": ["model.dropout=0.2", "model.stochastic_depth=0.3"],
    "mixing, bce, repeats": ["mixing.mixup_alpha=0.4", "mixing.cutmix_alpha=1.0", "mixing.probability=0.9",
                             "loss.name=bce", "loss.target_threshold=0.2", "data.augment_repeats=2",
                             "schedule.base_lr=0.2"],
    "phases": ["phases=[{from_epoch: 0.3, global_batch_size: 128, data: {image_size: 12}},"
               " {from_epoch: 0.6, label_smoothing: 0.0, optimizer: {weight_decay: 0.01},"
               " mixing: {mixup_alpha: 0.2}, schedule: {name: linear, base_lr: 0.05, scaling: none}}]"],
    "swa": ["averaging.name=swa", "averaging.from_epoch=0.4", "averaging.every_epochs=0.2",
            "averaging.statistics_samples=300"],
    "ema": ["averaging.name=ema", "averaging.decay=0.9", "averaging.decay_warmup=true"],
}  # fmt: skip

WITH_AVERAGE = ("ema", "swa", "schedule_free_adamw")


def train(run_gluonlab, run_dir, processes, overrides):
    start = ["train"] if processes == 1 else ["launch", "-n", processes]
    job = run_gluonlab(*start, *SHORT, f"run_dir={run_dir}", *overrides)
    assert job.returncode == 0, job.stderr
    return json.loads((run_dir / "summary.json").read_text())


def final_arrays(run_dir):
    folder = max((run_dir / "checkpoints").glob("step-*"))
    return {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}


@pytest.mark.parametrize("name", TECHNIQUES)
def test_a_run_that_moves_to_two_processes_has_the_bits_of_one_that_never_stopped(
    name, run_gluonlab, tmp_path
):
    overrides, alone, moved = TECHNIQUES[name], tmp_path / "alone", tmp_path / "moved"
    expected = train(run_gluonlab, alone, 1, overrides)
    assert expected["steps"] == (14 if name == "phases" else 22)  # batches of 64 are 22
    assert expected["evaluated_weights"] == ("average" if name in WITH_AVERAGE else "last")
    shutil.copytree(alone, moved)
    (moved / "summary.json").unlink()
    for later in (moved / "checkpoints").glob("step-*"):  # as if it had been stopped after update 10
        if later.name > "step-00000010":
            shutil.rmtree(later)
    found = train(run_gluonlab, moved, 2, overrides)
    assert (found["processes"], found["restarts"]) == (2, 1)
    assert found["weights_sha256"] == expected["weights_sha256"]
    assert final_arrays(moved) == final_arrays(alone)
    assert len(final_arrays(alone)) == (3 if name in (*WITH_AVERAGE, "lookahead") else 2)


def test_a_whitened_first_layer_is_the_same_on_two_processes_and_stays(run_gluonlab, tmp_path):
    overrides = ["model.name=speednet94", "model.whitening=300", "data.image_size=25", "epochs=0.2",
                 "schedule.base_lr=0.001", "schedule.warmup_epochs=0", "checkpoint_every=2steps",
                 "log_every=4"]  # fmt: skip
    alone, moved = tmp_path / "alone", tmp_path / "moved"
    expected = train(run_gluonlab, alone, 1, overrides)
    assert expected["steps"] == 4
    shutil.copytree(alone, moved)
    (moved / "summary.json").unlink()
    shutil.rmtree(moved / "checkpoints/step-00000004")
    assert train(run_gluonlab, moved, 2, overrides)["weights_sha256"] == expected["weights_sha256"]
    before, after = (
        load_file(alone / f"checkpoints/step-0000000{step}/model.safetensors") for step in (2, 4)
    )
    filters = before["whiten.weight"]
    assert (after["whiten.weight"] == filters).all()
    assert (filters[4:] == -filters[:4]).all()
    assert not (after["whiten.bias"] == before["whiten.bias"]).all()


def evaluated_top1(run_gluonlab, run_dir, *overrides):
    job = run_gluonlab("evaluate", run_dir, *overrides, "--json", run_dir / "evaluated.json")
    assert job.returncode == 0, job.stderr
    return json.loads((run_dir / "evaluated.json").read_text())["top1"]


def test_validation_is_of_the_averaged_weights(run_gluonlab, tmp_path):
    """An average that forgets nothing is the untrained network, whatever the weights have become."""
    frozen = ["averaging.name=ema", "averaging.decay=0.9999999999999999"]
    summary = train(run_gluonlab, tmp_path / "run", 1, frozen)
    assert summary["top1"] < 0.3
    assert evaluated_top1(run_gluonlab, tmp_path / "run") == summary["top1"]
    without = ["averaging.name=none", "averaging.decay=null"]
    assert evaluated_top1(run_gluonlab, tmp_path / "run", *without) > 0.5
