"""``deterministic: true``: the same bits on any number of processes, also when a run moves between them."""

import json
import shutil

import pytest

# ResNet-20 as for CIFAR-10, with its augmentation, on the images that ship.
RESNET20 = [
    "configs/cifar10/resnet20.yaml", "data.name=digits", "data.path=null", "global_batch_size=64",
    "worker_batch_size=8", "epochs=0.9", "schedule.milestones=null", "schedule.factor=null",
    "schedule.name=cosine", "schedule.warmup_epochs=0.2", "deterministic=true", "tensorboard=false",
    "checkpoint_every=10steps", "log_every=10",
]  # fmt: skip


def train(run_gluonlab, run_dir, processes, *overrides, backend="mpi"):
    start = ["train"] if processes == 1 else ["launch", "-n", processes, "--backend", backend]
    job = run_gluonlab(*start, *RESNET20, f"run_dir={run_dir}", *overrides)
    assert job.returncode == 0, job.stderr
    return json.loads((run_dir / "summary.json").read_text())


@pytest.fixture(scope="module")
def alone(run_gluonlab, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("deterministic") / "alone"
    return run_dir, train(run_gluonlab, run_dir, 1)


@pytest.mark.parametrize(("processes", "backend"), [(2, "mpi"), (4, "mpi"), (2, "kvstore")])
def test_twenty_updates_have_the_same_bits(processes, backend, alone, run_gluonlab, tmp_path):
    summary = train(run_gluonlab, tmp_path / "run", processes, backend=backend)
    assert (summary["steps"], summary["virtual_workers"], summary["processes"]) == (20, 8, processes)
    assert summary["weights_sha256"] == alone[1]["weights_sha256"]
    noise = summary["largest_useful_batch"]
    assert noise is not None
    assert noise == pytest.approx(alone[1]["largest_useful_batch"], rel=1e-5)


def test_a_run_that_moves_to_another_number_of_processes_has_them_too(alone, run_gluonlab, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(alone[0], moved)
    (moved / "summary.json").unlink()
    shutil.rmtree(moved / "checkpoints/step-00000020")  # as if it had been stopped after update 10
    summary = train(run_gluonlab, moved, 2)
    assert (summary["steps"], summary["restarts"]) == (20, 1)
    assert summary["weights_sha256"] == alone[1]["weights_sha256"]


def test_without_it_only_the_order_of_additions_differs(alone, run_gluonlab, tmp_path):
    summary = train(run_gluonlab, tmp_path / "run", 2, "deterministic=false", "cpu_threads=1")
    assert summary["weights_sha256"] != alone[1]["weights_sha256"]


def test_float16_gradients_on_the_wire_are_rounded_on_one_process_as_well(run_gluonlab, tmp_path):
    wire = "wire_precision=float16"
    rounded = train(run_gluonlab, tmp_path / "one", 1, wire, "deterministic=false", "epochs=0.4")
    exact = train(run_gluonlab, tmp_path / "exact", 1, "deterministic=false", "epochs=0.4")
    assert rounded["weights_sha256"] != exact["weights_sha256"]
    assert rounded["train_loss"] == pytest.approx(exact["train_loss"], rel=0.02)


def test_other_threads_are_another_run(alone, run_gluonlab):
    job = run_gluonlab("train", *RESNET20, f"run_dir={alone[0]}", "cpu_threads=2")
    assert job.returncode == 2
    assert "cpu_threads was 1, now 2" in job.stderr


@pytest.mark.parametrize(
    ("overrides", "processes", "told"),
    [
        (["global_batch_size=96"], 1, "CFG21"),  # 12 workers on one process
        (["global_batch_size=96"], 2, "use 3, 6, 12 processes"),
        (["ctx=gpu"], 1, "deterministic is for CPUs"),
        (["wire_precision=float16"], 1, "each process rounds its own part"),
        (["deterministic=false", "precision=float16", "ctx=cpu"], 1, "float32 or bfloat16"),
        (["deterministic=false", "precision=float16"], 1, "CFG22"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    overrides, processes, told, run_gluonlab, tmp_path
):
    start = ["train"] if processes == 1 else ["launch", "-n", processes]
    job = run_gluonlab(*start, *RESNET20, f"run_dir={tmp_path / 'run'}", *overrides)
    assert job.returncode == 2, job.stderr
    assert told in job.stderr
    assert not (tmp_path / "run").exists()
