"""Starts a process of a job so that it outlives the program that starts processes.

mpirun, horovodrun and srun end all processes of a job when one dies. What they see is this program, which
ends as its child does; the child lives on when this is ended, and leaves its state to the next start.

Run by its path and without site-packages: it has to be there within milliseconds.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

# What the kernel sends to the child when this program is gone.
STARTER_IS_GONE = 60
PASSED_ON = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)  # not SIGTERM, to this one alone


def main() -> None:
    """Run the command in the arguments, and end as it ends."""
    starter = os.getpid()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)  # what ends the group of this program does not end the child
        ctypes.CDLL(None).prctl(1, STARTER_IS_GONE)  # PR_SET_PDEATHSIG of <linux/prctl.h>
        if os.getppid() != starter:
            os._exit(1)
        os.execv(sys.argv[1], sys.argv[1:])
    for number in PASSED_ON:
        signal.signal(number, lambda number, _: os.kill(child, number))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0:
        with contextlib.suppress(OSError):  # of those that cannot be caught
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
