"""How MXNet takes memory of a CPU, and what the C library does with memory that it gives back."""

from __future__ import annotations

import ctypes
import os

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt(3), glibc's malloc.h
_KEEP = 1 << 30


def keep_freed_memory() -> None:
    """Have up to 1 GiB kept for the next array instead of given back to the system.

    MXNet allocates each array of a CPU anew. glibc gives blocks of 32 MiB and more back at once, and a
    batch of 64 images of 224 px then costs 9,000 page faults: 45 ms instead of 6. Does nothing without glibc.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_MMAP_THRESHOLD, _KEEP)
        libc.mallopt(_TRIM_THRESHOLD, _KEEP)


def release_freed_memory() -> None:
    """Give back what `keep_freed_memory` keeps."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def share_workspace() -> None:
    """Have MXNet's operators on a CPU share one workspace; unless the environment says otherwise.

    MXNet makes 4 and hands them out in turn, so that each grows to the largest that any operator needs: in
    training ResNet-50 at 8 images, 110 MiB more. On a CPU one operator runs after the other all the same.
    """
    os.environ.setdefault("MXNET_CPU_TEMP_COPY", "1")
