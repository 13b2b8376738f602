"""MXNet, imported safely. The rest of the package takes its ``mx``, ``nd``, ``gluon`` from here."""

from __future__ import annotations

import warnings

from gluonlab.commands import install_command
from gluonlab.errors import SetupError
from gluonlab.runtime.amx import use_amx
from gluonlab.runtime.lazy_operators import make_operators_lazily
from gluonlab.runtime.lent_names import lent_distutils, lent_numpy_names
from gluonlab.runtime.limits import check_limits, short_of
from gluonlab.runtime.memory import keep_freed_memory, share_workspace
from gluonlab.runtime.shims import mend_imported_mxnet, prepare_mxnet_import
from gluonlab.runtime.variables import check_variables, take_first_of_thread_list

check_limits()
check_variables()
take_first_of_thread_list()
try:
    prepare_mxnet_import()
    keep_freed_memory()
    share_workspace()
    use_amx()
    make_operators_lazily()
    with warnings.catch_warnings(), lent_numpy_names(), lent_distutils():
        warnings.simplefilter("ignore")  # of names that NumPy renamed and a retired MXNet will not
        import mxnet as mx
        from mxnet import autograd, gluon, nd
        from mxnet.contrib import amp
    mend_imported_mxnet(mx)
except (ImportError, OSError) as error:
    shortage = short_of(error)
    if shortage:
        raise shortage from error
    hint = f"run {install_command()} again"
    if "libcuda.so" in str(error):
        hint = f"this machine has no NVIDIA driver: install it, or run {install_command('cpu')}"
    raise SetupError("ENV03", "mxnet", f"cannot be imported: {error}", hint) from error

if mx.__version__ != "1.9.1":
    raise SetupError(
        "ENV04", f"mxnet {mx.__version__}", "gluonlab needs MXNet 1.9.1", f"run {install_command()}"
    )

__all__ = ["amp", "autograd", "gluon", "mx", "nd"]
