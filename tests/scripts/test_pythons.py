"""The whole set-up on every supported Python that is on this machine: installed, examined, trained."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

VERSIONS = ("3.9", "3.10", "3.11", "3.12")


def find_python(version):
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    candidates = [*sorted(pyenv.glob(f"{version}.*/bin/python3")), shutil.which(f"python{version}")]
    return next((str(path) for path in candidates if path), None)


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_it_installs_and_trains(version, root, tmp_path):
    python = find_python(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    environment = {**os.environ, "GLUONLAB_VENV": str(tmp_path / "venv"), "GLUONLAB_PYTHON": python}
    subprocess.run([str(root / "scripts/install.sh"), "cpu"], check=True, env=environment)
    program = str(tmp_path / "venv/bin/gluonlab")
    job = subprocess.run([program, "doctor", "--json", "-"], capture_output=True, text=True, env=environment)
    findings = {finding["name"]: finding for finding in json.loads(job.stdout)["findings"]}
    assert job.returncode == 0, findings
    assert findings["python"]["found"].startswith(f"{version}.")
    assert findings["training step"]["state"] == findings["all-reduce"]["state"] == "ok"
    recipe = ["configs/digits.yaml", "epochs=2", "schedule.warmup_epochs=0", f"run_dir={tmp_path / 'run'}"]
    launch = [program, "launch", "-n", "2", *recipe]
    job = subprocess.run(launch, capture_output=True, text=True, env=environment, cwd=root)
    assert job.returncode == 0, job.stderr
    assert json.loads((tmp_path / "run/summary.json").read_text())["val_images"] == 360
