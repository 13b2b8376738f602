"""The whole set-up on every supported Python that is on this machine: installed, examined, trained."""

import pytest

from benchmarks.machines.installation import PYTHONS, Installation, find_python


@pytest.mark.slow
@pytest.mark.parametrize("version", PYTHONS)
def test_it_installs_and_trains(version, tmp_path):
    python = find_python(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    installation = Installation(tmp_path, python)
    assert installation.install("cpu")["python"] == version
    installation.build_horovod("cpu")
    findings = installation.examine()
    assert "fail" not in {finding["state"] for finding in findings.values()}, findings
    assert findings["python"]["found"].startswith(f"{version}.")
    assert findings["training step"]["state"] == findings["all-reduce"]["state"] == "ok"
    assert installation.train(processes=2)["val_images"] == 360
