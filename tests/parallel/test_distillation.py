"""A run with a teacher: the same on any number of processes and after a stop, none without its teacher."""

import importlib.util
import json
import shutil

import pytest

COMMON = ["configs/digits.yaml", "schedule.warmup_epochs=0.2", "deterministic=true", "tensorboard=false",
          "log_every=11", "checkpoint_every=10steps", "keep_checkpoints=9"]  # fmt: skip
MIXED = ["epochs=0.5", "checkpoint_every=5steps", "mixing.mixup_alpha=0.4", "mixing.cutmix_alpha=1.0",
         "loss.share=0.9", "loss.temperature=2"]  # fmt: skip
TWO_HEADS = ["model.name=deit_tiny_distilled_patch16_224", "data.image_size=16", "loss.targets=hard",
             "optimizer.name=adamw", "schedule.base_lr=0.001", "epochs=0.15", "schedule.warmup_epochs=0",
             "checkpoint_every=2steps"]  # fmt: skip


@pytest.fixture(scope="module")
def teacher(run_gluonlab, tmp_path_factory):
    """A run that has learned something, of another normalisation than its pupils."""
    run_dir = tmp_path_factory.mktemp("teacher") / "run"
    job = run_gluonlab(
        "train", *COMMON, "epochs=2", "data.mean=[0.0]", "data.std=[64.0]", f"run_dir={run_dir}"
    )
    assert job.returncode == 0, job.stderr
    assert json.loads((run_dir / "summary.json").read_text())["top1"] > 0.8
    return run_dir


def train(run_gluonlab, teacher, run_dir, processes, *overrides):
    start = ["train"] if processes == 1 else ["launch", "-n", processes]
    return run_gluonlab(
        *start, *COMMON, "loss.name=distillation", f"loss.teacher={teacher}", f"run_dir={run_dir}", *overrides
    )


def result_of(job, run_dir):
    assert job.returncode == 0, job.stderr
    return json.loads((run_dir / "summary.json").read_text())


@pytest.mark.parametrize(
    ("keys", "steps", "stopped", "others"),
    [
        pytest.param(MIXED, 11, 5, (2,), id="mixed images"),
        pytest.param(MIXED, 11, 5, (4,), id="mixed images, four processes", marks=pytest.mark.slow),
        pytest.param(TWO_HEADS, 3, 2, (2,), id="two heads", marks=pytest.mark.slow),
    ],
)
def test_a_taught_run_has_the_same_bits_on_any_number_of_processes_and_after_a_stop(
    run_gluonlab, tmp_path, teacher, keys, steps, stopped, others
):
    alone, moved = tmp_path / "alone", tmp_path / "moved"
    expected = result_of(train(run_gluonlab, teacher, alone, 1, *keys), alone)
    assert expected["steps"] == steps
    for processes in others:
        shutil.copytree(alone, moved)
        (moved / "summary.json").unlink()
        for later in (moved / "checkpoints").glob("step-*"):
            if later.name > f"step-{stopped:08}" or processes == 4:
                shutil.rmtree(later)
        if processes == 4:  # from the start
            shutil.rmtree(moved)
        found = result_of(train(run_gluonlab, teacher, moved, processes, *keys), moved)
        assert (found["processes"], found["restarts"]) == (processes, int(processes != 4))
        assert found["weights_sha256"] == expected["weights_sha256"]
        shutil.rmtree(moved)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_pytorch_computes_the_same_losses_of_both_heads(run_gluonlab, tmp_path, teacher):
    losses = []
    for engine in ("mxnet", "torch"):
        run_dir = tmp_path / engine
        keys = [*TWO_HEADS, "log_every=1", f"engine={engine}"]
        result_of(train(run_gluonlab, teacher, run_dir, 1, *keys), run_dir)
        rows = map(json.loads, (run_dir / "metrics.jsonl").read_text().splitlines())
        losses.append([row["loss"] for row in rows if row["kind"] == "train"])
    assert len(losses[0]) == 3
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


@pytest.mark.slow
def test_what_only_the_teacher_knows_is_learned(run_gluonlab, tmp_path, teacher):
    """The labels have no part in the loss, so the accuracy comes from the teacher."""
    run_dir = tmp_path / "run"
    job = train(run_gluonlab, teacher, run_dir, 1, "epochs=1", "loss.share=1.0", "loss.targets=hard")
    assert result_of(job, run_dir)["top1"] > 0.4
    assert "taught by small_resnet8 with weights " in job.stdout
    config = json.loads((run_dir / "config.json").read_text())
    summary = json.loads((teacher / "summary.json").read_text())
    assert config["teacher"] == {"model": "small_resnet8", "weights_sha256": summary["weights_sha256"]}
    # Evaluation does without the teacher.
    shutil.move(teacher, tmp_path / "elsewhere")
    try:
        assert run_gluonlab("evaluate", run_dir).returncode == 0
        job = train(run_gluonlab, teacher, run_dir, 1, "epochs=2", "loss.share=1.0", "loss.targets=hard",
                    "--allow-change", "epochs")  # fmt: skip
        assert (job.returncode, job.stdout) == (4, "")
        assert job.stderr == f"error[CKP02] {teacher}: is neither a checkpoint nor a run with one\n"
    finally:
        shutil.move(tmp_path / "elsewhere", teacher)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (["data.classes=12"], "error[CFG35] loss.teacher: small_resnet8 is for 10 classes, data has 12"),
        pytest.param(
            ["data.channels=3", "data.mean=[0,0,0]", "data.std=[1,1,1]"],
            "error[CFG35] loss.teacher: small_resnet8 is for 1 channels, data has 3",
            marks=pytest.mark.slow,
        ),
        pytest.param(["loss.teacher=store:no.such"], "error[CKP45] ", marks=pytest.mark.slow),
        (["loss.targets=hard", "loss.temperature=2"], "error[CFG10] command line: loss: temperature is for"),
    ],
)
def test_a_teacher_that_does_not_fit_is_one_line_and_nothing_is_written(
    run_gluonlab, tmp_path, teacher, keys, said
):
    job = train(run_gluonlab, teacher, tmp_path / "run", 1, *keys)
    assert job.returncode in (2, 4)
    assert job.stderr.startswith(said)
    assert job.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_teacher_of_another_image_size_is_one_line(run_gluonlab, tmp_path, teacher):
    pupil = tmp_path / "pupil"
    result_of(train(run_gluonlab, teacher, pupil, 1, *TWO_HEADS, "epochs=0.05"), pupil)
    job = train(run_gluonlab, pupil, tmp_path / "run", 1)
    said = f"error[CFG31] loss.teacher: {TWO_HEADS[0].partition('=')[2]} cannot take images of 8 x 8\n"
    assert (job.returncode, job.stderr) == (2, said)


@pytest.mark.slow
def test_other_weights_of_the_teacher_are_another_run(run_gluonlab, tmp_path, teacher):
    run_dir, other = tmp_path / "run", tmp_path / "other"
    result_of(train(run_gluonlab, teacher, run_dir, 1, "epochs=0.5"), run_dir)
    (run_dir / "summary.json").unlink()
    (tmp_path / "moved").symlink_to(teacher)
    assert train(run_gluonlab, tmp_path / "moved", run_dir, 1, "epochs=0.5").returncode == 0
    (run_dir / "summary.json").unlink()
    shutil.copytree(teacher, other)
    shutil.rmtree(max((other / "checkpoints").glob("step-*")))
    job = train(run_gluonlab, other, run_dir, 1, "epochs=0.5")
    assert job.returncode == 4
    assert "teacher.weights_sha256 was " in job.stderr
