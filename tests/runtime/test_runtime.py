import subprocess
import sys

import pytest

from gluonlab.runtime.cuda_libraries import LIBRARIES, is_cuda_build_installed, preload_cuda_libraries

PREPARE = "from gluonlab.runtime.shims import prepare_mxnet_import; prepare_mxnet_import()"


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_mxnet_imports_without_a_warning_and_computes():
    job = run_python(
        "import warnings; warnings.simplefilter('error')\n"
        "from gluonlab.runtime.mxnet import nd\n"
        "print(nd.ones(3).sum().asscalar())"
    )
    assert (job.stdout, job.stderr) == ("3.0\n", "")


@pytest.mark.parametrize(("given", "used"), [(None, "1"), ("3", "3")])
def test_mxnet_has_one_workspace_unless_the_user_says_otherwise(given, used, monkeypatch):
    monkeypatch.delenv("MXNET_CPU_TEMP_COPY", raising=False)
    if given:
        monkeypatch.setenv("MXNET_CPU_TEMP_COPY", given)
    code = "from gluonlab.runtime.mxnet import mx; print(mx.util.getenv('MXNET_CPU_TEMP_COPY'))"
    assert run_python(code).stdout == f"{used}\n"


@pytest.mark.parametrize("version", ["1.20.3", "3.0.0"])
def test_another_numpy_is_refused_before_mxnet_is_imported(version):
    job = run_python(f"import numpy; numpy.__version__ = '{version}'\n{PREPARE}")
    line = f"error[ENV01] numpy {version}: gluonlab and MXNet 1.9.1 run with NumPy 1.21 to 2.x; run ./scripts"
    assert line in job.stderr


def test_a_missing_mxnet_is_told_with_the_mend():
    job = run_python(
        "import importlib.util as util; find = util.find_spec\n"
        f"util.find_spec = lambda name, *rest: None if name == 'mxnet' else find(name, *rest)\n{PREPARE}"
    )
    assert "error[ENV02] mxnet: is not installed; run ./scripts/install.sh" in job.stderr


@pytest.mark.skipif(is_cuda_build_installed(), reason="this is the CUDA build")
def test_the_cpu_build_loads_no_cuda_library():
    assert preload_cuda_libraries() == []


def test_cuda_libraries_come_after_those_they_need():
    names = [library.split(".so")[0] for _, library in LIBRARIES]
    assert names.index("libcublasLt") < names.index("libcublas") < names.index("libcusolver")
    assert names.index("libcudart") == 0
