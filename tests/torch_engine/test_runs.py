"""Whole runs on PyTorch: the losses of MXNet, the same bits on any number of processes."""

import json
import re

import pytest

pytest.importorskip("torch")

DIGITS = (
    *("configs/digits.yaml", "epochs=2", "schedule.warmup_epochs=1", "log_every=1", "tensorboard=false"),
    *("deterministic=true", "noise_every=0"),
)


@pytest.fixture(scope="module")
def trained(run_gluonlab, tmp_path_factory):
    """Train digits once for each engine and number of processes; the run's directory and what it printed."""
    runs = {}

    def train(engine, processes=1):
        if (engine, processes) not in runs:
            folder = tmp_path_factory.mktemp(f"{engine}-{processes}") / "run"
            verb = (
                ["train"]
                if processes == 1
                else ["launch", "--backend", "torch", "-n", str(processes), "--bind", "none"]
            )
            job = run_gluonlab(*verb, *DIGITS, f"engine={engine}", f"run_dir={folder}")
            assert job.returncode == 0, job.stdout + job.stderr
            runs[engine, processes] = folder, job.stdout
        return runs[engine, processes]

    return train


def rows(folder, kind="train"):
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [row for row in lines if row["kind"] == kind]


def summary(folder):
    return json.loads((folder / "summary.json").read_text())


def test_losses_are_those_of_mxnet_to_five_digits(trained):
    ours, theirs = (rows(trained(engine)[0]) for engine in ("torch", "mxnet"))
    assert len(ours) == len(theirs) == 44
    for mine, other in zip(ours[:5], theirs[:5]):
        assert mine["loss"] == pytest.approx(other["loss"], rel=1e-5)
    assert summary(trained("torch")[0])["top1"] == pytest.approx(
        summary(trained("mxnet")[0])["top1"], abs=0.03
    )


@pytest.mark.parametrize("processes", [2, 4])
def test_the_bits_are_the_same_on_any_number_of_processes(trained, processes):
    expected, found = (summary(trained("torch", number)[0]) for number in (1, processes))
    assert found["weights_sha256"] == expected["weights_sha256"]
    assert found["processes"] == processes


@pytest.mark.parametrize(
    ("settings", "environment", "code", "line"),
    [
        (
            ["compile=true"],
            {"CXX": "no-such-compiler"},
            8,
            r"error\[ENV78\] compile: true: torch.compile does not",
        ),
        (
            ["precision=tf32", "ctx=auto"],
            {},
            2,
            r"error\[CFG22\] precision: tf32: needs engine=torch on a GPU",
        ),
    ],
)
def test_what_the_machine_cannot_do_is_one_line(run_gluonlab, tmp_path, settings, environment, code, line):
    cold = {**environment, "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    command = ["train", DIGITS[0], "engine=torch", *settings, f"run_dir={tmp_path / 'run'}"]
    job = run_gluonlab(*command, environment=cold)
    assert job.returncode == code
    assert re.match(line, job.stderr), job.stderr
    assert len(job.stderr.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_the_engine_is_told_and_kept_with_the_run(trained):
    folder, printed = trained("torch")
    assert "computed by torch on the CPU" in printed
    kept = json.loads((folder / "config.json").read_text())
    assert kept["engine"] == kept["config"]["engine"] == "torch"
    assert kept["versions"]["torch"]


def test_a_run_goes_from_mxnet_to_torch_and_back(run_gluonlab, trained, tmp_path):
    folder = tmp_path / "run"
    parts = [
        ("mxnet", ["GLUONLAB_FAULT=step:0:15:term"]),
        ("torch", ["GLUONLAB_FAULT=step:0:30:term"]),
        ("mxnet", []),
    ]
    for engine, fault in parts:
        environment = dict(one.split("=", 1) for one in fault)
        job = run_gluonlab(
            "train",
            *DIGITS,
            "model.dropout=0.1",
            f"engine={engine}",
            f"run_dir={folder}",
            environment=environment,
        )
        assert job.returncode == (75 if fault else 0), job.stdout + job.stderr
    printed = (folder / "log.txt").read_text()
    assert "computed by mxnet until here, by torch from here on; dropout draws other numbers" in printed
    assert "computed by torch until here, by mxnet from here on" in printed
    assert [row["step"] for row in rows(folder, "resume")] == [15, 30]
    assert summary(folder)["top1"] > 0.6


def test_a_killed_run_ends_with_the_bits_of_one_that_was_not(run_gluonlab, trained, tmp_path):
    folder = tmp_path / "run"
    command = ("train", *DIGITS, "engine=torch", "checkpoint_every=5steps", f"run_dir={folder}")
    job = run_gluonlab(*command, environment={"GLUONLAB_FAULT": "step:0:23:kill9"})
    assert job.returncode == -9
    job = run_gluonlab(*command)
    assert job.returncode == 0, job.stdout + job.stderr
    assert "resumed from" in job.stdout
    assert summary(folder)["weights_sha256"] == summary(trained("torch")[0])["weights_sha256"]


def test_without_pytorch_it_is_one_line_and_nothing_is_written(run_gluonlab, tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('no such library')\n")
    folder = tmp_path / "run"
    job = run_gluonlab(
        "train", *DIGITS, "engine=torch", f"run_dir={folder}", environment={"PYTHONPATH": str(tmp_path)}
    )
    assert job.returncode == 8
    assert re.fullmatch(
        r"error\[ENV77\] torch: cannot be imported: no such library; .*--with-torch\n", job.stderr
    )
    assert not folder.exists()


def test_float16_on_a_cpu_is_refused_as_by_mxnet(run_gluonlab, tmp_path):
    folder = tmp_path / "run"
    settings = [one for one in DIGITS if "deterministic" not in one]
    job = run_gluonlab("train", *settings, "engine=torch", "precision=float16", f"run_dir={folder}")
    assert job.returncode == 2
    assert job.stderr.startswith("error[CFG22] precision: float16: needs a GPU, none found")
    assert not folder.exists()


def test_throughput_of_the_engine_is_measured_through_its_own_updates(run_gluonlab, tmp_path):
    target = tmp_path / "result.json"
    job = run_gluonlab(
        *("bench", "throughput", "small_resnet8", "engine=torch", "--batch", "4", "--warmup", "1"),
        *("--blocks", "2", "--steps", "2", "--json", target),
    )
    assert job.returncode == 0, job.stderr
    (row,) = json.loads(target.read_text())["rows"]
    assert row["engine"] == "torch"
