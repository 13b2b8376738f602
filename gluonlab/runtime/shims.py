"""What MXNet 1.9.1 needs before it is imported on a current Python.

It uses ``numpy.bool``, which NumPy 1.24 removed, and ``distutils``, which Python 3.12 removed
(setuptools brings that back). NumPy 2 lacks too much to be helped.
"""

from __future__ import annotations

import importlib.util
import sys

from gluonlab.errors import SetupError
from gluonlab.runtime.cuda_libraries import preload_cuda_libraries


def prepare_mxnet_import() -> None:
    """Make ``import mxnet`` work, or raise `SetupError` with what to install."""
    if "mxnet" in sys.modules:
        return
    import numpy

    if int(numpy.__version__.split(".")[0]) >= 2:
        raise SetupError(
            "ENV01",
            f"numpy {numpy.__version__}",
            "MXNet 1.9.1 cannot be imported with NumPy 2",
            "run ./scripts/install.sh, or: pip install 'numpy<2'",
        )
    # NumPy before 1.24 still has the name but warns when it is read; later ones have it no more.
    if "bool" not in vars(numpy):
        numpy.bool = bool  # type: ignore[attr-defined]
    if sys.version_info >= (3, 12):
        import setuptools  # noqa: F401  (registers distutils)
    if importlib.util.find_spec("mxnet") is None:
        raise SetupError(
            "ENV02", "mxnet", "is not installed", "run ./scripts/install.sh, or: pip install mxnet==1.9.1"
        )
    preload_cuda_libraries()
