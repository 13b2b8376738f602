"""NumPy and distutils are lent what MXNet reads, and get it taken back."""

import ast
import importlib.util
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from gluonlab.runtime.lent_names import Version, lent_distutils, lent_numpy_names

MXNET = Path(importlib.util.find_spec("mxnet").origin).parent
IS_NUMPY_2 = int(np.__version__.split(".")[0]) >= 2


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def read_on_numpy(path):
    """Names such as ``linalg.norm`` that a file of MXNet reads on the package ``numpy``."""
    tree = ast.parse(path.read_text())
    imported = [alias for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    aliases = {alias.asname or "numpy" for alias in imported if alias.name == "numpy"}
    for node in ast.walk(tree):
        names = []
        while isinstance(node, ast.Attribute):
            names.insert(0, node.attr)
            node = node.value
        if names and isinstance(node, ast.Name) and node.id in aliases:
            yield names[0]


def test_numpy_has_every_name_that_any_file_of_mxnet_reads():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a string in two files of MXNet, and of names that NumPy renamed
        names = {name for path in MXNET.rglob("*.py") for name in read_on_numpy(path)}
        with lent_numpy_names():
            missing = {name for name in names if not hasattr(np, name)}
    assert len(names) > 150
    assert missing == set()


def test_after_the_import_numpy_is_as_it_was_but_for_what_is_read_later():
    job = run_python(
        "import numpy; before = set(vars(numpy))\n"
        "import gluonlab.runtime.mxnet\n"
        "new = {name for name in set(vars(numpy)) - before\n"
        "       if getattr(vars(numpy)[name], '__name__', '') != f'numpy.{name}'}\n"
        "print(*sorted(new))"
    )
    expected = "Inf compat int" if IS_NUMPY_2 else "bool int"
    assert (job.stdout, job.stderr) == (f"{expected}\n", "")


def test_names_are_taken_back_when_the_import_fails():
    before = set(vars(np))
    with pytest.raises(ImportError), lent_numpy_names():
        raise ImportError
    assert set(vars(np)) - before <= {"bool", "int", "Inf", "compat"}


def test_names_mean_what_they_meant():
    with lent_numpy_names(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # NumPy 1.25 and 2.0 have some themselves
        rows = np.array([[3, 1], [2, 4]])
        assert np.msort(rows).tolist() == [[2, 1], [3, 4]]
        assert np.trapz([1, 2, 3]) == 4
        assert np.in1d([1, 2], [2]).tolist() == [False, True]
        assert (np.alltrue([1, 0]), np.sometrue([1, 0]), np.product([2, 3])) == (False, True, 6)
        assert np.round_(1.26, 1) == 1.3
        assert str(np.NZERO) == "-0.0"
        with pytest.raises(RuntimeError, match="NEP 32"):
            np.pmt(0.1, 2, 3)
        assert np.sometrue is not np.any  # MXNet's table has one entry for each


@pytest.mark.parametrize("version", ["1.6.0", "1.17", "1.26.4", "2.5.5"])
def test_versions_are_compared_by_number(version):
    assert Version(version) >= Version("1.6.0")
    assert not Version("1.5") >= Version(version)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="this Python has distutils")
def test_distutils_is_lent_for_the_import():
    with lent_distutils():
        from distutils.version import LooseVersion

        assert LooseVersion is Version
    assert "distutils" not in sys.modules


def test_mxnet_imports_where_there_is_no_distutils():
    job = run_python(
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('distutils', 'setuptools'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "sys.modules.pop('distutils', None)  # which setuptools may have put there\n"
        "import types, gluonlab.runtime.lent_names as lent_names\n"
        "lent_names.sys = types.SimpleNamespace(version_info=(3, 12), modules=sys.modules)\n"
        "from gluonlab.runtime.mxnet import nd\n"
        "print(nd.ones(3).sum().asscalar(), 'distutils' in sys.modules)"
    )
    assert (job.stdout, job.stderr) == ("3.0 False\n", "")
