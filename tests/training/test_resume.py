"""A run that has trained never begins at step 0 by itself, and what is refused leaves the run as it was."""

import json
import shutil

import pytest

from gluonlab.reporting.run_files import latest_by_step, read_metrics

RUN = [
    "configs/digits.yaml", "epochs=2", "schedule.warmup_epochs=1", "log_every=5", "cpu_threads=1",
    "checkpoint_every=7steps", "tensorboard=false",
]  # fmt: skip


@pytest.fixture(scope="module")
def finished(run_gluonlab, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("finished") / "run"
    assert run_gluonlab("train", *RUN, f"run_dir={run_dir}").returncode == 0
    return run_dir


@pytest.fixture(scope="module")
def killed(run_gluonlab, tmp_path_factory):
    """With checkpoints of steps 21 and 23."""
    run_dir = tmp_path_factory.mktemp("killed") / "run"
    job = run_gluonlab("train", *RUN, f"run_dir={run_dir}", environment={"GLUONLAB_FAULT": "step:0:26:kill9"})
    assert job.returncode == -9
    return run_dir


def copied(run_dir, tmp_path):
    return shutil.copytree(run_dir, tmp_path / "run")


def contents(run_dir):
    """All files but the lock, which holds the number of who had it last."""
    return {
        str(path.relative_to(run_dir)): path.read_bytes() if path.is_file() else None
        for path in run_dir.rglob("*")
        if path.name != ".lock"
    }


def sha_of(run_dir):
    return json.loads((run_dir / "summary.json").read_text())["weights_sha256"]


def refused(job, exit_code, *words):
    assert job.returncode == exit_code, job.stdout + job.stderr
    assert job.stderr.startswith("error[")
    assert job.stderr.count("\n") == 1, job.stderr
    for word in words:
        assert word in job.stderr


def flip(run_dir):
    for path in run_dir.glob("checkpoints/*/model.safetensors"):
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)


def remove_each(run_dir):
    for path in run_dir.glob("checkpoints/*"):
        shutil.rmtree(path)


def remove_all(run_dir):
    shutil.rmtree(run_dir / "checkpoints")


def forget(run_dir):
    """What an earlier version did with checkpoints that it could not read, and the log is gone as well."""
    for path in run_dir.glob("checkpoints/*"):
        path.rename(path.with_name(f"damaged-{path.name}"))
    (run_dir / "metrics.jsonl").unlink()


WAYS = {
    flip: "step-00000023/model.safetensors content differs from what was written (SHA-256), step-00000021/",
    remove_each: "holds no checkpoint, but the run was saved at step 23",
    remove_all: "holds no checkpoint, but the run was saved at step 23",
    forget: "damaged-step-00000021 was set aside, damaged-step-00000023 was set aside",
}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_without_a_good_checkpoint_a_run_does_not_begin_anew(run_gluonlab, killed, tmp_path, way):
    run_dir = copied(killed, tmp_path)
    way(run_dir)
    before = contents(run_dir)
    refused(
        run_gluonlab("train", *RUN, f"run_dir={run_dir}"), 4, "CKP04", WAYS[way], "step 0 with --start-over"
    )
    assert contents(run_dir) == before


def test_a_launched_run_does_not_either_and_no_restart_is_spent_on_it(run_gluonlab, killed, tmp_path):
    run_dir = copied(killed, tmp_path)
    flip(run_dir)
    before = contents(run_dir)
    refused(
        run_gluonlab("launch", "-n", 2, "--max-restarts", 3, *RUN, f"run_dir={run_dir}"),
        4,
        "CKP04",
        WAYS[flip],
    )
    assert contents(run_dir) == before


def test_a_checkpoint_that_one_process_cannot_read_ends_the_job_and_stays(run_gluonlab, killed, tmp_path):
    run_dir = copied(killed, tmp_path)
    before = contents(run_dir)
    job = run_gluonlab(
        "launch", "-n", 2, "--max-restarts", 3, *RUN, f"run_dir={run_dir}",
        environment={"GLUONLAB_FAULT": "checkpoint.read:1:1+:eacces"},
    )  # fmt: skip
    refused(job, 4, "CKP05", "step-00000023/MANIFEST.json", "cannot be read (Permission denied)")
    assert contents(run_dir) == before


def test_what_is_unreadable_for_a_moment_costs_nothing(run_gluonlab, killed, finished, tmp_path):
    run_dir = copied(killed, tmp_path)
    job = run_gluonlab(
        "train", *RUN, f"run_dir={run_dir}", environment={"GLUONLAB_FAULT": "checkpoint.read:0:2:estale"}
    )
    assert "at step 23" in job.stdout
    assert sha_of(run_dir) == sha_of(finished)


def test_evaluate_names_what_is_wrong_with_each_checkpoint(run_gluonlab, killed, tmp_path):
    run_dir = copied(killed, tmp_path)
    flip(run_dir)
    before = contents(run_dir)
    refused(run_gluonlab("evaluate", run_dir), 4, "CKP04", WAYS[flip])
    refused(run_gluonlab("predict", run_dir, "docs/quickstart.svg"), 4, "CKP04", WAYS[flip])
    remove_all(run_dir)
    refused(run_gluonlab("evaluate", run_dir), 4, "CKP02", "neither a checkpoint nor a run with one")
    assert contents(run_dir).keys() < before.keys()


def test_starting_over_moves_the_old_run_aside_whole(run_gluonlab, killed, finished, tmp_path):
    run_dir = copied(killed, tmp_path)
    before = contents(run_dir)
    job = run_gluonlab("train", "--start-over", *RUN, f"run_dir={run_dir}", "epochs=1.5")
    assert job.returncode == 0, job.stderr
    assert f"what {run_dir} held is in {run_dir}/before-1 now" in job.stdout
    assert "resumed" not in job.stdout
    assert contents(run_dir / "before-1") == before
    assert json.loads((run_dir / "config.json").read_text())["config"]["epochs"] == 1.5
    assert min(row["step"] for row in read_metrics(run_dir / "metrics.jsonl")) == 5
    assert run_gluonlab("train", "--start-over", *RUN, f"run_dir={run_dir}").returncode == 0
    assert sha_of(run_dir) == sha_of(finished)
    assert (run_dir / "before-2/summary.json").is_file()
    assert contents(run_dir / "before-1") == before


def test_the_command_that_is_given_again_does_not_start_over_again(run_gluonlab, killed, tmp_path):
    run_dir = copied(killed, tmp_path)
    record = json.loads((run_dir / "config.json").read_text())
    record["command"][2:2] = ["--start-over"]
    (run_dir / "config.json").write_text(json.dumps(record))
    job = run_gluonlab("runs", tmp_path, "--resume", "run")
    assert "at step 23" in job.stdout
    assert not (run_dir / "before-1").exists()


def test_to_start_over_and_to_continue_is_a_contradiction(run_gluonlab, tmp_path):
    both = ["--start-over", "--allow-change", "epochs", *RUN, f"run_dir={tmp_path / 'r'}"]
    refused(run_gluonlab("train", *both), 2, "CLI02", "--start-over")
    refused(run_gluonlab("launch", "-n", 2, *both), 2, "CLI02", "--start-over")


def test_a_run_that_was_never_saved_begins_again_and_says_so(run_gluonlab, finished, tmp_path):
    run_dir = tmp_path / "run"
    arguments = ["train", *RUN, f"run_dir={run_dir}", "log_every=1"]
    assert run_gluonlab(*arguments, environment={"GLUONLAB_FAULT": "step:0:5:kill9"}).returncode == -9
    job = run_gluonlab(*arguments, "log_every=3")
    assert "begins again at step 0: step 5 was logged, but never a checkpoint" in job.stdout
    assert sha_of(run_dir) == sha_of(finished)
    rows = latest_by_step(read_metrics(run_dir / "metrics.jsonl"), "train")
    assert [row["step"] for row in rows][:2] == [3, 6]


def test_a_rollback_without_a_checkpoint_that_can_be_read(run_gluonlab, tmp_path):
    explodes = ["schedule.base_lr=1e18", "schedule.init_lr=0", "log_every=1", "checkpoint_every=1steps"]
    fault = {"GLUONLAB_FAULT": "checkpoint.read:0:1+:eacces"}
    job = run_gluonlab("train", *RUN, f"run_dir={tmp_path / 'r'}", *explodes, environment=fault)
    assert job.returncode == 4
    assert job.stderr.splitlines()[-1].startswith("error[CKP05] ")
    assert "error[NUM0" in job.stdout
    assert "and no checkpoint to go back to" in job.stdout
    assert not list((tmp_path / "r/checkpoints").glob("damaged-*"))


@pytest.mark.parametrize(
    ("verb", "changed", "exit_code", "words"),
    [
        (
            ["train"],
            ["data.classes=20", "--allow-change", "data"],
            4,
            ["CKP06", "output.bias", "output.weight"],
        ),
        (["launch", "-n", "2"], ["data.classes=20", "--allow-change", "data"], 4, ["CKP06", "output.bias"]),
        (["train"], ["optimizer.momentum=0.8"], 2, ["CFG20", "optimizer.momentum was 0.9, now 0.8"]),
        (["train"], ["epochs=1.01", "--allow-change", "epochs"], 2, ["CFG23", "than the 22 of this recipe"]),
    ],
)
def test_what_is_refused_leaves_the_run_as_it_was(
    run_gluonlab, killed, tmp_path, verb, changed, exit_code, words
):
    run_dir = copied(killed, tmp_path)
    before = contents(run_dir)
    job = run_gluonlab(*verb, *RUN, f"run_dir={run_dir}", *changed)
    assert job.returncode == exit_code, job.stderr
    for word in words:
        assert word in job.stderr
    assert contents(run_dir) == before


def test_a_finished_run_is_given_more_epochs(run_gluonlab, finished, tmp_path):
    run_dir = copied(finished, tmp_path)
    longer = [
        "train",
        *RUN,
        f"run_dir={run_dir}",
        "epochs=3",
        "averaging.name=swa",
        "averaging.from_epoch=2.5",
    ]
    refused(
        run_gluonlab(*longer), 2, "CFG20", "epochs was 2.0, now 3.0", "averaging.name was 'none', now 'swa'"
    )
    before = contents(run_dir)
    longer += ["--allow-change", "epochs", "--allow-change", "averaging"]
    job = run_gluonlab(*longer, environment={"GLUONLAB_FAULT": "step:0:50:kill9"})
    assert job.returncode == -9
    assert "at step 44" in job.stdout
    assert contents(run_dir)["summary-step-00000044.json"] == before["summary.json"]
    assert not (run_dir / "summary.json").exists()  # or it would look finished
    assert "resumed from" in run_gluonlab(*longer).stdout
    summary = json.loads((run_dir / "summary.json").read_text())
    assert (summary["steps"], summary["evaluated_weights"]) == (67, "average")
    assert "is finished" in run_gluonlab(*longer).stdout


def test_a_finished_run_goes_on_in_a_phase_of_its_own(run_gluonlab, finished, tmp_path):
    run_dir = copied(finished, tmp_path)
    phases = "phases=[{from_epoch: 2, global_batch_size: 128, schedule: {name: constant, base_lr: 0.01}}]"
    allowed = ["--allow-change", "epochs", "--allow-change", "phases"]
    job = run_gluonlab("train", *RUN, f"run_dir={run_dir}", "epochs=3", phases, *allowed)
    assert job.returncode == 0, job.stderr
    assert "at step 44" in job.stdout
    summary = json.loads((run_dir / "summary.json").read_text())
    assert summary["steps"] == 45 + (3 * 1437 - 45 * 64) // 128


@pytest.mark.parametrize(
    ("verb", "changed", "words"),
    [
        (
            ["train"],
            ["optimizer.momentum=0.8", "--allow-change", "optimizer"],
            ["is finished at step 44, so that optimizer.momentum would change nothing any more"],
        ),
        (["launch", "-n", "2"], ["epochs=1.5", "--allow-change", "epochs"], ["than the 33 of this recipe"]),
    ],
)
def test_a_finished_run_says_why_it_does_not_train_on(run_gluonlab, finished, tmp_path, verb, changed, words):
    run_dir = copied(finished, tmp_path)
    before = contents(run_dir)
    refused(run_gluonlab(*verb, *RUN, f"run_dir={run_dir}", *changed), 2, "CFG23", *words)
    assert contents(run_dir) == before


def test_a_finished_run_without_its_checkpoints_is_not_trained_from_nothing(run_gluonlab, finished, tmp_path):
    run_dir = copied(finished, tmp_path)
    remove_all(run_dir)
    (run_dir / "metrics.jsonl").unlink()
    refused(
        run_gluonlab("train", *RUN, f"run_dir={run_dir}", "epochs=3", "--allow-change", "epochs"),
        4, "CKP04", "saved at step 44",
    )  # fmt: skip
