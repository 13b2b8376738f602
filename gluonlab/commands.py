"""Commands that are shown to the user: each can be run as it stands, in the folder where it is shown."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
"""Where gluonlab's scripts are, if it runs from its source."""


def gluonlab_command(*words: object) -> str:
    """``gluonlab`` of this environment with ``words``, quoted for a shell."""
    own = Path(sys.executable).parent / "gluonlab"
    is_at_hand = _is_first_on_path(own) or not own.is_file()
    return _command("gluonlab" if is_at_hand else _shown(own), *words)


def portable_command(*words: object) -> str:
    """``gluonlab`` with ``words`` as a document says it, which is read on other machines."""
    return _command("gluonlab", *words)


def pip_command(*words: str) -> str:
    """``pip`` of this environment with ``words``."""
    python = Path(sys.executable)
    return (
        _command("pip", *words)
        if _is_first_on_path(python.parent / "pip")
        else _command(_shown(python), "-m", "pip", *words)
    )


def install_command(*options: str) -> str:
    """The script that makes or repairs this environment; for an installed wheel, pip with the same extras."""
    script = SOURCE / "scripts/install.sh"
    if script.is_file():
        return _command(_shown(script), *options)
    extras = ["torch" if option == "--with-torch" else option for option in options]
    return pip_command("install", f"gluonlab[{','.join(extras or ['cpu'])}]")


def horovod_command() -> str:
    """What builds Horovod in this environment: the installer, or the doctor of an installed wheel."""
    if (SOURCE / "scripts/install.sh").is_file():
        return install_command()
    return gluonlab_command("doctor", "--build-horovod")


def _is_first_on_path(program: Path) -> bool:
    first = shutil.which(program.name)
    return first is not None and os.path.realpath(first) == os.path.realpath(program)


def _command(program: str, *words: object) -> str:
    return shlex.join([program, *map(str, words)])


def _shown(path: Path) -> str:
    """``path`` from here if it lies below, else from the root."""
    try:
        return f"./{path.relative_to(Path.cwd())}"
    except (ValueError, OSError):
        return str(path)
