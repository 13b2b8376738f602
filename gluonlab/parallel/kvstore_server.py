"""The parameter server or the scheduler of a kvstore job, as a process of its own.

MXNet's own server unpickles whatever a client sends it as an optimizer. This one adds up and does nothing
else: a command is refused.

usage: python -m gluonlab.parallel.kvstore_server server|scheduler     (with the DMLC_ variables set)
"""

from __future__ import annotations

import ctypes
import os
import sys
import traceback
from typing import Any

from gluonlab.runtime.leaving import leave
from gluonlab.runtime.mxnet import mx  # before DMLC_ROLE is set, or the import itself would become a server

ROLE = "DMLC_ROLE"


def serve(role: str) -> None:
    """Be ``role`` until all workers have left."""
    os.environ[ROLE] = role
    kvstore = mx.kv.create("dist_sync")
    controller = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(_refuse)
    mx.base.check_call(mx.base._LIB.MXKVStoreRunServer(kvstore.handle, controller, None))


def _refuse(command: int, body: bytes, _: Any) -> None:
    sys.stderr.write(f"warning: the parameter server refused command {command} of {len(body or b'')} bytes\n")


if __name__ == "__main__":
    try:
        serve(sys.argv[1])
    except Exception:
        traceback.print_exc()
        leave(1)
