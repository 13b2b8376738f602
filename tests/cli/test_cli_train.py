"""Bad input of `train`, `launch`, `evaluate` and `schedule`: one line, the right code, nothing written."""

import json
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from gluonlab.data.record_source import RecordSource
from gluonlab.data.recordio import RecordWriter, pack_image_record
from tests.data.shard_files import write_tar

DIGITS = "configs/digits.yaml"


def refused(job, exit_code, *words):
    assert job.returncode == exit_code, job.stdout + job.stderr
    assert job.stderr.startswith("error[")
    assert job.stderr.count("\n") == 1, job.stderr
    for word in words:
        assert word in job.stderr


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["nothing.yaml"], 2, ["CFG01", "nothing.yaml"]),
        ([DIGITS, "optimizer.momentun=1"], 2, ["CFG04", "did you mean momentum?"]),
        ([DIGITS, "epochs=many"], 2, ["CFG06", "epochs", "'many'"]),
        ([DIGITS, "schedule.base_lr=-1"], 2, ["CFG07", "greater than 0"]),
        ([DIGITS, "model.name=resnet20"], 2, ["CFG09", "did you mean cifar_resnet20"]),
        ([DIGITS, "global_batch_size=4096", "worker_batch_size=16"], 2, ["CFG19", "1437 samples"]),
        ([DIGITS, "epochs=0.01", "schedule.warmup_epochs=0"], 2, ["CFG19", "shorter than one step"]),
        ([DIGITS, "data.classes=9"], 3, ["DAT12", "label 9 outside 0..8"]),
        ([DIGITS, "data.name=cifar10", "data.path=missing"], 3, ["DAT01", "missing"]),
        ([DIGITS, "data.name=record", "data.train=a.rec", "data.val=b.rec"], 3, ["DAT01", "a.rec"]),
        ([DIGITS, "ctx=gpu"], 8, ["ENV08", "ctx=cpu"]),
        ([DIGITS, "run_dir=/proc/nowhere"], 4, ["CKP01", "/proc/nowhere"]),
        ([DIGITS, "--lr", "1"], 2, ["CLI01", "--lr"]),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(run_gluonlab, tmp_path, arguments, exit_code, words):
    run_dir = tmp_path / "run"
    settings = [] if any(word.startswith("run_dir") for word in arguments) else [f"run_dir={run_dir}"]
    refused(run_gluonlab("train", *arguments, *settings), exit_code, *words)
    assert not run_dir.exists()


def test_launch_refuses_before_it_starts_anything(run_gluonlab, tmp_path):
    run_dir = f"run_dir={tmp_path / 'run'}"
    refused(run_gluonlab("launch", "-n", 3, DIGITS, run_dir), 2, "CFG08", "use 1, 2, 4 processes")
    refused(run_gluonlab("launch", "-n", 0, DIGITS, run_dir), 2, "CLI01")
    refused(run_gluonlab("launch", "-n", 2, DIGITS, run_dir, "seed=x"), 2, "CFG06")
    assert not (tmp_path / "run").exists()


def test_an_error_on_all_ranks_is_told_once_with_its_code(run_gluonlab, tmp_path):
    job = run_gluonlab("launch", "-n", 2, DIGITS, f"run_dir={tmp_path / 'run'}", "data.classes=9")
    refused(job, 3, "DAT12", "label 9 outside 0..8")
    assert not (tmp_path / "run").exists()


def write_records(path, labels):
    with RecordWriter(path) as writer:
        for index, label in enumerate(labels):
            image = np.full((8, 8), index % 256, np.uint8)
            writer.write(pack_image_record(label, index, cv2.imencode(".png", image)[1].tobytes()))


def test_a_bad_label_in_a_record_file_names_the_record(run_gluonlab, tmp_path):
    write_records(tmp_path / "train.rec", [0, 1, 2, 10] + [3, 4, 5] * 30)
    write_records(tmp_path / "val.rec", [0, 1])
    files = [f"data.train={tmp_path / 'train.rec'}", f"data.val={tmp_path / 'val.rec'}"]
    job = run_gluonlab("train", DIGITS, "data.name=record", *files, f"run_dir={tmp_path / 'run'}")
    refused(job, 3, "DAT12", "train.rec: record 3", "label 10 outside 0..9")
    assert not (tmp_path / "run").exists()


def test_a_damaged_image_is_named_before_training(run_gluonlab, tmp_path):
    write_records(tmp_path / "train.rec", [0, 1, 2, 3] * 20)
    write_records(tmp_path / "val.rec", [0, 1])
    raw = bytearray((tmp_path / "train.rec").read_bytes())
    start = raw.index(b"\x89PNG", len(raw) // 2)
    raw[start : start + 8] = b"notimage"
    (tmp_path / "train.rec").write_bytes(raw)
    files = [f"data.train={tmp_path / 'train.rec'}", f"data.val={tmp_path / 'val.rec'}"]
    for verb in (["train"], ["launch", "-n", 2]):
        run_dir = tmp_path / verb[0]
        refused(
            run_gluonlab(*verb, DIGITS, "data.name=record", *files, f"run_dir={run_dir}"),
            3,
            "DAT06",
            "train.rec: record",
        )
        assert not run_dir.exists()
    skip = ["data.bad_records=skip", "data.max_bad_fraction=0.02", "epochs=2", "schedule.warmup_epochs=0"]
    small = ["global_batch_size=16", "worker_batch_size=8", "tensorboard=false"]
    job = run_gluonlab(
        "train", DIGITS, "data.name=record", *files, *skip, *small, f"run_dir={tmp_path / 'skip'}"
    )
    assert job.returncode == 0, job.stderr
    assert "1 bad records are left out" in job.stderr
    assert json.loads((tmp_path / "skip" / "summary.json").read_text())["steps"] == 79 * 2 // 16
    assert json.loads((tmp_path / "train.bad.jsonl").read_text())["code"] == "DAT06"
    rows = [json.loads(line) for line in (tmp_path / "skip" / "metrics.jsonl").read_text().splitlines()]
    trained = [row for row in rows if row["kind"] == "train"]
    assert all(isinstance(row["input_bound"], bool) and row["decode_ms_per_image"] > 0 for row in trained)


def test_a_data_set_of_another_size_than_the_recipe_says_is_refused(run_gluonlab, tmp_path):
    refused(
        run_gluonlab("train", DIGITS, "data.train_samples=1438", f"run_dir={tmp_path}/r"), 3, "DAT15", "1437"
    )


def test_a_dry_run_prints_the_plan_and_writes_nothing(run_gluonlab, tmp_path):
    job = run_gluonlab(
        "train", "configs/imagenet/resnet50_goyal_8k.yaml", "--dry-run", "--processes", 8, "--json", "-",
        f"run_dir={tmp_path / 'run'}",
    )  # fmt: skip
    plan = json.loads(job.stdout)
    assert plan["parameters"] == 25_557_032
    assert (
        plan["virtual_workers"],
        plan["micro_steps_per_update"],
        plan["images_per_process_and_update"],
    ) == (256, 32, 1024)
    assert plan["steps"] == 14_075
    assert plan["peak_lr"] == pytest.approx(3.2)
    rates = {point["step"]: point["learning_rate"] for point in plan["learning_rate"]}
    assert rates == pytest.approx({0: 0.1, 782: 3.2, 4692: 0.32, 9384: 0.032, 12512: 0.0032, 14074: 0.0032})
    assert plan["memory_bytes_per_process"] > 12 * plan["parameters"]
    assert not (tmp_path / "run").exists()
    text = run_gluonlab("train", DIGITS, "--dry-run").stdout
    assert "W = 4 of 16 images" in text
    refused(run_gluonlab("train", DIGITS, "--dry-run", "--processes", 3), 2, "CFG08")


def test_schedule_draws_the_curve_without_data(run_gluonlab, tmp_path):
    job = run_gluonlab("schedule", "configs/imagenet/resnet50_goyal_8k.yaml", "--plot", tmp_path / "lr.svg")
    assert job.returncode == 0, job.stderr
    assert "256 virtual workers x 32, 14,075 steps" in job.stdout
    assert "█" in job.stdout
    assert (tmp_path / "lr.svg").read_text().lstrip().startswith("<")


def test_help_is_quick_and_each_verb_has_an_example(run_gluonlab):
    for verb in ("train", "launch", "evaluate", "schedule", "runs", "report"):
        job = run_gluonlab(verb, "--help")
        assert job.returncode == 0
        assert f"gluonlab {verb}" in job.stdout.split("Usage:")[1].split("\n", 1)[1], (
            f"{verb} shows no example"
        )


def test_evaluate_refuses_what_is_no_run(run_gluonlab, tmp_path):
    refused(run_gluonlab("evaluate", tmp_path / "none"), 4, "CKP02")


def test_a_run_in_use_is_not_entered_by_a_second_process(run_gluonlab, tmp_path, monkeypatch):
    import fcntl

    from gluonlab.build import run_directory

    monkeypatch.setattr(run_directory, "LOCK_PATIENCE_SECONDS", 0.2)
    lock = run_directory.lock_run_directory(tmp_path / "run")
    with pytest.raises(run_directory.CheckpointError, match=r"CKP11.*is in use by process"):
        run_directory.lock_run_directory(tmp_path / "run")
    lock.close()
    second = run_directory.lock_run_directory(tmp_path / "run")
    fcntl.flock(second, fcntl.LOCK_UN)
    second.close()


def test_a_refusal_leaves_no_mark_on_a_run_that_is_there(run_gluonlab, tmp_path):
    (tmp_path / "config.json").write_text('{"config": {"epochs": 1}}')
    before = sorted(path.name for path in tmp_path.iterdir())
    job = run_gluonlab("train", DIGITS, f"run_dir={tmp_path}")
    assert job.returncode == 2
    assert "error[CFG17]" in job.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_json_on_stdout_is_json_alone(run_gluonlab, tmp_path):
    short = ["epochs=0.1", "schedule.warmup_epochs=0", "tensorboard=false"]
    for number, verb in enumerate((["train"], ["launch", "-n", 2])):
        job = run_gluonlab(*verb, DIGITS, *short, f"run_dir={tmp_path / str(number)}", "--json", "-")
        assert json.loads(job.stdout)["val_images"] == 360
        assert "done: top-1" in job.stderr


def test_debug_shows_the_traceback_beside_the_line(run_gluonlab):
    job = run_gluonlab("--debug", "train", "nothing.yaml")
    assert job.returncode == 2
    assert "Traceback" in job.stderr
    assert job.stderr.splitlines()[-1].startswith("error[CFG01]")


def test_the_version_is_printed_with_the_commit_of_a_checkout(run_gluonlab, root):
    from gluonlab import __version__

    git = ["git", "-C", root, "rev-parse", "--short=10", "HEAD"]
    job = subprocess.run(git, capture_output=True, text=True)
    commit = f", commit {job.stdout.strip()}" if job.returncode == 0 else ""
    assert run_gluonlab("--version").stdout == f"gluonlab {__version__}{commit}\n"


def test_training_arrays_and_their_record_files_and_shards_is_the_same_run(run_gluonlab, tmp_path):
    short = ["epochs=1", "schedule.warmup_epochs=0", "tensorboard=false", "log_every=100"]
    assert run_gluonlab("data", "pack", "digits", tmp_path / "digits").returncode == 0
    files = [f"data.{split}={tmp_path / 'digits' / split}.rec" for split in ("train", "val")]
    shards = []
    for split in ("train", "val"):
        records = RecordSource(tmp_path / f"digits/{split}.rec")
        numbers = range(len(records))
        samples = [(records.encoded(number), int(records.labels[number])) for number in numbers]
        write_tar(tmp_path / f"digits/{split}-0.tar", samples[:300])
        write_tar(tmp_path / f"digits/{split}-1.tar", samples[300:])
        shards.append(f"data.{split}={tmp_path / 'digits' / split}-{{0..1}}.tar")
    sources = {
        "arrays": [],
        "records": ["data.name=record", *files],
        "shards": ["data.name=webdataset", *shards],
    }
    for name, source in sources.items():
        job = run_gluonlab("train", DIGITS, f"run_dir={tmp_path / name}", *short, *source)
        assert job.returncode == 0, job.stderr
    summaries = [json.loads((tmp_path / name / "summary.json").read_text()) for name in sources]
    assert len({summary["weights_sha256"] for summary in summaries}) == 1
    shutil.rmtree(tmp_path / "digits")


def test_options_that_would_be_ignored_or_fail_late_are_refused_at_once(run_gluonlab, tmp_path):
    refused(run_gluonlab("train", DIGITS, "--processes", 2), 2, "CLI02", "gluonlab launch -n")
    refused(run_gluonlab("train", DIGITS, "--json", tmp_path / "no/x.json"), 4, "CKP01", "no such folder")
    refused(run_gluonlab("train", DIGITS, "data.val=other.rec"), 2, "CFG04", "not used by 'digits'")
    refused(run_gluonlab("train", DIGITS, "data.pad=20"), 2, "CFG10", "larger than image_size")
    refused(run_gluonlab("train", DIGITS, "seed="), 2, "CFG15", "seed=null")
    refused(run_gluonlab("train", DIGITS, "foo.bar=1"), 2, "CFG04", "command line: foo")


def test_milestones_on_one_step_or_within_the_warmup_are_refused(run_gluonlab):
    multistep = [DIGITS, "schedule.name=multistep"]
    refused(run_gluonlab("schedule", *multistep, "schedule.milestones=[10, 10.001]"), 2, "CFG10", "same step")
    refused(run_gluonlab("schedule", *multistep, "schedule.milestones=[2]"), 2, "CFG10", "within the warm-up")


def test_help_has_no_markup(run_gluonlab):
    for verb in ("train", "launch", "models", "data"):
        assert "\\[" not in run_gluonlab(verb, "--help").stdout


def test_a_run_is_evaluated_from_another_folder_with_its_validation_data_alone(run_gluonlab, tmp_path):
    assert run_gluonlab("data", "pack", "digits", tmp_path / "digits").returncode == 0
    files = [f"data.{split}=digits/{split}.rec" for split in ("train", "val")]
    recipe = Path("configs/digits.yaml").absolute()
    short = ["epochs=1", "schedule.warmup_epochs=0", "tensorboard=false", "run_dir=run"]
    job = run_gluonlab("train", recipe, "data.name=record", *files, *short, cwd=tmp_path)
    assert job.returncode == 0, job.stderr
    (tmp_path / "digits/train.rec").unlink()
    job = run_gluonlab("evaluate", tmp_path / "run", "--json", "-")
    assert json.loads(job.stdout)["images"] == 360
    checkpoint = next((tmp_path / "run/checkpoints").glob("step-*"))
    assert json.loads(run_gluonlab("evaluate", ".", "--json", "-", cwd=checkpoint).stdout)["images"] == 360


def test_the_command_is_recorded_as_it_was_typed(run_gluonlab, tmp_path):
    typed = [
        "launch",
        "-n",
        "2",
        DIGITS,
        "epochs=0.1",
        "schedule.warmup_epochs=0",
        f"run_dir={tmp_path / 'r'}",
    ]
    run_gluonlab(*typed)
    assert json.loads((tmp_path / "r/config.json").read_text())["command"] == ["gluonlab", *typed]
