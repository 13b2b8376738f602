"""stdout left by its reader, on a full device, or closed like all three: quiet, and the work is done."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from gluonlab.cli.streams import tolerant_stream

SHORT = ["configs/digits.yaml", "epochs=1", "schedule.warmup_epochs=0.5", "tensorboard=false", "log_every=2"]
LOST = "error[IO01] stdout: some of it is lost: No space left on device\n"


def slow(*cases):
    return [pytest.param(case, marks=pytest.mark.slow) for case in cases]


def run_with(stdout, arguments, root):
    """The exit code, and what stderr got, of ``gluonlab ARGUMENTS`` with such a ``stdout``."""
    command = [sys.executable, "-m", "gluonlab.cli.main", *map(str, arguments)]
    if stdout == "closed":
        return subprocess.run(command, cwd=root, preexec_fn=lambda: os.closerange(0, 3)).returncode, ""
    reader, writer = os.pipe() if stdout == "pipe" else (None, os.open("/dev/full", os.O_WRONLY))
    if reader:
        os.close(reader)
    job = subprocess.run(command, cwd=root, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    return job.returncode, job.stderr


@pytest.mark.parametrize("stdout", ["pipe", "full", "closed"])
def test_a_run_does_not_hang_on_its_progress(stdout, tmp_path, root):
    run_dir = tmp_path / "run"
    assert run_with(stdout, ["train", *SHORT, f"run_dir={run_dir}"], root) == (0, "")
    assert (run_dir / "summary.json").exists()


@pytest.mark.parametrize("stdout", ["pipe", *slow("closed", "full")])
def test_nor_does_a_job(stdout, tmp_path, root):
    run_dir = tmp_path / "run"
    assert run_with(stdout, ["launch", "-n", 2, *SHORT, f"run_dir={run_dir}"], root) == (0, "")
    assert (run_dir / "summary.json").exists()


@pytest.mark.parametrize("stdout", ["pipe", "full", "closed"])
@pytest.mark.parametrize("arguments", [["models", "list"], ["--help"], ["schedule", "configs/digits.yaml"]])
def test_what_is_there_to_be_read_must_be_written(stdout, arguments, root):
    assert run_with(stdout, arguments, root) == ((4, LOST) if stdout == "full" else (0, ""))


def test_an_error_keeps_its_code(root):
    code, errors = run_with("full", ["train", "none.yaml"], root)
    assert (code, errors.count("\n")) == (2, 1)
    assert run_with("closed", ["train", "none.yaml"], root) == (2, "")


@pytest.fixture(scope="module")
def files(tmp_path_factory, run_gluonlab):
    folder = tmp_path_factory.mktemp("files")
    for name in ("a", "b"):
        (folder / "images" / name).mkdir(parents=True)
        for number in range(2):
            image = np.random.default_rng([ord(name), number]).integers(0, 255, (32, 32, 3), np.uint8)
            cv2.imwrite(str(folder / "images" / name / f"{number}.png"), image)
    job = run_gluonlab("train", *SHORT, f"run_dir={folder / 'run'}")
    assert job.returncode == 0, job.stderr
    return folder


OTHERS = [
    "evaluate {0}/run", "predict {0}/run {0}/images/a/0.png", "runs {0}", "report {0}/run",
    "doctor --no-self-test", "train --dry-run configs/digits.yaml", "models show resnet50_v1b",
    "models export {0}/run -o {1}.onnx", "data pack {0}/images {1}", "data verify {0}/images",
    "data stats {0}/images", "data show configs/digits.yaml -o {1}.png",
    "simulate configs/smoke.yaml --cluster configs/clusters/this_machine.yaml --gpus 1,2",
    "bench optimizer small_resnet8 --rounds 1",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("stdout", ["pipe", "full", "closed"])
@pytest.mark.parametrize("words", OTHERS)
def test_every_verb(words, stdout, files, tmp_path, root):
    arguments = words.format(files, tmp_path / "new").split()
    code, errors = run_with(stdout, arguments, root)
    assert (code, errors) == ((4, LOST) if stdout == "full" else (0, ""))


@pytest.mark.slow
@pytest.mark.parametrize("stdout", ["pipe", "full", "closed"])
def test_a_summary_that_nobody_reads(stdout, files, root):
    code, errors = run_with(stdout, ["train", *SHORT, f"run_dir={files / 'run'}", "--json", "-"], root)
    said = [] if stdout == "closed" else errors.splitlines()
    assert (code, said[1:]) == ((4, [LOST.strip()]) if stdout == "full" else (0, []))


def test_a_stream_that_does_not_block_is_waited_for():
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    cat = subprocess.Popen(["sh", "-c", "sleep 0.3; wc -c"], stdin=reader, stdout=subprocess.PIPE)
    os.close(reader)
    with tolerant_stream(writer) as stream:
        stream.write("x" * (1 << 20))
    os.close(writer)
    assert int(cat.communicate()[0]) == 1 << 20


def test_a_stream_to_a_path(tmp_path):
    with tolerant_stream(str(tmp_path / "file")) as stream:
        stream.write("a\udc80\n")
    assert Path(tmp_path / "file").read_text() == "a\\udc80\n"
    with pytest.raises(OSError, match="Is a directory"):
        tolerant_stream(str(tmp_path))
