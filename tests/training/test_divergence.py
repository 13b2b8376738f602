"""Losses far above their own history are told; those of sound runs never are."""

import json
import math
from itertools import chain
from pathlib import Path
from types import SimpleNamespace

import pytest

from gluonlab.errors import NumericError
from gluonlab.training.divergence import Divergence, LossHistory, look_for_divergence

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks/results"
CHANCE = math.log(10)
WAYS = ("linear", "linear+warmup", "sqrt+warmup", "lars+warmup")
# Those of the study whose loss exploded; "2048-linear-seed0" began badly (3.1) and did not.
EXPLODED = {
    *(f"08192-{way}-seed{seed}" for way in WAYS for seed in range(3)),
    *(f"04096-{way}-seed{seed}" for way in WAYS if way != "sqrt+warmup" for seed in range(3)),
    *(f"02048-lars+warmup-seed{seed}" for seed in range(3)),
    *(f"02048-linear-seed{seed}" for seed in (1, 2)),
    *(f"00064-lars+warmup-lr{rate}-seed1000" for rate in (16, 32)),
}  # fmt: skip

KEPT = ["bad-step-00000035", "bad-step-00000040", "step-00000023", "step-00000028"]


def history(**values):
    return LossHistory(CHANCE, **values)


def fill(losses, values, kind="train", images=10_000):
    return [losses.add(kind, step, value, images, 0.1) for step, value in enumerate(values, start=10)]


def curves():
    """Name, whether it is of binary cross entropy, images of an epoch, and rows of each committed curve."""
    for path in sorted(chain(RESULTS.glob("large_batch_study/*.json"), RESULTS.glob("techniques/*.json"))):
        run = json.loads(path.read_text())
        yield path.stem, "binary-cross-entropy" in path.stem, 50_000, run["curves_epoch_loss_top1"]
    for name, images in (("digits", 1437), ("cifar10_resnet20_3_epochs", 50_000)):
        for run in json.loads((RESULTS / f"{name}.json").read_text())["runs"]:
            yield name, False, images, run["curves_epoch_loss_top1"]


def first_told(is_bce, images, rows):
    losses = LossHistory(math.log(2) if is_bce else CHANCE)
    merged = [(epoch, kind, loss) for kind in ("train", "validation") for epoch, loss, *_ in rows[kind]]
    before = 0.0
    for step, (epoch, kind, loss) in enumerate(sorted(merged), start=2):
        count = (epoch - before) * images if kind == "train" else images / 5
        before = epoch if kind == "train" else before
        losses.add(kind, step, loss, count, 0.1)
    return losses.found


def test_of_the_committed_curves_those_that_exploded_are_told_and_no_other():
    found = {(name, first_told(is_bce, images, rows) is not None) for name, is_bce, images, rows in curves()}
    assert {name for name, is_told in found if is_told} == EXPLODED
    assert len({name for name, is_told in found if not is_told}) > 100


@pytest.mark.parametrize(
    ("before", "limit"),
    [
        ([], 2.3026 + 1.1513 + 0.0921),  # at first the reference is the loss of equal logits
        ([1.0], 1.0 + 1.1513 + 0.0921),
        ([9.0, 1.5, 1.2, 1.1, 1.0, 0.9], 1.1 + 1.1513 + 0.0921),  # five of them
        ([1.0, 3.0, 1.4, 2.0, 1.8], 1.8 + 7 * 1.4826 * 0.4),  # a noisy one is judged by its own noise
    ],
)
def test_the_limit_is_that_of_hampel_and_never_close(before, limit):
    for loss, is_too_high in ((limit - 0.01, False), (limit + 0.01, True)):
        losses = history()
        losses.begin(float("nan"))
        losses._losses["train"] = before[-5:]
        divergence = losses.add("train", 100, loss, 10_000, 0.1)
        assert (divergence is not None) == is_too_high
        if divergence:
            assert divergence.limit == pytest.approx(limit, abs=1e-3)


def test_what_is_too_high_does_not_become_history_and_is_found_once():
    losses = history()
    told = fill(losses, [2.0, 1.9, 6.0, 7.5, 1.8, 6.0])
    assert [loss is not None for loss in told] == [False, False, True, True, False, True]
    assert losses.found == Divergence("train", 12, 6.0, 1.95, told[2].limit, 0.1, highest=7.5)
    assert losses.last_sound_step == 14


def test_validation_has_its_own_history_and_a_wider_margin():
    losses = history()
    fill(losses, [1.0] * 5)
    assert losses.add("validation", 20, 7.28, 10_000, 0.1) is None  # as in a sound run at batch 4096
    assert losses.add("validation", 30, 7.28 + 4.2 * CHANCE, 10_000, 0.1).usual == 7.28


def test_the_first_loss_of_a_network_that_begins_high_is_no_divergence():
    losses = history()
    losses.begin(8.0)
    assert fill(losses, [7.0, 6.0, 5.0]) == [None] * 3
    each_step = history()
    assert each_step.add("train", 1, 8.0, 10_000, 0.1) is None


def test_few_images_may_be_far_off():
    """One sample at 8 in a batch of four, logged each step, is no divergence; in 10,000 it would be."""
    losses = history()
    fill(losses, [0.1] * 5, images=4)
    assert losses.add("train", 20, 2.1, 4, 0.1) is None
    assert losses.add("train", 21, 2.1, 10_000, 0.1) is not None


def test_the_history_of_training_begins_anew_with_a_phase():
    losses = history(phase_ends=[20, 100])
    fill(losses, [0.2] * 5)
    assert losses.add("train", 20, 2.0, 10_000, 0.1) is not None
    assert losses.add("train", 21, 2.0, 10_000, 0.1) is None


def test_it_survives_json_and_decides_as_before():
    losses, copy = history(phase_ends=[20, 100]), history(phase_ends=[20, 100])
    losses.begin(3.0)
    fill(losses, [1.0, 0.9, 0.8, 0.7, 9.0])
    copy.restore(json.loads(json.dumps(losses.state())))
    assert copy.state() == losses.state()
    assert losses.add("train", 19, 2.4, 10_000, 0.1) == copy.add("train", 19, 2.4, 10_000, 0.1) is not None
    of_another_recipe = history()
    of_another_recipe.restore(losses.state(), is_same_recipe=False)
    assert of_another_recipe.found == losses.found
    assert of_another_recipe.add("train", 19, 2.4, 10_000, 0.1) is None


class Told:
    def __init__(self):
        self.lines, self.rows = [], []

    def message(self, text):
        self.lines.append(text)

    def log(self, kind, step, **values):
        self.rows.append((kind, step, values["loss"], values["usual"], values["is_validation"]))


def test_a_warning_comes_once_and_the_other_settings_raise_each_time():
    losses, told = history(), Told()
    run = SimpleNamespace(on_divergence="warn", schedule=lambda step: step / 100)
    for step, loss in enumerate([2.0, 6.0, 7.0], start=10):
        look_for_divergence("train", step, {"loss": loss, "count": 10_000}, run, losses, told)
    assert told.rows == [("divergence", 11, 6.0, 2.0, False)]
    (line,) = told.lines
    assert line.startswith("warning: step 11: training loss is 6, far above the usual 2 (limit 3.243), at ")
    assert line.endswith(
        "at learning rate 0.1; lower base_lr, lengthen the warm-up or set optimizer.clip_norm"
    )
    for on_divergence in ("rollback", "stop"):
        run.on_divergence = on_divergence
        with pytest.raises(NumericError, match=r"^error\[NUM02\] step 12: training loss is 7, far above"):
            look_for_divergence("train", 12, {"loss": 7.0, "count": 10_000}, run, losses, told)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_real_run_that_explodes_for_a_while(processes, run_processes, tmp_path):
    """All processes warn and go on, go back and end as if undisturbed, or stop."""
    if processes > 1:
        pytest.importorskip("horovod")
    run_processes(processes, Path(__file__).with_name("one_bad_interval.py"), tmp_path)
    for rank in range(processes):
        undisturbed, warned, rolled_back, stopped = (
            json.loads((tmp_path / f"{name}-{rank}.json").read_text())
            for name in ("undisturbed", "warn", "rollback", "stop")
        )
        assert undisturbed["divergence"] is None
        assert warned["divergence"]["step"] == 40
        assert warned["divergence"]["highest"] >= warned["divergence"]["loss"] > 100
        assert warned["weights_sha256"] != undisturbed["weights_sha256"]
        assert rolled_back["weights_sha256"] == undisturbed["weights_sha256"]
        assert stopped["is_diverged"]
        assert stopped["error"].startswith("error[NUM02] step 40: training loss is ")
        if rank == 0:  # 35 was saved after the last sound loss, that of step 30
            assert stopped["checkpoints"] == KEPT
    assert (tmp_path / "warn/log.txt").read_text().count("warning: step 40: training loss is ") == 1
    assert (tmp_path / "rollback/log.txt").read_text().count("rolled back to step 28, once") == 1


def test_a_run_that_was_told_is_not_told_again_when_it_resumes(run_gluonlab, tmp_path):
    command = [
        "train", "configs/digits.yaml", "epochs=2", "schedule.warmup_epochs=1", "schedule.base_lr=3",
        "log_every=10", "checkpoint_every=7steps", "tensorboard=false", f"run_dir={tmp_path / 'r'}",
    ]  # fmt: skip
    killed = run_gluonlab(*command, environment={"GLUONLAB_FAULT": "step:0:18:kill9"})
    assert killed.returncode == -9
    assert killed.stdout.count("warning: step 10: training loss is ") == 1
    job = run_gluonlab(*command)
    assert job.returncode == 0, job.stderr
    assert "at step 14" in job.stdout
    assert "warning: step" not in job.stdout
    divergence = json.loads((tmp_path / "r/summary.json").read_text())["divergence"]
    assert (divergence["kind"], divergence["step"]) == ("train", 10)
    assert divergence["highest"] >= divergence["loss"] > divergence["limit"]
    assert run_gluonlab("report", tmp_path / "r", "-o", tmp_path / "r.html").returncode == 0
    assert "<strong>r diverged</strong> at step 10: training loss " in (tmp_path / "r.html").read_text()
