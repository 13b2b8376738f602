"""What becomes of a process whose parent dies."""

from __future__ import annotations

import ctypes
import signal

from gluonlab.runtime.rank_start import STARTER_IS_GONE


def outlive_starter() -> None:
    """Let this process live on for a minute when the program that started it is ended, and no longer.

    The number of the signal, 60, is what its handler `alarm` takes for seconds: no Python has to run for it,
    so that a process that hangs ends as well.
    """
    library = ctypes.CDLL(None)
    library.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
    library.signal(STARTER_IS_GONE, ctypes.cast(library.alarm, ctypes.c_void_p))


def end_with_parent(number: signal.Signals = signal.SIGTERM) -> None:
    """Ask the kernel to send this process ``number`` when its parent dies, even of SIGKILL."""
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>
    ctypes.CDLL(None).prctl(set_parent_death_signal, number)
