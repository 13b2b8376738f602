"""The verbs of ``gluonlab bench`` as a user calls them, on a network that takes a moment."""

import json
import os
import resource
import signal
import subprocess
import sys
import time

import pytest

SMALL = ("small_resnet8", "data.image_size=8", "--batch", "4")
QUICK = ("--blocks", "2", "--steps", "4", "--warmup", "1")


def result_of(job):
    assert job.returncode == 0, job.stderr
    return json.loads(job.stdout)


def test_training_on_one_process_says_what_it_is_bound_by(run_gluonlab):
    job = run_gluonlab("bench", "throughput", *SMALL, *QUICK, "--json", "-")
    result = result_of(job)
    (row,) = result["rows"]
    assert result["complete"]
    assert row["complete"]
    assert row["bound_by"] == "compute"
    assert row["processes"] == 1
    assert row["lowest"] <= row["median"] <= row["highest"]
    assert 0 < row["utilisation"] < 1
    assert 1e8 < row["peak_memory_bytes"] < 1e9
    assert set(row["split_seconds"]) > {"input", "forward", "backward", "communication", "optimizer"}
    assert {"machine", "versions", "git_commit", "command", "date"} <= set(result)


def test_more_threads_than_cores_are_warned_of_and_marked(run_gluonlab):
    threads = 2 * os.cpu_count()
    job = run_gluonlab("bench", "throughput", *SMALL, *QUICK, "--threads", threads, "--json", "-")
    assert "warning: 1 process(es) x" in job.stderr
    assert result_of(job)["rows"][0]["is_oversubscribed"]


def test_the_table_of_tf_cnn_benchmarks(run_gluonlab):
    job = run_gluonlab("bench", "throughput", *SMALL, *QUICK, "--inference", "--format", "tf_cnn")
    lines = job.stdout.splitlines()
    assert lines[0] == "Step\tImg/sec\ttotal_loss"
    assert lines[-2].startswith("total images/sec: ")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("throughput", "resnet51_v1b"), 2, "error[CFG09]"),
        (("throughput", *SMALL[:2], "--batch", "0,4"), 2, "error[CLI02] --batch 0,4"),
        (("throughput", *SMALL, "--json", "/nowhere/result.json"), 4, "error[CKP01]"),
        (("throughput", *SMALL, "--json", "/proc/result.json"), 4, "error[CKP01]"),
        (("throughput", *SMALL, "--engine", "fused"), 2, "add --inference"),
        (("throughput", *SMALL, "--inference", "--engine", "tvm"), 2, "'tvm' is not known"),
        (
            ("throughput", *SMALL, "--inference", "--engine", "int8", "precision=bfloat16"),
            2,
            "float32, not bfloat16",
        ),
        (("scaling", "small_resnet8", "--backend", "mpi,nccl"), 2, "'nccl' is not known"),
        (("allreduce", "-n", "2", "--plot", "sums.pdf"), 2, "end it in .png or .svg"),
        (("scaling", "small_resnet8", "--plot", "/nowhere/plot.png"), 4, "error[CKP01]"),
        (("data", "configs/smoke.yaml"), 2, "synthetic"),
        (("allreduce",), 2, "nothing to sum"),
        (("scaling", "small_resnet8", "--strong", "--batch", "3"), 2, "equally"),
        (("compare", "README.md", "README.md"), 4, "error[CKP03]"),
    ],
)
def test_bad_input_is_one_line_and_a_code(run_gluonlab, arguments, code, says):
    job = run_gluonlab("bench", *arguments)
    assert job.returncode == code, job.stderr
    assert says in job.stderr.splitlines()[-1]
    assert job.stderr.count("error[") == 1


def start_gluonlab(root, *arguments, before):
    """In a process that is still there, ``before`` called in it first."""
    return subprocess.Popen(
        [sys.executable, "-m", "gluonlab.cli.main", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=root,
        preexec_fn=before,
    )


def heed_interrupts():
    """A shell that starts tests in the background has them ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(
    "arguments",
    [
        ("throughput", *SMALL, "--steps", "4", "--blocks", "100000"),
        ("startup", "small_resnet8", "--rounds", "1000"),
        pytest.param(("optimizer", "small_resnet8", "--rounds", "100000"), marks=pytest.mark.slow),
        ("scaling", *SMALL, "--processes", "1,2", "--rounds", "1000", "--blocks", "2", "--steps", "4"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_an_interrupted_measurement_keeps_what_it_has_marked(tmp_path, root, arguments):
    path = tmp_path / "result.json"
    job = start_gluonlab(root, "bench", *arguments, "--json", path, before=heed_interrupts)
    deadline = time.monotonic() + 120
    while not path.exists():
        assert job.poll() is None, job.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    job.send_signal(signal.SIGINT)
    output, errors = job.communicate(timeout=60)
    assert job.returncode == 130, errors
    assert ("interrupted, not complete" in output) == (arguments[0] == "throughput")
    result = json.loads(path.read_text())
    assert not result["complete"]
    for row in result["rows"]:
        assert not row["complete"]
        assert row["values"]


def test_a_batch_that_does_not_fit_is_one_line_and_exit_code_9(root):
    options = ("small_resnet8", "--batch", "65536", "--no-peak")
    half_a_gib = (2**29, 2**29)
    job = start_gluonlab(
        root,
        "bench",
        "throughput",
        *options,
        before=lambda: resource.setrlimit(resource.RLIMIT_DATA, half_a_gib),
    )
    _, errors = job.communicate(timeout=120)
    assert job.returncode == 9, errors
    hint = "use a smaller worker_batch_size, or raise the limits in force (ulimit -d 524288)"
    assert errors.splitlines() == [f"error[RES03] memory: out of memory; {hint}"]


def test_the_largest_batch_that_fits_is_found_without_dying(run_gluonlab, tmp_path):
    path = tmp_path / "sweep.json"
    # a batch of few images, each large, takes few tries
    options = ("data.image_size=128", "--batch", "8", "--blocks", "1", "--steps", "1", "--warmup", "1")
    sweep = ("--sweep-batch", "--memory", "0.5", "--json", path)
    job = run_gluonlab("bench", "throughput", "small_resnet8", *options, *sweep)
    assert job.returncode == 0, job.stderr
    result = json.loads(path.read_text())
    largest = result["largest_batch"]
    assert largest == max(row["batch"] for row in result["rows"])
    assert 1 <= largest < 32
    assert "does not fit" in job.stderr
    assert f"largest batch that fits into 0.50 GiB: {largest}" in job.stdout


@pytest.fixture
def one_core():
    """What the test starts may use one core."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    yield
    os.sched_setaffinity(0, allowed)


def test_the_sweep_of_threads_prints_the_best_as_environment(run_gluonlab, tmp_path):
    path = tmp_path / "sweep.json"
    job = run_gluonlab("bench", "throughput", *SMALL, *QUICK, "--sweep-threads", "--json", path)
    assert job.returncode == 0, job.stderr
    result = json.loads(path.read_text())
    rows = {row["threads"]: row["median"] for row in result["rows"]}
    cores = len(os.sched_getaffinity(0))
    assert set(rows) == {2**power for power in range(cores.bit_length()) if 2**power <= cores} | {cores}
    best = max(rows, key=lambda threads: rows[threads])
    assert result["environment"] == {"OMP_NUM_THREADS": str(best)}
    assert job.stdout.splitlines()[-1] == f"best: OMP_NUM_THREADS={best}"


def test_sums_of_two_processes_by_size_with_a_fit_and_a_mark_on_one_core(run_gluonlab, one_core):
    job = run_gluonlab(
        "bench", "allreduce", "-n", "2", "--sizes", "1024,16777216", "--rounds", "2", "--json", "-"
    )
    result = result_of(job)
    assert [row["bytes"] for row in result["rows"]] == [1024, 16777216]
    assert result["fit"]["bytes_per_second"] > 1e7
    assert "warning: 2 process(es) x 1 thread(s) on 1 core(s)" in job.stderr
    assert all(row["is_oversubscribed"] for row in result["rows"])


def test_scaling_has_an_efficiency_and_compares_horovod_with_the_kvstore(run_gluonlab):
    options = ("--processes", "2,1", "--rounds", "1", "--blocks", "2", "--steps", "4", "--json", "-")
    result = result_of(run_gluonlab("bench", "scaling", *SMALL, "--backend", "mpi,kvstore", *options))
    one, mpi, kvstore, apart = result["rows"]
    assert one["efficiency"] == 1
    assert [row["backend"] for row in (one, mpi, kvstore)] == [None, "mpi", "kvstore"]
    for row in (mpi, kvstore):
        assert row["processes"] == len(row["by_process"]) == 2
        assert row["split_seconds"]["communication"] > 0
        assert 0 < row["efficiency"] < 2
        assert 0 <= row["hidden_communication"] <= 1
    assert apart["is_independent"]
    assert "together_over_independent" not in apart
    assert len({row["name"] for row in result["rows"]}) == 4


def test_inference_engines_are_measured_and_named(run_gluonlab, tmp_path):
    engines = ["mxnet", "fused", "int8", "onnxruntime"]
    options = ("--inference", "--engine", ",".join(engines), "--no-peak", "--json", "-")
    plot = tmp_path / "engines.png"
    job = run_gluonlab("bench", "throughput", *SMALL, *QUICK, *options, "--plot", plot)
    rows = result_of(job)["rows"]
    assert [row["engine"] for row in rows] == engines
    for row in rows:
        assert row["mode"] == "inference"
        assert f"inference float32 {row['engine']}," in row["name"]
        assert row["ms_per_step"]["p50"] > 0
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_updates_data_and_starts(run_gluonlab):
    updates = result_of(
        run_gluonlab(
            "bench", "optimizer", "small_resnet8", "--names", "sgd,lars", "--rounds", "2", "--json", "-"
        )
    )
    assert [row["optimizer"] for row in updates["rows"]] == ["sgd", "lars"]
    data = result_of(
        run_gluonlab("bench", "data", "configs/digits.yaml", "--blocks", "2", "--steps", "3", "--json", "-")
    )
    assert data["rows"][0]["median"] > 100
    start = result_of(run_gluonlab("bench", "startup", "small_resnet8", "--rounds", "1", "--json", "-"))
    assert [row["part"] for row in start["rows"]] == [
        "python",
        "import",
        "build",
        "first_step",
        "second_step",
    ]


def test_compare_is_a_gate(run_gluonlab, tmp_path):
    values = [100.0, 101.0, 99.0, 100.5, 99.5, 100.2]
    for name, factor in (("old", 1.0), ("same", 0.99), ("slow", 0.8)):
        rates = [factor * value for value in values]
        row = {
            "name": "a",
            "unit": "images/s",
            "higher_is_better": True,
            "values": rates,
            "median": sorted(rates)[3],
        }
        (tmp_path / f"{name}.json").write_text(json.dumps({"rows": [row], "complete": True}))
    old = tmp_path / "old.json"
    assert run_gluonlab("bench", "compare", old, tmp_path / "same.json").returncode == 0
    job = run_gluonlab("bench", "compare", old, tmp_path / "slow.json")
    assert job.returncode == 1
    assert "WORSE" in job.stdout
    assert "-20.0%" in job.stdout
    assert run_gluonlab("bench", "compare", old, tmp_path / "slow.json", "--threshold", "0.5").returncode == 0
