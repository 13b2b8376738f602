"""What the scripts say when something is missing; the whole way is run by scripts/test.sh itself."""

import os
import shutil
import subprocess
import sys

import pytest

# What the installer calls, without a compiler among them.
TOOLS = """
    awk basename bash cat cut date df dirname env grep head ls mkdir mktemp mv nproc rm sed sha256sum
    tail tr uname
"""


def run_script(root, name, *arguments, **environment):
    return subprocess.run(
        [str(root / "scripts" / name), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize(
    "name", ["docs.sh", "install.sh", "quickstart.sh", "release.sh", "slurm_job.sh", "test.sh"]
)
def test_scripts_are_executable_and_parse(root, name):
    assert os.access(root / "scripts" / name, os.X_OK)
    subprocess.run(["bash", "-n", str(root / "scripts" / name)], check=True)


def test_findings_are_executable_and_parse(root):
    paths = sorted((root / "findings").glob("*"))
    assert len(paths) >= 3
    for path in paths:
        assert path.suffix == ".sh"
        assert os.access(path, os.X_OK)
        subprocess.run(["bash", "-n", str(path)], check=True)


def test_an_unknown_argument_is_refused(root):
    job = run_script(root, "install.sh", "gpu")
    assert job.returncode == 2
    known = "cpu, cu112, torch, --without-horovod, --system-cuda or --with-torch"
    assert job.stderr == f"error[CLI01] install: unknown argument gpu; use {known}\n"


@pytest.mark.parametrize("python", ["/bin/true", "/nowhere/python"])
def test_a_python_that_will_not_do_is_one_line_with_the_mend(root, tmp_path, python):
    job = run_script(root, "install.sh", GLUONLAB_PYTHON=python, GLUONLAB_VENV=str(tmp_path / "venv"))
    assert job.returncode == 8
    assert job.stderr.startswith(
        f"error[ENV10] install: GLUONLAB_PYTHON={python} is not a Python 3.9 to 3.14"
    )
    assert job.stderr.count("\n") == 1
    assert not (tmp_path / "venv").exists()


@pytest.mark.slow
def test_without_a_compiler_training_in_one_process_works_and_says_so(root, tmp_path):
    (tmp_path / "bin").mkdir()
    for tool in TOOLS.split():
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))
    venv = tmp_path / "venv"
    job = run_script(
        root, "install.sh", PATH=str(tmp_path / "bin"), GLUONLAB_CACHE=str(tmp_path / "cache"),
        GLUONLAB_PYTHON=sys.base_prefix + "/bin/python3", GLUONLAB_VENV=str(venv),
    )  # fmt: skip
    assert job.returncode == 0, job.stderr
    assert "warning: no C++ compiler, so Horovod is not built" in job.stderr
    recipe = str(root / "configs/digits.yaml")
    short = ["epochs=1", "schedule.warmup_epochs=0", "tensorboard=false"]
    command = [str(venv / "bin/gluonlab"), "train", recipe, *short, f"run_dir={tmp_path / 'run'}"]
    subprocess.run(command, check=True, capture_output=True)
    launch = subprocess.run(
        [str(venv / "bin/gluonlab"), "launch", "-n", "2", recipe], capture_output=True, text=True
    )
    assert launch.returncode == 8
    assert launch.stderr.startswith("error[ENV06] horovod: is not installed")


def test_the_fast_checks_say_what_they_leave_out(root):
    script = (root / "scripts/test.sh").read_text()
    run, left_out = script.split("FAST=(")[1].split("\n")[0], script.split("set -euo")[0]
    for folder in sorted(path.name for path in (root / "tests").iterdir() if any(path.glob("test_*.py"))):
        assert (folder in run) != (folder in left_out), f"{folder} is in one of FAST and the head of test.sh"
