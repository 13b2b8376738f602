"""The command line: one small file per verb; nothing heavy is imported until a verb runs."""

import importlib
import sys


def _import_typer_without_rich() -> None:
    """Typer before 0.17 imports rich for help that is not shown here; that takes as long as all of --help."""
    if "rich" in sys.modules or "typer" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]  # to Python a module that is not there
    try:
        importlib.import_module("typer")
    finally:
        del sys.modules["rich"]


_import_typer_without_rich()
