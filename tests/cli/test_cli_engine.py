"""What the large-batch engine offers, asked for on the command line."""

import json

import pytest

from gluonlab.parallel.environment import has_cpu_feature
from gluonlab.reporting.run_files import read_metrics


@pytest.mark.parametrize(
    "overrides",
    [
        ["optimizer.name=lars", "optimizer.trust_coefficient=0.02", "optimizer.clip_norm=5.0"],
        ["wire_precision=float16", "optimizer.clip_value=0.5"],
        pytest.param(
            ["precision=bfloat16"],
            marks=pytest.mark.skipif(not has_cpu_feature("avx512bw"), reason="bfloat16 needs AVX-512"),
        ),
    ],
)
def test_the_engine_trains_from_the_command_line(overrides, run_gluonlab, tmp_path):
    run_dir = tmp_path / "run"
    job = run_gluonlab("train", "configs/smoke.yaml", f"run_dir={run_dir}", *overrides)
    assert job.returncode == 0, job.stderr
    first, *_, last = (row for row in read_metrics(run_dir / "metrics.jsonl") if row["kind"] == "train")
    assert last["loss"] < first["loss"]  # the same batch again and again
    evaluation = run_gluonlab("evaluate", run_dir, "--json", "-")
    assert json.loads(evaluation.stdout)["loss"] == pytest.approx(
        json.loads((run_dir / "summary.json").read_text())["val_loss"], rel=1e-6
    )


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("schedule.base_lr=1e300", "CFG07"),
        ("schedule.base_lr=1e30 schedule.base_batch_size=1", "CFG07"),
        ("optimizer.clip_value=1e300", "CFG07"),
        ("optimizer.weight_decay=.nan", "CFG07"),
        ("schedule.init_lr=-0.1", "CFG07"),
        ("worker_batch_size=5", "CFG10"),
        ("schedule.warmup_epochs=1", "CFG10"),
    ],
)
def test_numbers_that_cannot_be_are_refused_before_anything_is_written(
    override, told, run_gluonlab, tmp_path
):
    job = run_gluonlab("train", "configs/smoke.yaml", f"run_dir={tmp_path / 'run'}", *override.split())
    assert job.returncode == 2, job.stderr
    assert job.stderr.startswith(f"error[{told}]")
    assert not (tmp_path / "run").exists()


def test_rates_too_small_for_float32_count_as_zero(run_gluonlab, tmp_path):
    job = run_gluonlab(
        "train", "configs/smoke.yaml", f"run_dir={tmp_path / 'run'}", "schedule.name=polynomial",
        "schedule.power=80.0", "optimizer.weight_decay=1e-50",
    )  # fmt: skip
    assert job.returncode == 0, job.stderr
