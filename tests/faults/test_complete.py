"""Whatever belongs to a run's state is in its checkpoint: each optimizer and average, stopped at each kind of step."""

import pytest

from gluonlab.checkpoint.store import CheckpointStore
from tests.faults.harness import RECIPE, Job, sha_of

pytestmark = pytest.mark.faults
# An epoch is 22.45 updates: its end is step 22, the run's step 44.
ALONE = [*RECIPE, "checkpoint_every=1steps", "keep_checkpoints=50", "noise_every=5"]
KINDS = {
    "sgd, clipped": ["optimizer.name=sgd", "optimizer.clip_norm=1.0"],
    "lars, average over updates": ["optimizer.name=lars", "schedule.base_lr=1", "averaging.name=ema", "averaging.decay=0.9"],
    "adamw, dropout": ["optimizer.name=adamw", "schedule.base_lr=0.002", "model.dropout=0.2"],
    "lamb, mixup": ["optimizer.name=lamb", "schedule.base_lr=0.002", "mixing.mixup_alpha=0.2"],
    "RMSprop to SGD, float16 between processes": ["optimizer.name=rmsprop_warmup", "optimizer.transition_center=1", "optimizer.transition_period=1", "wire_precision=float16"],
    "nag, mean over epochs, phases": ["averaging.name=swa", "averaging.from_epoch=1", "phases=[{from_epoch: 1.5, label_smoothing: 0.0}]"],
}  # fmt: skip
STOPS = (5, 21, 22, 23, 30, 43)


def train(run_dir, *settings, fault=""):
    return Job("train", *ALONE, *settings, f"run_dir={run_dir}", fault=fault).end()


@pytest.mark.parametrize(("kind", "step"), list(zip(KINDS, STOPS)))
def test_a_killed_run_ends_as_if_undisturbed(kind, step, tmp_path, table):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    ended = train(whole, *KINDS[kind])
    assert ended.code == 0, ended.errors
    assert train(killed, *KINDS[kind], fault=f"step:0:{step}:kill9").code == -9
    last = train(killed, *KINDS[kind])
    assert last.code == 0, last.errors
    assert "resumed from" in last.out
    assert sha_of(killed) == sha_of(whole)
    files = sorted(
        path.name for path in CheckpointStore(whole / "checkpoints").path_of(44).glob("*.safetensors")
    )
    assert {"model.safetensors", "optimizer.safetensors"} <= set(files)
    for name in files:
        parts = [CheckpointStore(run_dir / "checkpoints").path_of(44) / name for run_dir in (whole, killed)]
        assert parts[0].read_bytes() == parts[1].read_bytes(), name
    table.add("R3", f"{kind}: SIGKILL at step {step}", "exit -9", last.seconds, "same bits in all files")
